"""The turns of lesson 12: the cycles of one tile, and how long a tile takes to arrive."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_one_tile = solution("12.t1")


@exercise(
    "12.t1",
    title="the cycles of one tile",
    wrong=[
        (always(16), "a batch of 9"),
        (lambda m, rows, columns: m, "a new row enters in each cycle"),
        (lambda m, rows, columns: m + rows + columns - 2, "the weights have to move in first"),
        (lambda m, rows, columns: rows + m, "has to cross the array"),
        (lambda m, rows, columns: 2 * rows + m - 1, "to the right as well"),
        (lambda m, rows, columns: 2 * rows + columns + m, "one step less"),
        (lambda m, rows, columns: 2 * rows + columns + m - 1, "one step less"),
        (lambda m, rows, columns: 3 * rows + m - 2, "need not be square"),
        (lambda m, rows, columns: rows * columns + m + rows + columns - 2, "a whole row of"),
    ],
)
def one_tile_cycles(answer, rng):
    hints = {
        6: "a new row enters in each cycle, but before that the weights move in, and after that "
        "the last row moves out",
        12: "the weights have to move in first, one row of the array in each cycle",
        10: "the last row has to cross the array, down and to the right, before it is out",
        13: "the last row has to cross the array, down and to the right as well",
        18: "from the first to the last of r rows it is one step less than r, and so for columns",
        17: "from the first to the last of r rows it is one step less than r, and so for columns",
        28: "a whole row of weights moves in with each cycle",
    }
    _one_case(answer, 6, 4, 4, lambda got: hints.get(got, "the player has 16 frames"))
    sizes = [(9, 3, 5), *(tuple(rng.randint(1, 300) for _ in range(3)) for _ in range(10))]
    for m, rows, columns in sizes:
        _one_case(answer, m, rows, columns, lambda got: "an array need not be square")


def _one_case(answer, m, rows, columns, hint):
    got, right = answer(m, rows, columns), _one_tile(m, rows, columns)
    case = f"a batch of {m} on {rows} × {columns} cells: got {got}, expected {right}"
    assert got == right, f"{case}: {hint(got)}"


_load = solution("12.t2")


@exercise(
    "12.t2",
    title="a tile arrives",
    wrong=[
        (always(1350), "got 1350"),
        (lambda r, c, size, rate, clock: max(r, r * c * size / rate * clock), "a whole number"),
        (lambda r, c, size, rate, clock: max(r, int(r * c * size / rate * clock)), "round up"),
        (lambda r, c, size, rate, clock: math.ceil(r * c * size / rate * clock), "at least"),
        (lambda r, c, size, rate, clock: min(r, math.ceil(r * c * size / rate * clock)),
         "the memory takes longer"),
        (lambda r, c, size, rate, clock: r, "the memory takes longer"),
        (lambda r, c, size, rate, clock: max(r, math.ceil(r * c / rate * clock)), "itemsize bytes"),
        (lambda r, c, size, rate, clock: max(r, math.ceil(r * r * size / rate * clock)),
         "not square"),
        (lambda r, c, size, rate, clock: r + math.ceil(r * c * size / rate * clock),
         "as they arrive"),
        (lambda r, c, size, rate, clock: r * c * size / rate, "in seconds"),
        (lambda r, c, size, rate, clock: max(r, math.ceil(rate / (r * c * size) * clock)),
         "bytes over bandwidth"),
        (lambda *tile: _load(*tile) + 1, "one fewer"),
        (lambda r, c, size, rate, clock: max(r, int(r * c * size / rate * clock) + 1), "one fewer"),
        (lambda r, c, size, rate, clock: max(r, round(r * c * size / rate * clock + 0.5)),
         "one fewer"),
        (lambda r, c, size, rate, clock: max(c, math.ceil(r * c * size / rate * clock)),
         "one row goes in each cycle"),
        (lambda r, c, size, rate, clock: max(r, math.ceil(8 * r * c * size / rate * clock)),
         "bytes, not bits"),
    ],
)  # fmt: skip
def tile_load_cycles(answer, rng):
    for itemsize in (2, *(rng.choice((1, 2, 4)) for _ in range(6))):
        rows = rng.randint(80, 256)
        _one_load(answer, rng, rows, rng.randint(3 * rows, 6 * rows), itemsize)
    for _ in range(5):  # a memory so fast that the array itself is the limit
        rows = rng.randint(64, 256)
        _one_load(answer, rng, rows, rng.randint(rows // 4, rows // 2), rng.choice((1, 2, 4)))
    for _ in range(3):  # 8 bytes a cycle: powers of two, so that no way of dividing rounds
        rows, columns, itemsize = (2 ** rng.randint(*sizes) for sizes in ((6, 8), (6, 8), (0, 2)))
        _compare_load(answer, rows, columns, itemsize, 2.0**33, 2.0**30)
    # The same with an odd number of cycles: where round goes to the even one, it shows.
    rows, columns = 8 * (2 * rng.randint(5, 15) + 1), 2 * rng.randint(5, 99) + 1
    _compare_load(answer, rows, columns, 1, 2.0**33, 2.0**30)


def _one_load(answer, rng, rows, from_memory, itemsize):
    """One tile that memory brings in a little less than `from_memory` whole cycles."""
    columns = rows + rng.randint(16, 64)
    clock_hz, exact = rng.uniform(0.5e9, 2e9), from_memory - rng.uniform(0.2, 0.8)
    bytes_per_s = rows * columns * itemsize / exact * clock_hz
    _compare_load(answer, rows, columns, itemsize, bytes_per_s, clock_hz)


def _compare_load(answer, rows, columns, itemsize, bytes_per_s, clock_hz):
    exact = rows * columns * itemsize / bytes_per_s * clock_hz
    from_memory = math.ceil(exact)
    got = answer(rows, columns, itemsize, bytes_per_s, clock_hz)
    right = _load(rows, columns, itemsize, bytes_per_s, clock_hz)
    case = (
        f"{rows} × {columns} weights of {itemsize} bytes, {bytes_per_s / 1e9:.2f} GB/s, "
        f"{clock_hz / 1e9:.3f} GHz"
    )
    square = math.ceil(exact * rows / columns)
    narrow = math.ceil(exact / itemsize)
    suspects = [
        (exact, "answer with a whole number of cycles"),
        (exact / clock_hz, "that is in seconds: how many cycles are they?"),
        (right + 1, "one fewer is enough"),
        (from_memory - 1, "then the last weights aren't there yet: round up"),
        (math.ceil(8 * exact), "those are bytes, not bits"),
        (rows + from_memory, "weights go in as they arrive, so only the longer of the two counts"),
    ]
    if from_memory > rows:
        suspects += [
            (rows, "that's what the array needs to let them in, and the memory takes longer"),
            (narrow, "each weight has itemsize bytes"),
            (square, "this array is not square: rows times columns"),
        ]
    else:
        words = f"one row goes in each cycle, so {rows} rows take at least {rows}"
        suspects += [(from_memory, words), (columns, words)]
    assert_right(got, right, case, suspects, "bytes over bandwidth is a time; how many cycles?")
