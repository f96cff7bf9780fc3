"""Record the first lessons' experiments here: `python tools/record_cpu.py KIND [KEY ...]`.

KIND says in words what sort of machine this is, such as "laptop" or "shared virtual machine", for
nobody can tell that from inside. Writes labkit/results/recorded/cpu_runs.json, which a lesson shows
where a machine cannot show an effect. One key is one experiment; each of its rows is one setting,
with `samples_s`, the times in s of its fastest runs, in order.
"""

import datetime
import functools
import json
import platform
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numba import njit, prange

import labkit as lk
import labkit.results

TARGET = Path(labkit.results.__file__).parent / "recorded" / "cpu_runs.json"
ROUNDS, KEPT = 500, 9  # other programs only ever make a run slower, so the fastest are kept
fast = njit(nogil=True, fastmath=True)
all_cores = njit(parallel=True, fastmath=True)


def aligned(n, dtype, offset_bytes=0):
    """An array of ones that begins `offset_bytes` after a page of 4096 bytes."""
    n_bytes = n * np.dtype(dtype).itemsize
    room = np.empty(n_bytes + offset_bytes + 4096, np.uint8)
    start = -room.ctypes.data % 4096 + offset_bytes
    array = room[start : start + n_bytes].view(dtype)
    array[:] = 1
    return array


def in_turns(works):
    """Seconds of each run of each work, taken in turns: what disturbs one disturbs all."""
    samples_s = [[] for _ in works]
    for work in works:
        work()
    for _ in range(ROUNDS):
        for work, kept in zip(works, samples_s, strict=True):
            start = time.perf_counter()
            work()
            kept.append(time.perf_counter() - start)
    return [fastest(kept) for kept in samples_s]


def fastest(samples_s):
    return sorted(round(time_s, 9) for time_s in samples_s)[:KEPT]


def timed(settings):
    """Rows from pairs of (columns of a row, work)."""
    times = in_turns([work for _, work in settings])
    rows = zip(settings, times, strict=True)
    return [columns | {"samples_s": samples_s} for (columns, _), samples_s in rows]


def polynomial_sum(x):
    total = np.float32(0)
    for i in range(x.size):
        value = x[i]
        for _ in range(64):
            value = value * x[i] + np.float32(0.5)
        total += value
    return total


@fast
def add_up(x):
    total = np.float32(0)
    for i in range(x.size):
        total += x[i]
    return total


@njit(nogil=True)
def serial_part(n_steps):
    value = 1.0
    for _ in range(n_steps):
        value = 0.5 * value + 1.0
    return value


@njit(nogil=True)
def count_events(table, events):
    for event in events:
        table[event] += 1


any_order = fast(polynomial_sum)


@functools.cache
def pool():
    return ThreadPoolExecutor(max_workers=64)


def in_threads(work, parts):
    return sum(pool().map(work, parts))


def thread_counts():
    usable = int(lk.machine().cpu_count_usable)
    return [n for n in (1, 2, 4, 8, 16, 32, 64) if n < usable] + [usable]


def by_threads(work):
    return timed([({"n_threads": n}, functools.partial(work, n)) for n in thread_counts()])


def simd():
    x = aligned(2**16, np.float32)
    in_order = njit(nogil=True)(polynomial_sum)
    return timed(
        [({"order": "as written"}, lambda: in_order(x)), ({"order": "any"}, lambda: any_order(x))]
    )


def polynomial():
    x = np.random.default_rng(0).random(2**24, dtype=np.float32)
    return by_threads(lambda n: in_threads(any_order, np.array_split(x, n)))


def program():
    x = np.random.default_rng(0).random(2**24, dtype=np.float32)
    n_steps = 4_000_000
    rows = by_threads(lambda n: serial_part(n_steps) + in_threads(any_order, np.array_split(x, n)))
    (serial_s,) = in_turns([lambda: serial_part(n_steps)])
    return [{"n_threads": 0, "part": "serial part alone", "samples_s": serial_s}] + [
        row | {"part": "whole program"} for row in rows
    ]


def read():
    x = aligned(2**26, np.float32)
    return by_threads(lambda n: in_threads(add_up, np.array_split(x, n)))


