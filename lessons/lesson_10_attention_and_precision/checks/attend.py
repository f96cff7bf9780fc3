"""Exercise 10.2: attention over tiles that pass by."""

import itertools
import tracemalloc

import numpy as np

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import apart


class _SecondPassError(Exception):
    """Somebody went through the tiles again."""


class _Tiles:
    """Pairs of keys and values, once, in the same memory; after that it is overwritten."""

    def __init__(self, k, v, n_rows):
        self._k, self._v, self._n_rows, self._begun = k, v, n_rows, False

    def __iter__(self):
        if self._begun:
            raise _SecondPassError
        self._begun = True
        k_tile, v_tile = (np.empty((self._n_rows, x.shape[1])) for x in (self._k, self._v))
        for first in range(0, len(self._k), self._n_rows):
            n = min(self._n_rows, len(self._k) - first)
            k_tile[:n], v_tile[:n] = self._k[first : first + n], self._v[first : first + n]
            yield k_tile[:n], v_tile[:n]
            k_tile[:], v_tile[:] = 1e3, 1e3


_attend = solution("10.2")


def _whole(q, k, v):
    scores = q @ k.T
    weights = np.exp(scores - scores.max(1, keepdims=True))
    return weights @ v / weights.sum(1, keepdims=True)


def _all_kept(q, tiles):
    k, v = zip(*tiles, strict=True)
    return _whole(q, np.concatenate(k), np.concatenate(v))


def _collected(q, tiles):
    k, v = zip(*((k.copy(), v.copy()) for k, v in tiles), strict=True)
    return _whole(q, np.concatenate(k), np.concatenate(v))


def _scores_collected(q, tiles):
    scores, values = [], []
    for k, v in tiles:
        scores.append(q @ k.T)
        values.append(v.copy())
    weights = np.exp(np.hstack(scores) - np.hstack(scores).max(1, keepdims=True))
    return weights @ np.vstack(values) / weights.sum(1, keepdims=True)


def _twice(q, tiles):
    largest = np.max([(q @ k.T).max(1) for k, _ in tiles], axis=0)[:, None]
    weights = [np.exp(q @ k.T - largest) for k, _ in tiles]
    return sum(w @ v for w, (_, v) in zip(weights, tiles, strict=True)) / sum(
        w.sum() for w in weights
    )


def _mean_of_tiles(q, tiles):
    return np.mean([_whole(q, k, v) for k, v in tiles], axis=0)


def _no_maximum(q, tiles):
    total = sums = 0.0
    with np.errstate(all="ignore"):
        for k, v in tiles:
            weights = np.exp(q @ k.T)
            total, sums = total + weights.sum(1, keepdims=True), sums + weights @ v
        return sums / total


def _without_shrinking(q, tiles):
    total = sums = 0.0
    for k, v in tiles:
        scores = q @ k.T
        weights = np.exp(scores - scores.max(1, keepdims=True))
        total, sums = total + weights.sum(1, keepdims=True), sums + weights @ v
    return sums / total


def _one_maximum(q, tiles):
    """Wrong: the largest of all queries, so that the weights of some vanish."""
    largest, total, sums = -np.inf, 0.0, 0.0
    with np.errstate(all="ignore"):
        for k, v in tiles:
            scores = q @ k.T
            higher = max(largest, scores.max())
            shrink, weights = np.exp(largest - higher), np.exp(scores - higher)
            total = total * shrink + weights.sum(1, keepdims=True)
            sums, largest = sums * shrink + weights @ v, higher
        return sums / total


def _starts_at(largest):
    """Wrong: scores that all lie far below the first `largest` lose their weights."""

    def attend_from(q, tiles):
        largest_so_far, total, sums = np.full((len(q), 1), float(largest)), 0.0, 0.0
        with np.errstate(all="ignore"):
            for k, v in tiles:
                scores = q @ k.T
                higher = np.maximum(largest_so_far, scores.max(1, keepdims=True))
                shrink, weights = np.exp(largest_so_far - higher), np.exp(scores - higher)
                total = total * shrink + weights.sum(1, keepdims=True)
                sums, largest_so_far = sums * shrink + weights @ v, higher
            return sums / total

    return attend_from


def _largest_of_the_first_tile(q, tiles):
    largest, total, sums = None, 0.0, 0.0
    with np.errstate(all="ignore"):
        for k, v in tiles:
            scores = q @ k.T
            largest = scores.max(1, keepdims=True) if largest is None else largest
            weights = np.exp(scores - largest)
            total, sums = total + weights.sum(1, keepdims=True), sums + weights @ v
        return sums / total


