"""Exercise 17.5: did it scale?"""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_pair, assert_right

_scaling = solution("17.5")


def _with(*, gpus=lambda ratio: ratio, tokens=lambda ratio: ratio):
    """Answers of one form; each argument is one way to go wrong with a ratio of large to small."""

    def answer(small, large):
        by_time = small[1] / large[1] / gpus(large[0] / small[0])
        return by_time, by_time * tokens(large[2] / small[2])

    return answer


_same = _with(tokens=lambda ratio: 1)
_speedup = _with(gpus=lambda ratio: 1)
_tokens_upside_down = _with(tokens=lambda ratio: 1 / ratio)


def _upside_down(small, large):
    by_time, by_rate = _scaling(small, large)
    return 1 / by_time, 1 / by_rate


def _total_rate(small, large):
    by_time, _ = _scaling(small, large)
    return by_time, large[2] / large[1] / (small[2] / small[1])


def _at_most_one(small, large):
    by_time, by_rate = _scaling(small, large)
    return min(1.0, by_time), min(1.0, by_rate)


@exercise(
    "17.5",
    title="did it scale",
    wrong=[
        (always((0.893, 0.86)), "fresh numbers"),
        (always(0.893), "return two numbers"),
        (_same, "as many tokens"),
        (lambda small, large: _scaling(small, large)[::-1], "the minutes come first"),
        (_upside_down, "upside down"),
        (_speedup, "is a speedup"),
        (_tokens_upside_down, "more tokens in the same time"),
        (_total_rate, "is a speedup"),
        (lambda small, large: [100 * share for share in _scaling(small, large)], "per cent"),
        (lambda small, large: _scaling(small, large)[0], "return two numbers"),
        (_at_most_one, "may be above 1"),
        (lambda small, large: _scaling((*small[:2], 1), (*large[:2], 1)), "as many tokens"),
        (lambda small, large: _scaling((768, *small[1:]), large), "fresh numbers"),
    ],
)
def scaling(answer, rng):
    for efficiency in (0.9, 0.7, 1.1, 0.8):
        gpus, minutes, tokens = 8 * rng.randint(32, 128), rng.uniform(20, 60), rng.uniform(1e9, 2e9)
        times, needed = rng.uniform(2, 14), rng.choice((0.93, 1.06)) * rng.uniform(0.99, 1.01)
        more_gpus = 8 * round(gpus * times / 8)
        fewer_minutes = minutes * gpus / more_gpus / efficiency * needed
        small, large = (gpus, minutes, tokens), (more_gpus, fewer_minutes, tokens * needed)
        _one(answer, small, large)


def _one(answer, small, large):
    case = (
        f"{small[0]} GPUs, {small[1]:.4g} min, {small[2]:.4g} tokens, and {large[0]} GPUs, "
        f"{large[1]:.4g} min, {large[2]:.4g} tokens"
    )
    got = answer(small, large)
    assert_pair(got, case, "the efficiency by the minutes and the one by the rate")
    right = _scaling(small, large)
    hint = "wrong on fresh numbers: an efficiency is the speedup over how many times the GPUs"
    for i, name in enumerate(("by the minutes", "by the tokens per second")):
        suspects = [
            (right[1 - i], "the minutes come first, the rate second" if i == 0 else
             "the runs didn't need as many tokens as each other, so the two differ"),
            (1 / right[i], "upside down: more than the ideal would be above 1"),
            (_speedup(small, large)[i], "this is a speedup: divide it by how many times the GPUs"),
            (_tokens_upside_down(small, large)[i], "more tokens in the same time is a higher rate"),
            (100 * right[i], "give fractions, not per cent"),
            (min(1.0, right[i]), "an efficiency may be above 1, and then you want to see it"),
        ]  # fmt: skip
        assert_right(got[i], right[i], f"{case}: {name}", suspects, hint)
