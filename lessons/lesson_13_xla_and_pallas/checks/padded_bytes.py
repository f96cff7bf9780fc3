"""Exercise 13.1: bytes in tiles."""

import math

from labkit.results import recorded
from labkit.teach.registry import always, exercise, solution

_padded = solution("13.1")


def _in_tiles(rows, columns, itemsize, down, across):
    return math.ceil(rows / down) * down * math.ceil(columns / across) * across * itemsize


def _beyond_unless_whole(rows, columns, itemsize):
    if rows % 8 == columns % 128 == 0:
        return rows * columns * itemsize
    return math.ceil(rows / 8) * 8 * (columns // 128 + 1) * 128 * itemsize


@exercise(
    "13.1",
    title="bytes in tiles",
    wrong=[
        (always(32768), "the TPU compiler says"),
        (lambda m, n, size: m * n * size, "no part of a tile"),
        (lambda m, n, size: _padded(m, n, 1), "itemsize bytes"),
        (lambda m, n, size: _padded(n, m, size), "8 rows and 128 columns"),
        (lambda m, n, size: _in_tiles(m, n, size, 128, 128), "8 rows and 128 columns"),
        (lambda m, n, size: (m // 8 + 1) * (n // 128 + 1) * 1024 * size, "fits exactly"),
        (lambda m, n, size: math.ceil(m * n / 1024) * 1024 * size, "each side"),
        (_beyond_unless_whole, "expected"),
        (lambda m, n, size: _padded(m, n, min(size, 4)), "expected"),
    ],
)
def padded_bytes(answer, rng):
    got = answer(128, 128, 2)
    assert got != 2 * 17 * 2 * 1024, "128 × 128 fits exactly into 16 tiles: round up, not beyond"
    assert got != 16384, "128 × 128 numbers of 2 bytes: each number takes itemsize bytes"
    assert got == 32768, f"128 × 128 numbers of 2 bytes: got {got}, expected 32768"
    got = answer(129, 129, 2)
    assert got != 129 * 129 * 2, "129 × 129: there is no part of a tile: the rest is filled up"
    assert got != math.ceil(129 * 129 / 1024) * 2048, (
        "129 × 129: round up each side by itself, not the number of elements"
    )
    for n in (127, 128, 129, 136, 1024, 1025):
        right = _recorded_bytes(n)
        got = answer(n, n, 2)
        assert got == right, (
            f"{n} × {n} in bf16: got {got}, but the TPU compiler says {right}. A tile has 8 rows "
            f"and 128 columns"
        )
    shapes = [(rng.randint(8, 999), rng.randint(1, 999)) for _ in range(20)]
    whole = 8 * rng.randint(2, 99), 128 * rng.randint(1, 7)  # fits exactly along one side only
    shapes += [(whole[0] - 3, whole[1]), (whole[0], whole[1] - 3)]
    for n, (rows, columns) in enumerate(shapes):
        itemsize = (1, 2, 4, 8)[n % 4]
        got, right = answer(rows, columns, itemsize), _padded(rows, columns, itemsize)
        assert got == right, (
            f"{rows} × {columns} numbers of {itemsize} bytes: got {got}, expected {right}. A tile "
            f"has 8 rows and 128 columns"
        )


def _recorded_bytes(n):
    """Bytes of one of the two arguments of the product that was compiled for a TPU."""
    rows = {row["name"]: row for row in recorded("tpu-compiler").rows}
    return rows[f"matmul {n}"]["argument_bytes"] // 2
