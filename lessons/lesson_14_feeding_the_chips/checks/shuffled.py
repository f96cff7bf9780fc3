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


def _smaller(stream, size, rng):
    return _shuffled(stream, max(1, size - 1), rng)


def _from_the_first_half(stream, size, rng):
    out, held = [], []
    for sample in stream:
        held.append(sample)
        if len(held) == size:
            out.append(held.pop(rng.randrange((size + 1) // 2)))
    rng.shuffle(held)
    return out + held


def _shuffles_once(stream, size, rng):
    out, held = [], []
    for sample in stream:
        held.append(sample)
        if len(held) == size:
            if not out:
                rng.shuffle(held)
            out.append(held.pop())
    rng.shuffle(held)
    return out + held


def _rest_as_it_is_held(stream, size, rng):
    out, held = [], []
    for sample in stream:
        held.append(sample)
        if len(held) == size:
            place = rng.randrange(size)
            held[place], held[-1] = held[-1], held[place]
            out.append(held.pop())
    return out + held


def _rest_backwards(stream, size, rng):
    out, held = [], []
    for sample in stream:
        held.append(sample)
        if len(held) == size:
            out.append(held.pop(rng.randrange(size)))
    return out + held[::-1]


def _rest_from_some_place_on(stream, size, rng):
    out, held = [], []
    for sample in stream:
        held.append(sample)
        if len(held) == size:
            out.append(held.pop(rng.randrange(size)))
    first = rng.randrange(size)
    return out + held[first:] + held[:first]


def _holds_the_stream(stream, size, rng):
    return _shuffled(iter(list(stream)), size, rng)


class _CountedRandom(random.Random):
    """It knows how often it was asked."""

    n_draws = 0

    def random(self):
        self.n_draws += 1
        return super().random()

    def getrandbits(self, n_bits):
        self.n_draws += 1
        return super().getrandbits(n_bits)


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
        (_smaller, "all that are held"),
        (_from_the_first_half, "all that are held"),
        (_shuffles_once, "at each draw"),
        (_rest_as_it_is_held, "end before"),
        (_rest_backwards, "end before"),
        (_rest_from_some_place_on, "end before"),
        (_holds_the_stream, "as you go"),
    ],
)
def shuffled(answer, rng):
    for n, size in ((60, 8), (40, 3), (5, 20), (30, 30), (12, 1), (0, 4)):
        _one_stream(answer, rng, n, size)
    _waits(answer, rng)
    _draws_as_it_goes(answer, rng)


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
    runs = [_run(answer, 40, 5, rng.getrandbits(32)) for _ in range(100)]
    assert max(run.index(0) for run in runs) >= 5, (
        "a buffer of 5, 100 runs: sample 0 always leaves among the first 5: take the next sample "
        "of the stream as soon as one has left, and don't empty the buffer first"
    )
    assert any(run[-4:] != sorted(run[-4:]) for run in runs), (
        "a buffer of 5, 100 runs: the last samples always come in order: draw at the end, too"
    )
    never = set(range(5)) - {run[0] for run in runs}
    assert not never, (
        f"a buffer of 5, 100 runs: sample {min(never)} never comes first: hold 5 samples, and draw "
        f"among all that are held"
    )
    for place in range(36):
        n_newest = sum(run[place] == place + 4 for run in runs)
        assert 0 < n_newest < len(runs), (
            f"a buffer of 5, 100 runs: the sample that came last is given out next in {n_newest} "
            f"of them in place {place}: draw anew at each draw, among all that are held"
        )
    short = [_run(answer, 5, 20, rng.getrandbits(32)) for _ in range(100)]
    assert all(len({run[place] for run in short}) == 5 for place in range(5)), (
        "a stream of 5, which may end before a buffer of 20 is full, 100 runs: some sample never "
        "comes in some place: give out the rest at random, too"
    )
    n_orders = len(set(map(tuple, short)))  # 68 on average, of 120
    assert n_orders > 30, (
        f"a stream of 5, which may end before a buffer of 20 is full, 100 runs: only {n_orders} "
        f"orders of 120: draw each of the rest at random"
    )


def _draws_as_it_goes(answer, rng):
    counted, drawn = _CountedRandom(rng.getrandbits(32)), []

    def stream():
        for i in range(40):
            drawn.append(counted.n_draws)
            yield i

    list(answer(stream(), 5, counted))
    assert drawn[-1] > 0, (
        "a buffer of 5, a stream of 40: nothing was drawn before its last sample came, so all of "
        "them were held: give samples out as you go"
    )
