"""Kernels at the edge of what numba compiles: the bodies in edge_kernels.txt, one after the other.

Each is the body of a kernel of `x` (float64), a number `n`, `k` (int32), `z` (float32, 4 by 2) and
`c` (complex64). A line with `!` before it says why our verdict is not numba's.
"""

import cmath
import collections
import dataclasses
import linecache
import math
import operator
import re
import textwrap
from pathlib import Path

import numpy as np

from labkit.simt import cuda

WIDTH, FOUR = 4, 4
SHAPE, FTUP = (2, 2), (1.0, 2.0)
NUMBERS = [1.0, 2.0]
TABLE = np.zeros(4)
Point = collections.namedtuple("Point", "x y")


def plain(a):
    return 2 * a


@cuda.jit(device=True)
def plus(a, b):
    return a + b


@cuda.jit(device=True)
def dev(a, b=2):
    return a + b


@cuda.jit(device=True)
def two(a):
    return a, a + 1


@cuda.jit(device=True)
def same(a):
    return a


@cuda.jit(device=True)
def setit(array, i, value):
    array[i] = value


@cuda.jit(device=True)
def nothing(a):
    pass


@cuda.jit
def another_kernel(x):
    x[0] = 1


@dataclasses.dataclass(frozen=True)
class Edge:
    """A kernel, its body, and why the verdicts differ: `numba`, `here` or None, and the reason."""

    body: str
    kernel: object
    only: str | None
    reason: str | None

    def __str__(self):
        return self.body.splitlines()[0]

    def refusal(self):
        """What the executor says against it, or None."""
        try:
            self.kernel[1, 4](*arguments())
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None


def arguments():
    whole, rows, complexes = np.ones(8, np.int32), np.ones((4, 2), np.float32), np.ones(4, "c8")
    return np.ones(8), 3, whole, rows, complexes


def _edge(number, text):
    marked = re.match(r"! only (\w+): (.*)\n", text)
    body = text[marked.end() :] if marked else text
    only, reason = marked.groups() if marked else (None, None)
    source = f"def edge(x, n, k, z, c):\n{textwrap.indent(body, '    ')}\n"
    name = f"<edge {number}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    space = {**globals(), "__name__": "edge_kernels"}
    exec(compile(source, name, "exec"), space)
    return Edge(body, cuda.jit(space["edge"]), only, reason)


def edges():
    """All of them, in the order of the file."""
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    parts = [part for part in text.strip().split("\n\n") if not part.startswith("# ")]
    return [_edge(number, part) for number, part in enumerate(parts)]


# Modules that the bodies name.
USED = (cmath, math, operator)
