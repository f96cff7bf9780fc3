"""Exercise 06.2: count wavefronts."""

import math

from labkit.teach.registry import always, exercise, solution

_wavefronts = solution("06.2")


@exercise(
    "06.2",
    title="count wavefronts",
    wrong=[
        (always(1), "expected"),
        (lambda words: max(sum(w % 32 == b for w in words) for b in range(32)), "broadcast"),
        (lambda words: len({word % 32 for word in words}), "The busiest bank"),
        (lambda words: 33 - len({word % 32 for word in words}), "a broadcast: got 32"),
        (lambda words: math.gcd(words[1] - words[0], 32), "a broadcast: got 32"),
        (lambda words: _wavefronts(words) - 1, "conflict-free"),
        (lambda words: len({w for w in words if w % 32 == words[0] % 32}), "look at every"),
        (lambda words: _wavefronts(words[:-1]), "expected"),
        (lambda words: _wavefronts(words[1:]), "expected"),
    ],
)
def wavefronts(answer, rng):
    start = rng.randint(0, 1000)
    cases = [("stride 1, conflict-free", [start + lane for lane in range(32)]),
             ("all lanes on one word, a broadcast", [start] * 32)]  # fmt: skip
    for stride in (2, 32, 33, rng.randint(3, 31)):
        cases.append((f"stride {stride}", [start + stride * lane for lane in range(32)]))
    for _ in range(10):
        words = [start + rng.choice((0, 1, 32, 33, 64, 7 * lane)) for lane in range(32)]
        cases.append(("a mixture, look at every lane", words))
    for _ in range(5):  # no bank is the busiest more often than another
        words = [start + rng.randrange(200) for _ in range(32)]
        cases.append(("lanes anywhere, look at every bank", words))
    for lane in (0, 31, rng.randint(1, 30)):
        words = [start + k for k in range(32)]
        words[lane] = start + 32 + (lane + rng.randint(1, 31)) % 32
        cases.append((f"stride 1, but for lane {lane}, look at every lane", words))
    for name, words in cases:
        got, right = answer(words), _wavefronts(words)
        assert got == right, (
            f"{name}: got {got}, expected {right}. The busiest bank decides, and the lanes that "
            f"want one and the same word are served together"
        )
