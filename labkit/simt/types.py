"""`types`: the static type of each variable of a kernel, as numba infers it, and its reason."""

import ast
import dataclasses
import linecache

from labkit.simt.compiler.functions import source_of
from labkit.simt.compiler.inference import RefusedError, numba
from labkit.simt.compiler.refusals import named, sentence
from labkit.simt.compiler.static import StaticTypes
from labkit.simt.errors import refuse
from labkit.simt.kernel import Kernel, bind, launch_of, types_of


@dataclasses.dataclass(frozen=True)
class VariableType:
    """One version of a variable: what it is from an assignment on, or where paths meet.

    because_of   lines of the assignments that made it so: one, or those of the paths that meet
    """

    name: str
    type: str
    line: int
    because_of: tuple[int, ...]

    def __str__(self):
        lines = " and ".join(map(str, self.because_of))
        what = "line" if len(self.because_of) == 1 else "lines"
        return f"{self.name} is {self.type} because of {what} {lines}"

    __repr__ = __str__


@dataclasses.dataclass(frozen=True)
class Types:
    """The types of the variables of a kernel, by line. `types["v"]` are those of one variable."""

    kernel: str
    file: str
    variables: tuple[VariableType, ...]

    def __getitem__(self, name: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(one.type for one in self.variables if one.name == name))
        if not found:
            names = ", ".join(dict.fromkeys(one.name for one in self.variables))
            raise KeyError(f"{self.kernel} has no variable {name!r}; it has {names}.")
        return found

    def __str__(self):
        said = [
            (str(one), linecache.getline(self.file, one.line).strip()) for one in self.variables
        ]
        width = max((len(text) for text, _ in said), default=0)
        return "\n".join(f"{text:{width}}  {source}".rstrip() for text, source in said)

    __repr__ = __str__


def types(kernel: object, *args: object) -> Types:
    """The type that each variable of a kernel has for these arguments, as numba compiles it for a
    GPU; the kernel is not run.

    kernel   of `cuda.jit`, a launch of one, or a device function
    args     as the kernel is launched with them

    A variable may have several types, one from each assignment on. Where paths meet it has one that
    takes both: "v is float64 because of lines 4 and 6".

    Raises KernelError where numba refuses the kernel, RuntimeError where numba is not installed.
    """
    if numba() is None:
        raise RuntimeError("lk.types() asks numba, which is not installed or runs its simulator.")
    kernel = kernel if hasattr(kernel, "py_func") else launch_of(kernel).kernel
    function = kernel.py_func
    node = source_of(function)
    values, _ = bind(Kernel(function, signatures=getattr(kernel, "signatures", ())), args)
    try:
        static = StaticTypes(function, node, types_of(values))
    except RefusedError as refusal:
        nodes = list(ast.walk(node))
        about = nodes[refusal.node] if (refusal.node or len(nodes)) < len(nodes) else None
        line = getattr(about, "lineno", node.lineno)
        refuse(sentence(refusal.words, about), function=function.__name__, line=line)
    found = tuple(_versions(static, node))
    return Types(function.__name__, function.__code__.co_filename, found)


def _versions(static, node):
    """The versions of all variables, by the lines that make them."""
    made = {}  # name -> [(type, line)] of its arguments and assignments
    for name, kind in static.params.items():
        made.setdefault(name, []).append((named(str(kind)), node.lineno))
    for target, kind in static.stores.items():
        made.setdefault(target.id, []).append((named(str(kind)), target.lineno))
    found = {VariableType(name, kind, line, (line,)) for name, all_ in made.items()
             for kind, line in all_}  # fmt: skip
    for read, kind in static.loads.items():
        known = made.get(read.id, [])
        if known and named(str(kind)) not in [one for one, _ in known]:
            lines = tuple(sorted({line for _, line in known}))
            found.add(VariableType(read.id, named(str(kind)), read.lineno, lines))
    return sorted(found, key=lambda one: (one.line, one.name))
