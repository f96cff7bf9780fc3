"""What goes in: sizes and integer matrices, refused with a sentence where they cannot be."""

import operator

import numpy as np


def size(name, value):
    """`value` as an int from 1. Raises ValueError, a sentence, for anything else."""
    try:
        whole = operator.index(value)  # takes NumPy's integers, refuses 2.5 and "3"
    except TypeError:
        raise ValueError(f"{name} must be a whole number from 1, got {value!r}.") from None
    if whole < 1:
        raise ValueError(f"{name} must be at least 1, got {whole}.")
    return whole


def operands(a, w):
    """Both matrices, `a` in the type that sums are kept in, `w` in its own.

    8-bit integers add up in 32 bits, as on the TPU v1; wider ones in 64.
    Raises TypeError for anything but integers, ValueError for shapes that do not fit, OverflowError
    where a sum might not fit its register.
    """
    a, w = _matrix("a", a), _matrix("w", w)
    if a.shape[1] != w.shape[0]:
        raise ValueError(
            f"a has {a.shape[1]} columns and w has {w.shape[0]} rows: a @ w needs as many of one "
            f"as of the other. Shapes: {a.shape} and {w.shape}."
        )
    sums = np.int32 if max(a.itemsize, w.itemsize) == 1 else np.int64
    largest = _largest(a) * _largest(w) * a.shape[1]
    if largest > np.iinfo(sums).max:
        raise OverflowError(
            f"A sum of {a.shape[1]} products can reach {largest:.3g}, which a register of "
            f"{8 * sums().itemsize} bits cannot hold: use smaller values or fewer rows of w."
        )
    return a.astype(sums), w


def _matrix(name, given):
    try:
        matrix = np.asarray(given)
    except ValueError:
        raise ValueError(
            f"The rows of {name} differ in length: give each as many numbers."
        ) from None
    if matrix.dtype.kind not in "iu":
        raise TypeError(
            f"{name} holds {matrix.dtype}, but this matrix unit multiplies integers: quantise "
            f"first, for example with np.round(x / scale).astype(np.int8)."
        )
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"{name} must be a matrix with rows and columns, got the shape {matrix.shape}."
        )
    return matrix


def _largest(matrix):
    return max(abs(int(matrix.min())), abs(int(matrix.max())))


def padded(matrix, rows, columns):
    """The matrix with zeros below and to the right, up to whole tiles of rows × columns."""
    short = [-size % step for size, step in zip(matrix.shape, (rows, columns), strict=True)]
    return np.pad(matrix, [(0, n) for n in short])
