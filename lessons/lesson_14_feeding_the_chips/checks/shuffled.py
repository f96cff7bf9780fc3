"""Exercise 14.3: shuffle a stream with a buffer."""

import random

from labkit.teach.registry import always, exercise, solution

_shuffled = solution("14.3")


def _all_at_once(stream, size, rng):
    samples = list(stream)
    rng.shuffle(samples)
    return samples


def _in_blocks(stream, size, rng):
    out, block = [], []
    for sample in stream:
        block.append(sample)
        if len(block) == size:
            rng.shuffle(block)
            out += block
            block = []
    rng.shuffle(block)
    return out + block


def _without_the_rest(stream, size, rng):
    out, held = [], []
    for sample in stream:
        if len(held) < size:
            held.append(sample)
        else:
            place = rng.randrange(size)
            out.append(held[place])
            held[place] = sample
    return out


def _rest_in_order(stream, size, rng):
    out, held = [], []
    for sample in stream:
        held.append(sample)
        if len(held) == size:
            out.append(held.pop(rng.randrange(size)))
    return out + sorted(held)


def _own_chance(stream, size, rng):
    return _shuffled(stream, size, random.Random())


def _copies(stream, size, rng):
    held = list(stream)[:size]
    return [rng.choice(held) for _ in range(60)]


def _needs_a_length(stream, size, rng):
    return _shuffled([stream[i] for i in range(len(stream))], size, rng)


@exercise(
    "14.3",
    title="a shuffle buffer",
    wrong=[
        (always([2, 0, 1]), "missing"),
        (lambda stream, size, rng: list(stream), "as it came"),
        (_all_at_once, "had not come yet"),
        (_in_blocks, "as soon as one has left"),
        (_without_the_rest, "missing"),
        (_rest_in_order, "at the end"),
        (_own_chance, "rng"),
        (_copies, "more than once"),
        (_needs_a_length, "no len()", "error"),
        (lambda stream, size, rng: sorted(_shuffled(stream, size, rng)), "as it came"),
        (lambda stream, size, rng: _shuffled(stream, size + 1, rng), "had not come yet"),
    ],
)
def shuffled(answer, rng):
    for n, size in ((60, 8), (40, 3), (5, 20), (30, 30), (12, 1), (0, 4)):
        _one_stream(answer, rng, n, size)
    _waits(answer, rng)


def _run(answer, n, size, seed):
    return list(answer(iter(range(n)), size, random.Random(seed)))


def _one_stream(answer, rng, n, size):
    seed, case = rng.getrandbits(32), f"a stream of {n} samples, a buffer of {size}"
    got = _run(answer, n, size, seed)
    assert len(got) <= len(set(got)), f"{case}: a sample came more than once"
    missing = sorted(set(range(n)) - set(got))
    assert len(got) == n or missing, f"{case}: expected {n} samples, got {len(got)}"
    assert not missing, f"{case}: {len(missing)} samples are missing; what is left at the end?"
    early = [(at, i) for at, i in enumerate(got) if i >= at + size]
    assert not early, (
        f"{case}: sample {early[0][1]} was given out in place {early[0][0]}, when it had not come "
        f"yet, if no more than {size} samples are held"
    )
    if size > 1 and n > 10:
        assert got != sorted(got), f"{case}: the order is as it came"
        assert got == _run(answer, n, size, seed), (
            f"{case}: twice the same rng, two orders: draw with rng, so that a run can be repeated"
        )
        assert got != _run(answer, n, size, seed + 1), f"{case}: another rng gives the same order"


def _waits(answer, rng):
    """Early samples may stay long, late ones come out of order: not so if blocks are shuffled."""
    runs = [_run(answer, 40, 5, rng.getrandbits(32)) for _ in range(40)]
    assert max(run.index(0) for run in runs) >= 5, (
        "a buffer of 5, 40 runs: sample 0 always leaves among the first 5: take the next sample of "
        "the stream as soon as one has left, and don't empty the buffer first"
    )
    assert any(run[-4:] != sorted(run[-4:]) for run in runs), (
        "a buffer of 5, 40 runs: the last samples always come in order: draw at the end, too"
    )
    assert len({run[0] for run in runs}) >= 3, (
        "a buffer of 5, 40 runs: the first sample is nearly always the same: draw among all that "
        "are held"
    )
