"""Exercise 16.1: the bytes that a rank sends in a step."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_sent_bytes = solution("16.1")
_NEEDS = {
    0: "an all-reduce is two passes", 1: "a reduce-scatter and an all-gather are two passes",
    2: "a reduce-scatter and an all-gather are two passes",
    3: "the parameters are gathered twice, and the gradients reduced once: three passes",
}  # fmt: skip


@exercise(
    "16.1",
    title="what a step sends",
    wrong=[
        (always(3.0), "got 3"),
        (lambda p, n, stage, size: p * size * (2 + (stage == 3)), "(n - 1) / n"),
        (lambda p, n, stage, size: p * size * (n - 1) / n, "passes"),
        (lambda p, n, stage, size: 2 * p * size * (n - 1) / n, "three passes"),
        (lambda p, n, stage, size: p * size * (1 + (stage == 3) / 2) * (n - 1) / n, "passes"),
        (lambda p, n, stage, size: _sent_bytes(p, n, stage, size) / n, "all but one of n parts"),
        (lambda p, n, stage, size: (1 + stage) * p * size * (n - 1) / n, "passes"),
        (lambda p, n, stage, size: _sent_bytes(p, n, stage, size) * n, "one rank"),
        (lambda p, n, stage, size: _sent_bytes(p, n, stage, 2), "itemsize"),
        (lambda p, n, stage, size: _sent_bytes(p, n, stage, size) * n / (n - 1), "(n - 1) / n"),
        (lambda p, n, stage, size: _sent_bytes(p, n, stage, size) * (n - 1), "(n - 1) / n"),
        (lambda p, n, stage, size: _sent_bytes(p, n, 3 if stage == 1 else stage, size), "two"),
        (lambda p, n, stage, size: 8 * _sent_bytes(p, n, stage, size), "not bits"),
        (lambda p, n, stage, size: _sent_bytes(p, n, stage, size) / 1e9, "not GB"),
        (lambda p, n, stage, size: _sent_bytes(p, max(n, 2), stage, size), "nobody to send to"),
    ],
)
def sent_bytes(answer, rng):
    for stage in (3, 0, 1, 2) * 3:
        n_ranks = rng.randint(3, 4096)
        n_parameters = n_ranks * rng.randint(10**6, 10**9)  # so that // is as good as /
        _one(answer, n_parameters, n_ranks, stage, rng.choice((1, 8)))  # not 4: half is 2 bytes
        _one(answer, n_parameters, 1, stage, 2, "one rank has nobody to send to")


def _one(answer, n_parameters, n_ranks, stage, itemsize, hint=""):
    right = _sent_bytes(n_parameters, n_ranks, stage, itemsize)
    suspects = []
    if n_ranks > 1:
        suspects = [
            (right * n_ranks / (n_ranks - 1), "each pass sends (n - 1) / n of the bytes"),
            (right * n_ranks, "that is what all ranks send: one rank is asked for"),
            (right / n_ranks, "each pass sends all but one of n parts: (n - 1) / n of the bytes"),
            (right * 2 / itemsize, "a parameter takes itemsize bytes"),
            (8 * right, "answer in bytes, not bits"),
            (right / 1e9, "answer in bytes, not GB"),
            (right * (n_ranks - 1), "each pass sends (n - 1) / n of the bytes, not n - 1 times"),
        ]
    case = f"{n_parameters} parameters of {itemsize} bytes, {n_ranks} ranks, stage {stage}"
    got = answer(n_parameters, n_ranks, stage, itemsize)
    assert_right(got, right, case, suspects, hint or _NEEDS[stage])
