"""Looking for the best split: all sensible ones are planned, the fastest that fit are listed."""

import dataclasses
import itertools
from collections.abc import Iterator

from labkit.plan.training.job import Job, Split
from labkit.plan.training.layer import Tuning
from labkit.plan.training.planner import TrainingPlan, plan_training

MICRO_BATCHES = (1, 2, 4, 8, 16)
RECOMPUTE = ("none", "selective", "full")


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """The best plans that fit, fastest first, and how many splits were tried and did not fit."""

    plans: tuple[TrainingPlan, ...]
    tried: int
    too_large: int


def search(job: Job, *, best: int = 10, sure: bool = False, tuning: Tuning | None = None) -> Found:
    """The best splits for the model, chips and batch of `job`; its own split gives their number.

    sure   list only what fits with an ordinary stack; by default also what a lean one can hold

    Tensor, pipeline (interleaved or not) and data parallelism, the micro-batch, ZeRO 1 and 3, and
    recomputation are tried in all combinations that divide the model's heads and layers and the
    batch. Number format, kernels, context and expert parallelism, and what the stack overlaps stay
    as they are.
    """
    plans, tried, too_large = [], 0, 0
    for split in splits(job):
        plan = plan_training(dataclasses.replace(job, split=split), tuning)
        tried += 1
        if plan.fits or (plan.may_fit and not sure):
            plans.append(plan)
        else:
            too_large += 1
    plans.sort(key=lambda plan: plan.step.total_s)
    return Found(tuple(plans[:best]), tried, too_large)


def splits(job: Job) -> Iterator[Split]:
    """Every split of the same number of chips that `search` tries."""
    for tp, pp, dp in _sizes(job):
        for micro_batch in MICRO_BATCHES:
            if job.global_batch % (dp * micro_batch):
                continue
            rounds = job.global_batch // (dp * micro_batch)
            pieces = _interleavings(job.model.layers, pp, rounds)
            # ZeRO 3 would gather all weights for each micro-batch that a pipeline needs.
            stages = (1, 3) if pp == 1 else (1,)
            for zero, recompute, vp in itertools.product(stages, RECOMPUTE, pieces):
                # A fused kernel keeps no scores, so only PyTorch's meaning of the word is left.
                if recompute != "selective" or zero == 3 or job.split.attention == "unfused":
                    yield dataclasses.replace(
                        job.split, tp=tp, pp=pp, dp=dp, vp=vp, micro_batch=micro_batch,
                        zero=zero, recompute=recompute, sequence_parallel=tp > 1,
                    )  # fmt: skip


def _sizes(job):
    """tp, pp and dp: tp inside a server, and stages of equal size but for a layer at each end."""
    model, given = job.model, job.split
    for tp, pp in itertools.product(_divisors(model.heads), range(1, model.layers + 1)):
        dp, rest = divmod(given.chips, tp * pp * given.cp)
        equal = -model.layers % pp <= 2
        if not rest and equal and tp <= job.chip.server_chips and given.ep <= dp * given.cp:
            yield tp, pp, dp


def _interleavings(layers, pp, rounds):
    """One piece a stage, or several where the micro-batches come in whole rounds of stages."""
    stage = -(-layers // pp)
    if pp == 1 or rounds % pp:
        return (1,)
    return tuple(vp for vp in (1, 2, 4, 8) if stage % vp == 0)


def _divisors(number):
    return [n for n in range(1, number + 1) if number % n == 0]
