"""Record ranks behind slow cables: python tools/record_cluster.py "name of the machine"

Runs what lesson 15 runs on hosts with links of 100 Mbit/s, and writes the results with machine,
date and load into labkit/results/recorded/cluster_runs.json, for machines that cannot lay out hosts
themselves. Takes half a minute; needs root, or user namespaces without it.
"""

import ast
import datetime
import json
import os
import sys
from pathlib import Path

import labkit as lk
from labkit.teach.registry import solution

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "labkit" / "results" / "recorded" / "cluster_runs.json"
LESSON = ROOT / "lessons" / "lesson_15_collectives" / "lesson.py"
LINK_BIT_PER_S, N_BYTES = 100e6, 2**20
SIZES = [1024, 4096, 16384, 65536, 262144, 1048576]
_MOST_POINTS = 60  # of a trace


def from_lesson(name: str):
    """A function of the lesson, as its source writes it."""
    tree = ast.parse(LESSON.read_text(encoding="utf-8"))
    (node,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
    namespace: dict = {}
    exec(compile(ast.Module([node], []), str(LESSON), "exec"), namespace)
    return namespace[name]


def traces(halves):
    """Rows with the bytes that each host has sent over time."""
    seen = lk.cluster.watch_links(4, N_BYTES, halves, link_bit_per_s=LINK_BIT_PER_S)
    for rank, trace in enumerate(seen.by_rank):
        every = max(1, len(trace.times_s) // _MOST_POINTS)
        keep = [*range(0, len(trace.times_s) - 1, every), len(trace.times_s) - 1]
        yield {
            "rank": rank,
            "times_s": [round(trace.times_s[i], 4) for i in keep],
            "sent_bytes": [trace.sent_bytes[i] for i in keep],
        }


def all_reduces(n_ranks, sizes, has_cables=True):
    """Rows with the times of the library's all-reduce by size."""
    place = {"hosts": n_ranks, "link_bit_per_s": LINK_BIT_PER_S} if has_cables else {}
    times = lk.cluster.time_all_reduces(n_ranks, sizes=sizes, **place)
    for size, samples_s in times.samples_s.items():
        yield {"n_bytes": size, "samples_s": [round(s, 6) for s in samples_s]}


def backward_passes(overlapping):
    """Rows with the times of backward passes, with and without overlap."""
    run = lk.run_ranks(
        from_lesson("backward"), 2, args=(7, overlapping), hosts=2,
        link_bit_per_s=LINK_BIT_PER_S, show=False,
    )  # fmt: skip
    for rank, samples_s in enumerate(run.returned):
        yield {"rank": rank, "samples_s": [round(s, 6) for s in samples_s]}


RUNS = {
    "cluster-links-ring": (
        "Bytes that four hosts send while 1 MiB is all-reduced around a ring, links of 100 Mbit/s",
        lambda: traces((solution("15.t1"), solution("15.t2"))),
    ),
    "cluster-links-through-one": (
        "Bytes that four hosts send while 1 MiB is all-reduced through rank 0, links of 100 Mbit/s",
        lambda: traces(None),
    ),
    "cluster-all-reduce-first": (
        "gloo's all-reduce between two hosts, links of 100 Mbit/s",
        lambda: all_reduces(2, SIZES),
    ),
    "cluster-all-reduce-again": (
        "gloo's all-reduce between two hosts, links of 100 Mbit/s, a second run",
        lambda: all_reduces(2, SIZES),
    ),
    "cluster-all-reduce-four": (
        "gloo's all-reduce between four hosts, links of 100 Mbit/s",
        lambda: all_reduces(4, [N_BYTES]),
    ),
    "cluster-loopback-first": (
        "gloo's all-reduce between two ranks on the loopback",
        lambda: all_reduces(2, SIZES, has_cables=False),
    ),
    "cluster-loopback-again": (
        "gloo's all-reduce between two ranks on the loopback, a second run",
        lambda: all_reduces(2, SIZES, has_cables=False),
    ),
    "cluster-backward-waiting": (
        "Four layers, 30 ms each, that wait for the all-reduce of their 256 KiB",
        lambda: backward_passes(False),
    ),
    "cluster-backward-overlapping": (
        "Four layers, 30 ms each, whose all-reduces overlap with the next layers",
        lambda: backward_passes(True),
    ),
}


def main(machine: str) -> None:
    """Record all runs and write them."""
    results, niceness = {}, os.nice(0)
    command = f"nice -n {niceness} python" if niceness else "python"
    for key, (title, rows) in RUNS.items():
        results[key] = {
            "title": title,
            "machine": machine,
            "date": datetime.date.today().isoformat(),
            "command": f'{command} tools/record_cluster.py "{machine}"',
            "provenance": "made for this course",
            "notes": [
                f"Hosts are network namespaces; load {os.getloadavg()[0]:.1f} meanwhile, "
                f"niceness of the ranks {niceness}."
            ],
            "rows": list(rows()),
        }
        print(key, flush=True)
    RECORDED.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
