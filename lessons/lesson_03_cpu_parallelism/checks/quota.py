"""Exercise 03.4: when a job under a quota of CPU time is done."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_done_s = solution("03.4")


def _burst(work_s, n_threads, allowed_s, period_s, n_used_up):
    """Seconds to the end when `n_used_up` periods are used up before the last one."""
    return n_used_up * period_s + (work_s - n_used_up * allowed_s) / n_threads


def _counts_last_pause(work_s, n_threads, quota_cores, period_s):
    if n_threads <= quota_cores:
        return work_s / n_threads
    return math.ceil(work_s / (quota_cores * period_s)) * period_s


def _last_at_quota(work_s, n_threads, quota_cores, period_s):
    if n_threads <= quota_cores:
        return work_s / n_threads
    return work_s / quota_cores


def _ignores_free_threads(work_s, n_threads, quota_cores, period_s):
    allowed_s = quota_cores * period_s
    return _burst(work_s, n_threads, allowed_s, period_s, math.ceil(work_s / allowed_s) - 1)


def _one_used_up_at_least(work_s, n_threads, quota_cores, period_s):
    if n_threads <= quota_cores:
        return work_s / n_threads
    allowed_s = quota_cores * period_s
    n_used_up = max(1, math.ceil(work_s / allowed_s) - 1)
    return _burst(work_s, n_threads, allowed_s, period_s, n_used_up)


def _one_period_at_least(work_s, n_threads, quota_cores, period_s):
    right = _done_s(work_s, n_threads, quota_cores, period_s)
    return right if n_threads <= quota_cores else max(period_s, right)


def _uses_up_the_last(work_s, n_threads, quota_cores, period_s):
    if n_threads <= quota_cores:
        return work_s / n_threads
    allowed_s = quota_cores * period_s
    return _burst(work_s, n_threads, allowed_s, period_s, math.floor(work_s / allowed_s))


def _without_a_floor(work_s, n_threads, quota_cores, period_s):
    """Counts -1 periods before the last one where there is no work."""
    if n_threads <= quota_cores:
        return work_s / n_threads
    allowed_s = quota_cores * period_s
    return _burst(work_s, n_threads, allowed_s, period_s, math.ceil(work_s / allowed_s) - 1)


def _free_below_half(work_s, n_threads, quota_cores, period_s):
    if 2 * n_threads <= quota_cores:
        return work_s / n_threads
    return _ignores_free_threads(work_s, n_threads, quota_cores, period_s)


def _with(quota=lambda q: q, threads=lambda n, q: n):
    """The right rule for another quota or another number of threads."""
    return lambda w, n, q, p: _done_s(w, threads(n, q), quota(q), p)


def _down_to_a_multiple(n, q):
    return n if n <= q else n // q * q


def _up_to_a_multiple(n, q):
    return n if n <= q else math.ceil(n / q) * q


_COUNT = "how many periods does it use up before its last one, and what is left for that one?"
_PAUSE = "when the quota is used up, all threads stop until the next period"
_LAST = "there is no pause after the last piece of work"
_BURST = "in each period they burst on all threads, then stop; so in the last, too"
_FREE = "with no more threads than the quota, they are never stopped"
_SHORT = "it is done before the first period's quota is used up, so nothing stops it"
_NOTHING = "where there is no work, no period is used up before the last one"
_FULL = "the last period may be used up, too: count those *before* it"
_QUOTA = "a quota need not be a whole number of cores: take it as it is"
_THREADS = "the number of threads need not be a multiple of the quota"


@exercise(
    "03.4",
    title="under a quota",
    wrong=[
        (always(0.3), "got 0.3"),
        (lambda w, n, q, p: w / n, "stop until the next period"),
        (lambda w, n, q, p: w / min(n, q), "burst"),
        (_last_at_quota, "burst"),
        (_counts_last_pause, "no pause after"),
        (_ignores_free_threads, "never stopped"),
        (_free_below_half, "never stopped"),
        (_one_used_up_at_least, "nothing stops it"),
        (_one_period_at_least, "nothing stops it"),
        (_uses_up_the_last, "count those *before* it"),
        (_without_a_floor, "no work"),
        (lambda *args: round(_done_s(*args), 2), "what is left for that one"),
        (lambda w, n, q, p: _done_s(w, n, q, 0.1), "what is left for that one"),
        (_with(quota=int), "not be a whole number"),
        (_with(quota=lambda q: max(1, int(q))), "not be a whole number"),
        (_with(quota=math.ceil), "not be a whole number"),
        (_with(threads=_down_to_a_multiple), "not be a multiple"),
        (_with(threads=_up_to_a_multiple), "not be a multiple"),
    ],
)
def done_s(answer, rng):
    def case(n_threads, quota, n_periods, period_s=None, hint=""):
        """One job that needs the quota of `n_periods`, which may be a fraction."""
        period_s = period_s or rng.choice((0.05, 0.1))
        _one_job(answer, n_periods * quota * period_s, n_threads, quota, period_s, hint)

    # Each ends inside a period: the very end of one is often a matter of rounding.
    for _ in range(20):
        quota = rng.choice((1, 2, 4))
        n_threads = quota * rng.choice((2, 4, 8, 16))
        case(n_threads, quota, rng.randint(1, 6) + rng.uniform(0.2, 0.8))
    for n_threads, quota in ((2, 4), (3, 4), (3, 3), (1, 1.5), (rng.randint(5, 7), 8)):
        for n_periods in (rng.uniform(0.1, 0.3), rng.randint(2, 6) + rng.uniform(0.2, 0.8)):
            case(n_threads, quota, n_periods, hint=_FREE)
    for quota in (1, 2, 4):
        case(quota * rng.choice((2, 4, 8, 16)), quota, rng.uniform(0.1, 0.9), hint=_SHORT)
    for n_threads, quota in ((3, 2), (7, 4), (5, 3), (rng.randrange(9, 64, 2), 2)):
        case(n_threads, quota, rng.randint(1, 6) + rng.uniform(0.2, 0.8), hint=_THREADS)
        case(n_threads, quota, rng.uniform(0.1, 0.9), hint=_THREADS)
    for n_threads, quota in ((1, 0.5), (4, 0.5), (2, 1.5), (rng.randint(3, 64), 2.5)):
        case(n_threads, quota, rng.randint(1, 6) + rng.uniform(0.2, 0.8), hint=_QUOTA)
        case(n_threads, quota, rng.uniform(0.1, 0.9), hint=_QUOTA)
    for quota in (0.5, 1, 2, 4):  # in powers of two nothing is rounded
        n_threads = rng.choice((8, 16, 32, 64))
        case(n_threads, quota, rng.randint(1, 6), period_s=0.125, hint=_FULL)
    for n_threads, quota in ((2, 4), (rng.randint(5, 64), 2)):
        case(n_threads, quota, 0, hint=_NOTHING)


def _one_job(answer, work_s, n_threads, quota, period_s, hint):
    args = (work_s, n_threads, quota, period_s)
    right = _done_s(*args)
    case = f"{work_s:.4g} s of work on {n_threads} threads, quota {quota}, period {period_s} s"
    try:
        got = answer(*args)
    except ZeroDivisionError:
        raise AssertionError(f"{case}: you divide by 0: {hint or _QUOTA}") from None
    suspects = []
    if not hint:
        suspects = [
            (work_s / n_threads, _PAUSE),
            (_counts_last_pause(*args), _LAST),
            (work_s / quota, _BURST),
        ]
    assert_right(got, right, case, suspects, hint or _COUNT)
