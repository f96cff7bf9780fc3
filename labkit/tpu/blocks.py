"""How often a Pallas TPU kernel fetches a block from memory."""

import itertools


def n_fetches(grid, index_map):
    """Fetches of one input in a whole grid: one for each step whose block is not the last step's.

    grid       steps along each axis; the last axis runs fastest
    index_map  the BlockSpec's: takes a place in the grid, gives the block's place in the array

    That is the rule of Pallas on TPUs: a block that the step before used is still in VMEM.
    """
    blocks = [index_map(*place) for place in itertools.product(*map(range, grid))]
    return sum(block != before for before, block in zip([None, *blocks], blocks, strict=False))
