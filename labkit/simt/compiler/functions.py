"""Functions as they are compiled: their source, their arguments, and the globals frozen in them."""

import ast
import contextlib
import functools
import inspect
import types

from labkit.simt.errors import refuse
from labkit.simt.lanes.frames import UNSET, Frame
from labkit.simt.lanes.kinds import conversion, holds


class Code:
    """A compiled function: its name, parameters, locals and body.

    kinds   of each local, by name: a local that is read as two types is kept as both
    slots   [(name, kind)]: what a frame keeps a value for
    """

    def __init__(self, name, args, kinds, filename):
        self.name, self.args, self.defaults = name, args, {}
        self.params = [a.arg for a in args.posonlyargs + args.args]
        self.filename, self.body, self.is_kernel, self.cooperative = filename, None, False, False
        self.slots = [(name, kind) for name, found in kinds.items() for kind in found]
        self.slots_of = {name: [] for name in kinds}
        for slot, (name, kind) in enumerate(self.slots):
            self.slots_of[name].append((slot, kind))

    def bind(self, frame, args, kwargs):
        """Assign the arguments of a call to the locals of its frame."""
        values = dict(zip(self.params, args, strict=False))
        if len(args) > len(self.params) and self.args.vararg is None:
            refuse(f"{self.name}() takes {len(self.params)} arguments, got {len(args)}")
        if self.args.vararg is not None:
            values[self.args.vararg.arg] = tuple(args[len(self.params) :])
        for name, value in {**self.defaults, **kwargs, **values}.items():
            if name not in self.slots_of:
                refuse(f"{self.name}() has no argument {name!r}")
            for slot, kind in self.slots_of[name]:
                if not holds(kind, value):
                    continue
                convert = conversion(kind)
                frame.vals[slot] = value if convert is None else convert(value)
                frame.defs[slot] = frame.entry
        for name in self.params:
            if frame.vals[self.slots_of[name][0][0]] is UNSET:
                refuse(f"{self.name}() needs the argument {name!r}")

    def run(self, batch, mask, args, kwargs, parent=None):
        """Call the function in the lanes of the mask -> the value returned."""
        frame = Frame(self, batch, mask, parent)
        self.bind(frame, args, kwargs)
        self.body(frame)
        return frame.ret


def source_of(function):
    """The syntax tree of a function, a part of its file's. Raises where there is no source."""
    code = function.__code__
    name = getattr(function, "__name__", code.co_name)
    try:
        lines, _ = inspect.findsource(code)
        found = [node for node in _functions_in("".join(lines)) if _is_of(node, code)]
    except (OSError, TypeError, SyntaxError):
        found = []
    if not found:
        refuse(
            f"the source of {name} cannot be found: a kernel is read from a file or a notebook "
            f"cell, not made with exec(), and the file must be as it was when it was imported"
        )
    return found[0]


@functools.lru_cache(maxsize=64)
def _functions_in(text):
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, _FUNCTIONS)]


_FUNCTIONS = ast.FunctionDef | ast.Lambda


def _is_of(node, code):
    """Whether a code object was compiled from a node: two lambdas may stand on one line."""
    if isinstance(node, ast.FunctionDef):
        first = min(part.lineno for part in (node, *node.decorator_list))
        return (node.name, first) == (code.co_name, code.co_firstlineno)
    body = node.body
    span = (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset)
    alike = code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    return alike and span in set(code.co_positions())


@functools.lru_cache(maxsize=512)
def frozen(function):
    """The globals and the closure that a function names, as they are when it is first compiled."""
    names, codes = set(), [function.__code__]
    for code in codes:
        names.update(code.co_names, code.co_freevars)
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    for name, cell in cells:
        with contextlib.suppress(ValueError):  # not bound yet
            found[name] = cell.cell_contents
    return found


@functools.lru_cache(maxsize=512)
def may_wait(function):
    """Whether a function, or one that it calls, has a loop that could wait for another thread."""
    todo, seen = [function], set()
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        nodes = ast.walk(source_of(one))
        if any(isinstance(node, ast.While) and _waits(node) for node in nodes):
            return True
        todo += _device_functions(one)
    return False


def _waits(loop):
    """Whether the end of a `while` loop may depend on memory: by its test, by a variable in the
    test, by a flag that an `if` sets, or by a `break`."""
    if _reads(loop.test) or (isinstance(loop.test, ast.Constant) and _reads(loop)):
        return True
    tested = _named(loop.test, ast.Load)
    return not tested.isdisjoint(_set_by_memory(loop)) or (
        _reads(loop) and not tested.isdisjoint(_flags(loop))
    )


def _set_by_memory(loop):
    """The names that a loop sets to what it read, or to what follows from that."""
    found, n = set(), -1
    assigns = [part for part in ast.walk(loop) if isinstance(part, ast.Assign | ast.AugAssign)]
    while len(found) > n:
        n = len(found)
        for part in assigns:
            if _reads(part.value) or not found.isdisjoint(_named(part.value, ast.Load)):
                found |= _named(part, ast.Store)
    return found


def _flags(loop):
    """The names that an `if` in a loop sets to a constant."""
    branches = [part for part in ast.walk(loop) if isinstance(part, ast.If)]
    return {
        name
        for branch in branches
        for part in ast.walk(branch)
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant)
        for name in _named(part, ast.Store)
    }


def _named(node, context):
    """The names that a piece of source loads or stores."""
    return {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, context)
    }


def _reads(node):
    """Whether an expression reads memory, or calls what may read it."""
    return any(isinstance(part, ast.Call | ast.Subscript) for part in ast.walk(node))


def _device_functions(function):
    """The device functions that a function names, also as `module.name`."""
    named = list(frozen(function).values())
    for module in [found for found in named if isinstance(found, types.ModuleType)]:
        named += [getattr(module, name, None) for name in function.__code__.co_names]
    found = (getattr(one, "py_func", None) for one in named)
    return [one for one in found if isinstance(one, types.FunctionType)]


def assigned(node):
    """The names that a function assigns to, not looking into functions inside it."""
    found, todo = [], list(node.body) if isinstance(node.body, list) else [node.body]
    while todo:
        part = todo.pop(0)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.append(part.id)
        if isinstance(part, ast.FunctionDef):
            found.append(part.name)
        elif not isinstance(part, ast.Lambda):
            todo = [*ast.iter_child_nodes(part), *todo]
    return list(dict.fromkeys(found))
