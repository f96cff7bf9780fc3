"""Exercise 03.3: is it the memory, something else, or nothing?"""

from labkit.teach.registry import always, exercise, solution

_diagnose = solution("03.3")
_WORDS = ("memory", "something else", "fine")


def _by_bounds(used_bound, gain_bound):
    def diagnose(times_s, moved_bytes, memory_bytes_per_s):
        n = max(times_s)
        if moved_bytes / times_s[n] >= used_bound * memory_bytes_per_s:
            return "memory"
        return "fine" if times_s[1] / times_s[n] >= gain_bound * n else "something else"

    return diagnose


def _scaling_first(times_s, moved_bytes, memory_bytes_per_s):
    n = max(times_s)
    if times_s[1] / times_s[n] >= 0.8 * n:
        return "fine"
    return _diagnose(times_s, moved_bytes, memory_bytes_per_s)


def _on(largest):
    """The right rules on another run than that on the largest number of threads."""

    def diagnose(times_s, moved_bytes, memory_bytes_per_s):
        n = largest(times_s)
        return _diagnose({1: times_s[1], n: times_s[n]}, moved_bytes, memory_bytes_per_s)

    return diagnose


def _from_the_slowest(times_s, moved_bytes, memory_bytes_per_s):
    n = max(times_s)
    times_s = {1: max(times_s.values()), n: times_s[n]}
    return _diagnose(times_s, moved_bytes, memory_bytes_per_s)


def _memory_only_below_n(times_s, moved_bytes, memory_bytes_per_s):
    n = max(times_s)
    if times_s[1] / times_s[n] > n:
        return "fine"
    return _diagnose(times_s, moved_bytes, memory_bytes_per_s)


def _fine_only_up_to_n(times_s, moved_bytes, memory_bytes_per_s):
    right, n = _diagnose(times_s, moved_bytes, memory_bytes_per_s), max(times_s)
    return "something else" if right == "fine" and times_s[1] / times_s[n] > n else right


