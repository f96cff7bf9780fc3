"""Exercise 05.1: how many blocks."""

import math

from labkit.teach.registry import always, exercise


@exercise(
    "05.1",
    title="how many blocks",
    solution=lambda n, threads: math.ceil(n / threads),
    wrong=[
        (always(4), "got 4"),
        (lambda n, threads: n // threads, "left out"),
        (lambda n, threads: n // threads + 1, "nothing to do"),
        (lambda n, threads: n / threads, "a whole number"),
        (lambda n, threads: round(n / threads), "left out"),
        (lambda n, threads: n * threads, "nothing to do"),
        (lambda n, threads: math.ceil(threads / n), "left out"),
    ],
)
def blocks_for(answer, rng):
    sizes = [(1000, 256), (1024, 256), (3 * 32 + 1, 32), (1, 128)]
    sizes += [(rng.randint(1, 10**6), 32 * rng.randint(1, 32)) for _ in range(10)]
    for n, threads in sizes:
        got, right = answer(n, threads), math.ceil(n / threads)
        case = f"{n} elements, {threads} threads in a block: got {got}"
        assert got == int(got), f"{case}; blocks come as a whole number"
        assert got >= right, f"{case}, and {n - int(got) * threads} elements are left out"
        assert got <= right, f"{case}, and a whole block has nothing to do"
