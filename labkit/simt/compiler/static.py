"""The static types of one function: what numba infers, by the nodes of the syntax tree.

`lanes/kinds.py` says what the executor keeps of a type.
"""

import ast
import functools
import warnings

import numpy as np

from labkit.simt.compiler.inference import infer, numba
from labkit.simt.lanes.kinds import MAYBE


class StaticTypes:
    """numba's types of a function for one set of argument types.

    loads, stores   of a variable, by its node: each reads or makes one version of the variable
    results         of operations, subscripts and attributes, by their nodes
    calls           (type, signature) of calls
    constants       what Python has folded before numba sees it, by the node of the expression
    params          of the arguments, by name
    """

    def __init__(self, function, node, args):
        state = infer(function, args)
        self.loads, self.stores, self.results, self.calls = {}, {}, {}, {}
        self.constants, self.params, self.return_type = {}, {}, state.return_type
        self._typemap, self._calltypes = state.typemap, state.calltypes
        self._nodes = list(ast.walk(node))
        for _, block in sorted(state.func_ir.blocks.items()):
            for statement in block.body:
                if isinstance(statement, numba().ir.Assign):
                    self._note(statement)

    def _note(self, statement):
        ir, value, target = numba().ir, statement.value, statement.target
        found, number = self._typemap[target.name], statement.loc.line - 1
        node = self._nodes[number] if 0 <= number < len(self._nodes) else None
        if isinstance(value, ir.Arg):
            self.params[value.name] = found
        elif isinstance(value, ir.Const):
            if isinstance(node, ast.BinOp | ast.UnaryOp):
                self.constants[node] = value.value
            self.results[node] = found
        elif isinstance(value, ir.Var) and isinstance(node, ast.Name):
            name = (getattr(target, "unversioned_name", None) or target.name).partition(".")[0]
            is_store = name == node.id or name.endswith(f"_{node.id}")
            is_store &= isinstance(node.ctx, ast.Store)
            self._unified(self.stores if is_store else self.loads, node, found)
        elif isinstance(value, ir.Expr) and value.op == "call":
            self.calls[node] = found, self._calltypes.get(value)
        elif isinstance(value, ir.Expr) and value.op != "phi":
            self.constants.pop(node, None)  # a folded tuple is built of its constants
            self._unified(self.results, node, found)

    def _unified(self, table, node, found):
        """A node may stand several times in numba's code, as the condition of a loop does."""
        known = table.get(node, found)
        table[node] = found if known == found else unified(known, found) or found

    def type_of(self, node):
        """numba's type of an expression, or None where it has none: in code that never runs."""
        if isinstance(node, ast.Name):
            return self.loads.get(node)
        if isinstance(node, ast.Call):
            return (self.call(node) or (None,))[0]
        if isinstance(node, ast.IfExp):
            return unified(self.type_of(node.body), self.type_of(node.orelse))
        if isinstance(node, ast.BoolOp):
            return unified(*[self.type_of(part) for part in node.values])
        return self.results.get(node)

    def folded(self, node):
        """What Python made of an expression of literals before numba saw it, or None."""
        if node in self.constants or node in self.results:
            return self.constants.get(node)
        if not isinstance(node, ast.BinOp | ast.UnaryOp) or not _is_literal(node):
            return None
        return eval(compile(ast.Expression(node), "<folded>", "eval"))  # a part of a larger one

    def call(self, node):
        """(type, signature) of a call: Python gives that of a method the line of its name."""
        return self.calls.get(node) or self.calls.get(node.func)


def _is_literal(node):
    if isinstance(node, ast.BinOp):
        return _is_literal(node.left) and _is_literal(node.right)
    return isinstance(node, ast.Constant) or (
        isinstance(node, ast.UnaryOp) and _is_literal(node.operand)
    )


def unified(*types):
    """The one type of a value that has these on the paths that meet."""
    if None in types:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what numba says of its own features helps no student
        found = numba().context.unify_types(*types)
    return found if found is not None and found.is_precise() else None


@functools.lru_cache(maxsize=4096)
def kind_of(found):
    """The kind of numba's type."""
    types = numba().types
    if isinstance(found, types.Literal):
        found = found.literal_type
    if isinstance(found, types.Number | types.Boolean):
        return np.dtype(str(found)) if not isinstance(found, types.Boolean) else np.dtype(bool)
    if isinstance(found, types.Optional):
        return MAYBE
    if isinstance(found, types.BaseTuple):
        return tuple(kind_of(part) for part in found.types)
    return None


def type_of_value(value):
    """numba's type of an argument of a kernel as it is bound."""
    known, types = numba(), numba().types
    if hasattr(value, "offset"):
        return _type_of_array(value.dtype, value.shape, value.strides, value.store.flags.writeable)
    if isinstance(value, tuple):
        parts = tuple(type_of_value(part) for part in value)
        if hasattr(value, "_fields"):
            return known.context.resolve_value_type(value)
        return types.Tuple(parts) if parts else types.Tuple(())
    if value is None:
        return types.none
    if isinstance(value, int | float | complex | np.generic):
        return _scalar(np.dtype(type(value)) if type(value) is not int else np.dtype(np.int64))
    return known.context.resolve_value_type(value)


@functools.lru_cache(maxsize=256)
def _scalar(dtype):
    return numba().numpy.from_dtype(dtype)


def _type_of_array(dtype, shape, strides, mutable):
    element = _scalar(dtype)
    if not shape and dtype.names:
        return element
    layout = "C" if strides == _c(shape) else "F" if strides[::-1] == _c(shape[::-1]) else "A"
    return _array(element, len(shape), layout, not mutable)


def _c(shape):
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


@functools.lru_cache(maxsize=256)
def _array(element, ndim, layout, readonly):
    return numba().types.Array(element, ndim, layout, readonly=readonly)
