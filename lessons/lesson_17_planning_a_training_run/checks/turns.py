"""The turns of lesson 17: the rule of six, and every way to share out chips."""

import numbers

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_days = solution("17.t1")
_sizes = solution("17.t2")

SERVER_CHIPS = 8


@exercise(
    "17.t1",
    title="the rule of six",
    wrong=[
        (always(33.5), "fresh numbers"),
        (lambda n, d, c, p, u: 6 * n * d / (c * p * u), "these are seconds"),
        (lambda n, d, c, p, u: 6 * n * d / (c * p * u) / 3600, "these are hours"),
        (lambda n, d, c, p, u: 6 * n * d / (c * p) / 86400, "only that part of the peak"),
        (lambda n, d, c, p, u: 6 * n * d * u / (c * p) / 86400, "divide by the MFU"),
        (lambda n, d, c, p, u: 2 * n * d / (c * p * u) / 86400, "the backward pass"),
        (lambda n, d, c, p, u: 8 * n * d / (c * p * u) / 86400, "computed twice"),
        (lambda n, d, c, p, u: 6 * n * d / (p * u) / 86400, "all chips together"),
        (lambda n, d, c, p, u: 6 * n / (c * p * u) / 86400, "for each token"),
    ],
)
def training_days(answer, rng):
    for _ in range(10):
        parameters, tokens = 10 ** rng.uniform(9, 12), 10 ** rng.uniform(10, 13)
        chips, peak = rng.randint(2, 20_000), rng.uniform(1e14, 2e15)
        mfu = rng.uniform(0.2, 0.7)
        right = _days(parameters, tokens, chips, peak, mfu)
        assert_right(
            answer(parameters, tokens, chips, peak, mfu),
            right,
            f"{parameters:.3g} parameters, {tokens:.3g} tokens, {chips} chips of {peak:.3g} "
            f"FLOP/s at an MFU of {mfu:.0%}",
            [
                (86400 * right, "these are seconds: a day has 86,400"),
                (24 * right, "these are hours: a day has 24"),
                (mfu * right, "the work gets only that part of the peak: the MFU is missing"),
                (mfu**2 * right, "a lower MFU takes longer: divide by the MFU"),
                (right / 3, "that's the forward pass: the backward pass takes twice as much more"),
                (right * 4 / 3, "8 counts what is computed twice, and the MFU must not"),
                (chips * right, "this is the time of one chip: divide by all chips together"),
                (right / tokens, "the 6 FLOP a parameter are for each token"),
            ],
            "wrong on fresh numbers: days are FLOP / (chips × peak × MFU) / 86,400",
        )


def _with(*, most=SERVER_CHIPS, heads=True, layers=True, all_used=True):
    """The list without one of its rules."""

    def sizes(chips, n_heads, n_layers):
        return [
            (tp, pp, chips // (tp * pp))
            for tp in range(1, most + 1)
            for pp in range(1, n_layers + 1)
            if (not heads or n_heads % tp == 0)
            and (not layers or n_layers % pp == 0)
            and chips >= tp * pp
            and (not all_used or chips % (tp * pp) == 0)
        ]

    return sizes


def _powers_of_two(chips, heads, layers):
    twos = (1, 2, 4, 8, 16, 32, 64)
    return [triple for triple in _sizes(chips, heads, layers) if set(triple[:2]) <= set(twos)]


@exercise(
    "17.t2",
    title="all splits",
    wrong=[
        (always([(8, 8, 16)]), "is missing"),
        (_with(most=64), "leaves the server"),
        (_with(heads=False), "heads"),
        (_with(layers=False), "layers"),
        (_with(all_used=False), "not all chips"),
        (_powers_of_two, "is missing"),
        (lambda c, h, n: [s for s in _sizes(c, h, n) if s[0] < SERVER_CHIPS], "is missing"),
        (lambda c, h, n: [s for s in _sizes(c, h, n) if s[2] > 1], "is missing"),
        (lambda c, h, n: [(pp, tp, dp) for tp, pp, dp in _sizes(c, h, n)], "is not possible"),
        (lambda c, h, n: [*_sizes(c, h, n), (1, 1, c)], "twice"),
        (lambda c, h, n: [s for s in _sizes(c, h, n) if s[0] > 1], "is missing"),
        (lambda c, h, n: [s for s in _sizes(c, h, n) if s[1] <= 64], "is missing"),
        (lambda c, h, n: [(tp, pp, c / (tp * pp)) for tp, pp, _ in _sizes(c, h, n)], "whole"),
    ],
)
def sizes(answer, rng):
    fixed = [(1024, 96, 96), (768, 96, 96), (64, 32, 32), (8, 8, 6)]
    for chips, heads, layers in fixed + [_draw(rng) for _ in range(6)]:
        _one_list(answer, chips, heads, layers)


def _draw(rng):
    chips = rng.choice((12, 24, 48, 72, 96, 144, 480)) * rng.choice((1, 2, 3, 5))
    return chips, rng.choice((6, 10, 12, 20, 28, 40)), rng.choice((6, 18, 24, 30, 36, 60))


def _one_list(answer, chips, heads, layers):
    case = f"{chips} chips, {heads} heads, {layers} layers"
    got = [tuple(triple) for triple in answer(chips, heads, layers)]
    right = set(_sizes(chips, heads, layers))
    for triple in got:
        assert len(triple) == 3, f"{case}: {triple} should be (tp, pp, dp), three numbers"
        whole = all(isinstance(size, numbers.Integral) for size in triple)
        assert whole, f"{case}: {triple} should be whole numbers, so divide by //"
        why = _why_not(triple, chips, heads, layers)
        assert triple in right, f"{case}: {triple} is not possible: {why}"
    twice = next((triple for triple in got if got.count(triple) > 1), None)
    assert twice is None, f"{case}: {twice} is listed twice"
    missing = sorted(right - set(got))
    assert not missing, f"{case}: {missing[0]} is missing, and {len(missing) - 1} more"


def _why_not(triple, chips, heads, layers):
    tp, pp, dp = triple
    if tp * pp * dp != chips:
        return f"not all chips are used, {tp} × {pp} × {dp} is {tp * pp * dp}"
    if tp > SERVER_CHIPS:
        return f"tp = {tp} leaves the server of {SERVER_CHIPS}"
    if heads % tp:
        return f"tp = {tp} does not divide the {heads} heads"
    return f"pp = {pp} does not divide the {layers} layers"
