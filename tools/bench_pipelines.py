"""Bubbles of real ranks against the formula, and gradients against those of one process.

`python tools/bench_pipelines.py [--forward-ms 40] [--steps 3] [--record "shared virtual machine"]`
trains by all schedules of torch on four ranks, with layers that sleep, and prints a line for each.
It fails where GPipe or 1F1B idles 0.03 more or less than the formula says, interleaved 1F1B 0.08,
or a gradient is off by more than 1e-6. `--record KIND` writes it down for the lesson.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

from record_cpu import machine_in_words

import labkit as lk
import labkit.results
from labkit.plan.pipeline import idle_share, order_of, play

TARGET = Path(labkit.results.__file__).parent / "recorded" / "pipelines.json"
N_RANKS, N_BATCHES = 4, 8
ALLOWED = {"GPipe": 0.03, "1F1B": 0.03, "interleaved 1F1B": 0.08}
MOST_GRADIENT_ERROR = 1e-6


def record(kind, rows, forward_ms, steps):
    """Write the rows as a recorded result."""
    table = {
        "pipeline-bubbles": {
            "title": "Bubbles of torch's pipeline schedules on four real ranks that sleep",
            "machine": machine_in_words(kind),
            "date": datetime.date.today().isoformat(),
            "command": f"python tools/bench_pipelines.py --forward-ms {forward_ms:g} --steps "
            f"{steps} --record {kind!r}",
            "provenance": "made for this course",
            "notes": [
                f"{N_BATCHES} micro-batches; a rank sleeps {forward_ms:g} ms forward and twice "
                f"that backward, so it needs no core of its own. The shortest of {steps} steps."
            ],
            "rows": rows,
        }
    }
    TARGET.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def main():
    """Print the lines; the exit status says whether all is within its bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--forward-ms", type=float, default=40.0)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--record", metavar="KIND")
    options = parser.parse_args()
    runs = lk.cluster.run_pipelines(
        lk.cluster.PIPELINES, N_RANKS, N_BATCHES, forward_s=options.forward_ms / 1e3,
        n_steps=options.steps, timeout_s=300,
    )  # fmt: skip
    rows, missed = [], []
    for name, run in runs.items():
        real, paper = idle_share(run.spans), idle_share(play(order_of(run.spans)))
        print(
            f"{name:22} bubble {real:.3f}, on paper {paper:.3f}, {real - paper:+.3f}; gradients "
            f"off by {run.gradient_error:.1e}"
        )
        rows.append({"schedule": name, "bubble_share": round(real, 4), "on_paper": round(paper, 4)})
        if abs(real - paper) > ALLOWED.get(name, 1) or run.gradient_error > MOST_GRADIENT_ERROR:
            missed.append(name)
    if options.record:
        record(options.record, rows, options.forward_ms, options.steps)
    return f"out of bounds: {', '.join(missed)}" if missed else 0


if __name__ == "__main__":
    sys.exit(main())
