"""Torch's pipeline schedules on real ranks: when each task ran, and whether gradients are right."""

import dataclasses
from collections.abc import Iterable

from labkit.cluster.start import refuse_no_count, run_ranks

Span = tuple[float, float, tuple[str, int, int]]  # start_s, end_s, (kind, stage, micro-batch)
PIPELINES = {  # the field's name of a schedule -> torch's
    "GPipe": "ScheduleGPipe",
    "1F1B": "Schedule1F1B",
    "looped breadth-first": "ScheduleLoopedBFS",
    "interleaved 1F1B": "ScheduleInterleaved1F1B",
    "zero bubble": "ScheduleInterleavedZeroBubble",
    "zero bubble, V": "ScheduleZBVZeroBubble",
    "DualPipe, V": "ScheduleDualPipeV",
}


@dataclasses.dataclass(frozen=True)
class PipelineRun:
    """One training step through a pipeline of real ranks.

    spans           for each rank, its tasks: (start_s, end_s, (kind, stage, micro-batch))
    gradient_error  the largest difference of a gradient from that of one process, over the largest
                    gradient of its layer
    """

    name: str
    spans: tuple[tuple[Span, ...], ...]
    gradient_error: float

    @property
    def time_s(self) -> float:
        """From the beginning of the first task to the end of the last."""
        both = [span for some in self.spans for span in some]
        return max(end for _, end, _ in both) - min(start for start, _, _ in both)


def run_pipelines(
    names: Iterable[str], n_ranks: int = 4, n_batches: int = 8, *, forward_s: float = 0.04,
    n_steps: int = 2, timeout_s: float = 120.0,
) -> dict[str, PipelineRun]:  # fmt: skip
    """Train a small model of sleeping layers by these schedules of torch's: name -> PipelineRun.

    names      of PIPELINES
    forward_s  how long a rank sleeps in the forward pass of a micro-batch; backward it is twice
    n_steps    how often each step is taken; the shortest is kept, as others disturb but never help

    Raises ValueError for a name that is not there and for micro-batches that are not whole rounds
    of the ranks, and what `run_ranks` raises.
    """
    names = [names] if isinstance(names, str) else list(names)
    refuse_no_count(n_ranks)
    for name in names:
        if name not in PIPELINES:
            raise ValueError(f"There is no schedule {name!r}. There are: {', '.join(PIPELINES)}.")
    if type(n_batches) is not int or n_batches < 1 or n_batches % n_ranks:
        raise ValueError(
            f"These schedules take micro-batches in whole rounds of {n_ranks}, one for each rank: "
            f"got {n_batches}."
        )
    if type(n_steps) is not int or n_steps < 1 or not 0 <= forward_s < timeout_s:
        raise ValueError(
            f"A run takes one step or more and sleeps 0 s or longer: got n_steps={n_steps} and "
            f"forward_s={forward_s}."
        )
    run = run_ranks(_step_through, n_ranks, args=(
        [PIPELINES[name] for name in names], n_batches, forward_s, n_steps,
    ), timeout_s=timeout_s)  # fmt: skip
    return {name: _shortest(name, run.returned) for name in names}


def _step_through(*args):
    from labkit.cluster.sleepy import step_through

    return step_through(*args)


def _shortest(name, returned):
    found = [of_rank[PIPELINES[name]] for of_rank in returned]
    error, steps = found[0][0], zip(*(steps for _, steps in found), strict=True)
    runs = [PipelineRun(name, tuple(map(tuple, spans)), error) for spans in steps]
    return min(runs, key=lambda run: run.time_s)
