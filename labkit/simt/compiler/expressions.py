"""Expressions, turned once into closures: `value(f)` gives a scalar, a vector, an array or a tuple.

A value that does not change is not worked out again: an operation remembers its last operands, by
identity, and its result, so what does not depend on a loop costs nothing inside it.
"""

import ast
import builtins
import enum

import numpy as np

from labkit.simt.compiler import outside, views
from labkit.simt.compiler.access import MISSING, Access
from labkit.simt.compiler.foreign import ours
from labkit.simt.compiler.static import kind_of
from labkit.simt.errors import refuse
from labkit.simt.lanes.arrays import Array
from labkit.simt.lanes.frames import UNSET
from labkit.simt.lanes.kinds import conversion, exactly, same
from labkit.simt.lanes.masks import NONE
from labkit.simt.lanes.values import (
    binary,
    comparison,
    invert,
    is_vector,
    literal,
    merge,
    negative,
    plain,
    strong,
    truth,
)
from labkit.simt.language.registry import Intrinsic
from labkit.simt.watch.watcher import NOBODY

OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<",
    ast.RShift: ">>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==",
    ast.NotEq: "!=",
}  # fmt: skip
UNARY = {ast.USub: negative, ast.Invert: invert, ast.UAdd: lambda v: v}
EXACT_UNARY = {ast.USub: np.negative, ast.Invert: np.invert, ast.UAdd: lambda v: v}


