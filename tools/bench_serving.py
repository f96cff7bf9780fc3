"""Measure what lesson 19 is about, on this machine: python tools/bench_serving.py [--write]

One llama.cpp thread, SmolLM2-135M in five formats: decode against the bandwidth that one thread
reads with, prefill, eight clients at once; guessing tokens ahead; a repeated prompt; how soon a
replica is ready; and latency against the rate of requests. Prints Markdown. Rates of tokens are by
the server's own CPU time, which on a quiet machine is the time on the wall: what else runs then
costs time, but hardly changes the rates. Latencies need a quiet machine. With --write, the runs
go to `labkit/results/recorded/serving.json`, with the machine, the load on it and the date: for
those who run nothing. Takes about two minutes on a quiet machine.
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

import numpy as np
import psutil

import labkit as lk
from labkit.serving import FORMATS, SLO, Replica, ask, closed_loop, counters, loadgen, model_file

RECORDED = Path(lk.__file__).parent / "results/recorded/serving.json"
STORY = "Tell the story of the bridge, number {}. " + "It was long. " * 30
REPEATED = "Repeat exactly: " + "red, green, blue, " * 12
TOKENS = 32
RATES_PER_S = (1, 2, 4, 6, 8, 10, 12)
OBJECTIVE = SLO(ttft_s=0.5, tpot_s=0.1)


def read_bytes_per_s(n_bytes=256 * 2**20, tries=5):
    """What one thread reads from memory in a second of its CPU time: an array no cache holds."""
    numbers, times_s = np.ones(n_bytes // 4, np.float32), []
    for _ in range(tries):
        start_s = time.thread_time()
        numbers.sum()
        times_s.append(time.thread_time() - start_s)
    return n_bytes / min(times_s)


class CpuTime:
    """The CPU time that a replica uses: `with CpuTime(server) as used: ...; used.s`."""

    def __init__(self, server):
        self._process = psutil.Process(server.pid)

    def __enter__(self):
        self._start_s = self._now_s()
        return self

    def __exit__(self, *_):
        self.s = self._now_s() - self._start_s

    def _now_s(self):
        return sum(self._process.cpu_times()[:2])


def decode_per_s(server, prompt, n_tokens):
    """(tokens a second, text) of an answer to a prompt that is in the cache already."""
    ask(server, prompt, max_tokens=1)
    with CpuTime(server) as used:
        answer = ask(server, prompt, max_tokens=n_tokens)
    return answer.n_tokens / used.s, answer.text


def of_format(form):
    """One row: what a format of the model does, alone and with eight clients."""
    path = model_file(form)
    size, bytes_per_s = path.stat().st_size, read_bytes_per_s()
    with Replica(path, slots=8, context=512) as server:
        alone = max(decode_per_s(server, "Count.", TOKENS)[0] for _ in range(3))
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
            rate, text = decode_per_s(server, REPEATED, 96)
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
        run = loadgen(server, "Server", rate_per_s=rate, time_s=6.0, slo=OBJECTIVE, max_tokens=8)
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


def recorded(title, rows, notes=()):
    """One result as `labkit.results` keeps it."""
    here = lk.machine()
    cores = f"{os.cpu_count()} cores"
    return {
        "title": title,
        "machine": f"{here.cpu_model or 'unknown CPU'}, {cores}, one llama.cpp thread",
        "date": datetime.date.today().isoformat(),
        "command": "python tools/bench_serving.py --write",
        "provenance": "recorded for this course",
        "notes": list(notes),
        "rows": rows,
    }


def load_now():
    with contextlib.suppress(OSError, AttributeError):
        return f"{os.getloadavg()[0]:.1f}"
    return "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the runs for the lesson")
    parser.add_argument("--rates", action="store_true", help="of tokens only: no latencies")
    options = parser.parse_args()
    before = load_now()
    print(f"A replica is ready in {ready_s():.2f} s (the load on this machine was {before}).")
    formats = [of_format(form) for form in FORMATS]
    table("Formats: one thread, alone and with eight clients", formats)
    guessing = [of_guessing(form) for form in ("F32", "Q4_1")]
    table("Guessing tokens ahead", guessing)
    if options.rates:
        return
    with Replica(slots=8, context=512) as server:
        first, again = (ask(server, STORY.format("one"), max_tokens=8) for _ in range(2))
        print(f"\nA prompt again: TTFT {1e3 * first.ttft_s:.0f} ms, then {1e3 * again.ttft_s:.0f} "
              f"ms ({again.server['cache_n']} tokens from the cache)")  # fmt: skip
        batches = list(of_batches(server))
        table("Clients", batches)
        busy = counters(server)["n_busy_slots_per_decode"]
        print(f"\nSlots busy in a step, by the server's own count: {busy:.1f}")
        rates = list(of_rates(server))
        table("Requests at random moments (LoadGen's Server scenario)", rates)
    if options.write:
        note = f"load average {before} before and {load_now()} after; a busy machine is slower"
        kept = {
            "serving-formats": recorded("SmolLM2-135M in five formats", formats, [note]),
            "serving-guessing": recorded("Guessing tokens ahead", guessing, [note]),
            "serving-clients": recorded("Tokens by the number of clients", batches, [note]),
            "serving-rates": recorded("Latency by the rate of requests", rates, [note]),
        }
        kept = json.loads(RECORDED.read_text("utf-8")) | kept  # others wrote there, too
        RECORDED.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"\nWritten to {RECORDED.name}.")


if __name__ == "__main__":
    main()