def false_sharing():
    n_events, n_counts = 2_000_000, 4
    events = np.random.default_rng(0).integers(0, n_counts, n_events).astype(np.uint8)
    memory = aligned(1024, np.int64)
    rows = [{"apart_bytes": d, "n_events": n_events, "samples_s": []} for d in (32, 64, 128, 4096)]
    count_events(memory[:n_counts], events)
    for _ in range(5 * ROUNDS):
        for row in rows:
            starts = (0, row["apart_bytes"] // memory.itemsize)
            tables = [memory[start : start + n_counts] for start in starts]
            if time_s := side_by_side_s(tables, events):
                row["samples_s"].append(time_s)
    return [row | {"samples_s": fastest(row["samples_s"])} for row in rows]


def side_by_side_s(tables, events):
    """Seconds until both threads are done, or None where they did not really run together.

    Threads that take turns on one core share no line at the same time. On a busy machine that is
    common, so a run counts only when both had a core of their own for nearly all of it.
    """
    together = threading.Barrier(len(tables))

    def count(table):
        together.wait()
        began_s, cpu_s = time.perf_counter(), time.thread_time()
        count_events(table, events)
        return began_s, time.perf_counter(), time.thread_time() - cpu_s

    begins_s, ends_s, cpus_s = zip(*pool().map(count, tables), strict=True)
    together_s, whole_s = min(ends_s) - max(begins_s), max(ends_s) - min(begins_s)
    alone = all(
        cpu_s > 0.95 * (end_s - begin_s)
        for begin_s, end_s, cpu_s in zip(begins_s, ends_s, cpus_s, strict=True)
    )
    return whole_s if alone and together_s > 0.8 * whole_s else None


def cache():
    def multiply(n_bytes):
        source, target = aligned(n_bytes, np.uint8), aligned(n_bytes, np.uint8, n_bytes % 4096)
        repeats = max(1, 2**24 // n_bytes)
        return {"n_bytes": n_bytes, "repeats": repeats}, lambda: [
            np.multiply(source, 1, out=target) for _ in range(repeats)
        ]

    return timed([multiply(2**k) for k in (13, 15, 17, 19, 21, 23, 25, 27)])


def kernels():
    @all_cores
    def scale(x, out):
        for i in prange(x.size):
            out[i] = np.float32(3) * x[i]

    @all_cores
    def triad(x, y, out):
        for i in prange(x.size):
            out[i] = x[i] + np.float32(3) * y[i]

    @all_cores
    def dot(x, y):
        total = np.float32(0)
        for i in prange(x.size):
            total += x[i] * y[i]
        return total

    @all_cores
    def stored(x, out):
        for i in prange(x.size):
            value = x[i]
            for _ in range(64):
                value = value * x[i] + np.float32(0.5)
            out[i] = value

    @all_cores
    def summed(x):
        total = np.float32(0)
        for i in prange(x.size):
            value = x[i]
            for _ in range(64):
                value = value * x[i] + np.float32(0.5)
            total += value
        return total

    x, y, out = (aligned(2**24, np.float32) for _ in range(3))
    few, few_out = x[: 2**20], out[: 2**20]
    return timed(
        [
            ({"kernel": "scale", "flop": x.size, "bytes": 8 * x.size}, lambda: scale(x, out)),
            ({"kernel": "triad", "flop": 2 * x.size, "bytes": 12 * x.size},
             lambda: triad(x, y, out)),
            ({"kernel": "dot", "flop": 2 * x.size, "bytes": 8 * x.size}, lambda: dot(x, y)),
            ({"kernel": "polynomial 64, stored", "flop": 128 * few.size, "bytes": 8 * few.size},
             lambda: stored(few, few_out)),
            ({"kernel": "polynomial 64, summed", "flop": 128 * few.size, "bytes": 4 * few.size},
             lambda: summed(few)),
        ]
    )  # fmt: skip


EXPERIMENTS = {
    "cpu-cache": ("One thread multiplies bytes by one: from a cache, and from memory", cache),
    "cpu-kernels": ("Five loops on all cores, 32-bit floats", kernels),
    "cpu-simd": ("A polynomial in 64 steps at 65,536 points, summed on one thread", simd),
    "cpu-polynomial": ("The polynomial at 2^24 points, by threads", polynomial),
    "cpu-program": ("The polynomial after a serial part of 4,000,000 steps, by threads", program),
    "cpu-read": ("Adding up 256 MiB of 32-bit floats, by threads", read),
    "cpu-false-sharing": (
        "Two threads count events in a table of 32 bytes each, by the distance of the tables",
        false_sharing,
    ),
}  # fmt: skip


def machine_in_words(kind):
    here = lk.machine()
    return f"{kind}, {int(here.cpu_count_usable)} cores, {here.cpu_model or platform.processor()}"


def name_of(key):
    """The key of a result: that of a machine of more than two cores names their number."""
    n_cores = int(lk.machine().cpu_count_usable)
    return key if n_cores <= 2 else f"{key}-{n_cores}-cores"


def record(kind, keys):
    """Run the experiments of these keys, and keep what the file holds of the others."""
    results = json.loads(TARGET.read_text("utf-8")) if TARGET.exists() else {}
    for key in keys:
        title, experiment = EXPERIMENTS[key]
        results[name_of(key)] = {
            "title": title,
            "machine": machine_in_words(kind),
            "date": datetime.date.today().isoformat(),
            "command": f'python tools/record_cpu.py "{kind}" {key}',
            "provenance": "made for this course",
            "notes": [
                f"The settings were run {ROUNDS} times in turns; of each the fastest {KEPT} runs "
                f"are kept, because other programs shared the machine."
            ],
            "rows": experiment(),
        }
    TARGET.write_text(_as_text(dict(sorted(results.items()))), "utf-8")


def _as_text(results):
    """JSON with one row a line."""
    blocks = []
    for key, result in results.items():
        rows = ",\n".join(f"      {json.dumps(row)}" for row in result["rows"])
        head = json.dumps(result | {"rows": []}, indent=2).replace("\n", "\n  ")
        whole = head.replace('"rows": []', f'"rows": [\n{rows}\n    ]')
        blocks.append(f"  {json.dumps(key)}: {whole}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    record(sys.argv[1], sys.argv[2:] or list(EXPERIMENTS))
