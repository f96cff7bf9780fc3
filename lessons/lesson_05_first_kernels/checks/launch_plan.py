"""Exercise 05.1: what a launch really starts."""

import math

import numpy as np

from labkit.teach.registry import always, exercise
from labkit.units import counted


def _no_ceiling(n, threads):
    blocks = n // threads
    warps = blocks * math.ceil(threads / 32)
    return blocks, warps, 32 * warps - n


def _always_one_more(n, threads):
    blocks = n // threads + 1
    warps = blocks * math.ceil(threads / 32)
    return blocks, warps, 32 * warps - n


def _warps_across_blocks(n, threads):
    warps = math.ceil(n / 32)
    return math.ceil(n / threads), warps, 32 * warps - n


def _half_warps(n, threads):
    blocks = math.ceil(n / threads)
    return blocks, blocks * threads / 32, blocks * threads - n


def _idle_threads(n, threads):
    blocks = math.ceil(n / threads)
    return blocks, blocks * math.ceil(threads / 32), blocks * threads - n


@exercise(
    "05.1",
    title="what a launch really starts",
    wrong=[
        (always((4, 32, 0)), "a whole block has nothing to do"),
        (always(4), "three whole numbers"),
        (lambda n, threads: (n, threads), "three whole numbers"),
        (_no_ceiling, "without a thread"),
        (_always_one_more, "a whole block has nothing to do"),
        (_warps_across_blocks, "never reaches across blocks"),
        (_half_warps, "three whole numbers"),
        (_idle_threads, "32 lanes even where the block has fewer threads"),
    ],
)
def launch_plan(answer, rng):
    sizes = [(1024, 256), (600, 200), (97, 32), (1, 128), (1000, 48)]
    sizes += [(rng.randint(1, 10**6), rng.randint(1, 1024)) for _ in range(10)]
    for n, threads in sizes:
        blocks, warps, idle = _three_numbers(answer(n, threads))
        case = f"{counted(n, 'element')} in blocks of {threads}: "
        case += f"you started {counted(blocks, 'block')}"
        right = math.ceil(n / threads)
        left = counted(n - blocks * threads, "element")
        assert blocks >= right, f"{case}, which leaves {left} without a thread"
        assert blocks <= right, f"{case}, and at least a whole block has nothing to do"
        case = f"{counted(n, 'element')} in {counted(blocks, 'block')} of {threads}"
        right *= math.ceil(threads / 32)
        assert warps == right, (
            f"{case}: you have {counted(warps, 'warp')}, expected {right}. A warp never reaches "
            f"across blocks: how many does one block need?"
        )
        assert idle == 32 * right - n, (
            f"{case}: {counted(idle, 'lane')} without an element, expected {32 * right - n}. A "
            f"warp has 32 lanes even where the block has fewer threads"
        )


def _three_numbers(got):
    """The answer as three ints; a hint where it is anything else."""
    numbers = np.asarray(got)
    hint = "return three whole numbers: blocks, warps, lanes without an element"
    assert numbers.shape == (3,), hint
    assert numbers.dtype.kind in "iuf", hint
    assert (numbers % 1 == 0).all(), hint
    return (int(number) for number in numbers)
