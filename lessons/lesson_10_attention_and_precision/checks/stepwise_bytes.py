"""Turn 10.t2: the bytes of attention, step by step."""

from labkit.teach.registry import always, exercise, solution

_stepwise_bytes = solution("10.t2")


@exercise(
    "10.t2",
    title="the bytes of attention",
    wrong=[
        (always(16), "expected"),
        (lambda n, d, size: 4 * n**2 + 4 * n * d, "those are numbers"),
        (lambda n, d, size: 4 * n**2 * size, "queries, keys, values and results"),
        (lambda n, d, size: 4 * n * d * size, "scores and weights"),
        (lambda n, d, size: (2 * n**2 + 4 * n * d) * size, "the next one reads them"),
        (lambda n, d, size: (2 * n**2 + 3 * n * d) * size, "the next one reads them"),
        (lambda n, d, size: (4 * n**2 + 3 * n * d) * size, "results"),
        (lambda n, d, size: (3 * n**2 + 4 * n * d) * size, "expected"),
    ],
)
def stepwise_bytes(answer, rng):
    for _ in range(10):
        n, d, itemsize = rng.randint(3, 5000), rng.randint(2, 128), rng.choice((2, 4, 8))
        got, right = answer(n, d, itemsize), _stepwise_bytes(n, d, itemsize)
        case = f"{n} tokens, heads of {d}, {itemsize} bytes a number: got {got}, expected {right}"
        assert got * itemsize != right, f"{case}: those are numbers; each has {itemsize} bytes"
        missing = (right - got) / itemsize
        assert missing != 4 * n * d, f"{case}: queries, keys, values and results move too"
        assert missing != 4 * n * n, f"{case}: scores and weights go through memory as well"
        assert missing not in (2 * n * n, 2 * n * n + n * d), (
            f"{case}: one kernel writes the scores and the next one reads them, and so it is with "
            f"the weights"
        )
        assert missing != n * d, f"{case}: the results are written too"
        assert got == right, case
