"""Every kernel of the course, with small launches of it, as its lessons and solutions run them."""

import contextlib
import dataclasses
import functools
import io
import math
import os
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np

from labkit.language_model import ModelError
from labkit.results import recorded
from labkit.simt.kernel import Kernel, Launch

ROOT = Path(__file__).parents[2]
PER_KERNEL = 3  # launches of different sizes to keep of each kernel and its dtypes, at least
LARGE_THREADS = 1 << 16  # a larger launch is kept only where there is no other


@dataclasses.dataclass(frozen=True, eq=False)
class CourseLaunch:
    """A launch that a lesson makes; `args` are copies, as they were before it."""

    source: str
    name: str
    kernel: Kernel
    grid: tuple
    block: tuple
    args: tuple
    dynamic_shared_bytes: int

    @property
    def threads(self):
        return math.prod(self.grid) * math.prod(self.block)

    @property
    def signature(self):
        """What tells launches of one kernel and dtypes from those of another."""
        types = tuple(
            (arg.dtype.str, arg.ndim) if isinstance(arg, np.ndarray) else type(arg).__name__
            for arg in self.args
        )
        return self.source, self.name, types

    @property
    def sizes(self):
        return self.grid, self.block, tuple(np.shape(arg) for arg in self.args)

    @property
    def is_recorded(self):
        """Did a GPU count this kernel in these sizes? Then the executor is held against it."""
        return (self.source, self.name, *self.sizes) in _recorded()


@functools.cache
def _recorded():
    return {
        (row["source"], row["kernel"], tuple(row["grid"]), tuple(row["block"]),
         tuple(map(tuple, row["shapes"])))
        for row in recorded("nvidia-h200-counters").rows
    }  # fmt: skip


def course_launches():
    """The smallest few launches of every kernel and dtypes: a list of CourseLaunch."""
    paths = sorted((ROOT / "lessons").glob("lesson_*/[el]*.py"))
    kernels = (path for path in paths if "@cuda.jit" in path.read_text(encoding="utf-8"))
    return [launch for path in kernels for launch in launches_of(path)]


@functools.cache
def launches_of(path):
    """Execute a lesson -> the launches of the kernels that are written in it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "LABKIT_CUDA": "simt", "LABKIT_PROGRESS": str(Path(folder) / "p.json"),
            "LABKIT_SEED": "course",  # the sizes that a check tries are the same each time
        }  # fmt: skip
        with mock.patch.dict(os.environ, environment):
            return _run(path)


def _run(path):
    kept, plain = {}, Launch.run

    def run(launch, args, *watch, **how):
        if launch.kernel.py_func.__code__.co_filename == str(path):
            _keep(kept, path, launch, args)
        return plain(launch, args, *watch, **how)

    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    # A tiny language model launches the same kernels as the real one, in a hundredth of the time.
    tiny = mock.patch("labkit.language_model.model.wheel_file", side_effect=ModelError("Tiny."))
    with tiny, mock.patch.object(Launch, "run", run), contextlib.redirect_stdout(io.StringIO()):
        exec(code, {"__name__": path.stem})
    return [launch for launches in kept.values() for launch in launches]


def _keep(kept, path, launch, args):
    args = tuple(getattr(arg, "host", arg) for arg in args)
    source, kernel = path.relative_to(ROOT).as_posix(), launch.kernel
    one = CourseLaunch(
        source, _name(kernel.py_func), kernel, launch.grid, launch.block, args,
        launch.dynamic_shared_bytes,
    )  # fmt: skip
    known = kept.setdefault(one.signature, [])
    if one.sizes in [other.sizes for other in known]:
        return
    best = sorted([*known, one], key=lambda other: other.threads)
    best = [other for n, other in enumerate(best) if not n or other.threads <= LARGE_THREADS]
    kept[one.signature] = [
        dataclasses.replace(one, args=_copies(args)) if other is one else other
        for n, other in enumerate(best)
        if n < PER_KERNEL or other.is_recorded
    ]


def _copies(args):
    """Copies of the arrays; one array under two names stays one."""
    copies = {id(arg): arg.copy() for arg in args if isinstance(arg, np.ndarray)}
    return tuple(copies.get(id(arg), arg) for arg in args)


def _name(function):
    """The function's name, with the numbers that its closure binds: `transpose(width=33)`."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    bound = [f"{name}={cell.cell_contents}" for name, cell in cells]
    return function.__name__ + (f"({', '.join(bound)})" if bound else "")
