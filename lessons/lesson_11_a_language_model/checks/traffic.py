"""Exercise 11.1: the bytes of a token."""

from labkit.language_model import SMOLLM2_135M, Sizes
from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_token_bytes = solution("11.1")


def _changed(**changes):
    """The right formula for a model of which something is misread."""

    def wrong(sizes, n_tokens, weight_bytes, cache_bytes):
        fields = {
            name: getattr(sizes, name)
            for name in ("n_layers", "d_model", "q_width", "kv_width", "d_ff", "n_vocabulary")
        }
        seen = type("Seen", (), fields | {k: f(sizes) for k, f in changes.items()})
        return _token_bytes(seen, n_tokens, weight_bytes, cache_bytes)

    return wrong


def _cache_once(s, n, w, c):
    return _token_bytes(s, n, w, c) - s.n_layers * s.kv_width * n * c


def _cache_of_one_layer(s, n, w, c):
    return _token_bytes(s, 0, w, c) + 2 * s.kv_width * n * c


def _cache_of_all_heads(s, n, w, c):
    return _token_bytes(s, 0, w, c) + 2 * s.n_layers * s.q_width * n * c


def _no_cache(s, n, w, c):
    return _token_bytes(s, 0, w, c)


def _no_output(s, n, w, c):
    return _token_bytes(s, n, w, c) - s.n_vocabulary * s.d_model * w


def _one_layer(s, n, w, c):
    whole = _token_bytes(s, 0, w, c) - s.n_vocabulary * s.d_model * w
    return _token_bytes(s, n, w, c) - whole * (s.n_layers - 1) / s.n_layers


def _two_mlp_matrices(s, n, w, c):
    return _token_bytes(s, n, w, c) - s.n_layers * s.d_ff * s.d_model * w


def _one_itemsize(s, n, w, c):
    return _token_bytes(s, n, w, w)


_KNOWN = (
    (_no_cache, "the keys and values of the tokens so far are read, too"),
    (_cache_once, "a token has keys and values: two of them"),
    (_cache_of_one_layer, "each layer has a cache of its own"),
    (_cache_of_all_heads, "the cache holds kv_width numbers: heads share them"),
    (_no_output, "the output matrix at the end is missing"),
    (_one_layer, "that's the matrices of a single layer"),
    (_two_mlp_matrices, "gate and up are two matrices, and down is a third"),
    (_one_itemsize, "numbers in the cache take cache_bytes, not weight_bytes"),
)


@exercise(
    "11.1",
    title="the bytes of a token",
    wrong=[
        (always(538e6), "expected"),
        *((wrong, words) for wrong, words in _KNOWN),
        (_changed(q_width=lambda s: s.d_model), "expected"),
        (lambda s, n, w, c: _token_bytes(s, n - 1, w, c), "expected"),
        (lambda s, n, w, c: _token_bytes(s, n, w, c) / w, "expected"),
        (lambda s, n, w, c: 2 * _token_bytes(s, n, w, c), "expected"),
    ],
)
def token_bytes(answer, rng):
    cases = [(SMOLLM2_135M, rng.randint(100, 900), 4, 4)]
    for _ in range(6):
        n_groups, size = rng.randint(1, 4), 32 * rng.randint(1, 3)
        n_heads = n_groups * rng.randint(2, 4)
        sizes = Sizes(
            "a tiny model", rng.randint(2, 9), 32 * rng.randint(2, 20), n_heads, n_groups, size,
            32 * rng.randint(5, 50), rng.randint(200, 900),
        )  # fmt: skip
        cases.append((sizes, rng.randint(50, 5000), rng.choice((0.5625, 1.0625)), 2))
    for sizes, n_tokens, weight_bytes, cache_bytes in cases:
        args = (sizes, n_tokens, weight_bytes, cache_bytes)
        case = (
            f"{sizes.name}, {n_tokens} tokens, {weight_bytes} bytes a weight, {cache_bytes} a "
            f"number in the cache"
        )
        known = [(wrong(*args), words) for wrong, words in _KNOWN]
        assert_right(answer(*args), _token_bytes(*args), case, known)
