"""Kill replicas at random moments under load, and count what is lost: python tools/kill_replicas.py

Two llama.cpp replicas behind vllm-router. In runs of ten kills, each at a random moment: plain
requests and streams, with the router's careful flags, its usual ones, and without retries and
breaker; streams also with a client that goes on where they broke, and whose every text is held
against one that nobody disturbed. Prints a Markdown table, a line after each run. With the defaults
it takes about five minutes on a quiet machine; --kills and --only make it shorter.
"""

import argparse
import time

from labkit.serving import CAREFUL, NOTHING, USUAL, Fleet, ask, burst, question

KILLS_A_RUN, SECONDS_A_KILL = 10, 4.0
CASES = (
    ("plain", "careful", CAREFUL, {}, 2),
    ("plain", "usual", USUAL, {}, 1),
    ("plain", "no retries, no breaker", NOTHING, {}, 1),
    ("stream", "careful", CAREFUL, {"stream": True}, 1),
    ("stream, resumed", "careful", CAREFUL, {"stream": True, "resume": True}, 2),
)


def one_for_all(client, number):
    """Plain requests are cheap, so that there are many: their beginning comes from the cache."""
    return "Say hi."


def texts_that_differ(fleet, run, most=40):
    """Of the resumed answers, how many have another text than an undisturbed one."""
    resumed = [answer for answer in run.answers if answer.ok and answer.n_resumed]
    differing = sum(
        ask(fleet.replicas[0], answer.prompt, max_tokens=answer.n_tokens).text != answer.text
        for answer in resumed[:most]
    )
    return differing, len(resumed[:most])


def one_case(fleet, name, label, flags, how, kills, clients, max_tokens, seed):
    fleet.put_behind(flags)
    prompt = question if how else one_for_all
    run = fleet.kill_under_load(
        kills, time_s=kills * SECONDS_A_KILL, clients=clients, max_tokens=max_tokens, seed=seed,
        prompt=prompt, **how,
    )  # fmt: skip
    ready_s = [outage.up_s - outage.down_s - 1.0 for outage in run.outages]  # 1 s is meant
    cut = sum(bool(answer.text) for answer in run.lost)
    differing, compared = texts_that_differ(fleet, run) if how.get("resume") else (0, 0)
    print(
        f"| {name} | {label} | {len(run.outages)} | {run.n_requests} | {len(run.lost)} | {cut} "
        f"| {differing} of {compared} | {run.percentile('latency_s', 50):.2f} "
        f"| {run.percentile('latency_s', 99):.2f} | {min(ready_s):.1f} to {max(ready_s):.1f} |",
        flush=True,
    )
    return run


def shedding(fleet):
    """40 requests at once at a router that lets eight in."""
    fleet.put_behind({**CAREFUL, "max_concurrent_requests": 8, "queue_size": 0})
    run = burst(fleet, 40)
    refused_s = sorted(answer.latency_s for answer in run.lost if answer.status == 429)
    fleet.put_behind(CAREFUL)
    all_in = burst(fleet, 40)
    print(
        f"\n40 requests at once, 8 let in: {40 - len(run.lost)} served, {len(refused_s)} refused "
        f"with 429, half within {1e3 * refused_s[len(refused_s) // 2]:.0f} ms, the last after "
        f"{1e3 * refused_s[-1]:.0f} ms; all let in: the last after "
        f"{all_in.percentile('latency_s', 100):.1f} s, {len(all_in.lost)} lost."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=KILLS_A_RUN, help="in each run")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=8, help="of an answer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="of the cases, those with this word")
    options = parser.parse_args()
    start_s = time.monotonic()
    print("| requests | router | kills | sent | lost | of them cut | texts that differ "
          "| median s | 99 % s | new replica ready s |")  # fmt: skip
    print("| --- " * 10 + "|")
    with Fleet(2, slots=4, context=256) as fleet:
        for name, label, flags, how, n_runs in CASES:
            if options.only and options.only not in f"{name} {label}":
                continue
            for number in range(n_runs):
                one_case(fleet, name, label, flags, how, options.kills, options.clients,
                         options.tokens, options.seed + number)  # fmt: skip
        shedding(fleet)
    print(f"\n{time.monotonic() - start_s:.0f} s in all.")


if __name__ == "__main__":
    main()
