"""`sanitize`: run a kernel on the executor and report what is wrong with it."""

import dataclasses

from labkit.simt.errors import KernelError
from labkit.simt.kernel import launch_of
from labkit.simt.watch.races import RaceCheck

_REPORTED = ("out-of-bounds", "divergent-barrier", "livelock")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a kernel.

    kind      `race`, `divergent-barrier`, `out-of-bounds`, `uninitialised` or `livelock`
    lines     the source lines: the earlier access and the later one, or only one
    threads   (thread, block) of each: ints, or tuples in 2-D and 3-D
    array, index   the address; None where there is none
    sentence  the finding in words
    """

    kind: str
    sentence: str
    lines: tuple = ()
    threads: tuple = ()
    array: str | None = None
    index: int | tuple | None = None
    accesses: tuple = ()
    space: str | None = None

    def __str__(self):
        return f"{self.kind}: {self.sentence}"

    __repr__ = __str__


def sanitize(launch, *args, strict=True):
    """Run `kernel[grid, block]` and return the list of Findings, empty when it is clean.

    The verdicts depend on barriers and fences, not on the order that happened to run. The arrays
    are written. A finding is reported once for each pair of lines, with two threads as far apart as
    there are: in different blocks, else warps, else lanes. The widest come first.

    A negative index that differs from thread to thread is reported as out of bounds, although numba
    counts it from the end: it is seldom meant.

    strict   threads of a warp are ordered by `syncwarp` only, as on GPUs since Volta; False judges
             by the older rule, that a warp runs in lockstep
    """
    check, stopped = RaceCheck(strict), []
    try:
        launch_of(launch).run(args, check)
    except KernelError as error:
        if error.kind not in _REPORTED:
            raise
        stopped = [_stopped(error)]
    found = sorted(check.findings.values(), key=lambda one: -one[0])
    return [Finding(**fields) for _, fields in found] + stopped


def _stopped(error):
    """An error that ended the run, as a finding."""
    threads = [error.thread, error.details.get("other_thread")]
    return Finding(
        error.kind,
        f"line {error.line}: {error.sentence}",
        (error.line,),
        tuple((thread, error.block) for thread in threads if thread is not None),
        error.details.get("array"),
        error.details.get("index"),
    )
