"""Measure what lesson 19 is about, on this machine: python tools/bench_serving.py [--write]

One llama.cpp thread, SmolLM2-135M in five formats. `formats`: decode against how fast one thread
reads the model's file, prefill, eight clients at once. `guessing`: guessing tokens ahead.
`clients`: tokens by the number of clients. `rates`: latency against the rate of requests, at ten
rates.
Prints Markdown. `--only rates guessing` does these alone.

Rates of tokens are by the server's own CPU time, which on a quiet machine is the time on the wall:
what else runs then costs time, but hardly changes the rates. Latencies need a quiet machine. With
--write, what was measured goes to `labkit/results/recorded/serving.json`, with the machine, the
load on it and the date: for those who run nothing. On two quiet cores all takes about ten
minutes, `--only rates` eight; where the formats have to be made first, another one.
"""

import argparse
import contextlib
import datetime
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import labkit as lk
from labkit.serving import (
    FORMATS,
    SLO,
    CpuTime,
    Replica,
    ask,
    closed_loop,
    counters,
    decode_rate,
    loadgen,
    model_file,
    read_rate,
)

RECORDED = Path(lk.__file__).parent / "results/recorded/serving.json"
STORY = "Tell the story of the bridge, number {}. " + "It was long. " * 30
REPEATED = "Repeat exactly: " + "red, green, blue, " * 12
TOKENS = 32
PARTS = ("formats", "guessing", "clients", "rates")
ENOUGH = 150  # requests, for LoadGen to be sure that nine of ten are in time
RATES_PER_S = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14)
OBJECTIVE = SLO(ttft_s=0.5, tpot_s=0.2)


def of_format(form):
    """One row: what a format of the model does, alone and with eight clients."""
    path = model_file(form)
    size, bytes_per_s = path.stat().st_size, read_rate(path)
    with Replica(path, slots=8, context=512) as server:
        alone = max(decode_rate(server, "Count.", TOKENS)[0] for _ in range(3))
        with CpuTime(server) as used:
            story = ask(server, STORY.format(form), max_tokens=1)
        prefill = story.server["prompt_n"] / used.s
        with ThreadPoolExecutor(8) as pool:  # each slot reads the prompt once
            list(pool.map(lambda _: ask(server, "Count.", max_tokens=1), range(8)))
            with CpuTime(server) as used:
                eight = list(pool.map(lambda _: ask(server, "Count.", max_tokens=TOKENS), range(8)))
    return {
        "format": form, "model_bytes": size, "read_bytes_per_s": bytes_per_s,
        "decode_tokens_per_s": alone, "predicted_tokens_per_s": bytes_per_s / size,
        "prefill_tokens_per_s": prefill,
        "eight_clients_tokens_per_s": sum(answer.n_tokens for answer in eight) / used.s,
    }  # fmt: skip


def of_guessing(form):
    """Tokens a second with and without guesses, and whether the text is the same."""
    rates, texts = [], []
    for speculate in (False, True):
        with Replica(model_file(form), slots=1, context=1024, speculate=speculate) as server:
            rate, text = decode_rate(server, REPEATED, 96)
        rates.append(rate)
        texts.append(text)
    return {
        "format": form, "plain_tokens_per_s": rates[0], "guessing_tokens_per_s": rates[1],
        "same_text": texts[0] == texts[1],
    }  # fmt: skip


def of_batches(server):
    """Rows: tokens a second, and each user's time per token, by the number of clients."""
    for clients in (1, 2, 4, 8):
        run = closed_loop(server, clients=clients, time_s=4.0, max_tokens=TOKENS)
        yield {
            "clients": clients, "tokens_per_s": run.tokens_per_s,
            "tpot_s": run.percentile("tpot_s", 50), "ttft_s": run.percentile("ttft_s", 50),
        }  # fmt: skip


