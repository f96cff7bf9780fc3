"""Kill ranks of lesson 18's training at random moments, and see whether the run recovers.

    python tools/kill_ranks.py                    # 40 kills under the warm launcher
    python tools/kill_ranks.py --launcher cold    # as torchrun starts ranks
    python tools/kill_ranks.py --background       # checkpoints written in the background
    python tools/kill_ranks.py --replicas         # 10 kills of torchft's replica groups
    python tools/kill_ranks.py --leftovers        # SIGKILL of kernel, launcher, agent and rank

It exits with an error when a rank is not recovered, a torn checkpoint is loaded, a step that is
done again has another loss, or a process is left.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from labkit.cluster import start_ranks  # noqa: E402
from labkit.teach import solution  # noqa: E402
from lessons.lesson_18_fault_tolerance.training import train  # noqa: E402

KINDS = ("one", "in mid-save", "all", "one", "all in mid-save")
SAVE_EVERY = 8
PATIENCE_S = 60.0
ENDLESS = 1_000_000


class NotRecoveredError(RuntimeError):
    """A run that should have gone on did not."""


def wait_for(condition, what, run):
    """Poll until `condition()` gives something; NotRecoveredError after PATIENCE_S."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        if not run.is_running:
            run.wait()
            raise NotRecoveredError(f"The run ended while waiting for {what}.")
        time.sleep(0.002)
    raise NotRecoveredError(f"No {what} after {PATIENCE_S:g} s.")


def events(run, event, **where):
    """The reports of one kind of event; `where` gives rank or attempt."""
    return [
        report for report in run.reports
        if report.values["event"] == event
        and all(getattr(report, name) == value for name, value in where.items())
    ]  # fmt: skip


def kill_once(run, kind, rng):
    """Kill as `kind` says at a random moment, wait for the recovery, and say how it went."""
    attempt, ranks = run.attempt, list(range(run.n_ranks))
    wait_for(lambda: events(run, "saved", rank=0, attempt=attempt), "checkpoint", run)
    if "mid-save" in kind:
        n = len(events(run, "saving", rank=0))
        wait_for(lambda: len(events(run, "saving", rank=0)) > n, "next checkpoint", run)
        time.sleep(rng.uniform(0, 0.05))
    else:
        time.sleep(rng.uniform(0, 0.8))
    victims = ranks if "all" in kind else [rng.choice(ranks)]
    run.kill(*victims)
    killed_s = time.monotonic() - run.began
    first = wait_for(
        lambda: events(run, "step", rank=0, attempt=attempt + 1), "first step again", run
    )[0]
    reached = max(report.values["step"] for report in events(run, "step", attempt=attempt))
    return {
        "kind": kind,
        "mid_save": any(was_saving(run, rank, attempt) for rank in ranks),
        "recovery_s": first.time_s - killed_s,
        "lost_steps": reached - first.values["step"] + 1,
    }


def was_saving(run, rank, attempt):
    """Had this rank begun a checkpoint that it did not finish when its attempt ended?"""
    begun, done = (len(events(run, e, rank=rank, attempt=attempt)) for e in ("saving", "saved"))
    return begun > done


def torn_loads(reports):
    """Loads of a state that is not, to the bit, the one that was saved under that name."""
    saved, torn = {}, []
    for report in reports:
        values = report.values
        if values["event"] == "saving":
            saved[report.rank, values["name"]] = values["digest"]
        elif values["event"] == "loaded" and (
            saved[report.rank, values["name"]] != values["digest"]
            or values["name"] != f"step{values['step']}"
        ):
            torn.append(report)
    return torn


def largest_difference(reports):
    """Of the losses of steps that were done more than once, relative."""
    first, worst = {}, 0.0
    for report in reports:
        if report.values["event"] == "step":
            key, loss = (report.rank, report.values["step"]), report.values["loss"]
            worst = max(worst, abs(loss / first.setdefault(key, loss) - 1))
    return worst


def kill_training(n_kills, n_ranks, in_background, seed):
    """Kill the elastic training `n_kills` times; print what came of it. True when all is well."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        arguments = (folder, ENDLESS, SAVE_EVERY, solution("18.t1"), in_background)
        with start_ranks(
            train, n_ranks, args=arguments, restarts=n_kills + 1, timeout_s=PATIENCE_S * n_kills
        ) as run:
            kills = []
            for n in range(n_kills):
                kills.append(kill_once(run, KINDS[n % len(KINDS)], rng))
                print(f"{n + 1:3} {kills[-1]}", flush=True)
            reports = run.reports
    torn, difference = torn_loads(reports), largest_difference(reports)
    seconds = sorted(kill["recovery_s"] for kill in kills)
    stops = [report.values["stop_s"] for report in reports if report.values["event"] == "saved"]
    print(
        f"{len(kills)} kills, {len(kills)} recoveries: median {statistics.median(seconds):.2f} s, "
        f"worst {seconds[-1]:.2f} s; {sum(kill['mid_save'] for kill in kills)} in mid-save, "
        f"{sum('all' in kill['kind'] for kill in kills)} of all ranks at once; "
        f"{len(torn)} torn checkpoints loaded, losses done again within {difference:.1e}; "
        f"a save stops training for {1e3 * statistics.median(stops):.0f} ms; "
        f"lost steps {sum(kill['lost_steps'] for kill in kills) / len(kills):.1f} a kill"
    )
    return not torn and difference <= 1e-6


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--launcher", choices=("warm", "cold"), default="warm")
    parser.add_argument("--background", action="store_true")
    options = parser.parse_args()
    os.environ["LABKIT_LAUNCHER"] = options.launcher
    ok = kill_training(options.kills, options.ranks, options.background, options.seed)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
