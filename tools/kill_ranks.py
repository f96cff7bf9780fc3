"""Kill ranks of lesson 18's training at random moments, and see whether the run recovers.

    python tools/kill_ranks.py                    # 40 kills under the warm launcher
    python tools/kill_ranks.py --launcher cold    # as torchrun starts ranks
    python tools/kill_ranks.py --background       # checkpoints written in the background
    python tools/kill_ranks.py --replicas         # 10 kills of torchft's replicas
    python tools/kill_ranks.py --leftovers        # SIGKILL of kernel, launcher, agent and rank
    python tools/kill_ranks.py --record           # keep a kill, to show where torchft is missing

It exits with an error when a kill is not recovered from, a torn checkpoint is loaded, a step that
is done again has another loss, or a process is left.
"""

import argparse
import contextlib
import datetime
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from labkit.cluster import RankError, start_ranks  # noqa: E402
from labkit.hardware import machine  # noqa: E402
from labkit.teach import solution  # noqa: E402
from lessons.lesson_18_fault_tolerance.killed_run import KilledRun  # noqa: E402
from lessons.lesson_18_fault_tolerance.training import train  # noqa: E402

KINDS = ("one", "in mid-save", "all", "one", "all in mid-save")
SAVE_EVERY = 8
PATIENCE_S = 60.0
GONE_AFTER_S = 5.0
ENDLESS = 1_000_000


def start_training(folder, n_ranks=2, restarts=0, in_background=False, timeout_s=600.0):
    """The lesson's training, without an end."""
    arguments = (folder, ENDLESS, SAVE_EVERY, solution("18.t1"), in_background)
    return start_ranks(train, n_ranks, args=arguments, restarts=restarts, timeout_s=timeout_s)


