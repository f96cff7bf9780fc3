"""The turns 11.t3 and 11.t4: attention over the tokens so far, and the cache that keeps them."""

import numpy as np

from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.units import counted
from lessons.lesson_11_a_language_model.checks.near import assert_near, floats

_attention = solution("11.t3")
_SUM = "sums[n] * shrink + weight * values[token, group, lane + 32 * n]"
_SHRINK = "a larger score shrinks both total and sums, by e to the old largest minus the new"
_BIG = "a plain exponential overflows: subtract the largest score so far"


@exercise(
    "11.t3",
    title="online softmax in attention",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_attention, _SUM, "sums[n] + weight * values[token, group, lane + 32 * n]"),
         "shrinks both total and sums"),
        (changed(_attention, "total * shrink + weight", "total + weight"),
         "shrinks both total and sums"),
        (changed(changed(_attention, "        largest = higher\n", ""),
                 "higher = max(largest, score)", "higher = largest = max(largest, score)"),
         "by e to the old largest"),
        (changed(_attention, "largest = higher", "largest = largest"),
         "keep the largest score so far"),
        (changed(_attention, _SUM, "sums[n] * shrink + values[token, group, lane + 32 * n]"),
         "expected"),
        (changed(_attention, _SUM, _SUM.replace("values[", "keys[")), "values, not the keys"),
        (changed(_attention, _SUM, _SUM.replace("group", "0")), "expected"),
        (changed(_attention, _SUM, _SUM.replace("32 * n", "n")), "expected"),
        (changed(_attention, _SUM, "weight * values[token, group, lane + 32 * n]"), "expected"),
        (changed(_attention, "math.exp(score - higher)", "1.0"), "expected"),
        (changed(_attention, "higher = max(largest, score)", "higher = cuda.float32(0)"),
         "overflow"),
        (changed(_attention, "math.exp(largest - higher)", "math.exp(higher - largest)"), "NaN"),
        (changed(_attention, "higher = max(largest, score)", "higher = score"), "overflowed"),
        (changed(_attention, "range(keys.shape[0])", "range(min(6, keys.shape[0]))"), "expected"),
    ],
)  # fmt: skip
def attention(answer, rng):
    for n_heads, n_groups, size, n_tokens, most in (
        (6, 2, 64, rng.randint(8, 12), 2.0),
        (4, 4, 32, rng.randint(5, 9), 1.0),
        (2, 1, 96, rng.randint(4, 6), 12.0),
        (3, 1, 32, 1, 1.0),
    ):
        q = floats(rng, n_heads, size, most=most)
        k = floats(rng, n_tokens, n_groups, size, most=most)
        v = floats(rng, n_tokens, n_groups, size)
        if most > 5:  # scores that go far down and up again: no plain exponential survives
            k[0, 0], k[1, 0], k[-1, 0] = q[0], -q[0], 1.5 * q[0]
        out = np.full((n_heads, size), np.nan, np.float32)
        case = f"We also tried {counted(n_heads, 'head')} of {size}, {counted(n_tokens, 'token')}"
        remedy = _BIG if most > 5 else ""
        kernels.run(answer, n_heads, 32, q, k, v, out, case=case)
        scores = _scores(q, k)
        v = v.astype(float).repeat(n_heads // n_groups, axis=1)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        expected = _weighted(weights / weights.sum(axis=1, keepdims=True), v)
        if np.isnan(out).any():
            raise AssertionError(
                f"{case}, scores up to {scores.max():.0f}: out holds NaN. An element was never "
                f"written, or an exponential overflowed: subtract the largest score so far, and "
                f"keep it in largest"
            )
        keys = k.astype(float).repeat(n_heads // n_groups, axis=1)
        suspects = [
            *((wrong, _SHRINK)
              for wrong in _without_shrinking(scores, v)),
            (_weighted(weights / weights.sum(axis=1, keepdims=True), keys),
             "add up the values, not the keys"),
            (v[-1].astype(float), "keep the largest score so far in largest, for the next token"),
        ]  # fmt: skip
        assert_near(out, expected, f"{case}{', ' * bool(remedy)}{remedy}", suspects)


def _scores(q, k):
    keys = k.astype(float).repeat(len(q) // k.shape[1], axis=1)
    return np.einsum("he,the->ht", q.astype(float), keys) / np.sqrt(q.shape[1])


def _weighted(weights, values):
    return np.einsum("ht,the->he", weights, values)


def _without_shrinking(scores, values):
    """What comes out if only the total shrinks, only the sums, or neither."""
    largest = np.maximum.accumulate(scores, axis=1)
    late, right = np.exp(scores - largest), np.exp(scores - largest[:, -1:])
    yield _weighted(late, values) / right.sum(axis=1, keepdims=True)
    yield _weighted(right, values) / late.sum(axis=1, keepdims=True)
    yield _weighted(late, values) / late.sum(axis=1, keepdims=True)


_remember = solution("11.t4")


def _stores_nothing(keys, values, position, k, v):
    return keys[: position + 1], values[: position + 1]


def _returns_all(keys, values, position, k, v):
    keys[position], values[position] = k, v
    return keys, values


def _forgets_the_new_one(keys, values, position, k, v):
    keys[position], values[position] = k, v
    return keys[:position], values[:position]


def _swapped(keys, values, position, k, v):
    keys[position], values[position] = v, k
    return keys[: position + 1], values[: position + 1]


def _one_too_far(keys, values, position, k, v):
    keys[position + 1], values[position + 1] = k, v
    return keys[: position + 2], values[: position + 2]


def _fills_all(keys, values, position, k, v):
    keys[: position + 1], values[: position + 1] = k, v
    return keys[: position + 1], values[: position + 1]


def _without_storing(keys, values, position, k, v):
    return (
        np.concatenate([keys[:position], k[None]]),
        np.concatenate([values[:position], v[None]]),
    )


def _only_the_new_one(keys, values, position, k, v):
    keys[position], values[position] = k, v
    return keys[position : position + 1], values[position : position + 1]


@exercise(
    "11.t4",
    title="the KV cache",
    in_place=True,
    wrong=[
        (always(0), "a pair"),
        (_stores_nothing, "the new key isn't in keys"),
        (_returns_all, "tokens that have not come yet"),
        (_forgets_the_new_one, "looks at itself, too"),
        (_swapped, "keys and values have changed places"),
        (_one_too_far, "the new key isn't in keys[3]"),
        (_fills_all, "changes what earlier tokens left"),
        (_without_storing, "the new key isn't in keys"),
        (_only_the_new_one, "the earlier tokens"),
        (lambda keys, values, position, k, v: _remember(keys, values, min(position, 9), k, v),
         "the new key isn't in keys"),
        (lambda keys, values, position, k, v: _remember(keys, values, position, k, v)[::-1],
         "first the keys, then the values"),
        (lambda *args: [kept.astype(np.float16) for kept in _remember(*args)], "as they are"),
    ],
)  # fmt: skip
def remember(answer, rng):
    for position, room in ((3, 8), (0, 4), (rng.randint(10, 14), 16), (rng.randint(5, 9), 12)):
        shape = (room, rng.randint(1, 3), 32)
        keys, values = floats(rng, *shape), floats(rng, *shape)
        k, v = floats(rng, *shape[1:]), floats(rng, *shape[1:])
        before = keys.copy(), values.copy()
        case = f"Token {position} of a cache with room for {room}"
        got = answer(keys, values, position, k, v)
        is_pair = isinstance(got, (tuple, list)) and len(got) == 2
        assert is_pair, f"{case}: return a pair, the keys and the values of all tokens so far"
        assert not (keys[position] == v).all() or not (values[position] == k).all(), (
            f"{case}: keys and values have changed places in the cache"
        )
        for name, whole, new, old in (("key", keys, k, before[0]), ("value", values, v, before[1])):
            assert (whole[position] == new).all(), (
                f"{case}: afterwards the new {name} isn't in {name}s[{position}]. The next token "
                f"will need it, too"
            )
            kept = np.arange(room) != position
            assert (whole[kept] == old[kept]).all(), (
                f"{case}: this changes what earlier tokens left in {name}s, or later places"
            )
        _assert_returned(got, keys, values, position, case)


def _assert_returned(got, keys, values, position, case):
    n_got, n_right = [len(one) for one in got], position + 1
    if max(n_got) > n_right:
        raise AssertionError(
            f"{case}: you return {max(n_got)} tokens, and there are {n_right} so far: the others "
            f"are tokens that have not come yet"
        )
    if min(n_got) < n_right:
        raise AssertionError(
            f"{case}: you return {min(n_got)} of {n_right} tokens. A token looks back at the "
            f"earlier tokens, and it looks at itself, too"
        )
    right = keys[:n_right], values[:n_right]
    assert not all(map(np.array_equal, got, right[::-1])), (
        f"{case}: return first the keys, then the values, each of tokens 0 to {position}"
    )
    assert all(map(np.array_equal, got, right)), (
        f"{case}: return the keys and the values of tokens 0 to {position} just as they are stored"
    )
