"""Fitting the few constants that no data sheet says, and testing the planner on unseen sources.

Six constants are fitted: a slowdown for each family of chips, and an exposed share for GPUs and for
TPUs. They're fitted to whole, dense runs, all sources together. To test the planner on a source,
its runs are left out of the fit (*leave one source out*), so no prediction has seen a figure of its
own source.
"""

import collections
import functools
import itertools
import math
from collections.abc import Iterable, Sequence

from labkit.plan.training.chips import constants
from labkit.plan.training.layer import Tuning
from labkit.plan.training.runs import Run, published_runs
from labkit.plan.training.step import step_time

FAMILIES = ("a100", "h100", "blackwell", "tpu")
# Families whose stacks hide talk in the same way: NCCL's kernels beside CUDA's, or XLA's schedule.
GROUPS = (("a100", "h100", "blackwell"), ("tpu",))
STAND_IN = {"blackwell": "h100", "h100": "a100", "a100": "h100"}  # for a family without runs
SLOWDOWNS = tuple(round(0.8 * 1.02**step, 4) for step in range(41))
_KNOTS = SLOWDOWNS[::5]  # between these a rate is interpolated: it bends little
EXPOSED = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
# Nothing fitted: products as fast as alone, and half of the talk hidden.
PHYSICS = Tuning(dict.fromkeys(FAMILIES, 1.0), dict.fromkeys(FAMILIES, 0.5))
_WORST_LOG = math.log(1.5)  # a run that is further off tells of its stack, not of its chip


def predicted_tokens_per_s_chip(run: Run, tuning: Tuning) -> float:
    """What the planner says of a published run, in tokens/s and chip."""
    job = run.job
    return job.global_batch * job.seq / step_time(job, tuning).total_s / job.split.chips


def relative_error(run: Run, tuning: Tuning) -> float:
    """Predicted over measured rate, minus 1."""
    return predicted_tokens_per_s_chip(run, tuning) / run.tokens_per_s_chip - 1


def fit(runs: Iterable[Run]) -> Tuning:
    """The tuning that fits these runs best: least squares of log errors, cut off for the worst.

    A source of n runs weighs as much as the square root of n, so that none decides alone. A family
    without runs takes the slowdown of the one most like it.
    """
    usable = [run for run in runs if _usable(run)]
    return _best(usable, [_losses(run) for run in usable])


def leave_one_source_out(runs: Sequence[Run]) -> dict[str, Tuning]:
    """For each source of `runs` the tuning fitted to the published runs of all other sources."""
    known = [run for run in published_runs() if _usable(run)]
    losses = [_losses(run) for run in known]
    tunings = {}
    for source in dict.fromkeys(run.source for run in runs):
        kept = [index for index, run in enumerate(known) if run.source != source]
        tunings[source] = _best([known[i] for i in kept], [losses[i] for i in kept])
    return tunings


@functools.cache
def fitted() -> Tuning:
    """The tuning that plans use, from `constants.csv`: `fit` of all published runs gives it."""
    found = {"slowdown": {}, "exposed": {}}
    for constant in constants():
        if constant.kind == "fitted":
            found[constant.name][constant.of] = constant.value
    return Tuning(**found)


def stack_factor(runs: Sequence[Run], tuning: Tuning) -> float:
    """By how much to multiply predicted rates of one stack of software, from a few of its runs.

    Half of the middle log error: a few runs vary among themselves about as much as stacks do, so
    half of what they say is chance.
    """
    logs = sorted(math.log1p(relative_error(run, tuning)) for run in runs)
    return math.exp(-logs[len(logs) // 2] / 2)


def _usable(run):
    return run.complete and run.dense and run.tokens_per_s_chip is not None


@functools.cache
def _losses(run):
    """The loss of one run for each exposed share and slowdown, in the order of both."""
    family = run.job.chip.family
    losses = []
    for exposed in EXPOSED:
        knots = [
            math.log1p(relative_error(run, Tuning({family: slowdown}, {family: exposed})))
            for slowdown in _KNOTS
        ]
        losses += [min(abs(log), _WORST_LOG) ** 2 for log in _between(knots)]
    return tuple(losses)


def _between(knots):
    """Four values more between each two neighbours, on straight lines."""
    for left, right in itertools.pairwise(knots):
        yield from (left + (right - left) * step / 5 for step in range(5))
    yield knots[-1]


def _best(runs, losses):
    summed = _summed(runs, losses)
    slowdown, exposed = {}, {}
    for group in GROUPS:
        tables = {family: summed[family] for family in group if family in summed}
        options = [_slowdowns_at(tables, index) for index in range(len(EXPOSED))]
        best = min(range(len(EXPOSED)), key=lambda index: options[index][0])
        slowdown |= options[best][1]
        exposed |= dict.fromkeys(group, EXPOSED[best])
    for family in FAMILIES:
        if family not in slowdown:
            slowdown[family] = slowdown.get(STAND_IN.get(family), 1.0)
    return Tuning(slowdown, exposed)


def _summed(runs, losses):
    """family -> the weighted losses of its runs, added up over all runs."""
    sizes = collections.Counter(run.source for run in runs)
    summed = {}
    for run, loss in zip(runs, losses, strict=True):
        table = summed.setdefault(run.job.chip.family, [0.0] * len(loss))
        for index, value in enumerate(loss):
            table[index] += value / math.sqrt(sizes[run.source])
    return summed


def _slowdowns_at(tables, exposed_index):
    """The loss for one exposed share, and the best slowdown of each family with it."""
    width = len(SLOWDOWNS)
    total, slowdown = 0.0, {}
    for family, table in tables.items():
        row = table[exposed_index * width : (exposed_index + 1) * width]
        best = min(range(width), key=row.__getitem__)
        total += row[best]
        slowdown[family] = SLOWDOWNS[best]
    return total, slowdown
