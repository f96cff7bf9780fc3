"""Turn 16.t1: the bytes of model state on one rank at a ZeRO stage."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_state_bytes = solution("16.t1")
_EACH = {0: "nothing is cut", 1: "12 bytes are cut", 2: "14 bytes are cut", 3: "all 16 are cut"}


@exercise(
    "16.t1",
    title="state at a ZeRO stage",
    wrong=[
        (always(31.4e9), "got 3.14e+10"),
        (lambda p, n, stage: 16 * p / n, "stage 3"),
        (lambda p, n, stage: 16 * p, "stage 0, where nothing is cut"),
        (lambda p, n, stage: _state_bytes(p, n, min(stage + 1, 3)), "one stage too far"),
        (lambda p, n, stage: _state_bytes(p, n, max(stage - 1, 0)), "nothing is cut"),
        (
            lambda p, n, stage: {0: 16, 1: 4 + 12 / n, 2: 4 + 12 / n, 3: 16 / n}[stage] * p,
            "too few",
        ),
        (lambda p, n, stage: {0: 16, 1: 12 + 4 / n, 2: 2 + 14 / n, 3: 16 / n}[stage] * p, "12"),
        (lambda p, n, stage: {0: 4, 1: 4 + 12 / n, 2: 2 + 14 / n, 3: 16 / n}[stage] * p, "nothing"),
        (lambda p, n, stage: _state_bytes(p, n, stage) / p, "of one parameter"),
        (lambda p, n, stage: _state_bytes(p, n, stage) / 1e9, "in bytes"),
        (lambda p, n, stage: _state_bytes(p, n, stage) / 2**30, "in bytes"),
        (lambda p, n, stage: 8 * _state_bytes(p, n, stage), "not bits"),
        (lambda p, n, stage: _state_bytes(p, n, stage) * n, "of all ranks"),
        (lambda p, n, stage: _state_bytes(p, max(n, 2), stage), "one rank"),
        (lambda p, n, stage: _state_bytes(p, min(n, 64), stage), "any number of ranks"),
    ],
)
def state_bytes(answer, rng):
    for stage in (0, 1, 2, 3) * 3:
        _several(answer, rng, rng.randint(2, 64), stage)
    for stage in range(4):
        _one(answer, rng.randint(10**6, 10**12), 1, stage, "on one rank nothing can be cut")
        _several(answer, rng, rng.randint(100, 4096), stage, "it holds for any number of ranks")


def _several(answer, rng, n_ranks, stage, hint=""):
    n_parameters = n_ranks * rng.randint(10**6, 10**9)  # so that // is as good as /
    _one(answer, n_parameters, n_ranks, stage, hint)


def _one(answer, n_parameters, n_ranks, stage, hint=""):
    right = _state_bytes(n_parameters, n_ranks, stage)
    by_stage = [_state_bytes(n_parameters, n_ranks, other) for other in range(4)]
    suspects = [
        (by_stage[0], "that is stage 0, where nothing is cut"),
        (by_stage[min(stage + 1, 3)], "that is one stage too far"),
        (by_stage[max(stage - 1, 0)], "that is one stage too few"),
        (right / n_parameters, "that is of one parameter: the model has more"),
        (right / 1e9, "answer in bytes"),
        (right / 2**30, "answer in bytes"),
        (right * n_ranks, "that is of all ranks together: one rank is asked for"),
        (8 * right, "answer in bytes, not bits"),
        (by_stage[3], "everything is cut at stage 3 only"),
    ]
    case = f"{n_parameters} parameters, {n_ranks} ranks, stage {stage}"
    hint = hint or f"at stage {stage} {_EACH[stage]}"
    suspects = suspects if n_ranks > 1 else []
    assert_right(answer(n_parameters, n_ranks, stage), right, case, suspects, hint)
