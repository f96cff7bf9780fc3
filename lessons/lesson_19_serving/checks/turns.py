"""The turns of lesson 19: the two waits of a user, and the cache of a token."""

import itertools
import statistics

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_pair, assert_right

_waits = solution("19.t1")
_kv_bytes = solution("19.t2")


def _gaps(times_s):
    return [b - a for a, b in itertools.pairwise(times_s)]


def _tpot(rule):
    """A wrong answer: the right TTFT, and TPOT by another rule."""
    return lambda sent_s, times_s: (times_s[0] - sent_s, rule(sent_s, times_s))


@exercise(
    "19.t1",
    title="time to first token, and per output token",
    wrong=[
        (always((0.5, 0.1)), "TTFT"),
        (_tpot(lambda s, t: (t[-1] - s) / len(t)), "the wait for the first token is in it"),
        (_tpot(lambda s, t: (t[-1] - t[0]) / len(t)), "one gap less than there are tokens"),
        (_tpot(lambda s, t: t[1] - t[0]), "only the first gap"),
        (_tpot(lambda s, t: sorted(_gaps(t))[(len(t) - 1) // 2]), "median"),
        (_tpot(lambda s, t: (t[-1] - s) / (len(t) - 1)), "the wait for the first token is in it"),
        (lambda s, t: (t[0], _waits(s, t)[1]), "not when the clock began"),
        (lambda s, t: _waits(s, t)[::-1], "TTFT first"),
        (_tpot(lambda s, t: (len(t) - 1) / (t[-1] - t[0])), "tokens a second"),
        (_tpot(lambda s, t: max(_gaps(t))), "longest gap"),
        (_tpot(lambda s, t: _gaps(t)), "a list, tuple or array where a number is asked for"),
        (lambda s, t: (*_waits(s, t), len(t)), "return two numbers, TTFT and TPOT"),
        (lambda s, t: _waits(s, t)[:1], "return two numbers, TTFT and TPOT"),
        (_tpot(lambda s, t: statistics.median(_gaps(t))), "median"),
        (_tpot(lambda s, t: t[-1] - t[-2]), "only the last gap"),
        (_tpot(lambda s, t: (t[-1] - t[1]) / max(len(t) - 2, 1)), "the first gap counts"),
        (_tpot(lambda s, t: t[-1] - t[0]), "divide by the gaps"),
        (lambda s, t: (t[-1] - s, _waits(s, t)[1]), "to the last token"),
        (lambda s, t: tuple(1e3 * one_s for one_s in _waits(s, t)), "in s, not in ms"),
    ],
)
def waits(answer, rng):
    for n_tokens in (9, 2 * rng.randint(4, 20), 2, 3):
        gaps_s = sorted(rng.uniform(0.02, 0.3) for _ in range(n_tokens - 1))
        if n_tokens > 3:  # neither the mean nor the median nor the longest comes first
            gaps_s = [gaps_s[1], *gaps_s[2:], gaps_s[0]]
        sent_s = rng.uniform(10, 900)
        first_s = sent_s + rng.uniform(0.5, 2)
        times_s = [first_s, *(first_s + sum(gaps_s[: n + 1]) for n in range(n_tokens - 1))]
        _one_answer(answer, sent_s, times_s)


def _one_answer(answer, sent_s, times_s):
    got = answer(sent_s, times_s)
    assert_pair(got, f"{len(times_s)} tokens", "TTFT and TPOT")
    ttft_s, tpot_s = got
    right_ttft_s, right_tpot_s = _waits(sent_s, times_s)
    n, gaps = len(times_s), _gaps(times_s)
    case = f"{n} tokens"
    assert_right(
        ttft_s, right_ttft_s, f"{case}, TTFT",
        [(times_s[0], "from when it was sent, not when the clock began"),
         (right_tpot_s, "you return TPOT and TTFT: TTFT first"),
         (times_s[-1] - sent_s, "that's to the last token: the whole latency"),
         (1e3 * right_ttft_s, "in s, not in ms")],
        "from sending to the first token",
    )  # fmt: skip
    suspects = [
        ((times_s[-1] - sent_s) / n, "the wait for the first token is in it"),
        ((times_s[-1] - sent_s) / (n - 1), "the wait for the first token is in it"),
        ((times_s[-1] - times_s[0]) / n, "there is one gap less than there are tokens"),
        ((n - 1) / (times_s[-1] - times_s[0]), "that's tokens a second: turn it over"),
    ]
    if n > 3:
        suspects += [
            (gaps[0], "that's only the first gap"),
            (gaps[-1], "that's only the last gap"),
            (sum(gaps), "that's the time of all gaps: divide by the gaps"),
            (sum(gaps[1:]) / (len(gaps) - 1), "the first gap counts, too"),
            (max(gaps), "that's the longest gap"),
            (sorted(gaps)[len(gaps) // 2], "that's the median: the mean is asked for"),
            (statistics.median(gaps), "that's the median: the mean is asked for"),
        ]
    assert_right(tpot_s, right_tpot_s, f"{case}, TPOT", suspects, "the mean of the gaps")


@exercise(
    "19.t2",
    title="the cache of a token",
    wrong=[
        (always(819200), "got 8.192e+05"),
        (lambda layers, heads, size, item: layers * heads * size * item, "a key *and* a value"),
        (lambda layers, heads, size, item: 2 * heads * size * item, "in each layer"),
        (lambda layers, heads, size, item: 2 * layers * heads * size, "multiply by the bytes"),
        (lambda layers, heads, size, item: 2 * layers * size * item, "for each KV head"),
        (lambda layers, heads, size, item: 2 * layers * heads * size * item / 1024, "in bytes"),
        (lambda layers, heads, size, item: 2 * layers * heads * size**2 * item, "not its square"),
        (lambda layers, heads, size, item: 4 * layers * heads * size, "not always 2"),
        (lambda layers, heads, size, item: 16 * layers * heads * size * item, "in bytes, not bits"),
        (lambda layers, heads, size, item: 2 * layers * (heads + size) * item, "each head"),
        (lambda layers, heads, size, item: 2 * (layers + 1) * heads * size * item, "each layer"),
        (lambda layers, heads, size, item: 2 * layers * heads**2 * size * item, "each KV head"),
    ],
)
def kv_cache(answer, rng):
    for itemsize in (1, 4, 2):
        for _ in range(3):
            layers, heads = rng.randint(12, 126), rng.choice((3, 5, 10, 40))
            size = rng.choice((48, 64, 80, 128))
            _one_token(answer, layers, heads, size, itemsize)


def _one_token(answer, layers, heads, size, itemsize):
    right = _kv_bytes(layers, heads, size, itemsize)
    case = f"{layers} layers, {heads} KV heads of {size}, {itemsize} bytes"
    assert_right(
        answer(layers, heads, size, itemsize), right, case,
        [(right / 2, "there is a key *and* a value"),
         (right / layers, "there are keys and values in each layer"),
         (right / itemsize, "multiply by the bytes of a number"),
         (right / heads, "for each KV head"),
         (right / 1024, "in bytes, not in KiB"),
         (right * 2, "the bytes of a number are not always 2"),
         (right * size, "the size of a head counts once, not its square"),
         (right * 8, "in bytes, not bits"),
         (right / (heads * size) * (heads + size), "each head has a vector of its own: multiply"),
         (right / layers * (layers + 1), "in each layer, and nowhere else"),
         (right * heads, "for each KV head, once")],
    )  # fmt: skip
