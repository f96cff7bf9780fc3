"""Exercise 04.3: the most throughput under a limit."""

from labkit.teach.registry import always, exercise, solution

_best_batch = solution("04.3")


def _largest_allowed(measured, limit_s):
    return max((batch for batch, p99_s in measured if p99_s <= limit_s), default=0)


@exercise(
    "04.3",
    title="under a limit",
    wrong=[
        (always(16), "got 16"),
        (lambda rows, limit: max(rows, key=lambda row: row[0] / row[1])[0], "breaks the limit"),
        (_largest_allowed, "largest batch need not"),
        (lambda rows, limit: _best_batch(rows, 1.001 * limit), "breaks the limit"),
        (lambda rows, limit: _best_batch(rows, limit * 1.0001 - 1e-4), "exactly the limit"),
        (
            lambda rows, limit: min(
                (row for row in rows if row[1] <= limit), key=lambda row: row[1], default=(0, 0)
            )[0],
            "least wait",
        ),
        (
            lambda rows, limit: _best_batch(rows, limit) or min(rows)[0],
            "none keeps the limit",
        ),
    ],
)
def best_batch(answer, rng):
    for _ in range(10):
        limit_s = rng.uniform(0.005, 0.02)
        base = rng.randint(10, 20)
        rows = [
            (base, 0.3 * limit_s),  # the least wait
            (4 * base, limit_s),  # the best of those allowed, at exactly the limit
            (4 * base - 1, 0.99 * limit_s),
            (6 * base, 1.0002 * limit_s),  # better, and a little too slow
            (20 * base, 2 * limit_s),  # the best of all, and far too slow
        ]
        crowd = (5 * base, 0.9999 * limit_s)  # larger than the best in the second table
        for case_rows, right in (
            (rows, 4 * base),
            ([*rows[:1], (3 * base, 0.5 * limit_s), crowd], 3 * base),
        ):
            shuffled = rng.sample(case_rows, len(case_rows))
            got = answer(shuffled, limit_s)
            p99_s = dict(case_rows).get(got)
            case = f"limit {limit_s * 1e3:.2f} ms: got {got}, expected {right}"
            assert p99_s is None or p99_s <= limit_s, f"{case}: {got} breaks the limit"
            assert got != _largest_allowed(case_rows, limit_s) or got == right, (
                f"{case}: the largest batch need not have the most throughput, batch over time"
            )
            assert got != base, f"{case}: that is the least wait, not the most throughput"
            assert got != 4 * base - 1 or got == right, (
                f"{case}: a wait of exactly the limit still keeps it"
            )
            assert got == right, case
    none = answer([(8, 0.5), (16, 0.9)], 0.1)
    assert none == 0, f"if none keeps the limit, return 0: got {none}"
