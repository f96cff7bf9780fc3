"""Exercise 15.1: bus bandwidth."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_bus = solution("15.1")
COLLECTIVES = ("all-reduce", "reduce-scatter", "all-gather", "broadcast")


def _as(other):
    """The factor of one collective for all of them."""
    return lambda b, t, n, c: _bus(b, t, n, other)


@exercise(
    "15.1",
    title="what was on the bus",
    wrong=[
        (always(4e11), "expected"),
        (lambda b, t, n, c: b / t, "algorithm bandwidth"),
        (_as("all-reduce"), "half of an all-reduce"),
        (_as("all-gather"), "both halves"),
        (lambda b, t, n, c: _bus(b, t, n, c) * (n if c == "broadcast" else 1), "leave the first"),
        (lambda b, t, n, c: b * t * _bus(1, 1, n, c), "over the time"),
        (lambda b, t, n, c: b / t * 2 * (n - 1), "a part of the array"),
        (lambda b, t, n, c: b / t * n / (n - 1), "upside down"),
        (lambda b, t, n, c: b / t / _bus(1, 1, n, c), "upside down"),
        (lambda b, t, n, c: 2 * _bus(b, t, n, c), "once each way"),
        (lambda b, t, n, c: _bus(b, t, 8, c), "expected"),
        (lambda b, t, n, c: _bus(b, t, n, c) / 1e9, "bytes per second"),
        (lambda b, t, n, c: 8 * _bus(b, t, n, c), "bytes per second, not bits"),
        (lambda b, t, n, c: _bus(b, t, n, c) if n > 2 else b / t, "expected"),
    ],
)
def bus_bandwidth(answer, rng):
    for n_ranks in (rng.randint(3, 7), 8, rng.randint(9, 2000), 2):
        for collective in COLLECTIVES:
            _one(answer, rng, n_ranks, collective)


def _one(answer, rng, n_ranks, collective):
    n_bytes, time_s = 10 ** rng.uniform(3, 10), 10 ** rng.uniform(-5, 1)
    right, algorithm = _bus(n_bytes, time_s, n_ranks, collective), n_bytes / time_s
    case = f"{collective} of {n_bytes:.3g} bytes in {time_s:.3g} s on {n_ranks} ranks"
    halves = {
        "all-reduce": [(right / 2, "an all-reduce has both halves, one after the other")],
        "broadcast": [
            (algorithm * n_ranks, "all bytes leave the first rank only once, passed on by others"),
        ],
    }.get(collective, [(2 * right, "this is half of an all-reduce, so half of its factor")])
    if collective == "broadcast":
        words = "this is half of an all-reduce or all of it; in a broadcast all bytes leave once"
        halves += [(_bus(n_bytes, time_s, n_ranks, c), words) for c in ("all-gather", "all-reduce")]
    suspects = [
        *halves,
        (algorithm, "that's the algorithm bandwidth: the links carried another amount"),
        (2 * right, "each link carries this once each way, and one way counts"),
        (right / 1e9, "answer in bytes per second"),
        (8 * right, "answer in bytes per second, not bits"),
        (algorithm * 2 * (n_ranks - 1), "each message is only a part of the array, 1 / n of it"),
        (algorithm * n_ranks / (n_ranks - 1), "the factor is upside down"),
        (algorithm**2 / right, "the factor is upside down"),
        (right * time_s**2, "bandwidth is bytes over the time"),
    ]
    assert_right(answer(n_bytes, time_s, n_ranks, collective), right, case, suspects)
