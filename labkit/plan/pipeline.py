"""Pipelines: who works on which micro-batch when, and how long each rank has nothing to do.

A model is cut into stages, and a batch into micro-batches that follow one another through them. A
schedule says in which order a rank does its tasks; `play` finds when each of them can run, if every
rank begins a task as soon as what it needs is there.

Sources: GPipe (Huang et al. 2019, arXiv 1811.06965); 1F1B, interleaved or not (Narayanan et al.
2021, arXiv 2104.04473, section 2.2); zero bubble (Qi et al. 2023, arXiv 2401.10241: ZB-H1). The
orders are those of `torch.distributed.pipelining`.
"""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Task(NamedTuple):
    """One task of a rank: `Task("F", stage=2, batch=0)`.

    kind   `F` forward, `B` backward; a schedule may cut the backward pass into `I`, the gradient of
           the input, which the stage before waits for, and `W`, that of the weights, which can wait
    """

    kind: str
    stage: int
    batch: int


class Span(NamedTuple):
    """When a task runs."""

    start: float
    end: float
    task: Task


Order = list[list[Task]]  # for each rank, its tasks one after the other
Spans = Sequence[Sequence[tuple[float, float, tuple[str, int, int]]]]  # for each rank, when it ran
EQUAL_PARTS = {"F": 1.0, "B": 2.0, "I": 1.0, "W": 1.0}  # a backward pass takes twice as long


def bubble_share(n_ranks: int, n_batches: int, n_chunks: int = 1) -> float:
    """The share of the time in which a rank idles: (p - 1) / (v m + p - 1).

    For GPipe and 1F1B, and with `n_chunks` stages on each rank for interleaved 1F1B. Messages cost
    nothing here. (The Megatron papers print the bubble over the ideal time, (p - 1) / (v m).)
    Raises ValueError for nonsense.
    """
    n_ranks, n_batches, n_chunks = _counts(n_ranks, n_batches, n_chunks)
    return (n_ranks - 1) / (n_chunks * n_batches + n_ranks - 1)


def gpipe(n_ranks: int, n_batches: int) -> Order:
    """All forward passes, then all backward passes."""
    n_ranks, n_batches, _ = _counts(n_ranks, n_batches)
    return [
        [Task(kind, stage, batch) for kind in "FB" for batch in range(n_batches)]
        for stage in range(n_ranks)
    ]


def one_f_one_b(n_ranks: int, n_batches: int) -> Order:
    """One forward pass, one backward pass, in turn, after a warm-up that fills the pipeline."""
    return interleaved(n_ranks, n_batches, n_chunks=1)


def interleaved(n_ranks: int, n_batches: int, n_chunks: int = 2) -> Order:
    """1F1B with `n_chunks` stages on each rank: stages r, r + p, r + 2p, ... on rank r.

    Raises ValueError where several chunks meet micro-batches that are not a multiple of the ranks.
    """
    n_ranks, n_batches, n_chunks = _counts(n_ranks, n_batches, n_chunks)
    if n_chunks > 1 and n_batches % n_ranks:
        raise ValueError(
            f"Interleaved stages need micro-batches in whole rounds of {n_ranks}, one for each "
            f"rank: got {n_batches}."
        )
    hops = 1 if n_chunks == 1 else 2  # more work in flight, as a batch returns to each rank
    n_tasks, order = n_chunks * n_batches, []
    for rank in range(n_ranks):
        ahead = min(hops * (n_ranks - 1 - rank) + (n_chunks - 1) * n_ranks, n_tasks)
        forwards = [_nth("F", n, rank, n_ranks, n_chunks) for n in range(n_tasks)]
        backwards = [_nth("B", n, rank, n_ranks, n_chunks) for n in range(n_tasks)]
        order.append(_in_turn(forwards, backwards, ahead))
    return order


def zero_bubble(n_ranks: int, n_batches: int) -> Order:
    """1F1B whose backward passes are cut in two; the gradients of weights fill the idle time."""
    n_ranks, n_batches, _ = _counts(n_ranks, n_batches)
    order = []
    for stage in range(n_ranks):
        tasks, n_inputs, n_weights = [], 0, 0
        for task in one_f_one_b(n_ranks, n_batches)[stage]:
            tasks.append(task._replace(kind="I") if task.kind == "B" else task)
            n_inputs += task.kind == "B"
            if task.kind == "B" and n_inputs > stage:  # the later the stage, the more it puts off
                tasks.append(Task("W", stage, n_weights))
                n_weights += 1
        tasks += [Task("W", stage, batch) for batch in range(n_weights, n_batches)]
        order.append(tasks)
    return order


SCHEDULES: Mapping[str, Callable[[int, int], Order]] = {
    "GPipe": gpipe,
    "1F1B": one_f_one_b,
    "interleaved 1F1B": interleaved,
    "zero bubble": zero_bubble,
}


