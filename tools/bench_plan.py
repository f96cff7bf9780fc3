"""Hold the planner of training runs against published runs, source by source.

    python tools/bench_plan.py                    the published runs that travel with the course
    python tools/bench_plan.py --runs FILE.csv    any file with the same columns
    python tools/bench_plan.py --constants        every constant of the planner, with its source
    python tools/bench_plan.py --serving [FILE.csv]    servers instead: goals P6 and P7

No prediction has seen a figure of its own source: the fitted constants come from the published
runs of all other sources (leave one source out). The goals are printed where the file has their
rows. An error is |predicted ÷ measured tokens per second − 1|.
"""

import argparse
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from labkit.plan.training import (
    PHYSICS,
    Run,
    constants,
    leave_one_source_out,
    memory_use,
    plan_training,
    predicted_tokens_per_s_chip,
    published_runs,
    read_runs,
    stack_factor,
)
from labkit.results import training_runs_path
from tools import bench_serving_plan, plan_rivals

MEGATRON = ("megatron2021", "megatron2021_t2_ptd", "korthikanti2022", "megascale_megatron")
GPU_FAMILIES = ("a100", "h100")
MEMORY_LIMIT_BYTES = 75e9
SHOWN = 10  # lines that are no possible job
DRAWS = 20  # how often three runs of a stack are drawn for its calibration


def main() -> int:
    options = _options()
    if options.serving is not None:
        bench_serving_plan.report(options.serving or None)
        return 0
    if options.constants:
        for constant in constants():
            where = f"{constant.of} {constant.name}"
            print(f"{where} = {constant.value:g} {constant.unit} [{constant.kind}]"
                  f" {constant.source}")  # fmt: skip
        return 0
    try:
        runs, refused = read_runs(options.runs)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        print(f"These runs cannot be read: {error}")
        return 2
    for sentence in refused[:SHOWN]:
        print(f"not planned: {sentence}")
    if len(refused) > SHOWN:
        print(f"not planned: {len(refused) - SHOWN} more lines")
    _report(runs)
    if options.runs is None:  # the file that tells of memory
        runs_with_memory = read_runs(training_runs_path("nanotron_runs.csv.gz"))
    else:
        runs_with_memory = runs, refused
    _memory(*runs_with_memory)
    print()
    _rivals([run for run in runs if _is_p2(run)])
    return 0


def _options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", metavar="FILE.csv", help="any file with the shipped columns")
    parser.add_argument("--constants", action="store_true", help="print every constant and stop")
    parser.add_argument(
        "--serving", metavar="FILE.csv", nargs="?", const="", help="servers: goals P6 and P7"
    )
    return parser.parse_args()


def _report(runs: Sequence[Run]) -> None:
    measured = [run for run in runs if run.tokens_per_s_chip is not None]
    if not measured:
        print("No run of this file has a measured rate.")
        return
    tunings = leave_one_source_out(measured)
    predicted = {id(run): predicted_tokens_per_s_chip(run, tunings[run.source]) for run in measured}

    error = _error_of(predicted)
    for source in dict.fromkeys(run.source for run in measured):
        _line(source, [run for run in measured if run.source == source], error)
    _line("all rows", measured, error)
    _line("dense rows with whole configuration",
          [run for run in measured if run.dense and run.complete], error)  # fmt: skip
    _line("mixtures of experts", [run for run in measured if not run.dense], error)
    _band(measured, predicted)
    print()
    _goals(measured, tunings, error)


def _line(name: str, runs: Sequence[Run], error: Callable) -> None:
    if runs:
        errors = [error(run) for run in runs]
        print(
            f"{name}: n {len(errors)}, mean {statistics.mean(errors):.1%}, "
            f"median {statistics.median(errors):.1%}, p90 {_quantile(errors, 0.9):.1%}, "
            f"worst {max(errors):.1%}"
        )


def _band(runs, predicted):
    """How often the truth lies in the band that each prediction states."""
    for name, dense in (("dense", True), ("mixture", False)):
        chosen = [run for run in runs if run.dense is dense]
        if chosen:
            inside = [_inside(run, predicted[id(run)]) for run in chosen]
            print(f"within the stated band, {name}: {statistics.mean(inside):.1%}")


def _inside(run, rate):
    band = plan_training(run.job, PHYSICS).band
    return 1 / band <= rate / run.tokens_per_s_chip <= band


def _is_p2(run):
    told = run.dense and run.complete and run.tokens_per_s_chip is not None
    return told and run.job.chip.family in GPU_FAMILIES


