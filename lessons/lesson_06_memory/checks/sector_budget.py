"""How many sectors an answer of lesson 06 may touch."""

from labkit.teach import kernels

_SCATTERED = "Which index should neighbouring lanes differ in?"
_AGAIN = "It's enough to load each number once, and to store each once."


def assert_sectors(answer, solution, grid, block, args, case):
    """At most a tenth more sectors than the solution, loads and stores each."""
    theirs = kernels.counts(answer, grid, block, *args, case=case)
    ours = kernels.counts(solution, grid, block, *args, case=case)
    for kind in ("loads", "stores"):
        got, few = (getattr(one, f"global_{kind}") for one in (theirs, ours))
        remedy = _AGAIN if got.requests > 1.1 * few.requests else _SCATTERED
        assert got.sectors <= 1.1 * few.sectors, (
            f"{case}: right, but its {kind} touch {got.sectors} sectors where {few.sectors} would "
            f"do. {remedy}"
        )
