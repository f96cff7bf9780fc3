"""Kill replicas at random moments under load, and count what is lost: python tools/kill_replicas.py

Two llama.cpp replicas behind vllm-router. Six cases: plain requests with the router's careful
flags, its usual ones, and without retries and breaker; streams with the careful flags, and with a
client that goes on where they broke, whose every resumed text is held against one that nobody
disturbed; and a rolling restart. Each case is made of runs of five kills at random moments, run
after run until it has had enough kills and enough requests, or until its time is over. A line of a
Markdown table is printed after each case, and what is missing from its goal after the table.

The goals are those of the course: 4,000 plain requests and 500 resumed streams, none lost, over 20
kills each. With the defaults that takes about five minutes on two quiet cores, and hardly more than
nine on any machine: what is missing then is said. `--requests 300 --streams 40 --kills 5` gives an
idea in two. With --write, the table goes to `labkit/results/recorded/serving.json` for the lesson.
"""

import argparse
import dataclasses
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from labkit.serving import (
    CAREFUL,
    NOTHING,
    USUAL,
    Fleet,
    ask,
    burst,
    model_file,
    question,
)
from tools import bench_serving

KILLS_A_RUN = 5
FEW_KILLS = 10  # of the cases that are there to compare with


@dataclasses.dataclass(frozen=True)
class Case:
    """What is sent, the router's flags, and how much of it is enough.

    load   what else Fleet.kill_under_load is given
    share  of the time that the cases have together
    """

    requests: str
    router: str
    flags: dict
    load: dict
    kills: int
    least_sent: int
    share: float
    must_lose_none: bool = False


def cases(options):
    plain = {"prompt": say_hi, "clients": options.clients, "max_tokens": options.tokens}
    stream = {
        "prompt": question, "clients": options.clients // 2 or 1, "stream": True,
        "max_tokens": options.stream_tokens,
    }  # fmt: skip
    few = min(FEW_KILLS, options.kills)
    return (
        Case("plain", "careful", CAREFUL, plain, options.kills, options.requests, 0.45, True),
        Case("plain", "usual", USUAL, plain, few, 0, 0.1),
        Case("plain", "no retries, no breaker", NOTHING, plain, few, 0, 0.1),
        Case("streams", "careful", CAREFUL, stream, few, 0, 0.1),
        Case("streams, resumed", "careful", CAREFUL, stream | {"resume": True}, options.kills,
             options.streams, 0.25, True),
    )  # fmt: skip


def say_hi(client, number):
    """Plain requests are cheap, so that there are many: their beginning comes from the cache."""
    return "Say hi."


@dataclasses.dataclass
class Tally:
    """What came of all runs of a case."""

    answers: list = dataclasses.field(default_factory=list)
    outages: list = dataclasses.field(default_factory=list)
    rates: list = dataclasses.field(default_factory=list)  # tokens/s: all up, one gone
    n_compared: int = 0
    n_differing: int = 0

    def add(self, fleet, run):
        self.answers += run.answers
        self.outages += run.outages
        self.rates.append([run.tokens_per_s_when(gone=gone) for gone in (False, True)])
        for answer in run.answers:
            if answer.ok and answer.n_resumed:
                undisturbed = ask(fleet.replicas[0], answer.prompt, max_tokens=answer.n_tokens)
                self.n_compared += 1
                self.n_differing += undisturbed.text != answer.text

    @property
    def lost(self):
        return [answer for answer in self.answers if not answer.ok]

    def row(self, case, down_s):
        latencies_s = sorted(one.latency_s for one in self.answers if one.ok) or [0.0]
        median_s, p99_s = (latencies_s[int(q * (len(latencies_s) - 1))] for q in (0.5, 0.99))
        ready_s = [one.up_s - one.down_s - down_s for one in self.outages]
        cut = sum(bool(answer.text) for answer in self.lost)
        up, gone = (statistics.mean(rates) for rates in zip(*self.rates, strict=True))
        return (
            f"| {case.requests} | {case.router} | {len(self.outages)} | {len(self.answers)} "
            f"| {len(self.lost)} | {cut} | {self.n_differing} of {self.n_compared} "
            f"| {median_s:.2f} | {p99_s:.2f} | {min(ready_s):.1f} to {max(ready_s):.1f} "
            f"| {up:.0f} | {gone:.0f} |"
        )

    def misses(self, case):
        """What a case that must lose none lacks, in words; empty where it lacks nothing."""
        found = []
        if len(self.answers) < case.least_sent:
            found.append(f"{len(self.answers)} requests of {case.least_sent} in the time it had")
        if len(self.outages) < case.kills:
            found.append(f"{len(self.outages)} kills of {case.kills}")
        if case.must_lose_none and self.lost:
            reasons = ", ".join(sorted({answer.error for answer in self.lost}))
            found.append(f"{len(self.lost)} lost ({reasons})")
        if self.n_differing:
            found.append(f"{self.n_differing} resumed texts differ")
        return "; ".join(found)


