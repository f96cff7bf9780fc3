"""Exercise 03.1: Amdahl's law."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_amdahl = solution("03.1")


@exercise(
    "03.1",
    title="Amdahl",
    wrong=[
        (always(1.8), "the rest is divided by n"),
        (lambda n, s: n, "forgets the serial part"),
        (lambda n, s: s + (1 - s) / n, "a time"),
        (lambda n, s: n - (n - 1) * s, "Gustafson"),
        (lambda n, s: 1 / (s + (1 - s)) * n, "forgets the serial part"),
        (lambda n, s: 1 / (s / n + (1 - s)), "the serial part stays"),
        (lambda n, s: 1 / s + (1 - s) / n, "brackets"),
        (lambda n, s: _amdahl(min(n, 200), s), "there is no largest n"),
        (lambda n, s: 1 if s > 0.5 else _amdahl(n, s), "the rest still gets faster"),
        (lambda n, s: _amdahl(max(n, 2), s), "one thread is as fast as one thread"),
        (lambda n, s: _amdahl(n, s or 0.01), "n threads are n times faster"),
        (lambda n, s: 1 / s / (1 + (1 - s) / s / n), "you divide by s"),
    ],
)
def speedup(answer, rng):
    for _ in range(10):
        _one_speedup(answer, rng.randint(2, 200), rng.uniform(0.02, 0.4))
    for _ in range(5):
        n, s = rng.randint(2, 200), rng.uniform(0.51, 0.98)
        _one_speedup(answer, n, s, "the rest still gets faster")
        n, s = rng.randint(10**3, 10**6), 10 ** rng.uniform(-5, -3)
        _one_speedup(answer, n, s, "there is no largest n")
    n, s = rng.randint(2, 200), rng.uniform(0.1, 0.9)
    _one_speedup(answer, 1, s, "one thread is as fast as one thread")
    _one_speedup(answer, n, 1.0, "everything is serial, so nothing gets faster")
    try:
        _one_speedup(answer, n, 0.0, "nothing is serial, so n threads are n times faster")
    except ZeroDivisionError:
        raise AssertionError(
            f"n = {n}, s = 0: you divide by s, which is 0 where nothing is serial: divide 1 by "
            f"the time that is left instead"
        ) from None


def _one_speedup(answer, n, s, hint="the serial part stays, the rest is divided by n"):
    suspects = []
    if n > 1 and 0 < s < 1:
        suspects = [
            (1 / s + (1 - s) / n, "Python divides 1 by s alone: put brackets around the whole sum"),
            (s + (1 - s) / n, "this is a time: the speed-up is the time on one thread over it"),
            (n - (n - 1) * s, "this is Gustafson's law: here the work stays the same"),
            (n, "this forgets the serial part, which no thread makes faster"),
        ]
    assert_right(answer(n, s), _amdahl(n, s), f"n = {n}, s = {s:.3g}", suspects, hint)
