"""Which lane of a warp holds which element of the matrices that a tensor core multiplies.

The shapes are those of PTX's `mma.sync` with rows of A, columns of B and sums in float32; the
layouts are those of the PTX ISA, "Matrix Fragments for mma.m16n8k4, m16n8k8 and m16n8k16"
(docs.nvidia.com/cuda/parallel-thread-execution). There a lane is `4 * group + member`.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from labkit.simt.limits import WARP_SIZE

LANES = np.arange(WARP_SIZE)
_GROUP, _MEMBER = LANES // 4, LANES % 4


@dataclasses.dataclass(frozen=True)
class MmaShape:
    """One matrix instruction: D = A B + C with A m × k, B k × n, and C and D m × n.

    dtype    of the elements of A and B: `float16` or `tf32`, which a kernel hands in as float32
    since    the first compute capability that has it
    lengths  how many elements of A, B and C a lane holds; D is laid out as C
    """

    name: str
    m: int
    n: int
    k: int
    dtype: str
    since: tuple[int, int]
    lengths: dict[str, int] = dataclasses.field(hash=False)
    place: Callable = dataclasses.field(repr=False, compare=False)

    @property
    def held(self) -> str:
        """The dtype as a kernel has it: a tf32 is a float32 until it is multiplied."""
        return "float16" if self.dtype == "float16" else "float32"

    @property
    def flop(self) -> int:
        """Floating-point operations of one instruction: a multiply-add is two."""
        return 2 * self.m * self.n * self.k

    @property
    def operand_bytes(self) -> int:
        """Bytes of A and B together, in registers."""
        return WARP_SIZE * (self.lengths["a"] + self.lengths["b"]) * np.dtype(self.held).itemsize

    def size(self, matrix: str) -> tuple[int, int]:
        """(rows, columns) of the matrix `a`, `b`, `c` or `d`."""
        return {"a": (self.m, self.k), "b": (self.k, self.n)}.get(matrix, (self.m, self.n))

    def element(self, matrix: str, lane: int, i: int) -> tuple[int, int]:
        """(row, column) of the element i that a lane holds of the matrix."""
        rows, columns = self.elements(matrix)
        return int(rows[lane, i]), int(columns[lane, i])

    def elements(self, matrix: str) -> tuple[np.ndarray, np.ndarray]:
        """(rows, columns), each an int for every lane and each of its elements: 32 × length."""
        return _elements(self, "c" if matrix == "d" else matrix)


@functools.cache
def _elements(shape, matrix):
    i = np.arange(shape.lengths[matrix])
    rows, columns = shape.place(matrix, _GROUP[:, None], _MEMBER[:, None], i)
    full = (WARP_SIZE, len(i))
    return np.broadcast_to(rows, full), np.broadcast_to(columns, full)


def _of_halves(matrix, group, member, i):
    """A register holds two neighbours: of a row of A, of a column of B."""
    if matrix == "a":
        return group + 8 * (i // 2 % 2), 2 * member + i % 2 + 8 * (i // 4)
    if matrix == "b":
        return 2 * member + i % 2 + 8 * (i // 2), group
    return group + 8 * (i // 2), 2 * member + i % 2


def _of_words(matrix, group, member, i):
    """A register holds one element."""
    if matrix == "a":
        return group + 8 * (i % 2), member + 4 * (i // 2)
    if matrix == "b":
        return member + 4 * i, group
    return _of_halves(matrix, group, member, i)


def _shape(k, dtype, since, a, b):
    place = _of_halves if dtype == "float16" else _of_words
    name = f"m16n8k{k}" + ".tf32" * (dtype == "tf32")
    return MmaShape(name, 16, 8, k, dtype, since, {"a": a, "b": b, "c": 4}, place)


SHAPES = {
    shape.name: shape
    for shape in (
        _shape(16, "float16", (8, 0), 8, 4),
        _shape(8, "float16", (7, 5), 4, 2),
        _shape(8, "tf32", (8, 0), 4, 2),
        _shape(4, "tf32", (8, 0), 2, 1),
    )
}


def mma_shape(name: str) -> MmaShape:
    """The shape called `m16n8k16`, `m16n8k8`, `m16n8k8.tf32` or `m16n8k4.tf32`.

    Raises ValueError, a sentence with the known ones, for another name.
    """
    if name not in SHAPES:
        raise ValueError(f"There is no matrix shape {name!r} here. There are: {', '.join(SHAPES)}.")
    return SHAPES[name]


def shape_of(dtypes: set[str], n_a: int, n_b: int) -> MmaShape | None:
    """The shape whose lanes hold so many elements of A and B, all of one dtype of kernels'."""
    for shape in SHAPES.values():
        if dtypes == {shape.held} and (n_a, n_b) == (shape.lengths["a"], shape.lengths["b"]):
            return shape
    return None


def taken() -> str:
    """What `mma_sync` takes, in words."""
    kinds = [
        f"{one.lengths['a']} and {one.lengths['b']} {one.held} for {one.name}"
        for one in SHAPES.values()
    ]
    return f"tuples of A and B ({', '.join(kinds)}) and of 4 float32 of C"
