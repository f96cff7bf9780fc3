"""Goals P6 and P7 of the planner: tokens a second of published servers.

`tools/bench_plan.py --serving [FILE.csv]` comes here. Without a file, the runs that `labkit` holds
are used: all of TensorRT-LLM's table, and a few points of ML.ENERGY's leaderboard. A file holds one
run a row, with the columns of `COLUMNS`.

One constant of a stack is fitted to all models but one, and then that one is predicted. For vLLM it
is the host's time for each sequence, for TensorRT-LLM a factor over all GPU times.
"""

import csv
import dataclasses
import math
import statistics
import sys
from pathlib import Path

from labkit.plan.data import serving_runs
from labkit.plan.inference import (
    BAND,
    TENSORRT_LLM,
    VLLM,
    Deployment,
    ServedModel,
    Traffic,
    offline_tokens_per_s,
    step,
)

COLUMNS = (
    "source", "model", "params", "layers", "hidden", "heads", "kv_heads", "head_dim", "vocab",
    "chip", "tp", "w_bytes", "kv_bytes", "prompt", "output", "batch", "tokens_per_s",
)  # fmt: skip
CHIPS = {"H100": "h100-sxm", "H200": "h200-sxm", "B200": "b200", "A100": "a100-sxm-80"}
# TensorRT-LLM's page: how many requests it had waiting, by the tokens of prompt and answer.
N_REQUESTS = {
    (128, 128): 30000, (128, 2048): 3000, (128, 4096): 1500, (500, 2000): 3000,
    (1000, 1000): 3000, (1000, 2000): 1500, (2048, 128): 3000, (2048, 2048): 1500,
    (5000, 500): 1500, (20000, 2000): 1000,
}  # fmt: skip
HOST_S = [n * 1e-6 for n in range(150)]
SLOWDOWNS = [0.5 + 0.02 * n for n in range(76)]
LEAST_RUNS = 30
MOST_MEDIAN, MOST_P90 = {"P6": 0.09, "P7": 0.10}, 0.25


@dataclasses.dataclass(frozen=True)
class Run:
    """One published run, and what the planner says of it for a stack."""

    deployment: Deployment
    traffic: Traffic
    batch: float | None
    tokens_per_s: float

    @property
    def model(self):
        return self.deployment.model.name

    def error(self, stack):
        """Predicted over measured, less 1."""
        if self.batch is None:
            n_requests = N_REQUESTS[tuple(map(int, self.traffic))]
            predicted = offline_tokens_per_s(self.deployment, self.traffic, n_requests, stack)
        else:
            predicted = step(self.deployment, self.traffic, self.batch, stack).tokens_per_s
        return predicted / self.tokens_per_s - 1


def runs_of(rows):
    """The Runs of rows with COLUMNS as keys; what cannot be a run is told and left out."""
    for number, row in enumerate(rows, 1):
        try:
            yield run_of(row)
        except (KeyError, ValueError, TypeError) as error:
            print(f"row {number} ({row.get('model')}) is left out: {error}")


def run_of(row):
    """One Run; raises ValueError or KeyError for a row that cannot be one."""
    if row["chip"] not in CHIPS:
        raise ValueError(f"chip {row['chip']!r} is none of {', '.join(CHIPS)}")
    sizes = (row[name] for name in ("layers", "hidden", "heads", "kv_heads", "head_dim"))
    model = ServedModel(row["model"], float(row["params"]), *map(int, sizes), int(row["vocab"]))
    deployment = Deployment(
        model, CHIPS[row["chip"]], int(row["tp"]), float(row["w_bytes"]), float(row["kv_bytes"])
    )
    batch = float(row["batch"]) if row.get("batch") else None
    traffic = Traffic(float(row["prompt"]), float(row["output"]))
    if batch is None and tuple(map(int, traffic)) not in N_REQUESTS:
        raise ValueError("neither a batch nor a number of waiting requests is known")
    run = Run(deployment, traffic, batch, float(row["tokens_per_s"]))
    if not (run.tokens_per_s > 0 and min(traffic) > 0):
        raise ValueError("tokens and rates are above 0")
    return run


def rows_of(path):
    """The rows of a file; SystemExit, a sentence, for one that has not the columns."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = set(COLUMNS) - set(reader.fieldnames or ())
            if missing:
                sys.exit(f"{path} lacks the columns {', '.join(sorted(missing))}.")
            return list(reader)
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}.")


def left_out(runs, stacks):
    """The error of each run, its model left out of the fit: [(run, error, stack)]."""
    found = []
    for name in sorted({run.model for run in runs}):
        others = [run for run in runs if run.model != name] or runs

        def misfit(stack, others=others):
            return statistics.median(abs(math.log1p(run.error(stack))) for run in others)

        best = min(stacks, key=misfit)
        found += [(run, run.error(best), best) for run in runs if run.model == name]
    return found


def line(goal, what, found):
    errors = sorted(abs(error) for _, error, _ in found)
    median, p90 = statistics.median(errors), errors[math.ceil(0.9 * len(errors)) - 1]
    inside = sum(1 / BAND <= 1 + error <= BAND for _, error, _ in found) / len(found)
    met = median <= MOST_MEDIAN[goal] and p90 <= MOST_P90
    verdict = "met" if met else "MISSED"
    if len(found) < LEAST_RUNS:
        verdict = "too few to judge"
    return (
        f"| {goal} | {what} | {len(found)} | {median:.1%} | {p90:.1%} | {errors[-1]:.1%} "
        f"| {inside:.0%} | {verdict} |"
    )


def report(path=None):
    """Print P6 and P7 as a table, and the worst rows of each."""
    rows = serving_runs() if path is None else rows_of(path)
    sets = (
        ("P6", "TensorRT-LLM, FP8, H100 and H200", [r for r in rows if r["source"] == "trtllm_fp8"],
         [dataclasses.replace(TENSORRT_LLM, slowdown=factor) for factor in SLOWDOWNS]),
        ("P7", "vLLM, H100", [r for r in rows if "mlenergy" in r["source"] and r["chip"] == "H100"],
         [dataclasses.replace(VLLM, host_s_per_sequence=time_s) for time_s in HOST_S]),
    )  # fmt: skip
    print(f"| goal | set | runs | median | p90 | worst | within ×÷{BAND} | |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    worst = []
    for goal, what, chosen, stacks in sets:
        if not chosen:
            print(f"| {goal} | {what} | 0 | | | | | no rows |")
            continue
        found = left_out(list(runs_of(chosen)), stacks)
        print(line(goal, what, found), flush=True)
        worst += sorted(found, key=lambda one: -abs(one[1]))[:3]
    print("\nThe worst rows:")
    for run, error, _ in worst:
        where = f"{run.deployment.n_chips} × {run.deployment.chip_name}"
        print(
            f"- {run.model}, {where}, {run.traffic.prompt:g}/{run.traffic.output:g}: {error:+.0%}"
        )


if __name__ == "__main__":
    report(*sys.argv[1:2])
