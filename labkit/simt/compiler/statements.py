"""The interpreter: a function's syntax tree, turned once into closures that run on a frame.

This module holds control flow and functions, assignment.py what stores a value; expressions.py
and access.py hold what has one. A statement is a closure that changes the frame and its mask. A
block stops as soon as the mask is empty.
"""

import ast
import functools
import types

from labkit.simt.compiler import loops, outside
from labkit.simt.compiler.access import MISSING
from labkit.simt.compiler.assignment import Assignment
from labkit.simt.compiler.functions import Code, assigned, frozen, source_of
from labkit.simt.compiler.inference import RefusedError
from labkit.simt.compiler.loops import Counted, Guard, loop
from labkit.simt.compiler.refusals import sentence
from labkit.simt.compiler.static import StaticTypes, kind_of
from labkit.simt.compiler.unset import Watched
from labkit.simt.errors import KernelError, refuse
from labkit.simt.lanes.frames import SourceLocation
from labkit.simt.lanes.masks import NONE
from labkit.simt.language import builtins  # noqa: F401 (it registers what kernels call)
from labkit.simt.language.registry import HOST_FUNCTIONS, Intrinsic

PYTHON_ERRORS = (TypeError, ValueError, AttributeError, IndexError, ArithmeticError)


@functools.cache
def _also(kind):
    """KernelError, which is caught as one of Python's own exceptions, too."""
    return type(kind.__name__, (KernelError, kind), {})


# Whether kernels may call plain functions: on numba's simulator one with @overload looks like that.
plain_functions_too = False
# What a device function names that needs whole blocks.
_OF_BLOCKS = {
    "array", "sync", "syncthreads", "syncthreads_count", "syncthreads_and", "syncthreads_or",
}  # fmt: skip


@functools.cache
def device_function(function, types=None):
    """A device function, for arguments of some of numba's types, as a kernel calls it."""

    def run(f, *args, **kwargs):
        return compile_function(function, False, types).run(f.batch, f.mask, args, kwargs)

    return Intrinsic(function.__name__, run, counts=False, together=_together(function))


def _together(function):
    """Which threads a device function needs: by the names in it, and in what it may call."""
    named = set(function.__code__.co_names)
    if "this_grid" in named:
        return "grid"
    calls_others = any(map(_is_device_function, frozen(function).values()))
    return "block" if calls_others or named & _OF_BLOCKS else None


def _is_device_function(found):
    if isinstance(found, types.FunctionType):
        return plain_functions_too and found not in HOST_FUNCTIONS
    return hasattr(found, "py_func")


@functools.lru_cache(maxsize=512)
def compile_function(function, is_kernel=False, types=None):
    """Compile a Python function. Its globals and closure are frozen now, as numba freezes them.

    types   of the arguments, numba's; without them the types of values are those that they have
            when it runs
    """
    node, name = source_of(function), function.__code__.co_filename
    try:
        static = None if types is None else StaticTypes(function, node, types)
    except RefusedError as refusal:
        compile_function(function, is_kernel)  # which may have a better word for it
        nodes = list(ast.walk(node))
        about = nodes[refusal.node] if (refusal.node or len(nodes)) < len(nodes) else None
        line = getattr(about, "lineno", node.lineno)
        refuse(sentence(refusal.words, about), function=node_name(node), line=line)
    compiler = Compiler(node, frozen(function), name, static)
    compiler.code.is_kernel = is_kernel
    defaults = dict(
        zip(reversed(compiler.code.params), reversed(function.__defaults__ or ()), strict=False)
    )
    compiler.code.defaults = {name: compiler.value_of(v, name) for name, v in defaults.items()}
    return compiler.compile()


