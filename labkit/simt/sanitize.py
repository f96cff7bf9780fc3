"""`sanitize`: run a kernel on the executor and report what is wrong with it."""

import dataclasses
from typing import Any

from labkit.simt.compiler.functions import may_wait
from labkit.simt.errors import KernelError
from labkit.simt.kernel import Launch, launch_of
from labkit.simt.scheduling import INDEPENDENT
from labkit.simt.watch.races import RaceCheck
from labkit.simt.watch.screen import Screen, Suspicion
from labkit.simt.watch.undo import Undo

BEFORE_INDEPENDENT = (6, 0)  # a compute capability

_REPORTED = (
    "out-of-bounds", "divergent-barrier", "divergent-warp", "livelock",
    "needs-independent-scheduling", "uninitialised",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a kernel.

    kind      `race`, `out-of-bounds`, `uninitialised`, `divergent-barrier`, `divergent-warp` (a
              warp intrinsic by other threads than its mask names), `absent-lane` (one that reads
              from a lane which takes no part), `livelock` or `needs-independent-scheduling`
    lines     the source lines: the earlier access and the later one, or only one
    threads   (thread, block) of each: ints, or tuples in 2-D and 3-D
    array, index   the address; None where there is none
    sentence  the finding in words
    is_error  False for what is right on the GPU in question, and wrong on others
    function  the kernel or device function that the lines are of, where the run ended there
    """

    kind: str
    sentence: str
    lines: tuple = ()
    threads: tuple = ()
    array: str | None = None
    index: int | tuple | None = None
    accesses: tuple = ()
    space: str | None = None
    is_error: bool = True
    function: str | None = None

    def __str__(self):
        return f"{self.kind}: {self.sentence}"

    __repr__ = __str__


def sanitize(
    launch: Launch,
    *args: Any,
    strict: bool = True,
    compute_capability: str | tuple[int, int] | None = None,
) -> list["Finding"]:
    """Run `kernel[grid, block]` and return the list of Findings, empty when it is clean.

    The verdicts depend on barriers and fences, not on the order that happened to run. The arrays
    are written. A finding is reported once for each pair of lines, with two threads as far apart as
    there are: in different blocks, else warps, else lanes. The widest come first.

    A negative index that differs from thread to thread is reported as out of bounds, although numba
    counts it from the end: it is seldom meant.

    strict   threads of a warp are ordered by `syncwarp` only, as on GPUs since Volta; False judges
             by the older rule, that a warp runs in lockstep
    compute_capability   of the GPU, as "6.0" or (6, 0); by default that of the device. Where a
             thread waits for another of its warp, `needs-independent-scheduling` is found: from 7.0
             on a remark (`is_error` is False), before that the end of the run
    """
    launch, capability = launch_of(launch), capability_of(compute_capability)
    torn = may_wait(launch.kernel.py_func) and waits_within_a_warp(launch, args)
    screen = screened(launch, args, capability)
    run, check = screen.run, RaceCheck(strict)
    if not screen.is_clear:
        try:
            run = launch.run(args, check, capability, run.plan, is_known_stuck=screen.is_stuck)
        except KernelError as error:
            if error.kind not in _REPORTED:
                raise
            return [*_found(check), _stopped(error)]
    torn = (run.plan and run.plan.torn) or torn
    if not torn:
        return _found(check)
    is_error = run.capability < INDEPENDENT
    return [*_found(check), dataclasses.replace(_stopped(torn), is_error=is_error)]


def _found(check):
    """What a race check has found, the threads that are farthest apart first."""
    found = sorted(check.findings.values(), key=lambda one: -one[0])
    return [Finding(**fields) for _, fields in found]


def waits_within_a_warp(launch, args):
    """The error of a warp that waits for its own lanes, or None: with the sides of its branches in
    the other order, which only independent scheduling makes all the same. Nothing is left stored.
    """
    undo = Undo()
    try:
        launch.run(args, undo, BEFORE_INDEPENDENT, else_first=True)
    except KernelError as error:
        return error if error.kind == "needs-independent-scheduling" else None
    finally:
        undo.restore()
    return None


def screened(launch, args, capability):
    """A run under the screen -> the Screen. If it could not clear the launch, all is as before."""
    logged = set()
    while True:
        screen = Screen(logged)
        try:
            launch.run(args, screen, capability)
            screen.is_clear = True
            return screen
        except Suspicion as suspicion:
            screen.restore()
            if suspicion.region is None:
                return screen
            logged.add(suspicion.region)
        except KernelError as error:
            if error.kind not in _REPORTED:
                raise
            screen.restore()
            screen.is_stuck = error.kind == "livelock"
            return screen


def capability_of(given):
    """A compute capability as two numbers; None stays None."""
    if given is None:
        return None
    parts = given if isinstance(given, tuple) else tuple(str(given).split("."))
    try:
        major, minor = map(int, (*parts, 0)[:2])
        if major < 1 or minor < 0:
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError(
            f"{given!r} is not a compute capability: give it as '8.0', 8.0 or (8, 0)."
        ) from None
    return major, minor


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
        function=error.function,
    )
