"""Checks of lesson 09: attention's bytes, online softmax, a kernel, int8 with a bound, tiles."""

import math

import numpy as np

from labkit.simt import cuda, profile
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise

# 09.1


def _stepwise_bytes(length, head_size, itemsize):
    return (4 * length**2 + 4 * length * head_size) * itemsize


@exercise(
    "09.1",
    title="the bytes of attention",
    solution=_stepwise_bytes,
    wrong=[
        (..., "write your answer", "todo"),
        (always(16), "expected"),
        (lambda n, d, size: 4 * n**2 + 4 * n * d, "those are numbers"),
        (lambda n, d, size: 4 * n**2 * size, "queries, keys, values and results"),
        (lambda n, d, size: 4 * n * d * size, "scores and weights"),
        (lambda n, d, size: (2 * n**2 + 4 * n * d) * size, "and then reads them"),
        (lambda n, d, size: (2 * n**2 + 3 * n * d) * size, "and then reads them"),
        (lambda n, d, size: (4 * n**2 + 3 * n * d) * size, "results"),
        (lambda n, d, size: (3 * n**2 + 4 * n * d) * size, "expected"),
    ],
)
def stepwise_bytes(answer, rng):
    for _ in range(10):
        n, d, itemsize = rng.randint(3, 5000), rng.randint(2, 128), rng.choice((2, 4, 8))
        got, right = answer(n, d, itemsize), _stepwise_bytes(n, d, itemsize)
        case = f"{n} tokens, heads of {d}, {itemsize} bytes a number: got {got}, expected {right}"
        assert got * itemsize != right, f"{case}: those are numbers; each has {itemsize} bytes"
        missing = (right - got) / itemsize
        assert missing != 4 * n * d, f"{case}: queries, keys, values and results move too"
        assert missing != 4 * n * n, f"{case}: scores and weights go through memory as well"
        assert missing not in (2 * n * n, 2 * n * n + n * d), (
            f"{case}: one kernel writes the scores, and then reads them another; so for the weights"
        )
        assert missing != n * d, f"{case}: the results are written too"
        assert got == right, case


# 09.2


def _merge(largest_a, total_a, largest_b, total_b):
    largest = max(largest_a, largest_b)
    total = total_a * math.exp(largest_a - largest) + total_b * math.exp(largest_b - largest)
    return largest, total


def _pair_of_larger(largest_a, total_a, largest_b, total_b):
    return max((largest_a, total_a), (largest_b, total_b))


def _by_absolute_sums(largest_a, total_a, largest_b, total_b):
    largest = max(largest_a, largest_b)
    total = total_a * math.exp(largest_a) + total_b * math.exp(largest_b)
    return largest, total / math.exp(largest)


def _turned_round(largest_a, total_a, largest_b, total_b):
    largest = max(largest_a, largest_b)
    total = total_a * math.exp(largest - largest_a) + total_b * math.exp(largest - largest_b)
    return largest, total


def _a_is_first(largest_a, total_a, largest_b, total_b):
    return largest_b, total_a * math.exp(largest_a - largest_b) + total_b


@exercise(
    "09.2",
    title="merging two softmaxes",
    solution=_merge,
    wrong=[
        (..., "write your answer", "todo"),
        (always((3.0, 2.0)), "expected"),
        (lambda m_a, t_a, m_b, t_b: (max(m_a, m_b), t_a + t_b), "relative to its own largest"),
        (_pair_of_larger, "both parts"),
        (_by_absolute_sums, "exceeds every float"),
        (_turned_round, "shrinks"),
        (_a_is_first, "largest"),
        (lambda m_a, t_a, m_b, t_b: _merge(m_a, t_a, m_b, t_b)[1], "a pair"),
        (lambda m_a, t_a, m_b, t_b: _merge(m_a, t_a, m_b, t_b)[::-1], "first the largest"),
    ],
)
def merge(answer, rng):
    for scale in (1, 1, 3, 3, 30, 1000):
        a, b = ([rng.gauss(0, scale) for _ in range(rng.randint(1, 20))] for _ in range(2))
        _try_merge(answer, (*_pair(a), *_pair(b)), _pair(a + b))
    some = _pair(a)
    for case in ((*some, -math.inf, 0.0), (-math.inf, 0.0, *some)):
        _try_merge(answer, case, some)


