"""Exercise 13.3: a kernel that adds blocks."""

import numpy as np

from labkit.teach.registry import always, exercise


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


def _takes_the_rubbish(x_ref, y_ref):
    import jax.numpy as jnp

    y_ref[...] = jnp.nan_to_num(y_ref[...]) + x_ref[...]


def _python_if(x_ref, y_ref):
    from jax.experimental import pallas as pl

    if pl.program_id(0) == 0:
        y_ref[...] = x_ref[...]
    else:
        y_ref[...] += x_ref[...]


def _eight_rows(x_ref, y_ref):
    import jax.numpy as jnp
    from jax.experimental import pallas as pl

    y_ref[...] = jnp.where(pl.program_id(0) == 0, 0.0, y_ref[...])
    y_ref[:8, :] += x_ref[:8, :]


def _three_blocks(x_ref, y_ref):
    import jax.numpy as jnp
    from jax.experimental import pallas as pl

    step = pl.program_id(0)
    so_far = jnp.where(step == 0, 0.0, y_ref[...])
    y_ref[...] = so_far + jnp.where(step < 3, x_ref[...], 0.0)


def _clears_large_rubbish(x_ref, y_ref):
    import jax.numpy as jnp

    y_ref[...] = jnp.where(jnp.abs(y_ref[...]) < 1000, y_ref[...], 0.0) + x_ref[...]


@exercise(
    "13.3",
    title="a kernel that adds blocks",
    in_place=True,
    wrong=[
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
        (_takes_the_rubbish, "whatever is in it"),
        (_python_if, "pl.when"),
        (_eight_rows, "expected"),
        (lambda x_ref, y_ref: x_ref[...] + y_ref[...], "write the sum into y_ref"),
        (_three_blocks, "expected"),
        (_clears_large_rubbish, "whatever is in it"),
    ],
    max_time_s=30.0,
)
def sum_blocks(answer, rng):
    n_blocks = rng.randint(4, 5)
    draw = np.random.default_rng(rng.getrandbits(64))
    rows, columns = rng.choice(((16, 128), (24, 128), (16, 256)))
    blocks = draw.integers(1, 100, (n_blocks, rows, columns)).astype(np.float32)
    got, right = _interpreted(answer, blocks), blocks.sum(axis=0)
    case = f"{n_blocks} blocks of {rows} × {columns}"
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
    place = np.unravel_index((got != right).argmax(), got.shape)
    assert np.array_equal(got, right), (
        f"{case}: y[{place[0]}, {place[1]}] is {got[place]:g}, expected {right[place]:g}"
    )
    rubbish = draw.uniform(-100, 100, got.shape).astype(np.float32)
    assert np.array_equal(_interpreted(answer, blocks, rubbish), right), (
        f"{case}: right where y begins as NaN, and wrong where other numbers are left in it. Write "
        f"in the first step, whatever is in it, and read only after that"
    )


def _begins_late(answer, blocks):
    """Is a single block left as it was found, because the sum begins at a later step?"""
    return bool(np.isnan(_interpreted(answer, blocks[:1])).all())


def _interpreted(kernel, blocks, left=None):
    """Run `kernel` over blocks (n, rows, columns) in Pallas's interpreter: its result, one block.

    left   what is in the memory of the result when the kernel begins; without it, NaN
    """
    import jax
    from jax.experimental import pallas as pl

    def writes(x_ref, y_ref):
        assert kernel(x_ref, y_ref) is None, (
            "your kernel returns something, and nobody takes it: write the sum into y_ref[...]"
        )

    n, *block = blocks.shape
    of_step, always_first = (
        pl.BlockSpec(block, lambda i: (i, 0)),
        pl.BlockSpec(block, lambda i: (0, 0)),
    )
    out = {"out_specs": always_first, "out_shape": jax.ShapeDtypeStruct(block, blocks.dtype)}
    tall = blocks.reshape(-1, block[1])
    try:
        if left is None:
            call = pl.pallas_call(writes, grid=(n,), in_specs=[of_step], interpret=True, **out)
            return np.asarray(call(tall))
        call = pl.pallas_call(
            lambda x_ref, left_ref, y_ref: writes(x_ref, y_ref),
            grid=(n,), in_specs=[of_step, always_first], input_output_aliases={1: 0},
            interpret=True, **out,
        )  # fmt: skip
        return np.asarray(call(tall, left))
    except jax.errors.TracerBoolConversionError:
        raise AssertionError(
            "a Python `if` decides once, when the kernel is compiled, and the step is not known "
            "then: put what belongs to some steps only into a function under pl.when(condition)"
        ) from None
