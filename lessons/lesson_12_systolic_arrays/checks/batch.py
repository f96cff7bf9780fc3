"""Exercise 12.5: the largest batch that keeps a limit."""

import math

from labkit.teach.registry import always, exercise, solution

_layer = solution("12.3")


def _latency_s(batch, arrivals_per_s, layers, size, load_cycles, clock_hz):
    cycles = sum(_layer(batch, k, n, size, size, load_cycles) for k, n in layers)
    return batch / arrivals_per_s + cycles / clock_hz


_largest_batch = solution("12.5")


def _array_only(limit_s, _arrivals_per_s, layers, size, load_cycles, clock_hz):
    """Wrong: it forgets that a batch has to fill; given up at 10,000."""
    rest = math.inf, layers, size, load_cycles, clock_hz
    return next((b - 1 for b in range(1, 10_000) if _latency_s(b, *rest) > limit_s), 10_000)


def _never_busy_for_long(limit_s, rate, layers, size, load_cycles, clock_hz):
    """Wrong: the next tile always waits for its weights, however long the batch."""
    batch = 0
    while True:
        m = batch + 1
        tiles = [math.ceil(k / size) * math.ceil(n / size) for k, n in layers]
        cycles = sum(n * load_cycles + m + 2 * size - 2 for n in tiles)
        if m / rate + cycles / clock_hz > limit_s:
            return batch
        batch = m


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
        (lambda *args: min(200, _largest_batch(*args)), "is not the largest"),
        (_never_busy_for_long, "it takes"),
    ],
    max_time_s=20.0,
)
def largest_batch(answer, rng):
    # Two batches are so large that they, and not the load, decide how long a tile takes.
    for batches in (*[(20, 190)] * 4, (2000, 3000), (2000, 3000)):
        layers = [
            (rng.randint(1000, 3000), rng.randint(1000, 3000)) for _ in range(rng.randint(2, 4))
        ]
        size, rate = rng.choice((64, 128, 256)), rng.uniform(20e3, 80e3)
        rest = rate, layers, size, size + rng.randint(0, 1000), rng.uniform(0.5e9, 1e9)
        limit_s = _latency_s(rng.randint(*batches), *rest) + 0.5 / rate
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
