"""Exercise 15.2: tree or ring."""

import math

from labkit.teach.registry import always, exercise, solution

_faster = solution("15.2")


def _by(ring_s, tree_s):
    """An answer with other times, each a function of (n_bytes, n_ranks, alpha, beta)."""
    return lambda b, n, a, beta: (
        "ring" if ring_s(b, n, a, beta) <= tree_s(b, n, a, beta) else "tree"
    )


def _ring(b, n, a, beta):
    return 2 * (n - 1) * (a + b / n / beta)


def _tree(b, n, a, beta):
    return 2 * (n - 1).bit_length() * (a + b / beta)


def _levels(count):
    """An answer whose tree has other levels."""
    return _by(_ring, lambda b, n, a, beta: 2 * count(n) * (a + b / beta))


_whole_arrays = _by(lambda b, n, a, beta: 2 * (n - 1) * (a + b / beta), _tree)
_ROUNDED = "the levels of a tree are log2 n, rounded up: 2 for 4 ranks, 3 for 5 to 8"
_SLIPS = (
    (_levels(lambda n: int(math.log2(n))), _ROUNDED),
    (_levels(math.log2), _ROUNDED),
    (_levels(int.bit_length), _ROUNDED),
    (_whole_arrays, "a message of the ring is one nth of the array"),
)


@exercise(
    "15.2",
    title="tree or ring",
    wrong=[
        (always("ring"), "the tree takes"),
        (always("tree"), "the ring takes"),
        (lambda *args: {"ring": "tree", "tree": "ring"}[_faster(*args)], "takes"),
        (lambda *args: _faster(*args).upper(), "one of"),
        (_whole_arrays, "one nth of the array"),
        (_by(_ring, lambda b, n, a, beta: 2 * (n - 1).bit_length() * (a + b / n / beta)), "takes"),
        (_by(_ring, lambda b, n, a, beta: (n - 1).bit_length() * (a + b / beta)), "takes"),
        (_by(lambda b, n, a, beta: (n - 1) * (a + b / n / beta), _tree), "takes"),
        (_levels(lambda n: int(math.log2(n))), "rounded up"),
        (_levels(int.bit_length), "rounded up"),
        (_levels(math.log2), "rounded up"),
        (_by(_ring, lambda b, n, a, beta: 2 * (n - 1).bit_length() * a + b / beta), "takes"),
        (_by(lambda b, n, a, beta: 2 * n * (a + b / n / beta), _tree), "takes"),
        (lambda b, n, a, beta: "ring" if b > 1e6 else "tree", "takes"),
        (lambda b, n, a, beta: "tree" if n > 8 and b < 1e5 else "ring", "takes"),
        (lambda b, n, a, beta: "ring" if _ring(b, n, a, beta) < _tree(b, n, a, beta) else "tree",
         "the same"),
    ],
)  # fmt: skip
def faster(answer, rng):
    for n_ranks in (4, 5, 6, 8, 9, 16, 17, 33, rng.randint(40, 2000), 2 ** rng.randint(6, 10)):
        for near in (0.02, 0.5, 0.97, 1.03, 2, 50):
            alpha_s, beta = 10 ** rng.uniform(-6, -3), 10 ** rng.uniform(6, 11)
            n_bytes = near * _crossover(n_ranks, alpha_s * beta)
            _one(answer, n_bytes, n_ranks, alpha_s, beta)
    # On two ranks the ring sends two halves, where the tree sends all of it twice.
    _one(answer, 10 ** rng.uniform(3, 9), 2, 1e-5, 1e9)
    # Nothing to send on two ranks: two messages either way.
    _one(answer, 0.0, 2, 2.0, 1.0, "both take the same, so say ring: got")


def _crossover(n_ranks, alpha_bytes):
    """The size from which the ring is faster, in bytes; alpha_bytes is alpha x beta."""
    levels = (n_ranks - 1).bit_length()
    return alpha_bytes * (n_ranks - 1 - levels) / (levels - (n_ranks - 1) / n_ranks)


def _one(answer, n_bytes, n_ranks, alpha_s, beta, same="got"):
    got, right = answer(n_bytes, n_ranks, alpha_s, beta), _faster(n_bytes, n_ranks, alpha_s, beta)
    assert got in ("ring", "tree"), f"got {got!r}: answer with one of 'ring' and 'tree'"
    times = _ring(n_bytes, n_ranks, alpha_s, beta), _tree(n_bytes, n_ranks, alpha_s, beta)
    slips = (words for slip, words in _SLIPS if slip(n_bytes, n_ranks, alpha_s, beta) == got)
    hint = next((f" ({words})" for words in slips), "")
    assert got == right, (
        f"{n_bytes:.4g} bytes, {n_ranks} ranks, alpha {alpha_s:.3g} s, {beta:.3g} B/s: the ring "
        f"takes {times[0]:.4g} s and the tree takes {times[1]:.4g} s, {same} {got!r}{hint}"
    )
