"""Mutants: a kernel without one of its barriers, fences, atomics or guards."""

import ast
import copy
import dataclasses
import inspect
import itertools
import linecache
import textwrap

from labkit.simt import cuda
from labkit.simt.kernel import Kernel

_numbers = itertools.count()


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """A kernel and the device functions that it calls, as syntax trees, the kernel last."""

    trees: tuple
    scope: dict

    @property
    def name(self):
        return self.trees[-1].name

    def kernel(self):
        """It, compiled, with a source that can be looked up."""
        trees = copy.deepcopy(self.trees)
        for tree in trees:
            tree.decorator_list = []
        for tree in trees[:-1]:
            tree.decorator_list = [ast.parse("cuda.jit(device=True)", mode="eval").body]
        text = "\n\n\n".join(ast.unparse(tree) for tree in trees) + "\n"
        name = f"<{self.name}, version {next(_numbers)}>"
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        space = {**self.scope, "cuda": cuda}
        exec(compile(text, name, "exec"), space)
        return cuda.jit(space[self.name])


@dataclasses.dataclass(frozen=True, eq=False)
class Mutant:
    """What became of a program when `what`, in a function of it, was taken away."""

    kind: str
    what: str
    program: Program


def program_of(function, **constants):
    """The Program of a kernel's function; `constants` replace globals of its source."""
    trees, scope, todo = [], {}, [function]
    while todo:
        function = todo.pop()
        outside = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
        scope = {**outside, **scope}
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        trees.insert(0, tree)
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        found = [outside.get(name) for name in sorted(named)]
        todo += [f.py_func for f in found if _is_written_in_course(f)]
    return Program(tuple(trees), {**scope, **constants})


def _is_written_in_course(value):
    return isinstance(value, Kernel) and value.device and "labkit" not in value.__module__


def mutants_of(program):
    """Every Mutant of a program, one change each."""
    for which, tree in enumerate(program.trees):
        for number, node in enumerate(ast.walk(tree)):
            for kind, new in _changes(node):
                changed = copy.deepcopy(tree)
                target = next(itertools.islice(ast.walk(changed), number, None))
                changed = ast.fix_missing_locations(_Replace(target, new).visit(changed))
                trees = (*program.trees[:which], changed, *program.trees[which + 1 :])
                what = ast.unparse(node).splitlines()[0]
                yield Mutant(kind, _told(kind, what, new), Program(trees, program.scope))


def _told(kind, what, new):
    if kind != "guard" or not isinstance(new, ast.AST):
        return what
    return f"{what}  ->  {ast.unparse(new).splitlines()[0]}"


class _Replace(ast.NodeTransformer):
    def __init__(self, target, new):
        self.target, self.new = target, new

    def visit(self, node):
        return copy.deepcopy(self.new) if node is self.target else super().visit(node)


def _changes(node):
    """The (kind, what to put in a node's place) of a syntax node that can be taken away."""
    call = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
    if isinstance(node, ast.Expr) and name.split(".")[-1] in ("syncthreads", "syncwarp", "sync"):
        yield "barrier", ast.Pass()
    elif isinstance(node, ast.Expr) and "threadfence" in name:
        yield "fence", ast.Pass()
    elif name.startswith("cuda.atomic."):
        yield "atomic", _in_three_steps(node, call, name)
    elif isinstance(node, ast.If) and _is_guard(node):
        if isinstance(node.body[0], ast.Return):
            yield "guard", ast.Pass()
        else:
            yield from (("guard", _with_test(node, test)) for test in _weaker(node.test))
    elif isinstance(node, ast.While | ast.IfExp) and _touches_memory(node):
        if isinstance(node, ast.IfExp) or isinstance(node.test, ast.BoolOp):
            yield from (("guard", _with_test(node, test)) for test in _weaker(node.test)
                        if isinstance(node, ast.IfExp) or not _is_true(test))  # fmt: skip
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _unclamped(node)


def _in_three_steps(statement, call, name):
    """`a[i] = a[i] + v` for `atomic.add(a, i, v)`; where the old value is used, it is kept."""
    array, index, *values = (ast.unparse(arg) for arg in call.args)
    index = index[1:-1] if isinstance(call.args[1], ast.Tuple) else index
    old, v = f"{array}[{index}]", values[-1]
    new = {
        "add": f"_old + {v}", "sub": f"_old - {v}", "exch": v,
        "max": f"max(_old, {v})", "min": f"min(_old, {v})",
        "cas": f"{v} if _old == {values[0]} else _old",
    }[name.split(".")[-1]]  # fmt: skip
    text = [f"_old = {old}", f"{old} = {new}"]
    if isinstance(statement, ast.Assign):
        text += [f"{ast.unparse(target)} = _old" for target in statement.targets]
    return ast.parse("\n".join(text)).body


def _is_guard(node):
    """Does this `if` keep threads from memory by comparing what is not in memory itself?"""
    leaves = len(node.body) == 1 and isinstance(node.body[0], ast.Return)
    compares = any(isinstance(part, ast.Compare) for part in ast.walk(node.test))
    return compares and not node.orelse and (leaves or any(map(_touches_memory, node.body)))


def _touches_memory(node):
    return any(
        isinstance(part, ast.Subscript) or "atomic" in getattr(part, "attr", "")
        for part in ast.walk(node)
    )


def _weaker(test):
    """A condition that always holds, and the condition without each of its parts."""
    yield ast.Constant(True)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for n in range(len(test.values)):
            rest = test.values[:n] + test.values[n + 1 :]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(test.op, rest)


def _is_true(test):
    return isinstance(test, ast.Constant)


def _with_test(node, test):
    new = copy.copy(node)
    new.test = test
    return new


def _unclamped(node):
    """An index without the `min` or `max` that keeps it inside."""
    for part in ast.walk(node.slice):
        if isinstance(part, ast.Call) and ast.unparse(part.func) in ("min", "max"):
            new = copy.deepcopy(node)
            same = next(n for n in ast.walk(new.slice) if ast.dump(n) == ast.dump(part))
            new.slice = _Replace(same, part.args[0]).visit(new.slice)
            yield "guard", new
