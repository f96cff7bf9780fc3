"""Exercise 14.1: how many accelerators can one storage feed?"""

import math

from labkit.teach.registry import always, exercise, solution

_most = solution("14.1")


def _in_turns(sample_bytes, batch, step_s, storage_bytes_per_s, least):
    """As if nobody loaded ahead: utilisation = step / (step + load)."""
    allowed_s = step_s / least - step_s
    return math.floor(allowed_s * storage_bytes_per_s / (batch * sample_bytes))


def _changed(change):
    return lambda size, batch, step_s, storage, least: _most(*change(size, batch, step_s, storage, least))  # fmt: skip  # noqa: E501


@exercise(
    "14.1",
    title="how many can it feed?",
    wrong=[
        (always(4), "expected"),
        (_changed(lambda b, n, t, s, u: (b, n, t, s, 1.0)), "may wait"),
        (_changed(lambda b, n, t, s, u: (b, n, t, s * u, 1.0)), "divide by"),
        (_in_turns, "while it computes"),
        (_changed(lambda b, n, t, s, u: (b, 1, t, s, u)), "whole batch"),
        (lambda *given: _most(*given) + 1, "one more"),
        (lambda b, n, t, s, u: s * t / (u * b * n), "whole number"),
        (lambda *given: max(1, _most(*given)), "not even one"),
        (lambda b, n, t, s, u: round(s * t / (u * b * n) - 0.5), "it feeds one more"),
        (lambda b, n, t, s, u: math.ceil(s * t / (u * b * n)) - 1, "it feeds one more"),
        (_changed(lambda b, n, t, s, u: (b / 8, n, t, s, u)), "bytes, not bits"),
        (lambda *given: min(100, _most(*given)), "expected"),
        (_changed(lambda b, n, t, s, u: (b, n, 1.0, s, u)), "expected"),
    ],
)
def most_accelerators(answer, rng):
    for _ in range(20):
        _one_storage(answer, rng, rng.randint(2, 60))
    _one_storage(answer, rng, 0)
    _one_storage(answer, rng, rng.randint(1000, 5000))
    # Exactly enough for an odd number; powers of two, so that no way of dividing rounds.
    n = 2 * rng.randint(2, 30) + 1
    _compare(answer, n, (2.0**20, 32, 0.5, n * 2.0**25, 0.5))


def _one_storage(answer, rng, n):
    """A storage that feeds `n`, and not nearly n + 1."""
    sample_bytes, batch = 10 ** rng.uniform(4, 8), rng.randint(4, 400)
    step_s, least = rng.uniform(0.05, 1), rng.choice((0.7, 0.8, 0.9))
    each = least * batch * sample_bytes / step_s
    storage = (n + rng.uniform(0.2, 0.8)) * each
    _compare(answer, n, (sample_bytes, batch, step_s, storage, least))


def _compare(answer, n, given):
    sample_bytes, batch, step_s, storage, least = given
    got, right = answer(*given), _most(*given)
    case = (
        f"batches of {batch} samples of {sample_bytes:.4g} bytes, steps of {step_s:.3g} s, "
        f"{storage:.4g} B/s, utilisation {least}"
    )
    assert float(got).is_integer(), f"{case}: got {got}: answer with a whole number"
    if got == right:
        return
    hint = ""
    if n == 0 and got == 1:
        hint = ": it feeds not even one well enough"
    elif got == _in_turns(*given):
        hint = ": it loads while it computes, so a step lasts as long as the longer of the two"
    elif got == math.floor(storage * step_s / (batch * sample_bytes)):
        hint = ": each may wait a little: a step may last step_s / least_utilisation"
    elif got == math.floor(storage * least * step_s / (batch * sample_bytes)):
        hint = ": a lower utilisation feeds more of them, so divide by it"
    elif got == right - 1:
        hint = ": it feeds one more well enough"
    elif got == right + 1:
        hint = ": with that one more, all of them wait too long: round down"
    elif got == math.floor(8 * storage * step_s / (least * batch * sample_bytes)):
        hint = ": sizes and rates are both in bytes, not bits"
    elif got > 3 * right:
        hint = ": a step needs a whole batch"
    raise AssertionError(f"{case}: got {got:g}, expected {right}{hint}")
