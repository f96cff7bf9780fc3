"""`State`: the registers of an array after a cycle, for those who want to look inside."""

import dataclasses

import numpy as np

from labkit.systolic.shift_register import straight


@dataclasses.dataclass(frozen=True)
class State:
    """The registers at the end of a cycle, as rows × columns arrays, and the results so far.

    cycle     from 1
    tiles     on which tile each cell worked, -1 for a bubble
    items     the place in the tile's stream of what it used: for stationary weights the row of `a`
    real      where a cell used numbers that were asked for, not padding
    spare     the second registers: weights of the next tile, or results on their way out
    holds     where these hold something that is still to be used
    results   what has come out so far, m × n
    missing   how many sums each result still waits for; it is complete at 0
    """

    cycle: int
    stationary: str
    tiles: np.ndarray
    items: np.ndarray
    real: np.ndarray
    inputs: np.ndarray
    weights: np.ndarray
    sums: np.ndarray
    spare: np.ndarray
    holds: np.ndarray
    results: np.ndarray
    missing: np.ndarray


def state_of(array):
    """The State of an Array now: its registers, and by the plan of its tiles what is in them."""
    rows, columns = np.ogrid[: array.shape[0], : array.shape[1]]
    steps = array.cycle - 1 - rows - columns  # of a wave that began in cycle 0
    tiles, items = np.full(array.shape, -1), np.full(array.shape, -1)
    missing = np.zeros(array.result.shape, int)
    real, holds = np.zeros(array.shape, bool), np.zeros(array.shape, bool)
    for tile in array.tiles:
        used = (tile.start <= steps) & (steps < tile.start + array.length)
        tiles[used], items[used] = tile.number, (steps - tile.start)[used]
        real |= used & (rows < tile.n_rows) & (columns < tile.n_columns)
        since, until = array.holding(tile)
        holds |= (since <= steps) & (steps < until)
        row, leaves = array.leaves(tile)
        missing[row:, tile.column :][tuple(map(slice, leaves.shape))] += leaves >= array.cycle
    weights, sums = (registers.copy() for registers in array.registers)
    return State(
        cycle=array.cycle,
        stationary=array.unit.stationary,
        tiles=tiles,
        items=items,
        real=real,
        inputs=array.inputs.registers.copy(),
        weights=weights,
        sums=sums,
        spare=straight(array.spare).copy(),
        holds=holds,
        results=array.result,
        missing=missing,
    )
