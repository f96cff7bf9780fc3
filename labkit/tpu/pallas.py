"""Pallas kernels without a TPU: how often one fetches a block, and whether its steps race."""

import contextlib
import io
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from labkit.tpu.devices import import_jax


def n_fetches(grid: Sequence[int], index_map: Callable[..., tuple]) -> int:
    """Fetches of one input in a whole grid: one for each step whose block is not the last step's.

    grid       steps along each axis; the last axis runs fastest
    index_map  the BlockSpec's: takes a place in the grid, gives the block's place in the array

    That is the rule of Pallas on TPUs: a block that the step before used is still in VMEM.
    """
    blocks = [index_map(*place) for place in itertools.product(*map(range, grid))]
    return sum(block != before for before, block in zip([None, *blocks], blocks, strict=False))


def watch(run: Callable[[], Any]) -> tuple[Any, int]:
    """Call `run()`, which runs a kernel with `InterpretParams(detect_races=True)`.

    Pallas's interpreter tells of races on the standard output; here they become a number.
    Returns the result, once it is computed, and the number of races that the interpreter reported.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        result = import_jax().block_until_ready(run())
    return result, said.getvalue().count("RACE DETECTED")
