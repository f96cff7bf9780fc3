"""Exercise 12.4: one cycle of an array, and a whole product on it."""

import numpy as np

from labkit.teach.registry import always, exercise, solution

_tick = solution("12.4")


def _still_old(inputs, weights, sums, entering):
    moved, _ = _tick(inputs, weights, sums, entering)
    above = np.vstack([np.zeros_like(sums[:1]), sums[:-1]])
    return moved, above + inputs * weights


def _rolled(inputs, weights, sums, entering):
    moved, _ = _tick(inputs, weights, sums, entering)
    return moved, np.roll(sums, 1, axis=0) + moved * weights


def _in_place(inputs, weights, sums, entering):
    inputs[:, 1:] = inputs[:, :-1].copy()
    inputs[:, 0] = entering
    return inputs, _tick(inputs, weights, sums, entering)[1]


@exercise(
    "12.4",
    title="the clock of an array",
    wrong=[
        (always((np.zeros((2, 3), int), np.zeros((2, 3), int))), "inputs move right"),
        (lambda i, w, s, e: (i, s + i * w), "inputs move right"),
        (lambda i, w, s, e: (_tick(i, w, s, e)[0], s + _tick(i, w, s, e)[0] * w), "move down"),
        (_still_old, "after they have moved"),
        (_rolled, "the first row starts at 0"),
        (_in_place, "changes what it is given"),
        (lambda i, w, s, e: _tick(i, w, s, e)[1], "two arrays"),
    ],
)
def tick(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for rows, columns in ((2, 3), (4, 4), (3, 1), (1, 5)):
        inputs, weights, sums = (draw.integers(1, 50, (rows, columns)) for _ in range(3))
        entering = draw.integers(1, 50, rows)
        _compare_tick(answer(inputs, weights, sums, entering), inputs, weights, sums, entering)
    _run_array(answer, draw)


def _compare_tick(got, inputs, weights, sums, entering):
    assert isinstance(got, tuple) and len(got) == 2, (  # noqa: PT018
        "return two arrays: the new inputs and the new sums"
    )
    moved, new_sums = (np.asarray(array) for array in got)
    right = _tick(inputs, weights, sums, entering)
    case = f"{inputs.shape[0]} × {inputs.shape[1]} cells"
    assert np.array_equal(moved, right[0]), (
        f"{case}: the inputs are not right. All inputs move right by one, and `entering` is the "
        f"new first column"
    )
    assert not np.array_equal(new_sums, sums + moved * weights), (
        f"{case}: the sums have to move down by one as well before the products are added"
    )
    for old in (inputs * weights, np.roll(inputs, 1, axis=1) * weights):
        assert not np.array_equal(new_sums - right[1] + right[0] * weights, old) or (
            np.array_equal(new_sums, right[1])
        ), f"{case}: multiply the inputs after they have moved, not before"
    assert np.array_equal(new_sums[1:], right[1][1:]), f"{case}: the sums below the first are wrong"
    assert np.array_equal(new_sums, right[1]), (
        f"{case}: nothing comes from above into the first row: the first row starts at 0"
    )


def _run_array(answer, draw):
    """A whole product with the student's clock: skewed inputs in, results out at the foot."""
    m, rows, columns = 5, 3, 4
    a, w = draw.integers(-9, 10, (m, rows)), draw.integers(-9, 10, (rows, columns))
    inputs, sums = np.zeros((2, rows, columns), int)
    result = np.zeros((m, columns), int)
    for cycle in range(m + rows + columns - 2):
        entering = [a[cycle - i, i] if 0 <= cycle - i < m else 0 for i in range(rows)]
        inputs, sums = answer(inputs, w, sums, np.array(entering))
        for j in range(columns):
            if 0 <= (t := cycle - rows + 1 - j) < m:
                result[t, j] = sums[-1, j]
    assert np.array_equal(result, a @ w), "a 5 × 3 by 3 × 4 product on your clock is not a @ w"
