"""How good are labkit's ranks? `python tools/bench_cluster.py [start] [ring] [links] [kills]`.

start   seconds from a call until all ranks run, after the first launch
ring    lesson 15's ring all-reduce against the library's, on 2, 3 and 4 ranks
links   alpha and beta on links of 100 Mbit/s, fitted on one run and tested on another; loopback too
kills   what is left after SIGKILL of the notebook, the launcher, an agent or a rank

Each part prints its figures beside the goal and how busy the machine was, because a busy machine
is slower. `--tries N` sets how often each process is killed (20).
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time

import psutil

import labkit as lk
from labkit.cluster import time_all_reduces

LINK_BIT_PER_S = 100e6
PARTS = ("start", "ring", "links", "kills")
VICTIMS = ("notebook", "launcher", "agent", "rank")


def say(what: str, figures: str, goal: str) -> None:
    """One line: what was measured, the figures, the goal, and the load of the machine."""
    load = os.getloadavg()[0]
    print(
        f"{what}: {figures} (goal: {goal}; load {load:.1f} on {os.cpu_count()} cores)", flush=True
    )


def nothing() -> None:
    """What a rank does when only its start counts."""


def bench_start() -> None:
    """How long ranks take to start."""
    began = time.monotonic()
    lk.run_ranks(nothing, 2)
    say("first launch", f"{time.monotonic() - began:.2f} s", "about 4 s")
    for n_ranks in (2, 4):
        starts = sorted(lk.run_ranks(nothing, n_ranks).start_s for _ in range(20))
        figures = f"median {statistics.median(starts):.2f} s, worst {starts[-1]:.2f} s of 20"
        say(f"start of {n_ranks} ranks", figures, "0.5 s")


def compare_ring() -> dict[str, float]:
    """In a rank: the lesson's ring against the library's, the worst difference of each dtype."""
    import numpy as np
    import torch
    import torch.distributed as dist

    from labkit.cluster.ring import RingLinks, all_reduce_by
    from labkit.teach.registry import solution

    dist.init_process_group("gloo")
    worst = {"int64": 0.0, "float32": 0.0}
    halves = solution("15.t1"), solution("15.t2")
    with RingLinks() as links:
        for size in (1, 2, 3, 5, 7, 64, 1000, 1001, 65537):
            for dtype in worst:
                rng = np.random.default_rng(size * links.n_ranks + links.rank)
                data = (rng.standard_normal(size) * 1000).astype(dtype)
                ours = all_reduce_by(*halves, data, links)
                theirs = torch.from_numpy(data.copy())
                dist.all_reduce(theirs)
                scale = max(1.0, np.abs(theirs.numpy()).max())
                off = np.abs(ours - theirs.numpy()).max() / scale
                worst[dtype] = max(worst[dtype], float(off))
    return worst


def bench_ring() -> None:
    """Is the ring right?"""
    for n_ranks in (2, 3, 4):
        worst = lk.run_ranks(compare_ring, n_ranks).returned
        for dtype, goal in (("int64", "0"), ("float32", "1e-6")):
            off = max(each[dtype] for each in worst)
            say(f"ring on {n_ranks} ranks, {dtype}", f"worst difference {off:.1e}", goal)


def bench_links() -> None:
    """Does alpha-beta predict a run that it has not seen?"""
    places = {"loopback": {}}
    if lk.cluster.why_no_hosts() is None:
        shaped = {"hosts": 2, "link_bit_per_s": LINK_BIT_PER_S}
        places = {"links of 100 Mbit/s": shaped, **places}
    for name, place in places.items():
        for _ in range(3):
            fitted = time_all_reduces(2, **place)
            tested = time_all_reduces(2, **place)
            link = lk.plan.fit_alpha_beta(fitted.samples_s)
            off = {n: link.time_s(n) / time_s - 1 for n, time_s in tested.medians_s.items()}
            mean = statistics.mean(map(abs, off.values()))
            worst = max(abs(error) for n, error in off.items() if n >= 16 << 10)
            figures = (
                f"mean {mean:.0%}, worst from 16 kB {worst:.0%}, at 4 kB {off[4096]:+.0%}; "
                f"alpha {link.alpha_s * 1e3:.2f} ms, beta {link.bytes_per_s / 1e6:.1f} MB/s"
            )
            goal = "mean 15 %, worst 25 %, 45 % at 4 kB" if place else "none: report it"
            say(f"alpha-beta, {name}", figures, goal)


def barriers() -> None:
    """A run that never ends by itself."""
    import torch.distributed as dist

    dist.init_process_group("gloo")
    while True:
        dist.barrier()
        time.sleep(0.01)


def be_notebook() -> None:
    """A process with ranks: for each line that it reads, it starts a run and says who is in it."""
    for _ in sys.stdin:
        run = lk.start_ranks(barriers, 2, timeout_s=300)
        while len(run.pids) < 2:
            time.sleep(0.02)
        agent = psutil.Process(psutil.Process(run.pids[0]).ppid())
        print(json.dumps({
            "notebook": os.getpid(), "launcher": agent.ppid(), "agent": agent.pid,
            "rank": run.pids[1], "ranks": list(run.pids.values()),
        }), flush=True)  # fmt: skip


def open_notebook(launch: str) -> subprocess.Popen:
    """A notebook's process, with a launcher of this kind."""
    return subprocess.Popen(
        [sys.executable, __file__, "--be-notebook"], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "LABKIT_LAUNCHER": launch},
    )  # fmt: skip


def kill_one(victim: str, notebook: subprocess.Popen) -> tuple[int, float]:
    """Kill one process in full swing: how many are left after 5 s, and when none was, in s."""
    notebook.stdin.write("run\n")
    notebook.stdin.flush()
    family = json.loads(notebook.stdout.readline())
    doomed = [family["agent"], *family["ranks"]]
    if victim in ("notebook", "launcher"):
        doomed.append(family["launcher"])
    processes = [psutil.Process(pid) for pid in doomed]
    time.sleep(random.uniform(0, 0.5))
    os.kill(family[victim], signal.SIGKILL)
    killed, left = time.monotonic(), processes
    while left and time.monotonic() < killed + 5:
        left = [p for p in left if is_alive(p)]
        time.sleep(0.01)
    for process in left:
        process.kill()
    return len(left), time.monotonic() - killed


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def bench_kills(tries: int) -> None:
    """Is anything left?"""
    for launch in ("warm", "cold"):
        for victim in VICTIMS:
            notebook, outcomes = open_notebook(launch), []
            for _ in range(tries):
                outcomes.append(kill_one(victim, notebook))
                if victim == "notebook":
                    notebook.communicate()
                    notebook = open_notebook(launch)
            notebook.communicate()  # closes its input, so it ends, and its launcher with it
            left = sum(n for n, _ in outcomes)
            slowest = max(took_s for _, took_s in outcomes)
            figures = f"{left} processes left in {tries} tries, gone after {slowest:.1f} s at most"
            say(f"SIGKILL of the {victim}, {launch} launcher", figures, "0 left")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--be-notebook", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.be_notebook:
        return be_notebook()
    for part in asked.parts or PARTS:
        bench = {"start": bench_start, "ring": bench_ring, "links": bench_links}
        bench_kills(asked.tries) if part == "kills" else bench[part]()
    return None


if __name__ == "__main__":
    main()
