"""Exercise 04.5: the largest batch that keeps the limit and keeps up."""

from labkit.teach.registry import always, exercise, solution

_largest_batch = solution("04.5")


def _largest_with(rate, start_s, each_s, limit_s, *, waits=True, keeps_up=True, early=0):
    """A wrong answer to 04.5: a condition is left out, or it has to be done `early` requests."""
    for b in range(10_000, 0, -1):
        run_s = start_s + b * each_s
        waited_s = (b - 1) / rate if waits else 0
        if waited_s + run_s <= limit_s and (run_s <= (b - early) / rate or not keeps_up):
            return b
    return 0


def _by_division(rate, start_s, each_s, limit_s):
    """A wrong answer to 04.5: a machine that falls behind with each request keeps up, too."""
    fewest = start_s / (1 / rate - each_s)
    most = int((limit_s - start_s + 1 / rate) / (each_s + 1 / rate))
    return most if most >= fewest else 0


def _smallest_batch(rate, start_s, each_s, limit_s):
    for b in range(1, 10_001):
        if start_s + b * each_s <= b / rate:
            return b
    return 0


@exercise(
    "04.5",
    title="waiting for the batch",
    wrong=[
        (always(8), "got 8"),
        (lambda r, s, e, m: _largest_with(r, s, e, m, waits=False), "has waited"),
        (lambda r, s, e, m: _largest_with(r, s, e, m, keeps_up=False), "does not keep up"),
        (_smallest_batch, "larger one"),
        (lambda r, s, e, m: _largest_batch(r, s, e, m) - 1, "larger one"),
        (lambda r, s, e, m: _largest_batch(r, s, e, m) + 1, "has waited"),
        (lambda r, s, e, m: _largest_with(r, s, e, m, early=1), "just keeps up"),
        (_by_division, "falls behind"),
        (lambda r, s, e, m: _largest_batch(r, s, e, m * (1 - 1e-9)), "at most means"),
        (lambda r, s, e, m: min(1000, _largest_batch(r, s, e, m)), "up to 10,000"),
    ],
)
def largest_batch(answer, rng):
    for _ in range(8):
        rate = 10 ** rng.uniform(2.5, 3.5)
        each_s = rng.uniform(0.2, 0.5) / rate
        fewest = rng.randint(4, 12)  # with this batch the machine just keeps up
        start_s = (fewest - 0.5) * (1 / rate - each_s)
        most = fewest + rng.randint(5, 40)
        limit_s = (most - 0.5) / rate + start_s + most * each_s
        args = (rate, start_s, each_s, limit_s)
        got, right = answer(*args), _largest_batch(*args)
        case = (
            f"{rate:.0f} a second, {start_s * 1e3:.2f} + b x {each_s * 1e3:.3f} ms, limit "
            f"{limit_s * 1e3:.1f} ms: got {got}, expected {right}"
        )
        assert got <= right, (
            f"{case}. Before the batch runs, its first request has waited for b - 1 others"
        )
        assert got == right, f"{case}: a larger one keeps the limit and keeps up as well"
        tight = (rate, start_s, each_s, 0.5 / rate + start_s + each_s)
        assert answer(*tight) == 0, (
            f"limit {tight[3] * 1e3:.2f} ms: got {answer(*tight)}, which does not keep up: its "
            f"batch is not done when the next one is complete, so return 0"
        )
        just = (rate, start_s, each_s, (fewest - 0.5) / rate + start_s + fewest * each_s)
        assert answer(*just) == fewest, (
            f"limit {just[3] * 1e3:.2f} ms: got {answer(*just)}, expected {fewest}: it is done "
            f"before the next one is complete, so it just keeps up"
        )
        many = rng.randint(3000, 9000)
        late = (rate, start_s, each_s, (many - 0.5) / rate + start_s + many * each_s)
        assert answer(*late) == many, (
            f"limit {late[3]:.2f} s: got {answer(*late)}, expected {many}: try all batches up to "
            f"10,000"
        )
        slow = (rate, start_s, 1.3 / rate, 3 * limit_s)
        assert answer(*slow) == 0, (
            f"{rate:.0f} a second, {slow[2] * 1e3:.3f} ms for each: got {answer(*slow)}, but "
            f"this machine falls behind with each request, whatever the batch: return 0"
        )
    unit_s = 2**-12  # sums of such times are exact
    for most in (4, 10):
        limit_s = (4 * (most - 1) + 12 + most) * unit_s
        got = answer(1024, 12 * unit_s, unit_s, limit_s)
        assert got == most, (
            f"1024 a second, {12 * unit_s * 1e3:.3f} + b x {unit_s * 1e3:.3f} ms, limit "
            f"{limit_s * 1e3:.3f} ms: got {got}, expected {most}, which takes as long as it may, "
            f"exactly: at most means that this counts"
        )