def play(
    order: Sequence[Sequence[Task]], times: Mapping[str, float] = EQUAL_PARTS
) -> list[list[Span]]:
    """When each task of an order runs at the earliest: a list of Spans for each rank.

    times   kind -> how long a rank's *whole* share of the model takes for one micro-batch; a rank
            with several stages has them in equal parts, so that all schedules do the same work

    A forward pass waits for that of the stage before, a backward pass for that of the stage after,
    and for its own forward pass. Messages take no time. Raises ValueError for an order in which
    everybody waits for somebody, and for a kind that has no time.
    """
    _refuse_unknown(order, times)
    last = max(task.stage for tasks in order for task in tasks)
    n_chunks = (last + 1) / len(order)
    ends: dict[Task, float] = {}
    spans: list[list[Span]] = [[] for _ in order]
    while any(len(done) < len(tasks) for done, tasks in zip(spans, order, strict=True)):
        moved = False
        for done, tasks in zip(spans, order, strict=True):
            while len(done) < len(tasks):
                task = tasks[len(done)]
                needed = [_end(one, ends) for one in _needs(task, last)]
                if None in needed:
                    break
                start = max([done[-1].end if done else 0.0, *needed])
                ends[task] = start + times[task.kind] / n_chunks
                done.append(Span(start, ends[task], task))
                moved = True
        if not moved:
            raise ValueError(_deadlock(order, spans))
    return spans


def idle_share(spans: Spans) -> float:
    """The share of the time, over all ranks, in which they do nothing: the bubble of a run.

    spans   for each rank (start, end, task): of `play`, or of a real run
    """
    both = [(start, end) for some in spans for start, end, _ in some]
    length = max(end for _, end in both) - min(start for start, _ in both)
    return 1 - sum(end - start for start, end in both) / (length * len(spans))


def order_of(spans: Spans) -> Order:
    """The order in which the ranks of a run did their tasks, so that it can be played on paper."""
    return [[Task(*task) for _, _, task in sorted(some)] for some in spans]


def most_in_flight(order: Sequence[Sequence[Task]]) -> list[float]:
    """For each rank, the most micro-batches whose activations it holds at the same time.

    Counted in whole shares of a rank: with two stages on it, the activations of one stage are half
    of one. They are let go when the last gradient that needs them is there.
    """
    n_chunks = (1 + max(task.stage for tasks in order for task in tasks)) / len(order)
    most = []
    for tasks in order:
        held, peak = 0, 0
        for task in tasks:
            held += (task.kind == "F") - (task.kind in "BW")
            peak = max(peak, held)
        most.append(peak / n_chunks)
    return most


def _nth(kind, n, rank, n_ranks, n_chunks):
    """The nth forward or backward task of a rank: rounds of one micro-batch for each rank."""
    lap, place = divmod(n, n_ranks)
    round_, chunk = divmod(lap, n_chunks)
    chunk = chunk if kind == "F" else n_chunks - 1 - chunk
    batch = n if n_chunks == 1 else round_ * n_ranks + place
    return Task(kind, chunk * n_ranks + rank, batch)


def _in_turn(forwards, backwards, ahead):
    """`ahead` forward tasks, then one of each in turn, then the backward tasks that are left."""
    tasks = forwards[:ahead]
    for n, backward in enumerate(backwards):
        tasks += [*forwards[ahead + n : ahead + n + 1], backward]
    return tasks


def _needs(task, last):
    """What must be done before a task: for each, the tasks of which one is enough."""
    kind, stage, batch = task
    if kind == "F":
        return [[Task("F", stage - 1, batch)]] if stage else []
    if kind == "W":
        return [[Task("I", stage, batch)]]
    after = [Task(kind, stage + 1, batch) for kind in "BI"]
    return [[Task("F", stage, batch)], *([after] if stage < last else [])]


def _end(alternatives, ends):
    """When the first of the alternatives that was run ended; None while there is none."""
    return next((ends[task] for task in alternatives if task in ends), None)


def _counts(n_ranks, n_batches, n_chunks=1):
    """The three as ints. Raises ValueError for what isn't a whole number from 1."""
    for n, what in ((n_ranks, "rank"), (n_batches, "micro-batch"), (n_chunks, "stage on a rank")):
        if not (isinstance(n, numbers.Real) and 1 <= n < math.inf and n % 1 == 0):
            raise ValueError(f"A pipeline needs at least one {what}, a whole number: got {n}.")
    return int(n_ranks), int(n_batches), int(n_chunks)


def _refuse_unknown(order, times):
    tasks = [task for some in order for task in some]
    if not tasks:
        raise ValueError("There is nothing to run: no rank has a task.")
    unknown = sorted({task.kind for task in tasks} - set(times))
    if unknown:
        raise ValueError(f"No time is given for the kind {', '.join(unknown)}.")


def _deadlock(order, spans):
    waiting = [
        f"rank {rank} for {task.kind} of stage {task.stage}, micro-batch {task.batch}"
        for rank, (tasks, done) in enumerate(zip(order, spans, strict=True))
        for task in tasks[len(done) : len(done) + 1]
    ]
    return (
        f"Everybody waits for somebody, so the schedule never ends: {'; '.join(waiting)} can't "
        f"begin. Look at the order of the tasks."
    )