class Compiler(Assignment):
    """Turns the statements of one function into closures."""

    last, in_while = (), 0

    def __init__(self, node, outside, filename, static=None, parent=None):
        args, self.types = node.args, static
        names = [a.arg for a in args.posonlyargs + args.args]
        names += [args.vararg.arg] if args.vararg else []
        if args.kwonlyargs or args.kwarg:
            refuse("keyword-only arguments are not supported in a kernel")
        names += [name for name in assigned(node) if name not in names]
        self.watched = Watched(node)
        self.node, self.outside = node, outside
        kinds = {name: self._kinds_of(name) for name in [*names, *self.watched.flags]}
        self.code, self.parent = Code(node_name(node), args, kinds, filename), parent

    def _kinds_of(self, name):
        """As what kinds a local is read, here and in functions inside."""
        if self.types is None:
            return [None]
        for table in (self.types.loads, self.types.stores):  # one that is never read, as assigned
            kinds = [kind_of(found) for node, found in table.items() if node.id == name]
            if kinds:
                return list(dict.fromkeys(kinds))
        return [None]

    def slot_of(self, name):
        return self.code.slots_of[name][0][0]

    def compile(self):
        if isinstance(self.node, ast.Lambda):
            self.code.body = self.stmt_return(ast.Return(self.node.body, lineno=self.node.lineno))
        else:
            self.last = _last(self.node.body) if self.code.is_kernel else ()
            body = self.block(self.node.body)
            self.code.body = self.watched.entering(body, self.slot_of)
        return self.code

    def location(self, node, name=None):
        line, polls = node.lineno, self.in_while > 0
        return SourceLocation(self.code.name, line, self.code.filename, name, polls)

    def unsupported(self, node, what=None):
        what = what or f"{type(node).__name__} is not supported in a kernel"
        refuse(what, function=self.code.name, line=getattr(node, "lineno", 0))

    def callable_for(self, found, text, types=None):
        """What runs when a kernel calls an object, with arguments of these types."""
        if _is_device_function(found):
            return device_function(getattr(found, "py_func", found), types)
        return outside.callable_for(found, text)

    # Blocks and simple statements

    def block(self, nodes):
        """Statements in sequence, until no lane is active; errors learn their line."""
        steps = [(self.statement(node), node.lineno) for node in nodes]
        name = self.code.name

        def run(f):
            for step, line in steps:
                try:
                    step(f)
                except KernelError as error:
                    raise error.at(name, line) from error.__cause__
                except RecursionError:
                    refuse("the calls are nested too deeply", function=name, line=line)
                except PYTHON_ERRORS as error:
                    raise _also(type(error))(f"{error}", "error", name, line) from error
                if f.mask is NONE:
                    return

        return run

    def statement(self, node):
        method = getattr(self, f"stmt_{type(node).__name__.lower()}", None)
        if method is None:
            self.unsupported(node)
        try:
            return method(node)
        except KernelError as error:
            raise error.at(self.code.name, node.lineno) from None

    def stmt_pass(self, node):
        return lambda f: None

    def stmt_expr(self, node):
        if isinstance(node.value, ast.Constant):  # a docstring
            return lambda f: None
        if isinstance(node.value, ast.Call):
            return self.expr_call(node.value, used=False)
        return self.expr(node.value)

    # Control flow

    def stmt_if(self, node):
        test, location = self.condition(node.test), self.location(node)
        body, orelse = self.block(node.body), self.block(node.orelse)
        is_last = node in self.last

        def run(f):
            outer = f.mask
            yes, no = outer.split(test(f))
            f.watch.branch(f, location, outer, yes, no)
            if is_last:
                f.batch.leaving = f.batch.live.join(f.batch.leaving, no)
            if f.batch.else_first:
                no = _within(f, no, orelse)
            yes = _within(f, yes, body)
            if not f.batch.else_first:
                no = _within(f, no, orelse)
            f.mask = outer if yes is outer or no is outer else outer.join(yes, no)

        return run

    def stmt_break(self, node):
        return lambda f: f.jump(f.broke)

    def stmt_continue(self, node):
        return lambda f: f.jump(f.continued)

    def stmt_return(self, node):
        value = self.expr(node.value) if node.value is not None else lambda f: None
        convert = self.conversion_to(self.types and self.types.return_type)
        if convert is None or self.parent is not None:
            return lambda f: f.leave(value(f))
        return lambda f: f.leave(convert(value(f)))

    def stmt_while(self, node):
        location, self.in_while = self.location(node), self.in_while + 1
        test, body = self.condition(node.test), self.block(node.body)
        self.in_while -= 1
        orelse = self.block(node.orelse)
        may_compact = self.may_compact(node)
        # A test on locals alone counts towards something: give it longer than one that may wait.
        waits = isinstance(node.test, ast.Constant) or any(
            isinstance(part, ast.Call | ast.Subscript) for part in ast.walk(node.test)
        )

        def run(f):
            patience_s = loops.PATIENCE_S * (1 if waits else 10)
            loop(f, Guard(location, test, body, patience_s), orelse, may_compact)

        return run

    def stmt_for(self, node):
        assign, location = self.target(node.target), self.location(node)
        items = self.iterable(node.iter)
        body, orelse = self.block(node.body), self.block(node.orelse)
        may_compact = self.may_compact(node)
        return lambda f: loop(f, Counted(location, items(f), assign, body), orelse, may_compact)

    def may_compact(self, node):
        """Whether a loop can do without the lanes that left it: it needs no whole blocks."""
        for part in ast.walk(node):
            if isinstance(part, ast.Return | ast.Lambda | ast.FunctionDef):
                return False
            if isinstance(part, ast.Call):
                found = self.static(part.func)
                if found is MISSING or self.callable_for(found, part.func).together:
                    return False
        return True

    def stmt_functiondef(self, node):
        if node.decorator_list:
            self.unsupported(node, "a decorated function inside a kernel is not supported")
        assign = self.target(ast.Name(node.name, lineno=node.lineno))
        make = self.inner(node)
        return lambda f: assign(f, make(f))

    def stmt_assert(self, node):
        test, location, message = (
            self.condition(node.test),
            self.location(node),
            ast.unparse(node.test),
        )

        def run(f):
            _, failed = f.mask.split(test(f))
            if failed is not NONE:
                said = f"assertion failed: {message}, by {{who}}"
                f.fail("error", location, failed.lanes[0], said, _also(AssertionError))

        return run

    def stmt_raise(self, node):
        given = node.exc.args if isinstance(node.exc, ast.Call) else []
        arguments = self.arguments(given)
        kind = self.static(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        kind = kind if isinstance(kind, type) and issubclass(kind, Exception) else Exception
        error, location = _also(kind), self.location(node)

        def run(f):
            message = ", ".join(str(argument) for argument in arguments(f)) or kind.__name__
            f.fail("error", location, f.mask.lanes[0], f"{message}, by {{who}}", error)

        return run


def _within(f, mask, block):
    """Run a block in some of the lanes -> those that reach its end."""
    if mask is NONE:
        return NONE
    f.mask = mask
    block(f)
    return f.mask


def _last(body):
    """The `if` that ends a kernel, and the one that ends its body: the others have finished."""
    node = body[-1]
    return (node, *_last(node.body)) if isinstance(node, ast.If) and not node.orelse else ()


def node_name(node):
    return getattr(node, "name", "<lambda>")
