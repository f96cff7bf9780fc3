"""How many sectors an answer of lesson 06 may touch."""

from labkit.teach import kernels


def assert_sectors(answer, solution, grid, block, args, case):
    """At most a tenth more sectors than the solution, loads and stores each."""
    theirs = kernels.counts(answer, grid, block, *args, case=case)
    ours = kernels.counts(solution, grid, block, *args, case=case)
    for kind in ("loads", "stores"):
        got, few = (getattr(one, f"global_{kind}").sectors for one in (theirs, ours))
        assert got <= 1.1 * few, (
            f"{case}: right, but its {kind} touch {got} sectors where {few} would do. Which index "
            f"should neighbouring lanes differ in?"
        )