@exercise(
    "10.2",
    title="attention over tiles that pass by",
    wrong=[
        (always(np.zeros((1, 1))), "shape"),
        (_all_kept, "used again"),
        (_twice, "once"),
        (_mean_of_tiles, "shrinks"),
        (_without_shrinking, "shrinks"),
        (_no_maximum, "its own largest score"),
        (_one_maximum, "its own largest score"),
        (_starts_at(0), "its own largest score"),
        (_starts_at(-1000), "its own largest score"),
        (_largest_of_the_first_tile, "its own largest score"),
        (lambda q, tiles: sum(_whole(q, k, v) for k, v in tiles), "expected"),
        (lambda q, tiles: [_whole(q, k, v) for k, v in tiles][-1], "all keys"),
        (_collected, "same time"),
        (_scores_collected, "same time"),
        (lambda q, tiles: _attend(q, itertools.islice(tiles, 12)), "any number of tiles"),
    ],
)
def attend(answer, rng):
    for spread in (1, 1, 3, 500):
        draw = np.random.default_rng(rng.getrandbits(64))
        n_queries, n_keys, size = rng.randint(2, 9), rng.randint(20, 60), rng.randint(2, 8)
        q, (k, v) = draw.normal(0, 1, (n_queries, size)), draw.normal(0, 1, (2, n_keys, size))
        q *= spread * np.linspace(1, 4, n_queries)[:, None]
        _try_attention(answer, q, k, v, rng.randint(5, 9))
    # All scores far below 0: they rise from tile to tile for one query, and fall for the next.
    k[:, 0], q[:, 0] = np.linspace(0, 1, n_keys), 3000 * (-1) ** np.arange(n_queries)
    k[:, 1], q[:, 1] = 1, -6000
    q[:, 2:] /= 1000
    _try_attention(answer, q, k, v, rng.randint(5, 9))
    _refuse_collecting(answer, draw)


def _refuse_collecting(answer, draw):
    """On a chip there is room for a tile and for what is kept of each query, and no more."""
    n_rows, n_tiles, size = 32, 200, 16
    q, (k, v) = draw.normal(0, 1, (8, size)), draw.normal(0, 1, (2, n_rows * n_tiles, size))
    tiles, was_tracing = _Tiles(k, v, n_rows), tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        got = answer(q, tiles)
        held = (tracemalloc.get_traced_memory()[1] - before) / (k[:n_rows].nbytes * 2)
    finally:
        if not was_tracing:
            tracemalloc.stop()
    assert np.allclose(got, _whole(q, k, v)), (
        f"{n_tiles} tiles: got {got[0][0]:.4g} first, expected {_whole(q, k, v)[0, 0]:.4g}: there "
        f"may be any number of tiles"
    )
    assert held < n_tiles / 4, (
        f"{n_tiles} tiles: right, but at the end you hold as much as {held:.0f} of them at the "
        f"same time. A chip has no room for that: of a tile that has passed by keep only the "
        f"largest score, the total and the weighted sum"
    )


def _try_attention(answer, q, k, v, n_rows):
    case = f"{len(q)} queries, {len(k)} keys in tiles of {n_rows}"
    try:
        got, right = np.asarray(answer(q, _Tiles(k, v, n_rows)), float), _whole(q, k, v)
    except _SecondPassError:
        raise AssertionError(
            "you can go through the tiles once: don't begin a second pass"
        ) from None
    assert got.shape == right.shape, (
        f"{case}: the result has the shape {got.shape}, expected {right.shape}, that of q"
    )
    assert np.isfinite(got).all(), (
        f"{case}: not a number: scores may lie far above 0, or all of them far below, so each "
        f"query has to subtract its own largest score before exp"
    )
    wrong = ~np.isclose(got, right, rtol=1e-6, atol=1e-9)
    if not wrong.any():
        return
    kept = _all_kept(q, _Tiles(k, v, n_rows))
    assert not np.allclose(got, kept), (
        f"{case}: the memory of a tile is used again for the next, so a pair that you keep "
        f"changes: use it while it is there"
    )
    parts = [(k[n : n + n_rows], v[n : n + n_rows]) for n in range(0, len(k), n_rows)]
    for slip in (_mean_of_tiles, _without_shrinking):
        assert not np.allclose(got, slip(q, parts)), (
            f"{case}: tiles do not weigh the same: when a larger score comes, all that was added "
            f"before shrinks"
        )
    assert not np.allclose(got, _whole(q, *parts[-1])), (
        f"{case}: that is attention over the last tile alone, and all keys count"
    )
    i, e = (int(axis[0]) for axis in np.nonzero(wrong))
    mine, ours = apart(got[i, e], right[i, e])
    raise AssertionError(f"{case}: [{i}, {e}] is {mine}, expected {ours}")
