"""Checks of lesson 11: tiles, fetches, a Pallas kernel, one all-reduce, a block."""

import itertools
import math

import numpy as np

from labkit.hardware import recorded
from labkit.teach.registry import always, exercise
from labkit.tpu import n_fetches


def _padded(rows, columns, itemsize, tile=(8, 128)):
    down, across = tile
    return math.ceil(rows / down) * down * math.ceil(columns / across) * across * itemsize


@exercise(
    "11.1",
    title="bytes in tiles",
    solution=_padded,
    wrong=[
        (..., "write your answer", "todo"),
        (always(32768), "the TPU compiler says"),
        (lambda m, n, size: m * n * size, "no part of a tile"),
        (lambda m, n, size: _padded(m, n, 1), "itemsize bytes"),
        (lambda m, n, size: _padded(n, m, size), "8 rows and 128 columns"),
        (lambda m, n, size: _padded(m, n, size, (128, 128)), "8 rows and 128 columns"),
        (lambda m, n, size: (m // 8 + 1) * (n // 128 + 1) * 1024 * size, "fits exactly"),
        (lambda m, n, size: math.ceil(m * n / 1024) * 1024 * size, "each side"),
    ],
)
def padded_bytes(answer, rng):
    got = answer(128, 128, 2)
    assert got != 2 * 17 * 2 * 1024, "128 × 128 fits exactly into 16 tiles: round up, not beyond"
    assert got != 16384, "128 × 128 numbers of 2 bytes: each number takes itemsize bytes"
    assert got == 32768, f"128 × 128 numbers of 2 bytes: got {got}, expected 32768"
    got = answer(129, 129, 2)
    assert got != 129 * 129 * 2, "129 × 129: there is no part of a tile: the rest is filled up"
    assert got != math.ceil(129 * 129 / 1024) * 2048, (
        "129 × 129: round up each side by itself, not the number of elements"
    )
    for n in (127, 128, 129, 136, 1024, 1025):
        right = _recorded_bytes(n)
        got = answer(n, n, 2)
        assert got == right, (
            f"{n} × {n} in bf16: got {got}, but the TPU compiler says {right}. A tile has 8 rows "
            f"and 128 columns"
        )
    for _ in range(20):
        rows, columns, itemsize = rng.randint(8, 999), rng.randint(1, 999), rng.choice((1, 2, 4))
        got, right = answer(rows, columns, itemsize), _padded(rows, columns, itemsize)
        assert got == right, (
            f"{rows} × {columns} numbers of {itemsize} bytes: got {got}, expected {right}. A tile "
            f"has 8 rows and 128 columns"
        )


def _recorded_bytes(n):
    """Bytes of one of the two arguments of the product that was compiled for a TPU."""
    rows = {row["name"]: row for row in recorded("tpu-compiler").rows}
    return rows[f"matmul {n}"]["argument_bytes"] // 2


def _places(grid):
    return list(itertools.product(*map(range, grid)))


def _first_fastest(grid, index_map):
    return n_fetches(grid[::-1], lambda *place: index_map(*place[::-1]))


@exercise(
    "11.2",
    title="fetches of a block",
    solution=n_fetches,
    wrong=[
        (..., "write your answer", "todo"),
        (always(8), "got 8"),
        (lambda grid, index_map: math.prod(grid), "still there"),
        (lambda grid, index_map: len({index_map(*p) for p in _places(grid)}), "fetched again"),
        (lambda grid, index_map: n_fetches(grid, index_map) - 1, "the first step"),
        (_first_fastest, "last axis fastest"),
        (lambda grid, index_map: math.prod(grid) - n_fetches(grid, index_map), "not the others"),
    ],
)
def fetches(answer, rng):
    a, b = rng.randint(2, 5), rng.randint(6, 9)
    got = answer((a, b), lambda i, j: (i, 0))
    case = f"grid ({a}, {b}), index map (i, 0): got {got}"
    across = answer((a, b), lambda i, j: (j, 0))
    assert got != a * b or across != b, f"{case}. A grid runs with its last axis fastest"
    assert got != a * b, f"{case}. In {a * b - a} of the steps the block is still there"
    assert got != a - 1, f"{case}. In the first step nothing is there yet: that is a fetch too"
    assert got != a * b - a, f"{case}. Count the steps with a new block, not the others"
    assert got == a, f"{case}, expected {a}"
    assert across != b, (
        f"grid ({a}, {b}), index map (j, 0): got {across}. Only the last block is kept: one "
        f"that was there before that is fetched again"
    )
    for _ in range(10):
        grid = tuple(rng.randint(1, 4) for _ in range(3))
        order = rng.sample(range(3), 2)

        def index_map(*place, order=order):
            return tuple(place[axis] for axis in order)

        got, right = answer(grid, index_map), n_fetches(grid, index_map)
        names = ", ".join("ijk"[axis] for axis in order)
        assert got == right, f"grid {grid}, index map ({names}): got {got}, expected {right}"


def _sum_blocks(x_ref, y_ref):
    _sum_from(x_ref, y_ref, step=0)


def _sum_from(x_ref, y_ref, step, add=lambda old, new: old + new):
    """A kernel that zeroes the sum at one step, or at each (None), and then adds."""
    import jax.numpy as jnp
    from jax.experimental import pallas as pl

    @pl.when(step is None or pl.program_id(0) == step)
    def _():
        y_ref[...] = jnp.zeros_like(y_ref)

    y_ref[...] = add(y_ref[...], x_ref[...])


def _never_zeroed(x_ref, y_ref):
    y_ref[...] += x_ref[...]


def _copied(x_ref, y_ref):
    y_ref[...] = x_ref[...]


def _skips_first(x_ref, y_ref):
    import jax.numpy as jnp
    from jax.experimental import pallas as pl

    first = pl.program_id(0) == 0
    y_ref[...] = jnp.where(first, 0.0, y_ref[...] + x_ref[...])


@exercise(
    "11.3",
    title="a kernel that adds blocks",
    solution=_sum_blocks,
    in_place=True,
    wrong=[
        (..., "write your answer", "todo"),
        (always(None), "NaN"),
        (_never_zeroed, "Nothing was there to add to"),
        (lambda x_ref, y_ref: _sum_from(x_ref, y_ref, step=None), "only the last block"),
        (_copied, "only the last block"),
        (_skips_first, "the first block is missing"),
        (lambda x_ref, y_ref: _sum_from(x_ref, y_ref, step=1), "without its first blocks"),
        (
            lambda x_ref, y_ref: _sum_from(x_ref, y_ref, 0, lambda old, new: old + 2 * new),
            "twice",
        ),
    ],
    max_time_s=30.0,
)
def sum_blocks(answer, rng):
    n_blocks = rng.randint(3, 5)
    draw = np.random.default_rng(rng.getrandbits(64))
    blocks = draw.integers(1, 100, (n_blocks, 8, 128)).astype(np.float32)
    got, right = _interpreted(answer, blocks), blocks.sum(axis=0)
    case = f"{n_blocks} blocks of 8 × 128"
    assert not np.isnan(got).any(), (
        f"{case}: the result is NaN. Nothing was there to add to: VMEM is not zero when a kernel "
        f"begins, so the first step has to write before anything is added"
    )
    assert not np.array_equal(got, blocks[-1]), (
        f"{case}: only the last block is left. y_ref is the same block at each step: keep what is "
        f"there, and begin anew in the first step alone"
    )
    assert not np.array_equal(got, right - blocks[0]) or _begins_late(answer, blocks), (
        f"{case}: the first block is missing: after the start is made, add it too"
    )
    assert not np.array_equal(got, right - blocks[0]), (
        f"{case}: the sum is without its first blocks: begin anew at step 0, not later"
    )
    assert not np.array_equal(got, 2 * right), f"{case}: each block is added twice"
    assert np.array_equal(got, right), f"{case}: y[0, 0] is {got[0, 0]:g}, expected {right[0, 0]:g}"


def _begins_late(answer, blocks):
    """Is a single block left as it was found, because the sum begins at a later step?"""
    return bool(np.isnan(_interpreted(answer, blocks[:1])).all())


def _interpreted(kernel, blocks):
    """Run `kernel` over blocks (n, 8, 128) in Pallas's interpreter: its (8, 128) result."""
    import jax
    from jax.experimental import pallas as pl

    n, *block = blocks.shape
    result = pl.pallas_call(
        kernel,
        grid=(n,),
        in_specs=[pl.BlockSpec(block, lambda i: (i, 0))],
        out_specs=pl.BlockSpec(block, lambda i: (0, 0)),
        out_shape=jax.ShapeDtypeStruct(block, blocks.dtype),
        interpret=True,
    )(blocks.reshape(-1, block[1]))
    return np.asarray(result)


def _lax():
    import jax

    return jax.lax


def _relu(x):
    import jax.numpy as jnp

    return jnp.maximum(x, 0)


def _add(value):
    return _lax().psum(value, "model")


def _mlp_block(x, a_block, b_block):
    return _add(_relu(x @ a_block) @ b_block)


def _gathers(x, a_block, b_block):
    a = _lax().all_gather(a_block, "model", axis=1, tiled=True)
    b = _lax().all_gather(b_block, "model", axis=0, tiled=True)
    return _relu(x @ a) @ b


@exercise(
    "11.4",
    title="one all-reduce",
    solution=_mlp_block,
    wrong=[
        (..., "write your answer", "todo"),
        (always(0.0), "shape"),
        (lambda x, a, b: _relu(x @ a) @ b, "only its own share"),
        (lambda x, a, b: _lax().pmean(_relu(x @ a) @ b, "model"), "added, not averaged"),
        (lambda x, a, b: _add(_add(_relu(x @ a) @ b)), "added twice"),
        (lambda x, a, b: _relu(_add(x @ a)) @ b, "columns of its own"),
        (lambda x, a, b: _relu(_add((x @ a) @ b)), "between the two products"),
        (lambda x, a, b: _add((x @ a) @ b), "between the two products"),
        (_gathers, "send no weights"),
    ],
)
def mlp_block(answer, rng):
    import jax

    draw = np.random.default_rng(rng.getrandbits(64))
    n, d, share = rng.choice((2, 4)), rng.randint(3, 6), rng.randint(2, 5)
    x, a, b = (draw.normal(size=s) for s in ((3, d), (n, d, share), (n, share, d)))
    x, a, b = (array.astype(np.float32) for array in (x, a, b))
    on_devices = jax.vmap(lambda *own: answer(*own), in_axes=(None, 0, 0), axis_name="model")
    got = np.asarray(on_devices(x, a, b))
    shares = np.maximum(x @ a, 0) @ b
    right = shares.sum(axis=0)
    case = f"{n} devices"
    assert got.shape == (n, 3, d), (
        f"{case}: a device returns the shape {got.shape[1:]}, but the result has {(3, d)}"
    )

    def is_like(expected):
        return np.allclose(got, expected, rtol=1e-3, atol=1e-4)

    linear = (x @ a @ b).sum(axis=0)
    assert not is_like(shares), f"{case}: each has only its own share: somebody must add them up"
    assert not is_like(right / n), f"{case}: the shares are to be added, not averaged"
    assert not is_like(n * right), f"{case}: the result is added twice, so it is {n} times too much"
    assert not is_like(np.maximum((x @ a).sum(axis=0), 0) @ b), (
        f"{case}: do not add after the first product: each device has columns of its own there"
    )
    assert not is_like(linear) and not is_like(np.maximum(linear, 0)), (  # noqa: PT018
        f"{case}: relu belongs between the two products"
    )
    assert is_like(right), (
        f"{case}: got {got[0, 0, 0]:.4g} on the first, expected {right[0, 0]:.4g}"
    )
    program = str(jax.make_jaxpr(lambda *own: answer(*own), axis_env=[("model", n)])(x, a[0], b[0]))
    assert "all_gather" not in program, f"{case}: right, but send no weights: one psum is enough"


def _intensity(n, block, steps=None):
    steps = (n // block) ** 3 if steps is None else steps
    return 2 * n**3 / (2 * steps * block**2 * 2 + n**2 * 2)


def _vmem(block):
    return 2 * 3 * block**2 * 2 + block**2 * 4


def _smallest_with(*, is_fast=None, size=_vmem, divides=lambda n, block: n % block == 0, step=128):
    """An answer to 11.5, with one of its conditions changed."""
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


_smallest_block = _smallest_with()


@exercise(
    "11.5",
    title="choose a block",
    solution=_smallest_block,
    wrong=[
        (..., "write your answer", "todo"),
        (always(512), "512"),
        (_smallest_with(is_fast=lambda n, block, ridge: True), "below the ridge"),
        (_smallest_with(size=lambda block: 0), "does not fit"),
        (_smallest_with(size=lambda block: 3 * block**2 * 2 + block**2 * 4), "two copies"),
        (_smallest_with(size=lambda block: 2 * 3 * block**2 * 2), "32-bit sums"),
        (_smallest_with(divides=lambda n, block: True), "divide"),
        (_smallest_with(step=64), "a multiple of 128"),
        (
            lambda n, ridge, vmem: max(
                (b for b in range(128, n + 1, 128) if n % b == 0 and _vmem(b) <= vmem), default=0
            ),
            "smallest",
        ),
    ],
)
def smallest_block(answer, rng):
    for n, block, vmem_bytes in _cases(rng):
        ridge = _intensity(n, block) - 1e-6 if block else rng.uniform(1e6, 1e7)
        got, right = answer(n, ridge, vmem_bytes), _smallest_block(n, ridge, vmem_bytes)
        case = f"n = {n}, ridge {ridge:.1f} FLOP/B, {vmem_bytes} bytes of VMEM: got {got}"
        if got == right:
            continue
        assert isinstance(got, int) and got >= 0, f"{case}: return a whole number, 0 if none"  # noqa: PT018
        assert got, f"{case}, but a block of {right} is fast enough and fits"
        assert got % 128 == 0, f"{case}, which is not a multiple of 128"
        assert n % got == 0, f"{case}, which does not divide {n}"
        assert _intensity(n, got) >= ridge, (
            f"{case}, which gives {_intensity(n, got):.1f} FLOP/B: below the ridge"
        )
        assert got < right or _vmem(got) <= vmem_bytes or not right, f"{case}, expected {right}"
        single = 3 * got**2 * 2 + got**2 * 4
        assert not single <= vmem_bytes < 2 * 3 * got**2 * 2, (
            f"{case}, which does not fit: while one block is used the next is fetched, so there "
            f"are two copies of each"
        )
        assert not 2 * 3 * got**2 * 2 <= vmem_bytes < _vmem(got), (
            f"{case}, which does not fit: the block of 32-bit sums needs room too"
        )
        assert _vmem(got) <= vmem_bytes, f"{case}, which does not fit: it needs {_vmem(got)} bytes"
        raise AssertionError(f"{case}, which is not the smallest: {right} will do")


def _cases(rng):
    """(n, block that just reaches the ridge, VMEM): each wrong answer fails in one of them."""
    n, block = 128 * 12 * rng.randint(1, 3), 128 * rng.choice((2, 3, 4))
    yield n, block, _vmem(block) + rng.randint(0, 1000)
    yield n, block, 2**40
    yield n, block, 3 * block**2 * 2 + block**2 * 4 + rng.randint(0, 1000)  # no second copy
    yield n, block, 2 * 3 * block**2 * 2 + rng.randint(0, 1000)  # no room for the sums
    yield n, block, rng.randint(1000, 100_000)
    yield n, 0, 2**40
    yield 128 * 7, 128 * 7, 2**40  # 2 to 6 tiles do not divide it
    yield 128 * 9, 128 * 9, 2**40
    yield 64 * 3, 64 * 3, 2**40  # only blocks that are no multiple of 128 divide it
