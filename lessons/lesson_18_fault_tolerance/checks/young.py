"""Turn 18.t2: Young's interval."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_young = solution("18.t2")


@exercise(
    "18.t2",
    title="Young's interval",
    wrong=[
        (always(1155.0), "smallest waste"),
        (lambda save_s, mttf_s: (save_s * mttf_s) ** 0.5, "the 2"),
        (lambda save_s, mttf_s: 2 * save_s * mttf_s, "a square"),
        (lambda save_s, mttf_s: (2 * mttf_s) ** 0.5, "how long a save takes"),
        (lambda save_s, mttf_s: (2 * save_s / mttf_s) ** 0.5, "the waste at the best interval"),
        (lambda save_s, mttf_s: (save_s * mttf_s / 2) ** 0.5, "the 2"),
        (lambda save_s, mttf_s: mttf_s / 2, "how long a save takes"),
        (lambda save_s, mttf_s: max(60, _young(save_s, mttf_s)), "smallest waste"),
    ],
)
def young(answer, rng):
    for _ in range(10):
        _one_interval(answer, 10 ** rng.uniform(0, 2.5), 10 ** rng.uniform(3.5, 6))
    for _ in range(5):
        _one_interval(answer, 10 ** rng.uniform(-3, -1), 10 ** rng.uniform(1, 3))


def _one_interval(answer, save_s, mttf_s):
    right = _young(save_s, mttf_s)
    suspects = [
        (right**2, "that is a square: interval² = 2 × save × MTTF"),
        (right / math.sqrt(2), "the derivative of τ / (2 MTTF) is 1 / (2 MTTF): the 2 stays"),
        (right / 2, "the derivative of τ / (2 MTTF) is 1 / (2 MTTF): the 2 stays"),
        (math.sqrt(2 * save_s / mttf_s), "that is the waste at the best interval, a share"),
        (math.sqrt(2 * mttf_s), "it also depends on how long a save takes"),
        (mttf_s / 2, "it also depends on how long a save takes"),
    ]
    case = f"a save takes {save_s:.3g} s, the MTTF is {mttf_s:.4g} s"
    hint = "the smallest waste is where save / τ² = 1 / (2 MTTF)"
    assert_right(answer(save_s, mttf_s), right, case, suspects, hint)
