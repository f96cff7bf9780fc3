"""Exercise 16.5: the smallest number of micro-batches for a small bubble."""

import math

from labkit.plan.pipeline import bubble_share
from labkit.teach.registry import always, exercise, solution

_batches_for = solution("16.5")


def _rounded(least, n_ranks):
    return n_ranks * max(1, math.ceil(least / n_ranks))


def _over_ideal(share, n_ranks, n_chunks):
    return _rounded((n_ranks - 1) / (share * n_chunks), n_ranks)


def _rounded_down(share, n_ranks, n_chunks):
    least = (n_ranks - 1) * (1 - share) / (share * n_chunks)
    return n_ranks * max(1, math.floor(least / n_ranks))


def _any_number(share, n_ranks, n_chunks):
    return max(1, math.ceil((n_ranks - 1) * (1 - share) / (share * n_chunks)))


def _p_for_p_less_one(share, n_ranks, n_chunks):
    return _rounded(n_ranks * (1 - share) / (share * n_chunks), n_ranks)


@exercise(
    "16.5",
    title="enough micro-batches",
    wrong=[
        (always(32), "got 32"),
        (_over_ideal, "over the whole time"),
        (_rounded_down, "more than"),
        (_any_number, "whole rounds"),
        (_p_for_p_less_one, "are enough"),
        (lambda share, p, v: _batches_for(share, p, 1), "n_chunks"),
        (lambda share, p, v: _batches_for(share, p, v) + p, "are enough"),
        (lambda share, p, v: _batches_for(share, p, v) * v, "n_chunks"),
        (lambda share, p, v: _batches_for(share, p, v) // p, "whole rounds"),
        (lambda share, p, v: 4 * p, "4"),
        (lambda share, p, v: p * round((p - 1) * (1 / share - 1) / v / p + 0.5), "met exactly"),
        (lambda share, p, v: p * int((p - 1) * (1 / share - 1) / v / p + 1), "met exactly"),
        (lambda share, p, v: 0 if share >= 0.8 else _batches_for(share, p, v), "one round"),
    ],
)
def batches_for(answer, rng):
    for n_chunks in (1, 1, 2, 3, 4):
        for share in (rng.uniform(0.3, 0.5), rng.uniform(0.01, 0.03), rng.uniform(0.04, 0.2)):
            _one(answer, share, rng.randint(5, 24), n_chunks)
    # Met exactly, after 2, 3 and 28 rounds; powers of two, so that no way of solving it rounds up.
    for case in ((1 / 4, 3, 1), (1 / 16, 5, 4), (1 / 64, 9, 2)):
        _one(answer, *case, is_exact=True)
    _one(answer, rng.uniform(0.8, 0.9), rng.randint(4, 9), rng.randint(1, 3))


def _one(answer, share, n_ranks, n_chunks, is_exact=False):
    got, right = answer(share, n_ranks, n_chunks), _batches_for(share, n_ranks, n_chunks)
    case = (
        f"at most {share:.2%} bubble, {n_ranks} ranks, n_chunks={n_chunks}: got {got} micro-batches"
    )
    assert got >= 1, f"{case}, and it takes at least one round: {n_ranks}"
    if right != got == _batches_for(share, n_ranks, 1) and n_chunks > 1:
        raise AssertionError(f"{case}: with several stages on a rank, n_chunks, fewer are enough")
    assert got % n_ranks == 0, (
        f"{case}: they come in whole rounds of {n_ranks}, so answer with a multiple of that"
    )
    assert not is_exact or got != right + n_ranks, (
        f"{case}, but with {right} the share is met exactly, and at most means that this is enough"
    )
    if got == _over_ideal(share, n_ranks, n_chunks) != right:
        raise AssertionError(
            f"{case}: that is the bubble over the ideal time; here it is over the whole time, so "
            f"{right} are enough"
        )
    if n_chunks > 1 and got == right * n_chunks:
        raise AssertionError(f"{case}: n_chunks divides them, and doesn't multiply: {right}")
    if got < right:
        bubble = bubble_share(n_ranks, int(got), n_chunks)
        raise AssertionError(f"{case}, whose bubble is {bubble:.2%}, more than that")
    assert got == right, f"{case}, but fewer are enough: {right}"