def _pair(scores):
    return max(scores), math.fsum(math.exp(score - max(scores)) for score in scores)


def _try_merge(answer, pairs, right):
    case = "({:.4g}, {:.4g}) and ({:.4g}, {:.4g})".format(*pairs)
    try:
        got = answer(*pairs)
    except OverflowError:
        raise AssertionError(
            f"{case}: exp of a large score exceeds every float: take exponentials of differences "
            f"to the largest score only"
        ) from None
    assert isinstance(got, tuple) and len(got) == 2, f"{case}: return a pair"  # noqa: PT018
    largest, total = got
    told = f"{case}: got ({largest:.4g}, {total:.4g}), expected ({right[0]:.4g}, {right[1]:.4g})"
    assert not (math.isclose(largest, right[1]) and math.isclose(total, right[0])), (
        f"{told}: first the largest, then the total"
    )
    assert math.isclose(largest, right[0]), f"{told}: the largest is that of all scores"
    assert not math.isclose(total, pairs[1] + pairs[3]) or math.isclose(total, right[1]), (
        f"{told}: each total is relative to its own largest score"
    )
    assert total not in (pairs[1], pairs[3]) or math.isclose(total, right[1]), (
        f"{told}: both parts have a share in the total"
    )
    assert total <= right[1] * (1 + 1e-9), f"{told}: a part with a lower largest score shrinks"
    assert math.isclose(total, right[1]), told


# 09.3

THREADS = 32


@cuda.jit
def _softmax(x, out):
    i = cuda.grid(1)
    if i < x.shape[1]:
        largest, total = cuda.float32(-math.inf), cuda.float32(0)
        for j in range(x.shape[0]):
            score = x[j, i]
            higher = max(largest, score)
            total = total * math.exp(largest - higher) + math.exp(score - higher)
            largest = higher
        for j in range(x.shape[0]):
            out[j, i] = math.exp(x[j, i] - largest) / total


@cuda.jit
def _three_passes(x, out):
    i = cuda.grid(1)
    if i < x.shape[1]:
        largest, total = cuda.float32(-math.inf), cuda.float32(0)
        for j in range(x.shape[0]):
            largest = max(largest, x[j, i])
        for j in range(x.shape[0]):
            total += math.exp(x[j, i] - largest)
        for j in range(x.shape[0]):
            out[j, i] = math.exp(x[j, i] - largest) / total


@cuda.jit
def _parked(x, out):
    i = cuda.grid(1)
    if i < x.shape[1]:
        largest, total = cuda.float32(-math.inf), cuda.float32(0)
        for j in range(x.shape[0]):
            largest = max(largest, x[j, i])
        for j in range(x.shape[0]):
            weight = math.exp(x[j, i] - largest)
            out[j, i] = weight
            total += weight
        for j in range(x.shape[0]):
            out[j, i] = out[j, i] / total


@cuda.jit
def _empty(x, out):
    pass


@cuda.jit
def _sevenths(x, out):
    i = cuda.grid(1)
    if i < x.shape[1]:
        for j in range(x.shape[0]):
            out[j, i] = 1 / 7


_SHRINK = "total * math.exp(largest - higher)"


