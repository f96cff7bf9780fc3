"""Work of vector, stencil and matrix kernels.

Traffic is the least possible: each input element is read once from memory and each output element
written once, as if a cache without bounds stood between. Not counted: what a real cache reads
again, the read of a line before it is written (write-allocate), indices and loop counters.

Sizes are counts, `itemsize` is in bytes; ValueError for anything else.
"""

from labkit.workload.work import Work, counts


def copy(n_elements: int, itemsize: int) -> Work:
    """`b[i] = a[i]`: no flop; one element read and one written."""
    n, itemsize = counts(n_elements=n_elements, itemsize=itemsize)
    return Work(0, n * itemsize, n * itemsize)


def triad(n_elements: int, itemsize: int) -> Work:
    """`a[i] = b[i] + s * c[i]`, as in STREAM: 2 flop, two elements read, one written."""
    n, itemsize = counts(n_elements=n_elements, itemsize=itemsize)
    return Work(2 * n, 2 * n * itemsize, n * itemsize)


def axpy(n_elements: int, itemsize: int) -> Work:
    """`y[i] = s * x[i] + y[i]`: 2 flop, two elements read, one written; a triad in place."""
    return triad(n_elements, itemsize)


def dot(n_elements: int, itemsize: int) -> Work:
    """`s = s + x[i] * y[i]`: 2 flop, two elements read. The sum itself stays in a register."""
    n, itemsize = counts(n_elements=n_elements, itemsize=itemsize)
    return Work(2 * n, 2 * n * itemsize, 0)


def jacobi(n_rows: int, n_columns: int, itemsize: int) -> Work:
    """One sweep of `b[i, j] = (a[i-1, j] + a[i+1, j] + a[i, j-1] + a[i, j+1]) / 4`, inner points.

    4 flop a point (three additions, one scaling). The grid is read once, without its four corners,
    which no inner point needs; nor does a single inner point read itself.
    """
    rows, columns, itemsize = counts(n_rows=n_rows, n_columns=n_columns, itemsize=itemsize)
    if rows < 3 or columns < 3:
        return Work(0, 0, 0)
    inner = (rows - 2) * (columns - 2)
    n_read = rows * columns - 4 - (inner == 1)
    return Work(4 * inner, n_read * itemsize, inner * itemsize)


def matmul(m: int, n: int, k: int, itemsize: int) -> Work:
    """`C = A @ B` with A of m × k and B of k × n: 2 m n k flop; A and B read, C written."""
    m, n, k, itemsize = counts(m=m, n=n, k=k, itemsize=itemsize)
    return Work(2 * m * n * k, (m * k + k * n) * itemsize, m * n * itemsize)
