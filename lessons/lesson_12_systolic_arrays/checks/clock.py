"""Checks of lesson 12: cycles, padding, a layer, the clock of an array, a batch under a limit."""

import math

import numpy as np

from labkit.systolic import MatrixUnit
from labkit.teach.registry import always, exercise, solution

_one_tile = solution("12.1")


@exercise(
    "12.1",
    title="the cycles of one tile",
    wrong=[
        (always(16), "a batch of 9"),
        (lambda m, rows, columns: m + rows + columns - 2, "weights have to move in first"),
        (lambda m, rows, columns: rows + m, "has to cross the array"),
        (lambda m, rows, columns: 2 * rows + columns + m, "one step less"),
        (lambda m, rows, columns: 3 * rows + m - 2, "need not be square"),
        (lambda m, rows, columns: m, "a new row enters in each cycle"),
    ],
)
def one_tile_cycles(answer, rng):
    got = answer(6, 4, 4)
    assert got != 6, (
        "in the middle a new row enters in each cycle, but before that the weights move in, and "
        "after that the last row moves out"
    )
    assert got != 12, "the weights have to move in first, one row of the array in each cycle"
    assert got != 10, "the last row has to cross the array, down and to the right, before it is out"
    assert got != 18, (
        "from the first to the last of r rows it is one step less than r, and so for the columns"
    )
    assert got == 16, f"a batch of 6 on 4 × 4 cells: got {got}, the lesson's player has 16 frames"
    cases = [(9, 3, 5), *(tuple(rng.randint(1, 300) for _ in range(3)) for _ in range(10))]
    for m, rows, columns in cases:
        got, right = answer(m, rows, columns), _one_tile(m, rows, columns)
        assert got == right, (
            f"a batch of {m} on {rows} × {columns} cells: got {got}, expected {right}. An array "
            f"need not be square"
        )


_real_share = solution("12.2")


