"""Exercise 18.3: what is wasted at the best interval."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_least_waste = solution("18.3")


@exercise(
    "18.3",
    title="what is left to improve",
    wrong=[
        (always(0.13), "all three terms"),
        (lambda save, restart, mttf: math.sqrt(2 * save * mttf), "an interval"),
        (lambda save, restart, mttf: math.sqrt(2 * save / mttf), "the restart"),
        (lambda save, restart, mttf: 1 - _least_waste(save, restart, mttf), "the goodput"),
        (
            lambda save, restart, mttf: math.sqrt(save / (2 * mttf)) + restart / mttf,
            "both of the first two",
        ),
        (lambda save, restart, mttf: _least_waste(save, restart / 2, mttf), "all three terms"),
        (
            lambda save, restart, mttf: 1.5 * math.sqrt(2 * save / mttf) + restart / mttf,
            "only half of an interval",
        ),
        (lambda save, restart, mttf: save / mttf + restart / mttf, "all three terms"),
    ],
)
def least_waste(answer, rng):
    for _ in range(15):
        mttf_s = 10 ** rng.uniform(3, 6)
        save_s, restart_s = mttf_s * 10 ** rng.uniform(-4, -2), mttf_s * 10 ** rng.uniform(-3, -1)
        _one_run(answer, save_s, restart_s, mttf_s)


def _one_run(answer, save_s, restart_s, mttf_s):
    right = _least_waste(save_s, restart_s, mttf_s)
    one, restart = math.sqrt(save_s / (2 * mttf_s)), restart_s / mttf_s
    suspects = [
        (math.sqrt(2 * save_s * mttf_s), "that is an interval in s, and the waste is a share"),
        (2 * one, "the restart is missing, which no interval avoids"),
        (1 - right, "that is the goodput, what is left: the waste is asked for"),
        (one + restart, "both of the first two terms count, saving and doing again"),
        (3 * one + restart, "a failure undoes only half of an interval on average"),
    ]
    case = f"save {save_s:.3g} s, restart {restart_s:.3g} s, MTTF {mttf_s:.4g} s"
    hint = "put Young's interval into all three terms"
    assert_right(answer(save_s, restart_s, mttf_s), right, case, suspects, hint)
