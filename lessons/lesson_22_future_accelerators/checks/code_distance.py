"""Exercise 22.3: how large a surface code has to be."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_pair

_smallest = solution("22.3")


def _by(change):
    """The right rule on something else."""
    return lambda target, error_7, suppression: _smallest(*change(target, error_7, suppression))


def _with(distance):
    def code(target, error_7, suppression):
        d = distance(_smallest(target, error_7, suppression)[0])
        return d, 2 * d * d - 1

    return code


def _steps(rounded, step=2):
    def code(target, error_7, suppression):
        n = rounded(math.log(error_7 / target) / math.log(suppression))
        d = max(7 + step * n, 3)
        return d, 2 * d * d - 1

    return code


def _until_better(target, error_7, suppression):
    distance, error = 3, error_7 * suppression**2
    while error >= target:
        distance, error = distance + 2, error / suppression
    return distance, 2 * distance**2 - 1


@exercise(
    "22.3",
    title="a large enough code",
    wrong=[
        (always((63, 7937)), "got (63, 7937)"),
        (lambda *args: _smallest(*args)[0], "distance and qubits"),
        (lambda *args: (_smallest(*args)[0], _smallest(*args)[0] ** 2), "2 d² - 1"),
        (lambda *args: _smallest(*args)[::-1], "distance first"),
        (_with(lambda d: d + 2), "smaller one is enough"),
        (_with(lambda d: d + 1), "odd"),
        (_steps(math.floor), "errs too often"),
        (_steps(round), "errs too often"),
        (_steps(math.ceil, step=1), "odd"),
        (_by(lambda target, e, s: (target, e, s * s)), "errs too often"),
        (_by(lambda target, e, s: (target, e, s**0.5)), "smaller one is enough"),
        (_by(lambda target, e, s: (min(target, e), e, s)), "smaller one is enough"),
        (_until_better, "at most"),
        (lambda *args: (_smallest(*args)[0], 2 * _smallest(*args)[0] ** 2 + 1), "2 d² - 1"),
        (lambda *args: (_smallest(*args)[0], (2 * _smallest(*args)[0] - 1) ** 2), "2 d² - 1"),
    ],
)
def code_distance(answer, rng):
    _one_code(answer, 1.43e-3 / 2.14**26.5, 1.43e-3, 2.14)  # 27 steps, an odd number of them
    for _ in range(10):
        suppression, error_7 = rng.uniform(1.5, 9), rng.uniform(5e-4, 5e-3)
        _one_code(answer, 10 ** rng.uniform(-15, -5), error_7, suppression)
    for n_steps in (1, 2):  # a distance below 7 does: 5 and 3
        _one_code(answer, 4e-3 * 2.0**n_steps * 1.001, 4e-3, 2.0)
    for distance in (7, 5, 9):  # powers of two, so that nothing is rounded
        target = 2.0**-10 * 2.0 ** ((7 - distance) // 2)
        _one_code(
            answer, target, 2.0**-10, 2.0, ": errs at most means that exactly so often is fine"
        )
    _one_code(answer, 0.4, 1e-3, 2.0)  # and never below 3


def _one_code(answer, target, error_7, suppression, hint=""):
    args = target, error_7, suppression
    got, (distance, n_qubits) = answer(*args), _smallest(*args)
    case = f"at most {target:.3g} from {error_7:.3g} at distance 7, {suppression:.3g} a step"
    assert_pair(got, case, "distance and qubits")
    if tuple(got) == (distance, n_qubits):
        return
    mine = got[0]
    assert tuple(got) != (n_qubits, distance), f"{case}: got {tuple(got)}: the distance first"
    is_distance = mine == int(mine) and mine % 2 == 1 and mine >= 3
    assert is_distance, f"{case}: got {tuple(got)}: a distance is odd and at least 3"
    assert mine >= distance, (
        f"{case}: got {tuple(got)}, and a code of distance {mine} errs too often: each step of "
        f"*two* divides the error once"
    )
    assert mine <= distance, f"{case}: got {tuple(got)}, and a smaller one is enough{hint}"
    raise AssertionError(f"{case}: got {tuple(got)}: a code of distance d takes 2 d² - 1 qubits")