@exercise(
    "12.2",
    title="the cost of padding",
    wrong=[
        (always(0.25390625), "expected 1"),
        (lambda k, n, r, c: 1 - _real_share(k, n, r, c), "the share that is real"),
        (lambda k, n, r, c: 1 / _real_share(k, n, r, c), "at most 1"),
        (lambda k, n, r, c: n / (math.ceil(n / c) * c), "both sides"),
        (lambda k, n, r, c: k / (math.ceil(k / r) * r), "both sides"),
        (lambda k, n, r, c: min(1.0, k * n / (r * c)), "whole tiles"),
        (
            lambda k, n, r, c: k * n / ((k // r + 1) * r * (n // c + 1) * c),
            "fits exactly",
        ),
    ],
)
def real_share(answer, rng):
    got = answer(128, 128, 128, 128)
    assert math.isclose(got, 1) or not math.isclose(got, 0.25), (
        "128 × 128 weights on 128 × 128 cells: got 0.25, but that fits exactly, into one tile"
    )
    assert not math.isclose(got, 0), (
        "got 0 where nothing is padding: asked is the share that is real"
    )
    assert math.isclose(got, 1), f"128 × 128 weights fill 128 × 128 cells: got {got:g}, expected 1"
    got = answer(129, 129, 128, 128)
    assert got <= 1, f"129 on 128: got {got:g}, but a share is at most 1: real weights ÷ all slots"
    assert not math.isclose(got, 129 / 256), "both sides are padded, rows and columns"
    assert not math.isclose(got, 1), (
        "129 on 128: got 1, but weights come in whole tiles, here four, and most of it is padding"
    )
    cases = [(129, 129, 128, 128)]
    cases += [tuple(rng.randint(1, 600) for _ in range(4)) for _ in range(20)]
    for k, n, rows, columns in cases:
        got, right = answer(k, n, rows, columns), _real_share(k, n, rows, columns)
        assert math.isclose(got, right), (
            f"fresh sizes: {k} × {n} weights on {rows} × {columns} cells: got {got:.4g}, expected "
            f"{right:.4g}: real weights ÷ weights in whole tiles"
        )


_layer = solution("12.3")


def _layer_with(period=max, first=1, tiles=math.ceil, drain=1):
    """A wrong answer to 12.3: the formula with one part of it changed."""

    def wrong(m, k, n, rows, columns, load):
        n_tiles = tiles(k / rows) * tiles(n / columns)
        way = drain * (rows + columns - 2)
        return first * load + (n_tiles - 1) * period(m, load) + m + way

    return wrong


@exercise(
    "12.3",
    title="the cycles of a layer",
    wrong=[
        (always(20), "counts as a whole one"),
        (_layer_with(period=lambda m, load: m + load), "while the array still works"),
        (_layer_with(period=lambda m, load: m), "cannot start before"),
        (_layer_with(period=lambda m, load: load), "a long stream"),
        (_layer_with(first=0), "the first tile"),
        (_layer_with(drain=0), "the last tile"),
        (_layer_with(tiles=lambda x: max(1, math.floor(x))), "counts as a whole one"),
        (
            lambda m, k, n, r, c, load: math.ceil(k / r) * math.ceil(n / c)
            * (load + m + r + c - 2),
            "while the array still works",
        ),
    ],
)  # fmt: skip
def layer_cycles(answer, rng):
    one = answer(10, 4, 4, 4, 4, 4)
    assert one != 10 + 6, "a single tile: the first tile has nothing to hide its load behind"
    assert one != 10 + 4, "a single tile: the last tile has to cross the array before all is done"
    assert one == 20, f"a batch of 10 and a single tile on 4 × 4 cells: got {one}, expected 20"
    assert answer(10, 5, 4, 4, 4, 4) != one, (
        "5 rows of weights on 4 × 4 cells: a tile of which one row is real counts as a whole one"
    )
    slow = answer(3, 8, 4, 4, 4, 9) - answer(3, 4, 4, 4, 4, 9)
    long = answer(30, 8, 4, 4, 4, 9) - answer(30, 4, 4, 4, 4, 9)
    assert slow != 12 and slow != 18 and long not in (39, 45), (  # noqa: PT018
        "a second tile costs too much: its weights come in while the array still works on the first"
    )
    assert slow != 3, "a load of 9 and a batch of 3: a tile cannot start before its weights are in"
    assert long != 9, "a load of 9 and a batch of 30: behind a long stream the load is hidden"
    for _ in range(8):
        m, k, n, rows, columns = (rng.randint(1, top) for top in (20, 30, 30, 8, 8))
        load = rows + rng.choice((0, 0, 5, 20))
        a, w = np.ones((m, k), np.int8), np.ones((k, n), np.int8)
        cycles = MatrixUnit(rows, columns, load_cycles=load).run(a, w).count.cycles
        got = answer(m, k, n, rows, columns, load)
        assert got == cycles, (
            f"m, k, n = {m}, {k}, {n} on {rows} × {columns} cells with a load of {load}: got "
            f"{got}, but the simulated array took {cycles} cycles"
        )


_tick = solution("12.4")


def _still_old(inputs, weights, sums, entering):
    moved, _ = _tick(inputs, weights, sums, entering)
    above = np.vstack([np.zeros_like(sums[:1]), sums[:-1]])
    return moved, above + inputs * weights


def _rolled(inputs, weights, sums, entering):
    moved, _ = _tick(inputs, weights, sums, entering)
    return moved, np.roll(sums, 1, axis=0) + moved * weights


def _in_place(inputs, weights, sums, entering):
    inputs[:, 1:] = inputs[:, :-1].copy()
    inputs[:, 0] = entering
    return inputs, _tick(inputs, weights, sums, entering)[1]


@exercise(
    "12.4",
    title="the clock of an array",
    wrong=[
        (always((np.zeros((2, 3), int), np.zeros((2, 3), int))), "inputs move right"),
        (lambda i, w, s, e: (i, s + i * w), "inputs move right"),
        (lambda i, w, s, e: (_tick(i, w, s, e)[0], s + _tick(i, w, s, e)[0] * w), "move down"),
        (_still_old, "after they have moved"),
        (_rolled, "the first row starts at 0"),
        (_in_place, "changes what it is given"),
        (lambda i, w, s, e: _tick(i, w, s, e)[1], "two arrays"),
    ],
)
def tick(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for rows, columns in ((2, 3), (4, 4), (3, 1), (1, 5)):
        inputs, weights, sums = (draw.integers(1, 50, (rows, columns)) for _ in range(3))
        entering = draw.integers(1, 50, rows)
        _compare_tick(answer(inputs, weights, sums, entering), inputs, weights, sums, entering)
    _run_array(answer, draw)


def _compare_tick(got, inputs, weights, sums, entering):
    assert isinstance(got, tuple) and len(got) == 2, (  # noqa: PT018
        "return two arrays: the new inputs and the new sums"
    )
    moved, new_sums = (np.asarray(array) for array in got)
    right = _tick(inputs, weights, sums, entering)
    case = f"{inputs.shape[0]} × {inputs.shape[1]} cells"
    assert np.array_equal(moved, right[0]), (
        f"{case}: the inputs are not right. All inputs move right by one, and `entering` is the "
        f"new first column"
    )
    assert not np.array_equal(new_sums, sums + moved * weights), (
        f"{case}: the sums have to move down by one as well before the products are added"
    )
    for old in (inputs * weights, np.roll(inputs, 1, axis=1) * weights):
        assert not np.array_equal(new_sums - right[1] + right[0] * weights, old) or (
            np.array_equal(new_sums, right[1])
        ), f"{case}: multiply the inputs after they have moved, not before"
    assert np.array_equal(new_sums[1:], right[1][1:]), f"{case}: the sums below the first are wrong"
    assert np.array_equal(new_sums, right[1]), (
        f"{case}: nothing comes from above into the first row: the first row starts at 0"
    )


def _run_array(answer, draw):
    """A whole product with the student's clock: skewed inputs in, results out at the foot."""
    m, rows, columns = 5, 3, 4
    a, w = draw.integers(-9, 10, (m, rows)), draw.integers(-9, 10, (rows, columns))
    inputs, sums = np.zeros((2, rows, columns), int)
    result = np.zeros((m, columns), int)
    for cycle in range(m + rows + columns - 2):
        entering = [a[cycle - i, i] if 0 <= cycle - i < m else 0 for i in range(rows)]
        inputs, sums = answer(inputs, w, sums, np.array(entering))
        for j in range(columns):
            if 0 <= (t := cycle - rows + 1 - j) < m:
                result[t, j] = sums[-1, j]
    assert np.array_equal(result, a @ w), "a 5 × 3 by 3 × 4 product on your clock is not a @ w"


def _latency_s(batch, arrivals_per_s, layers, size, load_cycles, clock_hz):
    cycles = sum(_layer(batch, k, n, size, size, load_cycles) for k, n in layers)
    return batch / arrivals_per_s + cycles / clock_hz


_largest_batch = solution("12.5")


def _array_only(limit_s, _arrivals_per_s, layers, size, load_cycles, clock_hz):
    """Wrong: it forgets that a batch has to fill; given up at 10,000."""
    rest = math.inf, layers, size, load_cycles, clock_hz
    return next((b - 1 for b in range(1, 10_000) if _latency_s(b, *rest) > limit_s), 10_000)


@exercise(
    "12.5",
    title="a batch under a limit",
    wrong=[
        (always(200), "got 200"),
        (_array_only, "waits until the batch is full"),
        (lambda limit_s, rate, *rest: int(limit_s * rate), "through the array as well"),
        (lambda *args: _largest_batch(*args) + 1, "one too many"),
        (lambda *args: max(1, _largest_batch(*args) - 1), "is not the largest"),
        (
            lambda limit_s, rate, layers, *rest: _largest_batch(limit_s, rate, layers[:1], *rest),
            "all layers",
        ),
        (lambda *args: max(1, _largest_batch(*args)), "return 0"),
    ],
    max_time_s=20.0,
)
def largest_batch(answer, rng):
    for _ in range(6):
        layers = [
            (rng.randint(1000, 3000), rng.randint(1000, 3000)) for _ in range(rng.randint(2, 4))
        ]
        size, rate = rng.choice((64, 128, 256)), rng.uniform(20e3, 80e3)
        rest = rate, layers, size, size + rng.randint(0, 1000), rng.uniform(0.5e9, 1e9)
        limit_s = _latency_s(rng.randint(20, 190), *rest) + 0.5 / rate
        got, right = answer(limit_s, *rest), _largest_batch(limit_s, *rest)
        takes_s = _latency_s(got, *rest)
        case = (
            f"limit {limit_s * 1e3:.3f} ms, {rate:.0f} requests/s, {len(layers)} layers on "
            f"{size} × {size} cells: got {got}"
        )
        assert got != int(limit_s * rate) or got == right, (
            f"{case}. A full batch has to go through the array as well"
        )
        assert got != _array_only(limit_s, *rest) or got == right, (
            f"{case}. The first request waits until the batch is full: batch ÷ arrivals"
        )
        first = _largest_batch(limit_s, rate, layers[:1], *rest[2:])
        assert got != first or got == right, f"{case}. It goes through all layers, one by one"
        assert got != right + 1, f"{case}, one too many: it takes {takes_s * 1e3:.3f} ms"
        assert got <= right, f"{case}: it takes {takes_s * 1e3:.3f} ms"
        assert got == right, f"{case} is not the largest: {right} are answered in time too"
    assert answer(1e-6, *rest) == 0, (
        "a limit of 1 µs: not even a batch of 1 is answered in time, so return 0"
    )