def _n_is_twice_the_middle(times_s, moved_bytes, memory_bytes_per_s):
    n = 2 * sorted(times_s)[len(times_s) // 2]
    times_s = {1: times_s[1], n: times_s[max(times_s)]}
    return _diagnose(times_s, moved_bytes, memory_bytes_per_s)


@exercise(
    "03.3",
    title="memory, something else, or nothing",
    wrong=[
        (always("memory"), "less than 80 %"),
        (
            lambda t, b, m: "fine" if t[1] / t[max(t)] >= 0.8 * max(t) else "something else",
            "at least 80 %",
        ),
        (lambda t, b, m: _diagnose({1: t[1], max(t): min(t.values())}, b, m), "largest number"),
        (lambda t, b, m: _diagnose(t, b * t[max(t)] / t[1], m), "at least 80 %"),
        (lambda t, b, m: _diagnose(t, b, m * max(t)), "at least 80 %"),
        (
            lambda t, b, m: {"something else": "fine", "fine": "something else"}.get(
                d := _diagnose(t, b, m), d
            ),
            "0.8 n",
        ),
        (lambda t, b, m: _diagnose(t, b, m).upper(), "one of"),
        (_scaling_first, "whether or not it scales"),
        (lambda t, b, m: _diagnose(t, b * 0.999999, m), "the bound itself"),
        (lambda t, b, m: _diagnose({**t, 1: t[1] * 0.999999}, b, m), "the bound itself"),
        (_by_bounds(0.5, 0.75), "below 0.8 n"),
        (_by_bounds(0.31, 0.71), "below 0.8 n"),
        (_by_bounds(0.84, 0.84), "0.8 n or more"),
        (_by_bounds(0.75, 0.8), "less than 80 %"),
        (_by_bounds(0.84, 0.8), "at least 80 %"),
        (_by_bounds(0.8, 0.75), "below 0.8 n"),
        (_by_bounds(0.8, 0.84), "0.8 n or more"),
        (_on(lambda times_s: list(times_s)[-1]), "whatever their order"),
        (_on(lambda times_s: min(times_s, key=times_s.get)), "largest number of threads"),
        (_from_the_slowest, "compare with the run on one thread"),
        (lambda t, b, m: "fine" if t[max(t)] > t[1] else _diagnose(t, b, m), "below 0.8 n"),
        (
            lambda t, b, m: "something else" if t[max(t)] > t[1] else _diagnose(t, b, m),
            "at least 80 %",
        ),
        (_memory_only_below_n, "whether or not it scales"),
        (_fine_only_up_to_n, "0.8 n or more"),
        (_n_is_twice_the_middle, "the largest number in times_s itself"),
    ],
)
def diagnose(answer, rng):
    for used in (rng.uniform(0.1, 0.25), rng.uniform(0.85, 0.99)):
        for efficiency in (rng.uniform(0.3, 0.65), rng.uniform(0.85, 0.99)):
            _one_diagnosis(answer, rng, used, efficiency)
    for used in (rng.uniform(0.1, 0.3), 0.79, 0.799, 0.801, 0.81):
        for efficiency in (rng.uniform(0.3, 0.6), 0.79, 0.799, 0.801, 0.81):
            _one_diagnosis(answer, rng, used, efficiency)
    for times_s, moved, right in (
        ({1: 3.2, 2: 1.9, 4: 1.0}, 1e9, "fine"),
        ({1: 2.0, 2: 1.5, 4: 1.0}, 8e9, "memory"),
    ):
        got = answer(times_s, moved, 1e10)
        assert got == right, (
            f"times {times_s}, {moved / 1e10:.0%} of its memory used on 4: got {got!r}, expected "
            f"{right!r}: at least means that the bound itself counts, too"
        )
    for used in (rng.uniform(0.4, 0.6), rng.uniform(0.81, 0.85)):
        for efficiency in (rng.uniform(0.5, 0.7), rng.uniform(0.81, 0.9)):
            _in_any_order(answer, rng, used, efficiency)
            _best_before_the_end(answer, rng, used, efficiency)
            _slower_than_on_one(answer, rng, used, efficiency)
            for _ in range(3):
                _any_numbers(answer, rng, used, efficiency)
        # All threads together are slower than one, or their caches hold what one cache couldn't.
        for efficiency in (rng.uniform(0.01, 0.06), rng.uniform(1.05, 1.4)):
            _one_diagnosis(answer, rng, used, efficiency)


def _one_diagnosis(answer, rng, used, efficiency):
    n, time_1_s = rng.choice((4, 8, 16)), rng.uniform(1, 9)
    time_n_s = time_1_s / (efficiency * n)
    _assert_diagnosed(answer, rng, {1: time_1_s, n // 2: time_n_s * 1.1, n: time_n_s}, used)


def _in_any_order(answer, rng, used, efficiency):
    n, time_1_s = rng.choice((4, 8, 16)), rng.uniform(1, 9)
    time_n_s = time_1_s / (efficiency * n)
    times_s = {n // 2: time_n_s * 1.1, n: time_n_s, 1: time_1_s}
    _assert_diagnosed(answer, rng, times_s, used, "; take the largest number, whatever their order")


def _best_before_the_end(answer, rng, used, efficiency):
    n, time_1_s = rng.choice((8, 16)), rng.uniform(1, 9)
    time_n_s = time_1_s / (efficiency * n)
    times_s = {1: time_1_s, n // 2: time_1_s / (0.95 * n), n: time_n_s}
    hint = "; look at the largest number of threads, not at the best"
    _assert_diagnosed(answer, rng, times_s, used, hint)


def _slower_than_on_one(answer, rng, used, efficiency):
    n, time_1_s = rng.choice((4, 8, 16)), rng.uniform(1, 9)
    time_n_s = time_1_s / (efficiency * n)
    times_s = {1: time_1_s, n // 2: time_1_s * rng.uniform(2.5, 4), n: time_n_s}
    hint = "; compare with the run on one thread, not with the slowest"
    _assert_diagnosed(answer, rng, times_s, used, hint)


def _any_numbers(answer, rng, used, efficiency):
    n, time_1_s = rng.choice((12, 13, 21, 27, 48)), rng.uniform(1, 9)
    time_n_s = time_1_s / (efficiency * n)
    others = rng.sample(range(2, n // 4 + 1), 2)
    times_s = {1: time_1_s, n: time_n_s} | {k: time_n_s * rng.uniform(1.1, 2) for k in others}
    times_s = dict(rng.sample(list(times_s.items()), len(times_s)))
    hint = "; n is the largest number in times_s itself"
    _assert_diagnosed(answer, rng, times_s, used, hint)


def _assert_diagnosed(answer, rng, times_s, used, hint=""):
    n, memory = max(times_s), rng.uniform(1, 9) * 1e10
    moved = used * memory * times_s[n]
    got, right = answer(times_s, moved, memory), _diagnose(times_s, moved, memory)
    gain, saturated = times_s[1] / times_s[n], right == "memory"
    case = (
        f"{', '.join(f'{s:.3f} s on {k}' for k, s in times_s.items())} threads, "
        f"{used:.1%} of its memory used on {n}: got {got!r}"
    )
    assert got in _WORDS, f"{case}; answer with one of {', '.join(_WORDS)}"
    reason = {
        "memory": "that's at least 80 % of its memory's rate",
        "something else": f"{gain:.4g} times faster on {n} is below 0.8 n",
        "fine": f"{gain:.4g} times faster on {n} is 0.8 n or more",
    }[right]
    if got == "memory":
        reason = f"that's less than 80 % of its memory's rate, and {reason}"
    elif saturated and gain >= 0.8 * n:
        reason += ", which counts whether or not it scales"
    assert got == right, f"{case}, expected {right!r}: {reason}{hint}"