class Expressions(Access):
    """The half of the compiler that handles expressions."""

    naming = None  # the target that the expression being compiled is assigned to

    def expr(self, node):
        if self.types is not None:
            folded = self.types.folded(node)
            if folded is not None:
                return self.constant(node, folded)
        found = self.static(node)
        if found is not MISSING:
            return self.constant(node, found)
        method = getattr(self, f"expr_{type(node).__name__.lower()}", None)
        if method is None:
            self.unsupported(node)
        return method(node)

    def conversion_of(self, node):
        """What converts the value of an expression to its static type, or None."""
        return self.conversion_to(self.types and self.types.type_of(node))

    def narrow(self, node):
        """What gives an integer its own width, in which numba negates it before it widens it."""
        found = self.types.type_of(node)
        kind = None if found is None else kind_of(found)
        return exactly(kind) if getattr(kind, "kind", "") in "iu" else None

    def conversion_to(self, found):
        return None if found is None else conversion(kind_of(found))

    # Names and constants

    def static(self, node):
        """What a name or a dotted name outside the function stands for now, or MISSING."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Attribute):
            base = self.static(node.value)
            if base is MISSING or isinstance(base, np.ndarray | int | float | complex | tuple):
                return MISSING
            try:
                return ours(getattr(base, node.attr))
            except AttributeError:
                return self.unsupported(node, f"{ast.unparse(node)} does not exist")
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            base = self.static(node.value)
            return base[node.slice.value] if isinstance(base, enum.EnumMeta) else MISSING
        if not isinstance(node, ast.Name) or self.depth_of(node.id) is not None:
            return MISSING
        for space in (self.outside, vars(builtins)):
            if node.id in space:
                return ours(space[node.id])
        return self.unsupported(node, f"{node.id} is not defined")

    def depth_of(self, name):
        """How many functions out a local lives, or None if it isn't a local."""
        depth, compiler = 0, self
        while compiler is not None:
            if name in compiler.code.slots_of:
                return depth
            depth, compiler = depth + 1, compiler.parent
        return None

    def value_of(self, found, name):
        """A Python object from outside as a value inside a kernel."""
        if isinstance(found, np.generic | int | float | complex):
            return literal(int(found) if isinstance(found, enum.IntEnum) else found)
        if isinstance(found, tuple) and not hasattr(found, "_fields"):
            return tuple(self.value_of(part, name) for part in found)
        return outside.constant_array(found, name)

    def constant(self, node, found):
        if hasattr(found, "read"):  # threadIdx.x and its like
            return found.read
        value = self.value_of(found, ast.unparse(node))
        return lambda f: value

    def expr_name(self, node):
        depth, name = self.depth_of(node.id), node.id
        compiler = self
        for _ in range(depth):
            compiler = compiler.parent
        known = None if self.types is None else kind_of(self.types.loads.get(node))
        slots, location = compiler.code.slots_of[name], self.location(node)
        slot = next((slot for slot, kind in slots if same(kind, known)), slots[0][0])

        def read(f):
            value = f.vals[slot]
            if value is UNSET:
                said = f"{name} is read before it is assigned, by {{who}} among others"
                f.fail("uninitialised", location, f.mask.lanes[0], said)
            return value

        def read_outer(f):
            for _ in range(depth):
                f = f.parent
            return read(f)

        if depth:
            return read_outer
        return self.watched.reading(node, location, read, self.slot_of)

    def expr_tuple(self, node):
        if any(isinstance(part, ast.Starred) for part in node.elts):
            arguments = self.arguments(node.elts)
            return lambda f: tuple(arguments(f))
        targets = getattr(self.naming, "elts", [None] * len(node.elts))
        parts = []
        for part, self.naming in zip(node.elts, targets, strict=False):
            parts.append(self.expr(part))
        return lambda f: tuple([part(f) for part in parts])

    def expr_lambda(self, node):
        return self.inner(node)

    def inner(self, node):
        """A function inside a function: it reads the locals around it."""
        compiler = type(self)(node, self.outside, self.code.filename, self.types, parent=self)
        code = compiler.compile()
        defaults = dict(zip(reversed(code.params), reversed(node.args.defaults), strict=False))
        defaults = {name: self.expr(value) for name, value in defaults.items()}

        def make(f):
            given = {name: value(f) for name, value in defaults.items()}

            def call(caller, *args, **kwargs):
                is_inlined = caller is f or caller.parent is f  # not if it was handed to another
                if is_inlined and not given.keys().isdisjoint(kwargs):
                    refuse(
                        f"numba takes the default of an inner function for {', '.join(kwargs)}, "
                        f"whatever a call says by name: give it by its place"
                    )
                kwargs = {**given, **kwargs}
                return code.run(f.batch, caller.mask, args, kwargs, parent=f)

            return Intrinsic(code.name, call, counts=False)

        return make

    # Arithmetic

    def operator(self, node):
        return OPERATORS.get(type(node)) or self.unsupported(node)

    def apply(self, node):
        """The function `(f, a, b)` of a binary operator."""
        op, location = self.operator(node.op), self.location(node)
        compute = binary(op)

        def run(f, a, b):
            value = compute(a, b)
            f.watch.operation(f.mask, location, op, value)
            return value

        return run

    def binop(self, node, left, right):
        op, key, location = self.operator(node.op), object(), self.location(node)
        compute = binary(op)

        def run(f):
            a, b = left(f), right(f)
            if type(a) is not np.ndarray and type(b) is not np.ndarray:
                value = compute(a, b)
            else:
                known = f.memo.get(key)
                if known is None or known[0] is not a or known[1] is not b:
                    known = f.memo[key] = (a, b, compute(a, b))
                value = known[2]
            if f.watch is not NOBODY:
                f.watch.operation(f.mask, location, op, value)
            return value

        return run

    def expr_binop(self, node):
        return self.binop(node, self.expr(node.left), self.expr(node.right))

    def expr_unaryop(self, node):
        value = self.expr(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda f: plain(np.logical_not(value(f)))
        compute, convert = UNARY[type(node.op)], self.conversion_of(node)
        if convert is None:
            return self.counted(node, "unary", lambda f: compute(value(f)))
        exact, narrow = EXACT_UNARY[type(node.op)], self.narrow(node.operand) or convert
        return self.counted(node, "unary", lambda f: convert(exact(strong(narrow(value(f))))))

    def counted(self, node, op, compute):
        """An operation that the watcher is told of, each time it is executed."""
        location = self.location(node)

        def run(f):
            value = compute(f)
            if f.watch is not NOBODY:
                f.watch.operation(f.mask, location, op, value)
            return value

        return run

    def expr_compare(self, node):
        parts = [self.expr(part) for part in (node.left, *node.comparators)]
        tests = [self.comparator(op, node) for op in node.ops]
        if len(tests) == 1:
            (left, right), test = parts, tests[0]
            return self.counted(node, "compare", lambda f: test(left(f), right(f)))

        def chain(f):
            values = [part(f) for part in parts]
            result = True
            for test, a, b in zip(tests, values, values[1:], strict=False):
                result = plain(np.logical_and(result, test(a, b)))
            return result

        return self.counted(node, "compare", chain)

    def comparator(self, op, node):
        if isinstance(op, ast.Is | ast.IsNot):
            wanted = isinstance(op, ast.Is)
            return lambda a, b: (a is b or (a is not None and b is not None and a == b)) == wanted
        if isinstance(op, ast.In | ast.NotIn):
            wanted = isinstance(op, ast.In)
            return lambda a, b: plain(np.equal(_contains(a, b), wanted))
        test = comparison(self.operator(op))
        return lambda a, b: _compare(test, a, b)

    def expr_boolop(self, node):
        """`and`, `or`: later operands are evaluated only where they matter."""
        parts, is_and = [self.expr(part) for part in node.values], isinstance(node.op, ast.And)
        convert = self.conversion_of(node) or as_it_is

        def run(f):
            outer, result = f.mask, convert(parts[0](f))
            for part in parts[1:]:
                so_far = truth(result)
                more = f.mask.split(so_far)[0 if is_and else 1]
                if more is NONE:
                    break
                f.mask = more
                value = convert(part(f))
                yes, no = (value, result) if is_and else (result, value)
                result = _choose(so_far, yes, no)
            f.mask = outer
            return result

        return run

    def expr_ifexp(self, node):
        test, yes, no = self.condition(node.test), self.expr(node.body), self.expr(node.orelse)
        convert = self.conversion_of(node) or as_it_is
        location = self.location(node)

        def run(f):
            outer = f.mask
            then, other = outer.split(test(f))
            f.watch.branch(f, location, outer, then, other)
            if other is NONE:
                return convert(yes(f))
            if then is NONE:
                return convert(no(f))
            f.mask = then
            a = convert(yes(f))
            f.mask = other
            b = convert(no(f))
            f.mask = outer
            return merge(then, a, b)

        return run

    def condition(self, node):
        value = self.expr(node)

        def run(f):
            result = value(f)
            return result if type(result) is bool else truth(result)

        return run


def as_it_is(value):
    return value


def _choose(condition, yes, no):
    """`yes` where the condition holds, `no` elsewhere; the condition may be uniform."""
    if not is_vector(condition):
        return yes if condition else no
    if is_vector(yes) and yes.dtype == bool and no is condition:
        return yes & no
    if is_vector(no) and no.dtype == bool and yes is condition:
        return yes | no
    return np.where(condition, strong(yes), strong(no))


def _compare(test, a, b):
    if type(a) is tuple and type(b) is tuple:
        return views.compare_tuples(test, a, b)
    if Array in (type(a), type(b)):
        refuse("an array is not compared as a whole: compare its elements")
    return test(a, b)


def _contains(item, group):
    if isinstance(group, Array):
        refuse("an array is searched in a loop, element by element")
    found = False
    for part in group:
        found = np.logical_or(found, comparison("==")(item, part))
    return found
