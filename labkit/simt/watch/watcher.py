"""What a launch tells of while it runs. This watcher does not listen; the others do."""


class Watcher:
    """Is told of everything that happens in a launch, instruction by instruction:

    start(run, values), batch(batch)                    a launch begins, and a batch of its blocks
    operation(mask, location, op, value)                    an operation was worked out
    branch(f, location, outer, yes, no)                     a mask was split
    access(kind, f, location, array, address, shift, value)   a load, store or atomic is coming
    unset(f, location, name, bits)                      these lanes read what they did not assign
    wrapped(f, location, array, axis, index, lane)          a negative index is taken from the end
    matrix(f, location, shape)                          warps multiply matrices of a shape
    barrier(f, location), grid_barrier(f), syncwarp(f, members), fence(f)
    """

    sees_unset = True  # whether it listens to `unset`
    may_compact = True  # whether a loop may go on with some of the lanes

    def ignore(self, *told):
        """Do nothing."""

    start = batch = operation = branch = access = wrapped = matrix = ignore
    barrier = grid_barrier = syncwarp = fence = warp = unset = ignore


NOBODY = Watcher()
NOBODY.sees_unset = False
