"""Exercise 16.2: the smallest number of GPUs on which a model fits."""

import math

from labkit.teach.registry import always, exercise, solution

_gpus_for = solution("16.2")
_CUT = {0: 0, 1: 12, 2: 14, 3: 16}


def _all_is_cut(n_parameters, stage, memory_bytes, other_bytes):
    return math.ceil(16 * n_parameters / (memory_bytes - other_bytes))


def _never_infinite(n_parameters, stage, memory_bytes, other_bytes):
    found = _gpus_for(n_parameters, stage, memory_bytes, other_bytes)
    return 10**9 if found == math.inf else found


def _rounded_down(n_parameters, stage, memory_bytes, other_bytes):
    found = _gpus_for(n_parameters, stage, memory_bytes, other_bytes)
    return found if found == math.inf else max(1, found - 1)


def _not_rounded(n_parameters, stage, memory_bytes, other_bytes):
    cut = _CUT[stage] * n_parameters
    left = memory_bytes - other_bytes - (16 * n_parameters - cut)
    return max(1, cut / left) if left > 0 else math.inf


def _negative(n_parameters, stage, memory_bytes, other_bytes):
    cut = _CUT[stage] * n_parameters
    left = memory_bytes - other_bytes - (16 * n_parameters - cut)
    return math.ceil(cut / left) if left else math.inf


def _one_too_many(*case):
    """Rounds down and adds one, which is right unless it comes out even."""
    found = _not_rounded(*case)
    return found if found == math.inf else math.floor(found) + 1


def _divides_by_zero(n_parameters, stage, memory_bytes, other_bytes):
    cut = _CUT[stage] * n_parameters
    left = memory_bytes - other_bytes - (16 * n_parameters - cut)
    return math.inf if left < 0 else max(1, math.ceil(cut / left))


def _gives_up(*case):
    """Tries one number after the other, and takes a hundred thousand for infinity."""
    found = _gpus_for(*case)
    return found if found <= 100_000 else math.inf


def _power_of_two(*case):
    found = _gpus_for(*case)
    return found if found == math.inf else 2 ** math.ceil(math.log2(found))


@exercise(
    "16.2",
    title="how many GPUs",
    wrong=[
        (always(8), "got 8"),
        (_all_is_cut, "stays on every GPU"),
        (lambda p, stage, memory, other: _gpus_for(p, 3, memory, other), "stays on every GPU"),
        (lambda p, stage, memory, other: _gpus_for(p, stage, memory, 0), "activations"),
        (_never_infinite, "math.inf"),
        (_rounded_down, "too few"),
        (_not_rounded, "whole number"),
        (_negative, "math.inf"),
        (_power_of_two, "fewer are enough"),
        (_one_too_many, "fewer are enough"),
        (_gives_up, "are enough"),
        (_divides_by_zero, "divide by 0"),
        (lambda p, stage, memory, other: _gpus_for(p, stage, memory / 2, other), "enough"),
        (lambda p, stage, memory, other: math.inf if stage == 0 else _gpus_for(p, stage, memory,
         other), "one GPU is enough"),
        (lambda *case: max(2, _gpus_for(*case)), "one GPU is enough"),
    ],
)  # fmt: skip
def gpus_for(answer, rng):
    some = rng.sample((3, 3, 5, 5, 7, 7, 11, 11, 100, 700, 9_000, 20_000), 12)
    for stage, n_gpus in zip((1, 2, 3) * 4, some, strict=True):
        n_parameters = rng.randint(10**10, 10**11)  # so many that whole bytes decide nothing
        kept = (16 - _CUT[stage]) * n_parameters
        other = rng.randint(10**8, 10**10)
        cut = _CUT[stage] * n_parameters
        memory = other + kept + cut / (n_gpus - rng.uniform(0.2, 0.8))
        _one(answer, n_parameters, stage, memory, other)
    for stage in (0, 1, 2):
        n_parameters, other = rng.randint(10**8, 10**11), rng.randint(10**8, 10**10)
        kept = (16 - _CUT[stage]) * n_parameters
        _one(answer, n_parameters, stage, other + kept * rng.uniform(0.5, 0.9), other)
    for stage in range(4):
        n_parameters, other = rng.randint(10**8, 10**11), rng.randint(10**8, 10**10)
        _one(answer, n_parameters, stage, other + 16 * n_parameters * rng.uniform(1.1, 3), other)
    _one(answer, 3 * 10**11, 3, 2 * 10**10 + 16 * 10**6, 2 * 10**10)  # 300,000 are needed
    _one(answer, 10**9, 3, 10**10, 2 * 10**10)
    _one(answer, 5 * 10**8, 3, 10**9 + 16 * 10**8, 10**9)  # all of the memory is used, on five
    for stage in range(4):  # what isn't cut fills the memory
        n_parameters, other = rng.randint(10**8, 10**11), rng.randint(10**8, 10**10)
        memory = other + (16 - _CUT[stage]) * n_parameters
        try:
            _one(answer, n_parameters, stage, memory, other)
        except ZeroDivisionError:
            raise AssertionError(
                f"stage {stage}, and what isn't cut fills the memory exactly: you divide by 0, as "
                f"nothing is left for the rest. Return math.inf, or 1 where there is no rest"
            ) from None


def _one(answer, n_parameters, stage, memory_bytes, other_bytes):
    memory_bytes = int(memory_bytes)
    got = answer(n_parameters, stage, memory_bytes, other_bytes)
    right = _gpus_for(n_parameters, stage, memory_bytes, other_bytes)
    case = (
        f"{n_parameters / 1e9:.3g} billion parameters, stage {stage}, {memory_bytes / 1e9:.4g} GB "
        f"a GPU, {other_bytes / 1e9:.3g} GB of them for the rest: got {got}"
    )
    if right == math.inf:
        assert got == math.inf, (
            f"{case}, but what isn't cut stays on every GPU and doesn't fit: return math.inf"
        )
        return
    assert got != math.inf, f"{case}, but {_enough(right)}"
    assert got == int(got), f"{case}: answer with a whole number"
    assert got >= 1, f"{case}, but it takes one GPU at least"
    if got < right:
        without = _gpus_for(n_parameters, stage, memory_bytes, 0)
        hint = "what isn't cut stays on every GPU"
        if got == without:
            hint = "the activations need their part of the memory as well"
        raise AssertionError(f"{case}, too few, {right} are needed: {hint}")
    assert got == right, f"{case}, but fewer are enough: {_enough(right)}"


def _enough(right):
    return "one GPU is enough" if right == 1 else f"{right} are enough"