@exercise(
    "09.3",
    title="a softmax in two reads",
    solution=_softmax,
    in_place=True,
    wrong=[
        (..., "write your answer", "todo"),
        (always(0), "@cuda.jit"),
        (_empty, "kernel is empty", "todo"),
        (_sevenths, "expected"),
        (_three_passes, "two reads"),
        (_parked, "two reads"),
        (changed(_softmax, _SHRINK, "total"), "expected"),
        (changed(_softmax, "higher = max(largest, score)", "higher = cuda.float32(0)"),
         "largest score"),
        (changed(_softmax, "cuda.float32(-math.inf)", "cuda.float32(0)"), "largest score"),
        (changed(_softmax, "i < x.shape[1]", "i <= x.shape[1]"), "out-of-bounds"),
        (changed(_softmax, "cuda.float32(0)", "0.0"), "double precision"),
        (changed(_softmax, " / total", ""), "expected"),
    ],
)  # fmt: skip
def column_softmax(answer, rng):
    for n_rows, n_columns in ((64, 64), (rng.randint(33, 90), 2 * rng.randint(17, 40) + 1), (1, 7)):
        draw = np.random.default_rng(rng.getrandbits(64))
        x = draw.normal(0, 3, (n_rows, n_columns)) + draw.uniform(-190, 190, n_columns)
        _try_softmax(answer, x.astype(np.float32))


