"""Exercise 13.4: one all-reduce."""

import numpy as np

from labkit.teach.registry import always, exercise


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
    "13.4",
    title="one all-reduce",
    solution=_mlp_block,
    wrong=[
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
