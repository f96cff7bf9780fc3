"""Exercise 03.5: weak scaling, from the rows of published runs."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_weak_scaling = solution("03.5")


def _powers_of_two(rows):
    return _weak_scaling([(p, 2**index, t) for index, (p, _, t) in enumerate(rows)])


@exercise(
    "03.5",
    title="weak scaling",
    wrong=[
        (always([1, 0.907, 0.865, 0.796]), "row"),
        (lambda rows: [rows[0][2] / t for _, _, t in rows], "work per GPU"),
        (lambda rows: [p / rows[0][0] * rows[0][2] / t for p, _, t in rows], "per GPU, not"),
        (lambda rows: [rows[0][2] / (p * t) for _, p, t in rows], "aren't equally large"),
        (lambda rows: [1 / x for x in _weak_scaling(rows)], "upside down"),
        (lambda rows: [round(x, 3) for x in _weak_scaling(rows)], "a rate is parameters over time"),
        (lambda rows: [f"{x:.1%}" for x in _weak_scaling(rows)], "where a number is asked for"),
        (lambda rows: [p / n / t for p, n, t in rows], "relative to the baseline"),
        (lambda rows: _weak_scaling(rows)[1:], "one fraction a row"),
        (lambda rows: _weak_scaling(rows)[:4], "one fraction a row"),
        (lambda rows: [*_weak_scaling(rows), 1, 1, 1][: max(4, len(rows))], "one fraction a row"),
        (_powers_of_two, "stands in its row"),
        (lambda rows: [min(1.6, rate) for rate in _weak_scaling(rows)], "may be above 1"),
        (lambda rows: [min(1, rate) for rate in _weak_scaling(rows)], "may be above 1"),
    ],
)
def weak_scaling(answer, rng):
    for _ in range(5):
        _one_table(answer, rng, (1, 2, 4, 8), "")
    for n_rows in (1, 2, 3, 5, 9):
        _one_table(answer, rng, [2**k for k in range(n_rows)], "")
    for _ in range(5):
        n_gpus = [1, *sorted(rng.sample(range(3, 500), rng.randint(2, 6)))]
        _one_table(answer, rng, n_gpus, "the number of GPUs stands in its row")
    for _ in range(5):
        _one_table(answer, rng, (1, 2, 4, 8), "a fraction may be above 1", most=20)


_RATE = "a rate is parameters over time, per GPU, and each is held against the first row's"


def _one_table(answer, rng, n_gpus, hint, most=1.0):
    """Rows on these numbers of GPUs, with fractions of up to `most`."""
    parameters, time_s = 10 ** rng.uniform(0, 10), 10 ** rng.uniform(-1, 2)
    rows = [(parameters, n_gpus[0], time_s)]
    for n in n_gpus[1:]:
        slower = rng.uniform(1.1, 1.4)
        fraction = rng.uniform(0.05, 0.95) if most == 1 else rng.uniform(2, most)
        rows.append((fraction * parameters * n * slower, n, time_s * slower))
    got, right = answer(rows), _weak_scaling(rows)
    assert len(got) == len(rows), f"{len(got)} results, {len(rows)} rows: one fraction a row"
    assert_right(got[0], 1, "the first row", hint="all rates are relative to the baseline's")
    for row, mine, truth in zip(rows[1:], got[1:], right[1:], strict=True):
        case = f"row {_shown(row)} after {_shown(rows[0])}"
        suspects = [
            (rows[0][2] / row[2], "a ratio of times forgets that the work per GPU isn't the same"),
            (
                rows[0][2] / (row[1] * row[2]),
                "this forgets that the models aren't equally large: put the work in",
            ),
            (row[1] * truth, "the rate is per GPU, not of all"),
            (1 / truth, "this is upside down"),
        ]
        assert_right(mine, truth, case, suspects, hint or _RATE)


def _shown(row):
    return f"({row[0]:.4g}, {row[1]}, {row[2]:.4g})"