def wait_for(condition, what, run):
    """Poll until `condition()` gives something. Raises RuntimeError when it does not."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if not run.is_running:
            run.wait()
        if time.monotonic() > end or not run.is_running:
            raise RuntimeError(f"The run gave no {what} within {PATIENCE_S:g} s.")
        time.sleep(0.002)
    return found


def events(run, event, rank=0, **where):
    """The reports of one kind that a rank has made so far; `where` may name the attempt."""
    return KilledRun(run.reports, []).events(event, rank=rank, **where)


def kill_at_random(run, kind, rng):
    """Kill as `kind` says at a random moment; return when, in s since the start of the run."""
    if "mid-save" in kind:
        n = len(events(run, "saving"))
        wait_for(lambda: len(events(run, "saving")) > n, "save", run)
        time.sleep(rng.uniform(0, 0.03))
    else:
        time.sleep(rng.uniform(0, 0.8))
    ranks = list(range(run.n_ranks))
    run.kill(*(ranks if "all" in kind else [rng.choice(ranks)]))
    return time.monotonic() - run.began


def kill_training(n_kills, n_ranks, in_background, seed):
    """Kill the elastic training; print what came of it. True when all is well."""
    rng, kills_s = random.Random(seed), []
    with (
        tempfile.TemporaryDirectory() as folder,
        start_training(folder, n_ranks, n_kills + 1, in_background, PATIENCE_S * n_kills) as run,
    ):
        for n in range(n_kills):
            kind = KINDS[n % len(KINDS)]
            wait_for(lambda n=n: events(run, "saved", attempt=n), "checkpoint", run)
            kills_s.append(kill_at_random(run, kind, rng))
            first = wait_for(
                lambda n=n: events(run, "step", attempt=n + 1), "step after a kill", run
            )[0]
            print(f"{n + 1:3} {kind:15} {first.time_s - kills_s[-1]:.2f} s", flush=True)
        killed = KilledRun(run.reports, kills_s)
    return say_what_came(killed)


def say_what_came(killed):
    """Print the figures of a killed run; True when it went well."""
    n = len(killed.kills_s)
    seconds, torn = killed.recoveries_s(), killed.torn_loads()
    in_mid_save = sum(map(killed.was_killed_in_mid_save, range(n)))
    difference = killed.largest_difference()
    print(
        f"{n} kills, {len(seconds)} recoveries: median {statistics.median(seconds):.2f} s, worst "
        f"{max(seconds):.2f} s; {in_mid_save} in mid-save; {len(torn)} torn checkpoints loaded; "
        f"losses of steps done again within {difference:.1e}; {sum(killed.lost_steps()) / n:.1f} "
        f"steps lost a kill; a save stops training for "
        f"{1e3 * statistics.median(killed.stops_s()):.0f} ms"
    )
    return len(seconds) == n and not torn and difference <= 1e-6


def kill_replicas_of_torchft(n_kills, seed):
    """Kill replicas one by one; print what came of it. True when no step was lost."""
    from lessons.lesson_18_fault_tolerance.replica_kills import kill_replicas

    kills = []
    for kill in kill_replicas(n_kills, seed):
        kills.append(kill)
        print(
            f"{len(kills):3} stall {kill.stall_s:.2f} s, rejoin {kill.rejoin_s:.2f} s", flush=True
        )
    lost = sum(kill.skipped_or_repeated_steps for kill in kills)
    print(
        f"{len(kills)} kills of replicas: stall at most {max(k.stall_s for k in kills):.2f} s, "
        f"rejoin at most {max(k.rejoin_s for k in kills):.2f} s, {lost} steps lost"
    )
    return not lost


def record_a_kill():
    """Keep one kill of a replica as the recorded result that the lesson falls back on."""
    from lessons.lesson_18_fault_tolerance.replica_kills import kill_a_replica

    story = kill_a_replica()
    record = {
        "title": "One of two replicas killed under torchft",
        "machine": f"{machine().cpu_model}, {machine().cpu_count_usable:g} cores",
        "date": datetime.date.today().isoformat(),
        "command": "python tools/kill_ranks.py --record",
        "provenance": f"torch {version('torch')}, torchft {version('torchft')}",
        "notes": ["lives holds the seconds and the steps of each life of each replica."],
        "rows": [story.as_row()],
    }
    path = ROOT / "labkit/results/recorded/fault_tolerance.json"
    text = json.dumps({"torchft-kill": record}, indent=2)
    text = re.sub(
        r"\[[\d.,\s]+\]", lambda numbers: "".join(numbers[0].split()), text
    )  # one line each
    path.write_text(text + "\n", encoding="utf-8")


def leftovers(n_tries, seed):
    """SIGKILL kernel, launcher, agent and rank; print whether all the others go. True if so."""
    rng, clean = random.Random(seed), True
    for victim in ("rank", "agent", "launcher", "kernel"):
        worst_s, left = 0.0, 0
        for _ in range(n_tries):
            gone_s = kill_part(victim, rng)
            left += gone_s is None
            worst_s = max(worst_s, gone_s or 0.0)
        clean = clean and not left
        print(
            f"SIGKILL of the {victim}: {n_tries} tries, {left} left something running; "
            f"all gone within {worst_s:.2f} s",
            flush=True,
        )
    return clean


def kill_part(victim, rng):
    """Kill one part of a run; return after how many s all others were gone, None if they stay."""
    with tempfile.TemporaryDirectory() as folder:
        if victim == "kernel":
            return kill_kernel(folder, rng)
        with start_training(folder) as run:
            wait_for(lambda: events(run, "step", rank=1), "step", run)
            ranks = [psutil.Process(pid) for pid in run.pids.values()]
            agent = ranks[0].parent()
            launcher = agent.parent()
            time.sleep(rng.uniform(0, 0.3))
            named = {"rank": rng.choice(ranks), "agent": agent, "launcher": launcher}
            others = {"launcher": [agent, *ranks]}.get(victim, ranks)
            named[victim].send_signal(signal.SIGKILL)
            gone_s = seconds_until_gone(others)
            with contextlib.suppress(RankError):
                run.wait()
            return gone_s


def kill_kernel(folder, rng):
    """As `kill_part`, with the process that holds the notebook's end of the launcher."""
    kernel = subprocess.Popen(
        [sys.executable, __file__, "--as-kernel", folder], stdout=subprocess.PIPE, text=True
    )
    kernel.stdout.readline()  # all ranks train
    others = psutil.Process(kernel.pid).children(recursive=True)
    time.sleep(rng.uniform(0, 0.3))
    kernel.kill()
    gone_s = seconds_until_gone(others)
    kernel.wait()
    kernel.stdout.close()
    return gone_s


def be_kernel(folder):
    """Train until killed, as a notebook would."""
    with start_training(folder) as run:
        wait_for(lambda: events(run, "step", rank=1), "step", run)
        print("training", flush=True)
        run.wait()


def seconds_until_gone(processes):
    """Seconds until none of these processes runs, None if one still does after GONE_AFTER_S."""
    start = time.monotonic()
    while any(map(is_alive, processes)):
        if time.monotonic() > start + GONE_AFTER_S:
            return None
        time.sleep(0.01)
    return time.monotonic() - start


def is_alive(process):
    """Does it run? One that has ended and that nobody has waited for does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, help="40, of replicas 10, of each part 20")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--launcher", choices=("warm", "cold"), default="warm")
    parser.add_argument("--background", action="store_true")
    parser.add_argument("--replicas", action="store_true")
    parser.add_argument("--leftovers", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--as-kernel", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["LABKIT_LAUNCHER"] = options.launcher
    if options.as_kernel:
        be_kernel(options.as_kernel)
        return
    if options.record:
        record_a_kill()
        return
    if options.replicas:
        well = kill_replicas_of_torchft(options.kills or 10, options.seed)
    elif options.leftovers:
        well = leftovers(options.kills or 20, options.seed)
    else:
        well = kill_training(options.kills or 40, options.ranks, options.background, options.seed)
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
