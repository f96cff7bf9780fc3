"""Other ways to predict a training run's rate, to hold beside our planner.

Each takes the runs to predict and all published runs, and returns id(run) -> tokens/s and chip, or a
sentence that says why it could not be asked.
"""

import statistics


def hfu(runs, known):
    """The naive rival: each chip reaches one share of its peak, the median of all other sources."""
    rates = {}
    for run in runs:
        others = [
            _utilisation(other) for other in known
            if other.source != run.source and other.complete and other.dense
            and other.tokens_per_s_chip and other.job.chip.name == run.job.chip.name
        ] or [
            _utilisation(other) for other in known
            if other.source != run.source and other.complete and other.dense
            and other.tokens_per_s_chip and other.job.chip.family == run.job.chip.family
        ]  # fmt: skip
        peak = run.job.chip.peak_flop_per_s
        rates[id(run)] = statistics.median(others) * peak / _flop_per_token(run.job)
    return rates


def _utilisation(run):
    return run.tokens_per_s_chip * _flop_per_token(run.job) / run.job.chip.peak_flop_per_s


def _flop_per_token(job):
    """Hardware FLOP: what full recomputation computes twice is counted twice."""
    again = 4 / 3 if job.split.recompute in ("full", "offload") else 1
    return job.model.flop_per_token(job.seq) * again


ALL = (hfu,)