def _try_softmax(answer, x):
    case = f"{x.shape[0]} × {x.shape[1]} scores"
    out, grid = np.full(x.shape, np.nan, np.float32), -(-x.shape[1] // THREADS)
    kernels.run(answer, grid, THREADS, x, out.copy(), case=case)
    counts = kernels.counts(answer, grid, THREADS, x, out, case=case)
    _compare_softmax(out, x, case)
    assert "float64" not in counts.flop, (
        f"{case}: sums in double precision are slow on most GPUs: begin with cuda.float32(0)"
    )
    budget = profile(_softmax[grid, THREADS], x, out)
    for name, few in (("global_loads", "two reads of x"), ("global_stores", "one write of out")):
        sectors, enough = (getattr(each, name).sectors for each in (counts, budget))
        assert sectors <= 1.05 * enough, (
            f"{case}: {sectors} sectors in {name.replace('_', ' ')}, and {enough} are enough: "
            f"{few} is the budget, so two reads and one write in all"
        )


def _compare_softmax(out, x, case):
    exact = np.exp(x.astype(np.float64) - x.max(0))
    exact /= exact.sum(0)
    wrong = ~np.isclose(out, exact, rtol=1e-4, atol=1e-7)
    if not wrong.any():
        return
    j, i = (int(axis[0]) for axis in np.nonzero(wrong))
    told = f"{case}: out[{j}, {i}] is {out[j, i]:.4g}, expected {exact[j, i]:.4g}"
    assert np.isfinite(out[j, i]), (
        f"{told}; the scores of that column are about {x[:, i].mean():.0f}: was it written, and is "
        f"the largest score of the column subtracted before exp?"
    )
    raise AssertionError(told)


# 09.4


def _scales(x, axis):
    scale = np.abs(x).max(axis, keepdims=True) / 127
    scale[scale == 0] = 1
    return scale


def _product(a, a_scale, w, w_scale):
    a_int8, w_int8 = np.rint(a / a_scale).astype(np.int8), np.rint(w / w_scale).astype(np.int8)
    return a_scale * w_scale * (a_int8.astype(np.int32) @ w_int8.astype(np.int32))


def _linear(a, a_scale, w, w_scale):
    return a_scale * np.abs(w).sum(0) / 2 + w_scale * np.abs(a).sum(1, keepdims=True) / 2


def _quadratic(a, a_scale, w_scale):
    return a.shape[1] * a_scale * w_scale / 4


def _int8_product(a, w):
    a_scale, w_scale = _scales(a, 1), _scales(w, 0)
    bound = _linear(a, a_scale, w, w_scale) + _quadratic(a, a_scale, w_scale)
    return _product(a, a_scale, w, w_scale), bound


def _one_scale(a, w):
    a_scale, w_scale = _scales(a, (0, 1)), _scales(w, (0, 1))
    bound = _linear(a, a_scale, w, w_scale) + _quadratic(a, a_scale, w_scale)
    return _product(a, a_scale, w, w_scale), bound


def _without_the_square(a, w):
    return _int8_product(a, w)[0], _linear(a, _scales(a, 1), w, _scales(w, 0))


def _whole_steps(a, w):
    product, bound = _int8_product(a, w)
    return product, 2 * bound


def _summed_in_int8(a, w):
    a_scale, w_scale = _scales(a, 1), _scales(w, 0)
    a_int8, w_int8 = np.rint(a / a_scale).astype(np.int8), np.rint(w / w_scale).astype(np.int8)
    return a_scale * w_scale * (a_int8 @ w_int8), _int8_product(a, w)[1]


def _zeros_forgotten(a, w):
    with np.errstate(all="ignore"):
        a_scale, w_scale = np.abs(a).max(1, keepdims=True) / 127, _scales(w, 0)
        whole = np.rint(a / a_scale) @ np.rint(w / w_scale)
    return a_scale * w_scale * whole, _int8_product(a, w)[1]


def _only_the_inputs(a, w):
    _, bound = _int8_product(a, w)
    return _product(a, _scales(a, 1), w, _scales(w, 0)), np.zeros_like(bound) + _scales(a, 1) / 2


@exercise(
    "09.4",
    title="an int8 product and its bound",
    solution=_int8_product,
    wrong=[
        (..., "write your answer", "todo"),
        (always(0), "two arrays"),
        (always((np.zeros((2, 2)), np.ones((2, 2)))), "shape"),
        (lambda a, w: (a @ w, _int8_product(a, w)[1]), "not rounded"),
        (_one_scale, "a scale of its own"),
        (_summed_in_int8, "int32"),
        (_without_the_square, "both are off at once"),
        (_whole_steps, "half a step"),
        (_zeros_forgotten, "all zeros"),
        (_only_the_inputs, "exceeds"),
        (lambda a, w: _int8_product(a, w)[0], "two arrays"),
    ],
)
def int8_product(answer, rng):
    draw = np.random.default_rng(rng.getrandbits(64))
    for _ in range(3):
        m, k, n = (rng.randint(low, 40) for low in (2, 20, 2))
        a = draw.normal(0, 1, (m, k)) * 10.0 ** draw.uniform(-2, 2, (m, 1))
        w = draw.normal(0, 1, (k, n)) * 10.0 ** draw.uniform(-2, 2, (1, n))
        _try_product(answer, a, w, f"{m} × {k} by {k} × {n}")
    worst = np.full((1, rng.randint(1500, 2500)), 1.5)  # all rounded up, to 2
    worst[0, 0] = 127
    _try_product(answer, worst, worst.T.copy(), "numbers that are all rounded up by half a step")
    a[rng.randrange(m)] = 0
    _try_product(answer, a, w, "a row of a that is all zeros")


def _try_product(answer, a, w, case):
    got = answer(a, w)
    assert isinstance(got, tuple) and len(got) == 2, (  # noqa: PT018
        "return two arrays: the product, and the bound of each of its errors"
    )
    product, bound = np.asarray(got[0], float), np.asarray(got[1], float)
    exact, (ours, enough) = a @ w, _int8_product(a, w)
    assert product.shape == bound.shape == exact.shape, (
        f"{case}: product and bound have the shape {exact.shape}, got {product.shape} and "
        f"{bound.shape}"
    )
    assert np.isfinite(product).all(), (
        f"{case}: the product is not finite: what is the scale of a row that is all zeros?"
    )
    if not _same(product, ours):
        raise AssertionError(f"{case}: {_slip(product, a, w)}")
    error = np.abs(product - exact) - 1e-9 * np.abs(a) @ np.abs(w)  # less what float64 may lose
    if (error > bound).any():
        forgot = _same(bound, _without_the_square(a, w)[1])
        why = ": both are off at once, by a quarter of both scales more" if forgot else ""
        raise AssertionError(f"{case}: the error exceeds the bound{why}")
    assert (bound <= enough * (1 + 1e-9)).all(), (
        f"{case}: a bound {np.max(bound / enough):.3g} times the lesson's: rounding is off by half "
        f"a step at most"
    )


def _same(got, right):
    return np.allclose(got, right, rtol=1e-6, atol=1e-9 * np.abs(right).max())


def _slip(product, a, w):
    """Why a product is not the one of int8, in words."""
    if _same(product, a @ w):
        return "that is a @ w, not rounded to int8"
    if _same(product, _one_scale(a, w)[0]):
        return "give each row of a, and each column of w, a scale of its own"
    if _same(product, _summed_in_int8(a, w)[0]):
        return "sums of int8 products do not fit in int8: add in int32"
    return "the product is not that of numbers rounded to whole steps"


# 09.5


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


def _attend(q, tiles):
    largest, total, sums = np.full((len(q), 1), -np.inf), 0.0, 0.0
    for k, v in tiles:
        scores = q @ k.T
        higher = np.maximum(largest, scores.max(1, keepdims=True))
        shrink, weights = np.exp(largest - higher), np.exp(scores - higher)
        total = total * shrink + weights.sum(1, keepdims=True)
        sums = sums * shrink + weights @ v
        largest = higher
    return sums / total


def _whole(q, k, v):
    scores = q @ k.T
    weights = np.exp(scores - scores.max(1, keepdims=True))
    return weights @ v / weights.sum(1, keepdims=True)


def _all_kept(q, tiles):
    k, v = zip(*tiles, strict=True)
    return _whole(q, np.concatenate(k), np.concatenate(v))


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


@exercise(
    "09.5",
    title="attention over tiles that pass by",
    solution=_attend,
    wrong=[
        (..., "write your answer", "todo"),
        (always(np.zeros((2, 2))), "shape"),
        (_all_kept, "used again"),
        (_twice, "once"),
        (_mean_of_tiles, "shrinks"),
        (_without_shrinking, "shrinks"),
        (_no_maximum, "its own largest score"),
        (_one_maximum, "its own largest score"),
        (lambda q, tiles: sum(_whole(q, k, v) for k, v in tiles), "expected"),
        (lambda q, tiles: [_whole(q, k, v) for k, v in tiles][-1], "all keys"),
    ],
)
def attend(answer, rng):
    for spread in (1, 1, 3, 500):
        draw = np.random.default_rng(rng.getrandbits(64))
        n_queries, n_keys, size = rng.randint(2, 9), rng.randint(20, 60), rng.randint(2, 8)
        q, (k, v) = draw.normal(0, 1, (n_queries, size)), draw.normal(0, 1, (2, n_keys, size))
        q *= spread * np.linspace(1, 4, n_queries)[:, None]
        _try_attention(answer, q, k, v, rng.randint(5, 9))


def _try_attention(answer, q, k, v, n_rows):
    case = f"{len(q)} queries, {len(k)} keys in tiles of {n_rows}"
    try:
        got, right = np.asarray(answer(q, _Tiles(k, v, n_rows)), float), _whole(q, k, v)
    except _SecondPassError:
        raise AssertionError("you can go through tiles once: begin no second pass") from None
    assert got.shape == right.shape, (
        f"{case}: the result has the shape {got.shape}, expected {right.shape}, that of q"
    )
    assert np.isfinite(got).all(), (
        f"{case}: not a number: the scores are large, so each query has to subtract its own "
        f"largest score before exp"
    )
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
    assert not np.allclose(got, _whole(q, *parts[-1])), f"{case}: that is the last tile; all keys"
    wrong = ~np.isclose(got, right, rtol=1e-6, atol=1e-9)
    if wrong.any():
        i, e = (int(axis[0]) for axis in np.nonzero(wrong))
        raise AssertionError(f"{case}: [{i}, {e}] is {got[i, e]:.4g}, expected {right[i, e]:.4g}")
