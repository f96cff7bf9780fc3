"""A planner of training runs from first principles: time, memory, energy, cost, and what binds.

`plan_training(job)` counts what each chip computes, moves and says, and how much of it overlaps.
Every constant stands in `constants.csv` with its source; the five that no source gives are fitted
to published runs, a whole family of chips at a time (`fitting.py`). `tools/bench_plan.py` holds the
planner against every published run, each predicted by constants that have not seen its source.
"""

from labkit.plan.training.chips import (
    Accelerator,
    Constant,
    accelerator,
    accelerators,
    constants,
)
from labkit.plan.training.fitting import (
    PHYSICS,
    fit,
    fitted,
    leave_one_source_out,
    predicted_tokens_per_s_chip,
    relative_error,
    stack_factor,
)
from labkit.plan.training.job import Job, Split, Transformer
from labkit.plan.training.layer import Tuning
from labkit.plan.training.memory import MemoryUse, memory_use, usable_bytes
from labkit.plan.training.planner import Bill, TrainingPlan, plan_training
from labkit.plan.training.runs import Run, models, published_runs, read_runs
from labkit.plan.training.search import Found, search, splits
from labkit.plan.training.step import StepTime, step_time

__all__ = [
    "PHYSICS", "Accelerator", "Bill", "Constant", "Found", "Job", "MemoryUse", "Run", "Split",
    "StepTime", "TrainingPlan", "Transformer", "Tuning", "accelerator", "accelerators",
    "constants", "fit", "fitted", "leave_one_source_out", "memory_use", "models",
    "plan_training", "predicted_tokens_per_s_chip", "published_runs", "read_runs",
    "relative_error", "search", "splits", "stack_factor", "step_time", "usable_bytes",
]  # fmt: skip