def _goals(measured, tunings, error):
    """P1 to P4: what each must reach, and what was reached."""
    megatron = [run for run in measured if run.source in MEGATRON]
    if megatron:
        rates = [predicted_tokens_per_s_chip(run, PHYSICS) for run in megatron]
        errors = [
            abs(rate / run.tokens_per_s_chip - 1) for rate, run in zip(rates, megatron, strict=True)
        ]
        _goal("P1 Megatron family, no constant from any run", errors, mean=0.035, worst=0.10)
    dense = [run for run in measured if _is_p2(run)]
    if dense:
        errors = [error(run) for run in dense]
        _goal("P2 dense A100 and H100, whole configuration", errors, median=0.06, p90=0.16,
              within=0.86)  # fmt: skip
        _goal("P3 the same, three runs calibrate a stack", _calibrated(dense, tunings),
              median=0.05, p90=0.14)  # fmt: skip
    tpu = [run for run in measured if run.dense and run.job.chip.family == "tpu"]
    if tpu:
        _goal("P4 TPU", [error(run) for run in tpu], median=0.09, p90=0.22)


def _calibrated(runs, tunings):
    """Errors of the runs that were not drawn, over many draws of three from each source."""
    errors = []
    for source in dict.fromkeys(run.source for run in runs):
        of_source = [run for run in runs if run.source == source]
        if len(of_source) < 4:
            continue
        for seed in range(DRAWS):
            drawn = random.Random(seed).sample(of_source, 3)
            factor = stack_factor(drawn, tunings[source])
            errors += [
                abs(factor * predicted_tokens_per_s_chip(run, tunings[source])
                    / run.tokens_per_s_chip - 1)
                for run in of_source if run not in drawn
            ]  # fmt: skip
    return errors


def _goal(name, errors, *, mean=None, median=None, p90=None, worst=None, within=None):
    if not errors:
        return
    reached = {
        "mean": (statistics.mean(errors), mean),
        "median": (statistics.median(errors), median),
        "p90": (_quantile(errors, 0.9), p90),
        "worst": (max(errors), worst),
    }
    parts = [(f"{what} {got:.1%} (≤ {limit:.1%})", got <= limit)
             for what, (got, limit) in reached.items() if limit is not None]  # fmt: skip
    if within is not None:
        share = sum(error <= 0.15 for error in errors) / len(errors)
        parts.append((f"within 15 %: {share:.1%} (≥ {within:.0%})", share >= within))
    verdict = "reached" if all(ok for _, ok in parts) else "not reached"
    print(f"{name}: n {len(errors)}, {', '.join(text for text, _ in parts)}: {verdict}")


def _memory(runs, refused):
    """P5: of runs whose memory was looked at, how many are told apart at 75 GB."""
    if not any(run.memory_bytes for run in runs):
        return
    needs = {id(run): memory_use(run.job).total_bytes for run in runs}
    completed = [run for run in runs if run.tokens_per_s_chip is not None]
    failed = [run for run in runs if run.tokens_per_s_chip is None]
    fit = sum(needs[id(run)] <= MEMORY_LIMIT_BYTES for run in completed) / max(1, len(completed))
    caught = sum(needs[id(run)] > MEMORY_LIMIT_BYTES for run in failed) + len(refused)
    caught /= max(1, len(failed) + len(refused))
    verdict = "reached" if fit >= 0.98 and caught >= 0.85 else "not reached"
    print(
        f"P5 memory at {MEMORY_LIMIT_BYTES / 1e9:.0f} GB: {len(completed)} completed, {fit:.1%} "
        f"said to fit (≥ 98 %); {len(failed) + len(refused)} failed, {caught:.1%} caught (≥ 85 %), "
        f"{len(refused)} of them as impossible splits: {verdict}"
    )


def _rivals(runs):
    """The same dense A100 and H100 rows through other planners, where they can be had."""
    if not runs:
        return
    tunings = leave_one_source_out(runs)
    ours = {id(run): predicted_tokens_per_s_chip(run, tunings[run.source]) for run in runs}
    _line("side by side, this planner", runs, _error_of(ours))
    for rival in plan_rivals.ALL:
        rates = rival(runs, published_runs())
        if isinstance(rates, str):
            print(f"side by side, {rates}")
            continue
        planned = [run for run in runs if id(run) in rates]
        _line(f"side by side, {rival.__name__}", planned, _error_of(rates))


def _error_of(rates):
    return lambda run: abs(rates[id(run)] / run.tokens_per_s_chip - 1)


def _quantile(values, share):
    """The value below which this share lies, on straight lines between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


if __name__ == "__main__":
    sys.exit(main())
