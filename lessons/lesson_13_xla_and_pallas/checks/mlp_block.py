"""Turn 13.t3: one all-reduce."""

import math

import numpy as np

from labkit.teach.registry import always, exercise
from labkit.teach.suspects import apart

_COLLECTIVES = (
    "psum", "pmax", "pmin", "pmean", "all_gather", "all_to_all", "ppermute", "pshuffle",
    "reduce_scatter", "pbroadcast", "ragged_all_to_all",
)  # fmt: skip


def _lax():
    import jax

    return jax.lax


def _relu(x):
    import jax.numpy as jnp

    return jnp.maximum(x, 0)


def _add(value):
    return _lax().psum(value, "model")


def _gathers(x, a_block, b_block):
    a = _lax().all_gather(a_block, "model", axis=1, tiled=True)
    b = _lax().all_gather(b_block, "model", axis=0, tiled=True)
    return _relu(x @ a) @ b


def _gathers_sums(x, a_block, b_block):
    return _lax().all_gather(_relu(x @ a_block) @ b_block, "model").sum(axis=0)


def _two_halves(x, a_block, b_block):
    own = _relu(x @ a_block) @ b_block
    return _add(own[:1]), _add(own[1:])


def _two_psums(x, a_block, b_block):
    import jax.numpy as jnp

    return jnp.concatenate(_two_halves(x, a_block, b_block))


def _ring(x, a_block, b_block):
    total = own = _relu(x @ a_block) @ b_block
    n = _lax().psum(1, "model")  # a number, which costs nothing
    for _ in range(n - 1):
        own = _lax().ppermute(own, "model", [(i, (i + 1) % n) for i in range(n)])
        total = total + own
    return total


def _ring_in_a_loop(x, a_block, b_block):
    n = _lax().psum(1, "model")
    own = _relu(x @ a_block) @ b_block

    def step(_, carried):
        passing, total = carried
        passing = _lax().ppermute(passing, "model", [(i, (i + 1) % n) for i in range(n)])
        return passing, total + passing

    return _lax().fori_loop(0, n - 1, step, (own, own))[1]


def _scatters(x, a_block, b_block):
    own = (_relu(x @ a_block) @ b_block).reshape(-1)
    n = _lax().psum(1, "model")
    padded = _lax().pad(own, 0.0, [(0, -own.size % n, 0)])
    part = _lax().psum_scatter(padded, "model", tiled=True)
    whole = _lax().all_gather(part, "model", tiled=True)
    return whole[: own.size].reshape(x.shape)


def _row_by_row(x, a_block, b_block):
    return _lax().map(lambda row: _add(_relu(row @ a_block) @ b_block), x)


def _in_its_slot(own):
    """Zeros for each device, with `own` at this one's place: a psum of these is an all-gather."""
    import jax.numpy as jnp

    slots = jnp.zeros((_lax().psum(1, "model"), *own.shape))
    return slots.at[_lax().axis_index("model")].set(own)


def _a_slot_for_each(x, a_block, b_block):
    return _add(_in_its_slot(_relu(x @ a_block) @ b_block)).sum(axis=0)


def _weights_in_one_psum(x, a_block, b_block):
    import jax.numpy as jnp

    weights = _add(_in_its_slot(jnp.stack([a_block.T, b_block])))
    return sum(_relu(x @ a.T) @ b for a, b in weights)


@exercise(
    "13.t3",
    title="one all-reduce",
    wrong=[
        (always(0.0), "shape"),
        (lambda x, a, b: _relu(x @ a) @ b, "only its own share"),
        (lambda x, a, b: _lax().pmean(_relu(x @ a) @ b, "model"), "added, not averaged"),
        (lambda x, a, b: _add(_add(_relu(x @ a) @ b)), "added twice"),
        (lambda x, a, b: _relu(_add(x @ a)) @ b, "columns of its own"),
        (lambda x, a, b: _relu(_add((x @ a) @ b)), "between the two products"),
        (lambda x, a, b: _add((x @ a) @ b), "between the two products"),
        (_gathers, "send no weights"),
        (_gathers_sums, "one psum adds them"),
        (_two_psums, "2 collectives"),
        (lambda x, a, b: _add((_relu(x @ a) @ b).astype("bfloat16")).astype("float32"), "expected"),
        (lambda x, a, b: _add(_relu(x) @ a @ b), "expected"),
        (lambda x, a, b: _lax().pmax(_relu(x @ a) @ b, "model"), "expected"),
        (_ring, "collectives"),
        (_ring_in_a_loop, "each round"),
        (_scatters, "2 collectives"),
        (_row_by_row, "each round"),
        (_weights_in_one_psum, "send no weights"),
        (_a_slot_for_each, "numbers"),
    ],
)
def mlp_block(answer, rng):
    import jax

    draw = np.random.default_rng(rng.getrandbits(64))
    n, d, share = rng.choice((3, 4)), rng.randint(3, 6), rng.choice((4, 5, 7))
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
    if not is_like(right):
        at = np.unravel_index(np.abs(got[0] - right).argmax(), right.shape)
        mine, ours = apart(got[0][at], right[at])
        raise AssertionError(f"{case}: got {mine} on the first, expected {ours}")
    program = jax.make_jaxpr(lambda *own: answer(*own), axis_env=[("model", n)])(x, a[0], b[0])
    sent = list(_sent(program.jaxpr))
    shapes = [shape for _, shape, _ in sent]
    assert a[0].shape not in shapes and b[0].shape not in shapes, (  # noqa: PT018
        f"{case}: right, but send no weights: one psum is enough"
    )
    names = [name for name, *_ in sent]
    assert names != ["all_gather"], (
        f"{case}: right, but every device receives the shares of all the others before it adds "
        f"them: one psum adds them on the way"
    )
    assert len(sent) != 1 or (names[0].startswith("psum") and not sent[0][2]), (
        f"{case}: right, but a {names[0]} in a loop is one collective for each round: a single "
        f"psum is asked for"
    )
    assert len(sent) == 1, (
        f"{case}: right, but by {len(sent)} collectives ({', '.join(names)}): one is asked for"
    )
    n_sent = math.prod(shapes[0])
    assert n_sent == right.size, (
        f"{case}: right, but the psum adds up {n_sent} numbers, and the result has {right.size}: "
        f"send no weights, and nothing but a device's share of the result"
    )


def _sent(jaxpr, in_loop=False):
    """(name, shape of what is sent, in a loop?) of each collective, in what it calls, too."""
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name.startswith(_COLLECTIVES):
            yield name, tuple(equation.invars[0].aval.shape), in_loop
        for inner in equation.params.values():
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from _sent(inner, in_loop or name in ("scan", "while"))
