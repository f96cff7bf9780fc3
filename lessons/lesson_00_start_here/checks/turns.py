"""The turns of lesson 00: the bandwidth of a copy, and a product checked cheaply."""

import math

import numpy as np

from labkit.teach.registry import always, exercise
from labkit.teach.suspects import assert_right


@exercise(
    "00.t1",
    title="the bandwidth of a copy",
    wrong=[
        (always(2e10), "got 2e+10"),
        (lambda n, itemsize, time_s: n * itemsize / time_s, "read and written"),
        (lambda n, itemsize, time_s: 2 * n / time_s, "each of them has itemsize bytes"),
        (lambda n, itemsize, time_s: 2 * n * 8 / time_s, "itemsize need not be 8"),
        (lambda n, itemsize, time_s: 2 * n * itemsize, "divide by the time"),
        (lambda n, itemsize, time_s: 2 * n * itemsize * time_s, "divide by the time"),
        (lambda n, itemsize, time_s: time_s / (2 * n * itemsize), "upside down"),
        (lambda n, itemsize, time_s: 2 * n * itemsize / time_s / 1e9, "in bytes, not in GB"),
        (lambda n, itemsize, time_s: 2 * n * itemsize / time_s / 2**30, "in bytes, not in GB"),
        (lambda n, itemsize, time_s: 16 * n * itemsize / time_s, "in bytes, not in bits"),
        (lambda n, itemsize, time_s: 3 * n * itemsize / time_s, "read and written"),
        (lambda n, itemsize, time_s: (2 * n + 1) * itemsize / time_s, "read and written"),
        (lambda n, itemsize, time_s: 2 * n * itemsize // time_s, "need not be a whole number"),
        (lambda n, itemsize, time_s: round(2 * n * itemsize / time_s), "need not be a whole"),
        (lambda n, itemsize, time_s: -(-2 * n * itemsize // time_s), "need not be a whole number"),
    ],
)
def copy_bytes_per_s(answer, rng):
    n = 7 * rng.randint(2, 13) + rng.randint(1, 6)
    case = f"{n} numbers of 4 bytes in 7 s"
    whole = (8 * n // 7, 8 * n // 7 + 1)
    assert answer(n, 4, 7.0) not in whole, f"{case}: a rate need not be a whole number: use / alone"
    for most in (99, *9 * [10**9]):
        n, itemsize = rng.randint(2, most), rng.choice((4, 12, 32))
        time_s = 10 ** rng.uniform(-6, 2)
        moved_bytes = 2 * n * itemsize
        right = moved_bytes / time_s
        each = "each number is read and written: it moves twice"
        suspects = [
            (right / 2, each),
            (right / itemsize, "that counts numbers, and each of them has itemsize bytes"),
            (2 * n * 8 / time_s, "itemsize need not be 8"),
            (moved_bytes, "that is how many bytes moved in all: divide by the time"),
            (moved_bytes * time_s, "bytes per second: divide by the time"),
            (right / 1e9, "the answer is in bytes, not in GB"),
            (right / 2**30, "the answer is in bytes, not in GB"),
            (right * 8, "the answer is in bytes, not in bits"),
        ]
        case = f"{n} numbers of {itemsize} bytes in {time_s:.4g} s"
        got = answer(n, itemsize, time_s)
        assert not math.isclose(got, 1 / right), f"{case}: upside down: bytes over time"
        assert_right(got, right, case, suspects, each)


def _first_row_only(a, b, c):
    return np.allclose(c[0], a[0] @ b, rtol=1e-4)


def _row_sums(a, b, c):
    x = np.ones(c.shape[1])
    return np.allclose(c @ x, a @ (b @ x), rtol=1e-5)


def _by_sum(a, b, c):
    return np.isclose(c.sum(), (a.astype(float) @ b).sum(), rtol=1e-5)


def _by_weighted_sum(a, b, c):
    x = np.random.default_rng().random(c.shape[1])
    return np.isclose((c @ x).sum(), (a @ (b @ x)).sum(), rtol=1e-5)


def _transposed(a, b, c):
    return c.shape == (a @ b).shape and np.allclose(np.sort(c.ravel()), np.sort((a @ b).ravel()))


def _any_close(a, b, c):
    x = np.random.default_rng().random(c.shape[1])
    return np.isclose(c @ x, a @ (b @ x), rtol=1e-5).any()


def _exactly(a, b, c):
    return (a.astype(float) @ b == c).all()


def _too_kind(rtol):
    def is_product(a, b, c):
        x = np.random.default_rng().random(c.shape[1])
        return np.allclose(c @ x, a @ (b @ x), rtol=rtol)

    return is_product


def _zeros_and_ones(a, b, c):
    x = np.random.default_rng().integers(0, 2, c.shape[1])
    return np.allclose(c @ x, a @ (b @ x), rtol=1e-5)


def _misses_the_first_column(a, b, c):
    x = np.arange(c.shape[1])
    return np.allclose(c @ x, a @ (b @ x), rtol=1e-5)


def _without_brackets(a, b, c):
    x = np.random.default_rng().random(c.shape[1])
    return np.allclose(c @ x, a @ b @ x, rtol=1e-5)


def _element_by_element(a, b, c):
    for i, j in np.ndindex(c.shape):
        if not np.isclose(sum(a[i, k] * b[k, j] for k in range(len(b))), c[i, j], rtol=1e-5):
            return False
    return True


def _does_it_again(a, b, c):
    """Makes `c` right before it looks."""
    c[:] = a @ b
    return True


@exercise(
    "00.t2",
    title="a product checked cheaply",
    wrong=[
        (always(True), "that is a wrong product"),
        (always(False), "that product is right"),
        (_first_row_only, "that is a wrong product"),
        (_row_sums, "what one element has too much"),
        (_by_sum, "what one element has too much"),
        (_transposed, "the elements are there, but not all in their places"),
        (_any_close, "that is a wrong product"),
        (_exactly, "compare with np.allclose"),
        (_too_kind(0.5), "that is a wrong product"),
        (_too_kind(1e-3), "0.05 % too large"),
        (_by_weighted_sum, "compare row by row"),
        (_does_it_again, "leave its arguments as they are"),
        (_zeros_and_ones, "misses half of such errors"),
        (_misses_the_first_column, "its element [0, 0]"),
        (_without_brackets, "a @ (b @ x)"),
        (lambda a, b, c: np.allclose(a @ b, c, rtol=1e-5), "the whole product"),
        (lambda a, b, c: np.allclose(a.dot(b), c, rtol=1e-5), "the whole product"),
        (
            lambda a, b, c: np.allclose(np.einsum("ij,jk", a, b), c, rtol=1e-5),
            "the whole product",
        ),
        (
            lambda a, b, c: all(
                np.allclose(row @ b, of_c, rtol=1e-5) for row, of_c in zip(a, c, strict=True)
            ),
            "the whole product",
        ),
        (
            lambda a, b, c: np.allclose((a[:, :, None] * b).sum(1), c, rtol=1e-5),
            "the whole product",
        ),
        (_element_by_element, "the whole product"),
    ],
)
def is_product(answer, rng):
    for _ in range(3):
        m, n, k = (rng.randint(20, 40) for _ in range(3))
        make = np.random.default_rng(rng.getrandbits(64)).random
        a, b = make((m, k), np.float32), make((k, n), np.float32)
        right = (a.astype(float) @ b).astype(np.float32)
        case = f"({m}, {k}) times ({k}, {n})"
        rounded = right * (1 + 2e-7 * make(right.shape, np.float32))
        for c in (right, rounded):
            assert answer(a, b, c), (
                f"{case}: that product is right, up to rounding: compare with np.allclose, and "
                f"with the rtol that the text gives. Take x from rng.random: where numbers of both "
                f"signs cancel, rounding is all that's left"
            )
        for c, hint in _wrong_products(right, rng):
            assert not answer(a, b, c), (
                f"{case}: that is a wrong product, and you say it's right: {hint}"
            )
    m, n, k = rng.randint(20, 40), rng.randint(40, 60), 4  # so a has few elements, and c many
    a, b = make((m, k), np.float32), make((k, n), np.float32)
    _Watched.n_elements = 0
    answer(a.view(_Watched), b, a @ b)
    assert _Watched.n_elements < m * n, (
        f"({m}, {k}) times ({k}, {n}): you make the whole product, which takes as long as it did "
        f"the first time. Multiply matrices with the vector only: a @ (b @ x)"
    )


class _Watched(np.ndarray):
    """An array that counts the elements made of it, in one operation or in many."""

    n_elements = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        inputs = [x.view(np.ndarray) if isinstance(x, _Watched) else x for x in inputs]
        if out is not None:
            kwargs["out"] = tuple(np.asarray(x) for x in out)
        return self._counted(getattr(ufunc, method)(*inputs, **kwargs))

    def __array_function__(self, func, types, args, kwargs):
        return self._counted(super().__array_function__(func, types, args, kwargs))

    def __getitem__(self, index):
        item = super().__getitem__(index)
        return item if isinstance(item, np.ndarray) else self._counted(item)

    def dot(self, other, out=None):
        return np.dot(self, other, out)

    @staticmethod
    def _counted(result):
        _Watched.n_elements += np.size(result)
        return result


_BY_HALF = " (a vector of zeros and ones misses half of such errors)"


def _wrong_products(right, rng):
    """Wrong products and what is wrong with each of them."""
    row, col = rng.randrange(1, right.shape[0]), rng.randrange(1, right.shape[1])
    larger = 1000 * float(right.max())  # else a small x would hide it
    for at in ((row, col), (0, 0), (-1, -1), (row, 0)):
        one_wrong = right.copy()
        one_wrong[at] += larger
        place = [n % size for n, size in zip(at, right.shape, strict=True)]
        yield one_wrong, f"its element {place} is far too large{_BY_HALF}"
    balanced = right.copy()
    balanced[row, col] += larger
    balanced[row, col - 1] -= larger
    yield balanced, f"what one element has too much, another has too little{_BY_HALF}"
    balanced = right.copy()
    balanced[row, col] += larger
    balanced[row - 1, col] -= larger
    yield balanced, f"what one row has too much, another lacks: compare row by row{_BY_HALF}"
    yield right[:, ::-1].copy(), "the elements are there, but not all in their places"
    yield right[::-1].copy(), "the rows are there, but not all in their places"
    unwritten = right.copy()
    unwritten[row, col] = np.nan
    yield unwritten, "an element is nan, so it was never written"
    yield np.zeros_like(right), "all its elements are 0"
    yield (
        right * np.float32(1.0005),
        "all its elements are 0.05 % too large, which isn't rounding",
    )
