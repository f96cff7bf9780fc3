"""Exercise 13.4: choose a block."""

from labkit.teach.registry import always, exercise, solution


def _intensity(n, block, steps=None):
    steps = (n // block) ** 3 if steps is None else steps
    return 2 * n**3 / (2 * steps * block**2 * 2 + n**2 * 2)


def _vmem(block):
    return 2 * 3 * block**2 * 2 + block**2 * 4


def _smallest_with(*, is_fast=None, size=_vmem, divides=lambda n, block: n % block == 0, step=128):
    """An answer to 13.4, with one of its conditions changed."""
    is_fast = is_fast or (lambda n, block, ridge: _intensity(n, block) >= ridge)

    def smallest(n, ridge_flop_per_byte, vmem_bytes):
        blocks = (
            block
            for block in range(step, n + 1, step)
            if divides(n, block)
            and is_fast(n, block, ridge_flop_per_byte)
            and size(block) <= vmem_bytes
        )
        return next(blocks, 0)

    return smallest


_smallest_block = solution("13.4")


@exercise(
    "13.4",
    title="choose a block",
    wrong=[
        (always(512), "512"),
        (_smallest_with(is_fast=lambda n, block, ridge: True), "below the ridge"),
        (_smallest_with(size=lambda block: 0), "does not fit"),
        (_smallest_with(size=lambda block: 3 * block**2 * 2 + block**2 * 4), "two copies"),
        (_smallest_with(size=lambda block: 2 * 3 * block**2 * 2), "32-bit sums"),
        (_smallest_with(divides=lambda n, block: True), "divide"),
        (_smallest_with(size=lambda block: 14 * block**2), "32-bit sums"),
        (_smallest_with(size=lambda block: _vmem(block) + 1), "to the last byte"),
        (_smallest_with(step=64), "a multiple of 128"),
        (_smallest_with(is_fast=lambda n, block, ridge: _intensity(n, block) > ridge), "at least"),
        (_smallest_with(is_fast=lambda n, block, ridge: block / 2 >= ridge), "below the ridge"),
        (
            lambda n, ridge, vmem: max(
                (b for b in range(128, n + 1, 128) if n % b == 0 and _vmem(b) <= vmem), default=0
            ),
            "smallest",
        ),
    ],
)
def smallest_block(answer, rng):
    for n, ridge, vmem_bytes in _cases(rng):
        got, right = answer(n, ridge, vmem_bytes), _smallest_block(n, ridge, vmem_bytes)
        case = f"n = {n}, ridge {ridge:.1f} FLOP/B, {vmem_bytes} bytes of VMEM: got {got}"
        if got == right:
            continue
        assert got >= 0 and got % 1 == 0, f"{case}: return a whole number, 0 if none"  # noqa: PT018
        assert got or _vmem(right) != vmem_bytes, (
            f"{case}, but a block of {right} is fast enough and fits, to the last byte"
        )
        assert got or _intensity(n, right) != ridge, (
            f"{case}, but a block of {right} fits and reaches the ridge, and at least the ridge is "
            f"enough"
        )
        assert got, f"{case}, but a block of {right} is fast enough and fits"
        assert got % 128 == 0, f"{case}, which is not a multiple of 128"
        assert n % got == 0, f"{case}, which does not divide {n}"
        assert _intensity(n, got) >= ridge, (
            f"{case}, which gives {_intensity(n, got):.1f} FLOP/B: below the ridge. (The result is "
            f"written as well)"
        )
        assert got < right or _vmem(got) <= vmem_bytes or not right, f"{case}, expected {right}"
        single = 3 * got**2 * 2 + got**2 * 4
        assert not single <= vmem_bytes < 2 * 3 * got**2 * 2, (
            f"{case}, which does not fit: while one block is used the next is fetched, so there "
            f"are two copies of each"
        )
        assert not 2 * 3 * got**2 * 2 <= vmem_bytes < _vmem(got), (
            f"{case}, which does not fit: two copies of each of the three blocks and the block of "
            f"32-bit sums need {_vmem(got)} bytes"
        )
        assert _vmem(got) <= vmem_bytes, f"{case}, which does not fit: it needs {_vmem(got)} bytes"
        raise AssertionError(f"{case}, which is not the smallest: {right} will do")


def _cases(rng):
    """(n, ridge, VMEM): each wrong answer fails in one of them."""

    def reached_by(block, n):
        return _intensity(n, block) - 1e-6

    n, block = 128 * 12 * rng.randint(1, 3), 128 * rng.choice((2, 3, 4))
    ridge = reached_by(block, n)
    yield n, ridge, _vmem(block) + rng.randint(1, 1000)
    yield n, ridge, 2**40
    yield n, (_intensity(n, block) + block / 2) / 2, 2**40  # the result's bytes make the difference
    yield n, ridge, 3 * block**2 * 2 + block**2 * 4 + rng.randint(0, 1000)  # no second copy
    yield n, ridge, 2 * 3 * block**2 * 2 + rng.randint(0, 1000)  # no room for the sums
    yield n, ridge, _vmem(block)  # to the last byte
    yield n, ridge, _vmem(block) - 1
    yield 384, 128.0, 2**40  # exactly the ridge
    yield n, ridge, rng.randint(1000, 100_000)
    yield n, rng.uniform(1e6, 1e7), 2**40
    for whole in (128 * 7, 128 * 9):  # 2 to 6 tiles do not divide it
        yield whole, reached_by(whole, whole), 2**40
    yield 64 * 3, reached_by(64 * 3, 64 * 3), 2**40  # only blocks that are no multiple of 128