def tally_of(fleet, case, options):
    """Run after run, until there is enough of everything or the case's time is over."""
    fleet.put_behind(case.flags)
    tally, number = Tally(), 0
    end_s = time.monotonic() + 60 * options.minutes * case.share
    while not number or (
        (len(tally.outages) < case.kills or len(tally.answers) < case.least_sent)
        and time.monotonic() < end_s
    ):
        n_kills = min(KILLS_A_RUN, case.kills)
        run = fleet.kill_under_load(
            n_kills, time_s=n_kills * options.seconds, down_s=options.down,
            seed=options.seed + number, **case.load,
        )  # fmt: skip
        tally.add(fleet, run)
        number += 1
    return tally


def rolling_restart(fleet, options):
    fleet.put_behind(CAREFUL)
    run = fleet.rolling_restart(
        time_s=2 * options.seconds, clients=options.clients, max_tokens=options.tokens
    )
    print(f"\nRolling restart of both replicas: {len(run.lost)} of {run.n_requests} lost.")


def shedding(fleet):
    """40 requests at once at a router that lets eight in."""
    fleet.put_behind({**CAREFUL, "max_concurrent_requests": 8, "queue_size": 0})
    run = burst(fleet, 40)
    refused_s = sorted(answer.latency_s for answer in run.lost if answer.status == 429)
    fleet.put_behind(CAREFUL)
    all_in = burst(fleet, 40)
    print(
        f"40 requests at once, 8 let in: {40 - len(run.lost)} served, {len(refused_s)} refused "
        f"with 429, half within {1e3 * refused_s[len(refused_s) // 2]:.0f} ms, the last after "
        f"{1e3 * refused_s[-1]:.0f} ms; all let in: the last after "
        f"{all_in.percentile('latency_s', 100):.1f} s, {len(all_in.lost)} lost."
    )


def options_of(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--requests", type=int, default=4000, help="plain ones that the careful router must keep")
    add("--streams", type=int, default=500, help="resumed ones that must end with the same text")
    add("--kills", type=int, default=20, help="at least, in each of these two; others have 10")
    add("--minutes", type=float, default=8, help="for all kills; more if a case has more left")
    add("--clients", type=int, default=8, help="of plain requests; streams have half as many")
    add("--tokens", type=int, default=2, help="of an answer to a plain request")
    add("--stream-tokens", type=int, default=6, help="of a stream, each of which may be the cut")
    add("--seconds", type=float, default=3.0, help="from one kill to the next, on average")
    add("--down", type=float, default=0.5, help="seconds before a dead replica is started again")
    add("--model", default="Q4_0", help="its format: Q4_0 decodes fastest, Q4_1 needs no making")
    add("--seed", type=int, default=0, help="of the moments and the victims")
    add("--only", help="of the cases, those with this word")
    add("--write", action="store_true", help="keep the table for the lesson; not with --only")
    return parser.parse_args(arguments)


def main():
    options = options_of()
    start_s = time.monotonic()
    print("| requests | router | kills | sent | lost | of them cut | texts that differ "
          "| median s | 99 % s | new replica ready s | tokens/s, all up | one gone |")  # fmt: skip
    print("| --- " * 12 + "|", flush=True)
    missed, kept = [], []
    with Fleet(2, model=model_file(options.model), slots=options.clients, context=128) as fleet:
        for case in cases(options):
            name = f"{case.requests}, {case.router}"
            if options.only and options.only not in name:
                continue
            tally = tally_of(fleet, case, options)
            print(tally.row(case, options.down), flush=True)
            kept.append({
                "router": case.router, "requests": case.requests, "kills": len(tally.outages),
                "sent": len(tally.answers), "lost": len(tally.lost),
            })  # fmt: skip
            if misses := tally.misses(case):
                missed.append(f"- {name}: {misses}")
        if not options.only:
            rolling_restart(fleet, options)
            shedding(fleet)
    if options.write and not options.only:
        note = "A stream that is resumed is whole, with the text of an undisturbed one."
        title = "Requests lost while one of two replicas is killed again and again"
        bench_serving.keep({"serving-kills": (title, kept, [note])},
                           "python tools/kill_replicas.py --write")  # fmt: skip
    print(f"{time.monotonic() - start_s:.0f} s in all.")
    print("\n".join(["Missing:", *missed]) if missed else "All goals are met.")
    return bool(missed)


if __name__ == "__main__":
    raise SystemExit(main())
