"""Exercise 19.1: goodput."""

import statistics

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_goodput = solution("19.1")
_EXACT = "don't round: how many there are each second need not be a whole number"


def _mean(gaps):
    return sum(gaps) / len(gaps) if gaps else 0.0


def _middle(gaps):
    return statistics.median(gaps) if gaps else 0.0


def _counting(good, over=lambda answers, time_s: time_s):
    """A wrong answer: the answers for which `good` holds, over something."""

    def goodput_per_s(answers, ttft_s, tpot_s, time_s):
        whole = [one for one in answers if one is not None]
        return sum(good(*one, ttft_s, tpot_s) for one in whole) / over(answers, time_s)

    return goodput_per_s


def _both(first, gaps, ttft_s, tpot_s):
    return first <= ttft_s and _mean(gaps) <= tpot_s


def _by_averages(answers, ttft_s, tpot_s, time_s):
    whole = [one for one in answers if one is not None]
    first = sum(one[0] for one in whole) / len(whole)
    gaps = [gap for one in whole for gap in one[1]]
    return len(whole) / time_s if first <= ttft_s and _mean(gaps) <= tpot_s else 0.0


def _needs_gaps(first, gaps, ttft_s, tpot_s):
    return bool(gaps) and _both(first, gaps, ttft_s, tpot_s)


def _failed_are_good(answers, ttft_s, tpot_s, time_s):
    return _goodput(answers, ttft_s, tpot_s, time_s) + answers.count(None) / time_s


@exercise(
    "19.1",
    title="goodput",
    wrong=[
        (always(0.5), "got 0.5"),
        (_counting(lambda f, g, ttft, tpot: True), "has a bound, too"),
        (_counting(lambda f, g, ttft, tpot: f <= ttft), "TPOT has a bound, too"),
        (_counting(lambda f, g, ttft, tpot: _mean(g) <= tpot), "TTFT has a bound, too"),
        (_counting(lambda f, g, ttft, tpot: f <= ttft or _mean(g) <= tpot), "has a bound, too"),
        (_counting(_both, lambda answers, time_s: 1), "a second"),
        (_counting(_both, lambda answers, time_s: len(answers)), "a share"),
        (_counting(lambda f, g, a, b: f <= a and all(x <= b for x in g)), "the mean of its gaps"),
        (_counting(lambda f, g, a, b: f <= a and _middle(g) <= b), "not the median"),
        (_counting(lambda f, g, a, b: f <= a and sum(g) <= b), "the mean of its gaps"),
        (_counting(lambda f, g, a, b: f <= a and (f + sum(g)) / (len(g) + 1) <= b), "not in TPOT"),
        (
            _counting(lambda f, g, a, b: f <= a and sum(g) / (len(g) + 1) <= b),
            "fewer gaps than tokens",
        ),
        (lambda *args: round(_goodput(*args), 2), "don't round"),
        (lambda *args: int(_goodput(*args)), "don't round"),
        (_counting(lambda f, g, a, b: f < a and _mean(g) < b), "at most"),
        (_counting(lambda f, g, a, b: f <= 0.5 and _mean(g) <= 0.25), "as the call gives them"),
        (_counting(lambda f, g, a, b: f <= a and _mean(g) <= a / 2), "as the call gives them"),
        (_counting(lambda f, g, a, b: round(f, 2) <= a and _mean(g) <= b), "a millisecond"),
        (_counting(lambda f, g, a, b: f <= a and round(_mean(g), 2) <= b), "a millisecond"),
        (_counting(_both, lambda answers, time_s: int(time_s)), "the whole time"),
        (_by_averages, "has a bound, too"),
        (_counting(_needs_gaps), "one token has no gaps"),
        (_failed_are_good, "failed"),
    ],
)
def goodput(answer, rng):
    ttft_s, tpot_s, time_s = 0.5, 0.25, rng.choice((7.5, 11.5, 13.5))
    fine, late, slow = (0.25, [0.125, 0.125]), (0.75, [0.125]), (0.25, [0.75, 0.5])
    bumpy, exact, single = (0.25, [0.4, 0.05, 0.05]), (0.5, [0.25, 0.25]), (0.25, [])
    jumpy, wordy, tight = (0.25, [0.9, 0.2, 0.1]), (0.45, [0.2]), (0.25, [0.375, 0.25])
    cases = [
        ([fine, fine, late], "one TTFT of three is too long", "TTFT has a bound, too"),
        ([fine, slow, slow], "two TPOT of three are too long", "TPOT has a bound, too"),
        ([fine, late, slow, (0.9, [0.9])], "three of four miss a bound", "hold both bounds"),
        ([fine, bumpy], "one long gap, a short mean", "TPOT is the mean of its gaps"),
        ([fine, jumpy], "most gaps short, a long mean", "TPOT is the mean, not the median"),
        ([fine, wordy], "a long TTFT, within its bound", "the wait for the first is not in TPOT"),
        ([fine, tight], "two gaps, too long on average", "there are fewer gaps than tokens: one"),
        ([fine, exact], "one exactly at both bounds", "at most means that the bound itself counts"),
        ([fine, single], "an answer of one token", "one token has no gaps, so only TTFT counts"),
        ([fine, (0.501, [0.125])], "one TTFT just too long", "a millisecond too late is too late"),
        ([fine, (0.25, [0.251])], "one TPOT just too long", "a millisecond too slow is too slow"),
        ([fine, None, None], "two of three failed", "an answer that failed is not a good one"),
        ([late, (9.0, [0.1])], "none is good", "it is 0 then"),
        ([fine, late, late, late], "the average is too slow", "judge each answer by itself"),
        ([], "no answers", "it is 0 then"),
    ]
    for answers, case, hint in cases:
        _one_run(answer, answers, ttft_s, tpot_s, time_s, case, hint)
    for ttft_s, tpot_s in ((0.4, 0.3), (0.5, 0.2), (0.7, 0.25), (0.6, 0.35)):
        many = [
            None if rng.random() < 0.1
            else (rng.uniform(0.1, 1), [rng.uniform(0.05, 0.5) for _ in range(rng.randint(0, 5))])
            for _ in range(60)
        ]  # fmt: skip
        case = f"60 answers, within {ttft_s} and {tpot_s} s"
        _one_run(
            answer, many, ttft_s, tpot_s, time_s, case, "hold both bounds, as the call gives them"
        )


def _one_run(answer, answers, ttft_s, tpot_s, time_s, case, hint):
    right = _goodput(answers, ttft_s, tpot_s, time_s)
    n = max(len(answers), 1)
    suspects = [(round(right, 2), _EXACT), (int(right), _EXACT)] if answers else []
    if right:
        suspects += [
            (right * time_s, "you counted them: divide by the time, it's answers a second"),
            (right * time_s / int(time_s), "divide by the whole time, not by its whole seconds"),
            (right * time_s / n, "that's a share of all answers: it's answers a second"),
        ]
    got = answer(answers, ttft_s, tpot_s, time_s)
    assert_right(got, right, f"{case}, {time_s:g} s", suspects, hint)