def of_rates(server):
    """Rows: latencies by the rate at which requests come."""
    for rate in RATES_PER_S:
        time_s = max(8.0, ENOUGH / rate)
        run = loadgen(server, "Server", rate_per_s=rate, time_s=time_s, slo=OBJECTIVE,
                      max_tokens=8)  # fmt: skip
        print(f"  {run}", flush=True)
        yield {
            "rate_per_s": rate, "sent_per_s": run.n_requests / run.time_s,
            "ttft_p50_s": run.percentile("ttft_s", 50), "ttft_p90_s": run.percentile("ttft_s", 90),
            "latency_p50_s": run.percentile("latency_s", 50),
            "latency_p90_s": run.percentile("latency_s", 90),
            "goodput_per_s": run.goodput_per_s(OBJECTIVE), "verdict": run.verdict,
        }  # fmt: skip


def ready_s(tries=3):
    """How soon a replica answers, in s: the median."""
    times_s = []
    for _ in range(tries):
        start_s = time.monotonic()
        with Replica(slots=4, context=512):
            times_s.append(time.monotonic() - start_s)
    return statistics.median(times_s)


def table(title, rows):
    print(f"\n{title}\n\n| {' | '.join(rows[0])} |\n{'| --- ' * len(rows[0])}|")
    for row in rows:
        cells = (f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values())
        print(f"| {' | '.join(cells)} |", flush=True)


def keep(results, command):
    """Write results, name -> (title, rows, notes), beside those that are kept already."""
    here = lk.machine()
    told = {
        "machine": f"{here.cpu_model or 'unknown CPU'}, {os.cpu_count()} cores, one llama.cpp "
        f"thread",
        "date": datetime.date.today().isoformat(),
        "command": command,
        "provenance": "recorded for this course",
    }
    kept = json.loads(RECORDED.read_text("utf-8"))
    for name, (title, rows, notes) in results.items():
        kept[name] = {"title": title, **told, "notes": notes, "rows": rows}
    RECORDED.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"\nWritten to {RECORDED.name}: {', '.join(results)}.")


def load_now():
    with contextlib.suppress(OSError, AttributeError):
        return f"{os.getloadavg()[0]:.1f}"
    return "unknown"


def measured(parts):
    """name of a result -> (title, rows), for each of the parts."""
    if "formats" in parts:
        rows = [of_format(form) for form in FORMATS]
        table("Formats: one thread, alone and with eight clients", rows)
        for row in rows[:2]:
            off = row["decode_tokens_per_s"] / row["predicted_tokens_per_s"] - 1
            print(f"\n{row['format']} decodes {off:+.0%} from what its bytes predict.")
        yield "serving-formats", ("SmolLM2-135M in five formats", rows)
    if "guessing" in parts:
        rows = [of_guessing(form) for form in ("F32", "Q4_1")]
        table("Guessing tokens ahead", rows)
        yield "serving-guessing", ("Guessing tokens ahead", rows)
    if not {"clients", "rates"} & set(parts):
        return
    with Replica(slots=8, context=512) as server:
        if "clients" in parts:
            first, again = (ask(server, STORY.format("one"), max_tokens=8) for _ in range(2))
            print(f"\nA prompt again: TTFT {1e3 * first.ttft_s:.0f} ms, then "
                  f"{1e3 * again.ttft_s:.0f} ms ({again.server['cache_n']} tokens from the "
                  f"cache)")  # fmt: skip
            rows = list(of_batches(server))
            table("Clients", rows)
            busy = counters(server)["n_busy_slots_per_decode"]
            print(f"\nSlots busy in a step, by the server's own count: {busy:.1f}")
            yield "serving-clients", ("Tokens by the number of clients", rows)
        if "rates" in parts:
            print("\nLoadGen's Server scenario, a run for each rate:")
            rows = list(of_rates(server))
            table("Requests at random moments", rows)
            yield "serving-rates", ("Latency of one replica by the rate of requests", rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the runs for the lesson")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts alone")
    options = parser.parse_args()
    before, start_s = load_now(), time.monotonic()
    print(f"A replica is ready in {ready_s():.2f} s (the load on this machine was {before}).")
    found = dict(measured(options.only))
    if options.write:
        note = f"load average {before} before and {load_now()} after; a busy machine is slower"
        only = "" if options.only == PARTS else f" --only {' '.join(options.only)}"
        keep({name: (*result, [note]) for name, result in found.items()},
             f"python tools/bench_serving.py --write{only}")  # fmt: skip
    print(f"{time.monotonic() - start_s:.0f} s in all.")


if __name__ == "__main__":
    main()
