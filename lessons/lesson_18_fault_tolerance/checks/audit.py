"""Exercise 18.1: percentages that don't follow from their counts."""

import math

from labkit.teach.registry import always, exercise, solution

_audit = solution("18.1")


def _against(total, tolerance=0.0501):
    """An audit that divides by another total, or allows another error."""
    return lambda rows: [
        cause for cause, count, printed in rows
        if abs(100 * count / total(rows) - printed) > tolerance
    ]  # fmt: skip


def _sum(rows):
    return sum(count for _, count, _ in rows)


def _fractions(rows):
    total = _sum(rows)
    return [c for c, count, printed in rows if abs(count / total - printed) > 0.0501]


@exercise(
    "18.1",
    title="audit a table",
    wrong=[
        (always(["faulty GPU"]), "expected"),
        (always([]), "doesn't follow"),
        (_against(lambda rows: 419), "sum of all counts"),
        (_against(lambda rows: max(count for _, count, _ in rows)), "sum of all counts"),
        (_against(lambda rows: 100 * _sum(rows) / sum(p for *_, p in rows)), "sum of all counts"),
        (_fractions, "percent"),
        (_against(_sum, 1e-9), "rounded"),
        (_against(_sum, 1.0), "doesn't follow"),
        (_against(_sum, 0.1001), "doesn't follow"),
        (lambda rows: _audit(rows)[:1], "doesn't follow"),
        (lambda rows: sorted(_audit(rows)), "order of the rows"),
        (lambda rows: [n for n, row in enumerate(rows) if row[0] in _audit(rows)], "the causes"),
    ],
)
def audit(answer, rng):
    for n_wrong in (0, 1, 2, 3, 2):
        rows = _table(rng)
        chosen = rng.sample(range(len(rows)), n_wrong)
        for index in chosen:
            cause, count, printed = rows[index]
            rows[index] = (cause, count, round(printed + rng.choice((-0.2, 0.2, 0.3, 4.1)), 1))
        names = [cause for index, (cause, *_) in enumerate(rows) if index in chosen]
        _judge(answer(rows), names, rows)
    for _ in range(2):
        _slipped_by_one(answer, rng)


def _slipped_by_one(answer, rng):
    """A last digit that is off by one, towards the true share, which is nearer than 0.1 to it."""
    while True:
        rows = _table(rng)
        total = _sum(rows)
        errors = [100 * count / total - printed for _, count, printed in rows]
        near = [index for index, error in enumerate(errors) if 0.01 < abs(error) < 0.04]
        if near:
            break
    index = rng.choice(near)
    cause, count, printed = rows[index]
    rows[index] = (cause, count, round(printed + math.copysign(0.1, errors[index]), 1))
    _judge(answer(rows), [cause], rows)


def _table(rng):
    """Rows that add up, their causes in no alphabetical order, no share halfway between two."""
    while True:
        rows = _any_table(rng)
        total = _sum(rows)
        if all(abs(100 * count / total - printed) < 0.0499 for _, count, printed in rows):
            return rows


def _any_table(rng):
    counts = [rng.randint(3, 300) for _ in range(rng.randint(7, 15))]
    names = [f"{rng.choice('cdeftuv')}{rng.choice('aeiou')}{n}" for n in range(len(counts))]
    names[:2] = sorted(names[:2], reverse=True)
    total = sum(counts)
    return [(n, c, round(100 * c / total, 1)) for n, c in zip(names, counts, strict=True)]


def _judge(got, right, rows):
    assert all(isinstance(cause, str) for cause in got), f"got {got}: return the causes themselves"
    total, by_name = _sum(rows), {cause: (count, printed) for cause, count, printed in rows}
    for cause in got:
        if cause not in right and cause in by_name:
            count, printed = by_name[cause]
            raise AssertionError(
                f"{cause!r} is in order: {count} of {total} is {100 * count / total:.3f} %, and "
                f"{printed} is printed; both are in percent, the printed one is rounded to one "
                f"decimal, and the total is the sum of all counts"
            )
    for cause in right:
        count, printed = by_name[cause]
        assert cause in got, (
            f"{cause!r} is missing: {count} of {total} is {100 * count / total:.1f} %, so the "
            f"printed {printed} % doesn't follow from it"
        )
    assert list(got) == right, f"got {got}, expected {right}: keep the order of the rows"
