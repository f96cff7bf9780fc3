"""Exercise 09.1: the smallest tile that feeds the tensor cores."""

import math

import numpy as np

from labkit.teach.registry import always, exercise, solution

_tile = solution("09.1")


def _exactly(flop_per_cycle, bytes_per_cycle, itemsize):
    side = itemsize * flop_per_cycle / bytes_per_cycle
    return side, side * side / 32


def _nearest(flop_per_cycle, bytes_per_cycle, itemsize):
    side = 2 ** round(math.log2(itemsize * flop_per_cycle / bytes_per_cycle))
    return side, side * side // 32


def _whole_flop_per_byte(flop_per_cycle, bytes_per_cycle, itemsize):
    return _tile(flop_per_cycle // bytes_per_cycle, 1, itemsize)


def _of_halves(flop_per_cycle, bytes_per_cycle, itemsize):
    return _tile(flop_per_cycle, bytes_per_cycle, 2)


def _whole_tile_in_a_lane(*chip):
    side, _ = _tile(*chip)
    return side, side * side


def _rows_and_columns(*chip):
    side, _ = _tile(*chip)
    return side, 2 * side


def _one_smaller(*chip):
    side = max(1, _tile(*chip)[0] // 2)
    return side, math.ceil(side * side / 32)


def _one_larger(*chip):
    side = 2 * _tile(*chip)[0]
    return side, side * side // 32


@exercise(
    "09.1",
    title="the tile that feeds",
    wrong=[
        (always((64, 128)), "expected"),
        (always(64), "two whole numbers"),
        (_exactly, "a power of two"),
        (_nearest, "starves them"),
        (_whole_flop_per_byte, "starves them"),
        (_of_halves, "bytes of a number"),
        (_whole_tile_in_a_lane, "32 lanes"),
        (_rows_and_columns, "registers of each lane"),
        (lambda *chip: _tile(*chip)[::-1], "First the side"),
        (_one_smaller, "starves them"),
        (_one_larger, "a smaller one would do"),
    ],
)
def feeding_tile(answer, rng):
    # sides of 8 and more, so that each lane has whole sums
    chips = [(4096, 128, 2), (2048, 128, 2), (8192, 128, 1), (1024, 128, 4), (4096, 96, 2)]
    chips += [(4096, 127, 2), (4100, 128, 2)]  # just more than a power of two
    for _ in range(10):
        chips.append(
            (2 ** rng.randint(11, 13), rng.choice((64, 96, 128, 256)), rng.choice((1, 2, 4)))
        )
    for chip in chips:
        got, (side, registers) = answer(*chip), _tile(*chip)
        case = "{:,} FLOP and {} bytes a cycle, {} bytes a number".format(*chip)
        assert np.shape(got) == (2,), (
            "return two whole numbers: the side, and the registers of a lane"
        )
        case += f": got {tuple(got)}, expected {(side, registers)}"
        assert tuple(got) != (registers, side) or side == registers, f"{case}. First the side"
        assert got[0] in [2**exponent for exponent in range(31)], f"{case}. Answer a power of two"
        if got[0] == _tile(*chip[:2], 2)[0] != side:
            raise AssertionError(f"{case}. What do the bytes of a number do to FLOP a byte?")
        assert got[0] >= side, f"{case}. That tile starves them"
        assert got[0] <= side, f"{case}. That feeds them, but a smaller one would do"
        assert got[1] != side * side or registers == side * side, (
            f"{case}. The 32 lanes share the sums"
        )
        assert got[1] == registers, f"{case}. Count the registers of each lane, for its sums alone"
