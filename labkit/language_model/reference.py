"""The whole model in NumPy, all tokens of a text at once: what kernels are held against."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def rotate(heads: np.ndarray, position: Any, base: float) -> np.ndarray:
    """Rotary position embedding: turn neighbouring pairs of numbers by angles that grow with it.

    heads      (..., n_heads, head_size), queries or keys
    position   of the token in the text, from 0; or one for each of the first axis
    base       pair i of n turns by position / base ** (i / n)

    Neighbours 2 i and 2 i + 1 are a pair, as in llama.cpp's files; others pair the two halves.
    Source: Su et al. 2021, arXiv 2104.09864.
    """
    n_pairs = heads.shape[-1] // 2
    angle = np.asarray(position)[..., None, None] * base ** (-np.arange(n_pairs) / n_pairs)
    turn = np.exp(1j * angle).astype(np.complex64)
    pairs = np.ascontiguousarray(heads, np.float32).view(np.complex64)
    return (pairs * turn).view(np.float32)


def logits(
    model: Any, tokens: Sequence[int], change: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """The scores of all next tokens after each token of a text: (n_tokens, n_vocabulary) float32.

    change   what to do to each matrix before it is used, such as rounding; nothing by default

    One layer is worked on at a time, so a changed model takes little more memory than the model.
    """
    sizes, prepared = model.sizes, change or (lambda matrix: matrix)

    def matrix(one):
        return prepared(np.asarray(one))

    table = matrix(model.embedding)
    x, positions = table[np.asarray(tokens)], np.arange(len(tokens))
    is_later = positions[None, :] > positions[:, None]
    for layer in model.layers:
        qkv = _normed(x, layer.attention_norm, sizes.epsilon) @ matrix(layer.qkv).T
        q, k, v = np.split(qkv, [sizes.q_width, sizes.q_width + sizes.kv_width], axis=1)
        q, k, v = (part.reshape(len(tokens), -1, sizes.head_size) for part in (q, k, v))
        q, k = (rotate(part, positions, sizes.rope_base) for part in (q, k))
        x = x + _attended(q, k, v, is_later) @ matrix(layer.attention_out).T
        wide = _normed(x, layer.mlp_norm, sizes.epsilon) @ matrix(layer.gate_up).T
        gate, up = np.split(wide, 2, axis=1)
        x = x + (gate / (1 + np.exp(-gate)) * up) @ matrix(layer.down).T
    return _normed(x, model.final_norm, sizes.epsilon) @ table.T


def _normed(x, weight, epsilon):
    mean_square = np.mean(x * x, axis=-1, keepdims=True, dtype=np.float32)
    return x / np.sqrt(mean_square + np.float32(epsilon)) * np.asarray(weight)


def _attended(q, k, v, is_later):
    """Each query looks at all keys up to its own; heads share keys and values in groups."""
    shared = q.shape[1] // k.shape[1]
    k, v = (part.repeat(shared, axis=1).transpose(1, 0, 2) for part in (k, v))
    scores = q.transpose(1, 0, 2) @ k.transpose(0, 2, 1) / np.float32(q.shape[-1] ** 0.5)
    scores[:, is_later] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    seen = weights / weights.sum(axis=-1, keepdims=True) @ v
    return seen.transpose(1, 0, 2).reshape(len(q), -1)
