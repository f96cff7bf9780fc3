"""Turn 13.t4: the bytes that one device sends in a collective."""

import math

from labkit.teach.registry import always, exercise, solution

_sent = solution("13.t4")


def _part(array_bytes, n_devices):
    return (n_devices - 1) / n_devices * array_bytes


@exercise(
    "13.t4",
    title="bytes of a collective",
    wrong=[
        (always(1e6), "expected"),
        (lambda kind, size, n: 2 * _part(size, n), "only one of the two halves"),
        (lambda kind, size, n: _part(size, n), "both halves"),
        (lambda kind, size, n: size * (2 if kind == "all-reduce" else 1), "n - 1 of the n parts"),
        (lambda kind, size, n: (n - 1) * size, "a part goes on in each step"),
        (lambda kind, size, n: size / n * (2 if kind == "all-reduce" else 1), "n - 1 steps"),
        (lambda kind, size, n: n * _sent(kind, size, n), "of one device"),
        (
            lambda kind, size, n: _sent(kind, size, n) * (2 if kind == "reduce-scatter" else 1),
            "only one of the two halves",
        ),
    ],
)
def sent_bytes(answer, rng):
    for kind in ("all-reduce", "all-gather", "reduce-scatter", "all-reduce"):
        n = rng.choice((5, 6, 12))  # with fewer, some mistakes give the same number
        array_bytes = n * rng.randint(1000, 9999)
        got, right = answer(kind, array_bytes, n), _sent(kind, array_bytes, n)
        case = f"{kind} of {array_bytes} bytes on {n} devices: got {got}, expected {right:.0f}"
        times = 2 if kind == "all-reduce" else 1
        for mistake, hint in (
            (2 * right, "that's an all-reduce, and this is only one of the two halves of it"),
            (right / 2, "an all-reduce is both halves, a reduce-scatter and an all-gather"),
            (times * array_bytes, "a device sends n - 1 of the n parts, not the whole array"),
            ((n - 1) * array_bytes, "around the ring only a part goes on in each step"),
            (times * array_bytes / n, "that's one step, and there are n - 1 steps"),
            (n * right, "give the bytes of one device, not of all"),
        ):
            is_this = math.isclose(got, mistake) and not math.isclose(mistake, right)
            assert not is_this, f"{case}. Look again: {hint}"
        assert math.isclose(got, right, rel_tol=1e-6), case  # JAX's numbers have 32 bits
