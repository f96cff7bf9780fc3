"""Turn 18.t3: a checksum that no flipped bit escapes."""

import numbers

import numpy as np

from labkit.teach.registry import always, exercise, solution

_checksum = solution("18.t3")


@exercise(
    "18.t3",
    title="a checksum of bits",
    wrong=[
        (always(7), "the checksum stays"),
        (lambda g: int(g.sum() * 1e6), "the checksum stays"),
        (lambda g: float(g.astype(np.float64).sum()), "a whole number"),
        (lambda g: int(g.astype(np.int64).sum()), "the checksum stays"),
        (lambda g: int(g[:100].view(np.int32).sum(dtype=np.int64)), "the checksum stays"),
        (lambda g: int(np.abs(g).view(np.int32).sum(dtype=np.int64)), "the checksum stays"),
        (lambda g: int(np.abs(g.view(np.int32)).sum(dtype=np.int64)), "the checksum stays"),
        (lambda g: int(g.view(np.int32).max()), "the checksum stays"),
        (lambda g: g.size, "the checksum stays"),
        (lambda g: hash(g.tobytes()), "another process"),
        (lambda g: id(g), "equal arrays"),
        (lambda g: int(g.view(np.int8).sum(dtype=np.int8)) // 2, "the checksum stays"),
    ],
)
def checksum(answer, rng):
    draws = np.random.default_rng(rng.getrandbits(64))
    for size in (1, 1000, int(draws.integers(200, 5000))):
        gradient = (draws.standard_normal(size) * 0.01).astype(np.float32)
        before = _whole(answer(gradient))
        assert before != hash(gradient.tobytes()), (
            "hash() of the same bytes is another number in another process: use the bits themselves"
        )
        copies = [gradient.copy() for _ in range(3)]  # kept, so that no two share an address
        for same in copies:
            assert _whole(answer(same)) == before, (
                "two equal arrays have different checksums: use nothing but their bits"
            )
        for bit in range(32):
            place = int(draws.integers(max(0, size - size // 2), size)) if size > 1 else 0
            _flip_one(answer, gradient, place, bit, before)
    round_numbers = np.array([0, 2, -2, 1], np.float32)  # the bits of -2 are those of an int, -2^30
    for place in range(round_numbers.size):
        _flip_one(answer, round_numbers, place, 31, _whole(answer(round_numbers)))


def _flip_one(answer, gradient, place, bit, before):
    flipped = gradient.copy()
    flipped.view(np.uint32)[place] ^= np.uint32(1 << bit)
    if _whole(answer(flipped)) == before:
        was, now = gradient[place], flipped[place]
        raise AssertionError(
            f"we flipped bit {bit} of element {place} of {gradient.size}: {was!s} became {now!s}, "
            f"and the checksum stays {before}: sum the bits as whole numbers, all of them"
        )


def _whole(number):
    is_whole = isinstance(number, numbers.Integral)
    assert is_whole, f"the checksum must be a whole number, got {number!r}"
    return number
