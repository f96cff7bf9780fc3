"""Exercise 19.2: how many requests fit into the cache."""

import math

from labkit.teach.registry import always, exercise, solution

_fit = solution("19.2")
_BLOCK = 16


def _by(tokens):
    """A wrong answer: another number of tokens for each request."""
    return lambda memory, kv, prompt, output: int(memory // (tokens(prompt, output) * kv))


def _blocks(tokens):
    return math.ceil(tokens / _BLOCK) * _BLOCK


@exercise(
    "19.2",
    title="how many requests fit",
    wrong=[
        (always(10), "got 10"),
        (_by(lambda p, o: p + o), "whole blocks"),
        (_by(lambda p, o: _blocks(p)), "the answer takes cache, too"),
        (_by(lambda p, o: _blocks(p) + _blocks(o)), "round up once"),
        (_by(lambda p, o: (p + o) // _BLOCK * _BLOCK), "round up"),
        (_by(lambda p, o: ((p + o) // _BLOCK + 1) * _BLOCK), "are whole already"),
        (_by(lambda p, o: _blocks(p + o / 2)), "the whole answer"),
        (_by(lambda p, o: _blocks(o)), "the prompt takes cache, too"),
        (_by(lambda p, o: _blocks(p + o - 1)), "every token"),
        (_by(lambda p, o: _blocks(max(p, o))), "takes cache, too"),
        (_by(lambda p, o: _blocks(p + o) / 8), "in bytes already"),
        (lambda m, kv, p, o: round(m / (_blocks(p + o) * kv)), "whole requests"),
        (lambda m, kv, p, o: math.ceil(m / (_blocks(p + o) * kv)), "whole requests"),
        (lambda m, kv, p, o: round(m / (_blocks(p + o) * kv) - 0.5), "to the last byte"),
        (lambda m, kv, p, o: math.ceil(m / (_blocks(p + o) * kv)) - 1, "to the last byte"),
        (lambda m, kv, p, o: m // (round((p + o) / _BLOCK + 0.5) * _BLOCK * kv), "whole already"),
        (lambda m, kv, p, o: m / (_blocks(p + o) * kv), "whole requests"),
        (lambda m, kv, p, o: m // (math.ceil((p + o) / _BLOCK) * kv), "16 tokens each"),
        (lambda m, kv, p, o: max(1, _fit(m, kv, p, o)), "0 if not one fits"),
    ],
)
def most_requests(answer, rng):
    for _ in range(6):
        prompt, output = 16 * rng.randint(3, 60) + rng.randint(1, 7), 16 * rng.randint(2, 30) + 3
        _one_case(answer, rng, prompt, output, rng.randint(300, 900) + 0.37)
        one_more = 16 * rng.randint(2, 30) + 1 - prompt % 16  # a block for a single token
        _one_case(answer, rng, prompt, one_more, rng.randint(300, 900) + 0.81)
    # Odd numbers of blocks and of requests, as round goes to the even ones.
    whole, n_fit = 16 * (2 * rng.randint(3, 24) + 1), 2 * rng.randint(75, 95) + 1
    _one_case(answer, rng, whole - 48, 48, n_fit, "the blocks are whole already")
    _one_case(answer, rng, 1000, 200, 0.4, "not one fits")


def _one_case(answer, rng, prompt, output, n_fit, what=""):
    kv = 1024 * rng.randint(11, 160)
    memory = int(n_fit * _blocks(prompt + output) * kv)
    got, right = answer(memory, kv, prompt, output), _fit(memory, kv, prompt, output)
    case = f"{memory:,} bytes, {kv:,} a token, {prompt} + {output} tokens" + f" ({what})" * bool(
        what
    )
    if got == right:
        return
    blocks = math.ceil((prompt + output) / _BLOCK)
    whole = "the blocks are whole already" in what
    one_more = "prompt and answer follow each other in the blocks: round up once, their sum"
    if whole:
        one_more = "the blocks are whole already: nothing to add"
    fits = {
        memory // ((prompt + output) * kv): "a request keeps whole blocks of 16",
        memory // (_blocks(prompt) * kv): "the answer takes cache, too",
        memory // (_blocks(output) * kv): "the prompt takes cache, too",
        memory
        // (_blocks(prompt + output - 1) * kv): "a request keeps blocks for every token of it",
        8 * memory // (blocks * _BLOCK * kv): "kv_bytes are in bytes already",
        memory // ((blocks + 1) * _BLOCK * kv): one_more,
        memory // (max(blocks - 1, 1) * _BLOCK * kv): "it keeps blocks for every token: round up",
        memory // (_blocks(prompt + output / 2) * kv): "it keeps blocks for the whole answer",
        memory // (blocks * kv): "blocks have 16 tokens each",
    }
    hint = fits.get(got, "")
    if what == "not one fits":
        hint = "it is 0 if not one fits"
    elif whole and got == right - 1:
        hint = "one more fits, which fills the memory to the last byte"
    elif got != int(got) or got == right + 1:
        hint = hint or "only whole requests count: round down"
    raise AssertionError(f"{case}: got {got}, expected {right}" + f": {hint}" * bool(hint))
