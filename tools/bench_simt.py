"""Measure the SIMT executor against numba's own simulator, case by case, in one run.

    python tools/bench_simt.py              the 18 cases against the simulator (about 4 minutes)
    python tools/bench_simt.py --quick      the executor alone: plain and with counters
    python tools/bench_simt.py --sanitize   what sanitize costs, against plain runs
    python tools/bench_simt.py --scale      the large runs: transpose, matmul 1024, memory, launch

Every case is checked against NumPy before it is timed. Wall and CPU seconds are minima of several
runs; the simulator runs in a process of its own, with NUMBA_ENABLE_CUDASIM=1.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
from bench_simt_cases import cases, kernels

SIMULATOR_RUNS, EXECUTOR_RUNS = 1, 7


def seconds(run, times):
    """Minimum (wall, CPU) seconds of some runs."""
    wall, cpu = [], []
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    return min(wall), min(cpu)


def checked(case, name):
    kernel, grid, block, args, out, expected = case
    args[out][...] = 0
    kernel[grid, block](*args)
    if not np.allclose(args[out], expected, rtol=1e-4, atol=1e-4):
        raise SystemExit(f"{name}: the result is wrong")
    return lambda: kernel[grid, block](*args)


def simulator():
    """Runs inside the process with NUMBA_ENABLE_CUDASIM=1: one JSON line per case."""
    from numba import cuda, float32

    module = {"cuda": cuda, "float32": float32}
    globals().update(module)  # the simulator swaps the global name `cuda`
    for name, case in cases(module_kernels(module)).items():
        kernel, grid, block, args, out, expected = case
        args[out][...] = 0
        wall, cpu = seconds(lambda k=kernel, g=grid, b=block, a=args: k[g, b](*a), SIMULATOR_RUNS)
        good = bool(np.allclose(args[out], expected, rtol=1e-4, atol=1e-4))
        print(json.dumps([name, wall, cpu, good]), flush=True)


def module_kernels(module):
    """The kernels with `cuda` as a global name, as the simulator wants it."""
    import inspect
    import linecache
    import textwrap

    lines = inspect.getsource(kernels).splitlines()[3:-2]
    source = textwrap.dedent("\n".join(lines))
    linecache.cache["<kernels>"] = (len(source), None, source.splitlines(True), "<kernels>")
    space = dict(module)
    exec(compile(source, "<kernels>", "exec"), space)
    return space


def run_simulator(python):
    env = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    command = [python, __file__, "--simulator"]
    found = {}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            name, wall, cpu, good = json.loads(line)
            found[name] = (wall, cpu)
            print(
                f"  simulator {name}: {wall:.3f} s{'' if good else ' (wrong result)'}",
                file=sys.stderr,
            )
    return found


def mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def compare(simulated):
    from labkit.simt import cuda, profile

    print(
        f"{'case':20} {'plain ms':>9} {'counters':>9} {'cost':>6} {'wall ratio':>11} "
        f"{'CPU ratio':>10}"
    )
    walls, cpus, costs = [], [], []
    for name, case in cases(kernels(cuda, cuda.float32)).items():
        run = checked(case, name)
        wall, cpu = seconds(run, EXECUTOR_RUNS)
        counted = seconds(lambda c=case: profile(c[0][c[1], c[2]], *c[3]), EXECUTOR_RUNS)
        costs.append(counted[1] / cpu)
        line = f"{name:20} {wall * 1e3:9.3f} {counted[0] * 1e3:9.3f} {costs[-1]:6.2f}"
        if name in simulated:
            walls.append(simulated[name][0] / wall)
            cpus.append(simulated[name][1] / cpu)
            line += f" {walls[-1]:11,.0f} {cpus[-1]:10,.0f}"
        print(line)
    print(f"worst cost of counters: {max(costs):.2f} x")
    if walls:
        print(
            f"geometric mean: {mean(walls):,.0f} x by wall clock, {mean(cpus):,.0f} x by CPU time"
        )


def sanitizing():
    """What `sanitize` costs, case by case, by CPU time; and on a larger matmul and a large map."""
    from labkit.simt import cuda, sanitize

    @cuda.jit
    def doubled(x, out):
        i = cuda.grid(1)
        if i < x.size:
            out[i] = 2 * x[i]

    k, costs = kernels(cuda, cuda.float32), []
    found = cases(k)
    a, x = np.ones((192, 192), np.float32), np.ones(10_000_000, np.float32)
    found["tiled matmul 192"] = k["matmul_tiled"], (12, 12), (16, 16), (a, a, a.copy()), 2, a @ a
    found["map 10000000"] = doubled, -(-x.size // 128), 128, (x, x.copy()), 1, 2 * x
    print(f"{'case':20} {'plain ms':>9} {'sanitize':>9} {'cost':>6}")
    for name, case in found.items():
        run, (kernel, grid, block, args, *_) = checked(case, name), case
        plain = seconds(run, EXECUTOR_RUNS)[1]
        watched = seconds(lambda k=kernel[grid, block], a=args: sanitize(k, *a), EXECUTOR_RUNS)[1]
        costs.append(watched / plain)
        print(f"{name:20} {plain * 1e3:9.3f} {watched * 1e3:9.3f} {costs[-1]:6.2f}")
    print(f"sanitize: worst {max(costs):.2f} x plain, geometric mean {mean(costs):.2f} x")


def scale():
    """The large runs, with the memory each took beyond its arrays."""
    from labkit.simt import cuda, profile
    from labkit.simt.compiler import loops

    k = kernels(cuda, cuda.float32)

    @cuda.jit
    def transpose(x, y):
        col, row = cuda.grid(2)
        y[col, row] = x[row, col]

    x, y = np.random.default_rng(1).random(1000, np.float32), np.zeros(1000, np.float32)
    small = k["saxpy"][8, 128]
    small(np.float32(2), x, x, y)
    wall, cpu = seconds(lambda: small(np.float32(2), x, x, y), 200)
    print(f"small kernel, warm: {wall * 1e3:.3f} ms wall, {cpu * 1e3:.3f} ms CPU")
    n = 10_000_000
    x, y, out = np.ones(n, np.float32), np.ones(n, np.float32), np.zeros(n, np.float32)
    big = k["saxpy"][-(-n // 128), 128]
    report("saxpy 1e7 plain", lambda: big(np.float32(2), x, y, out))
    report("saxpy 1e7 counters", lambda: profile(big, np.float32(2), x, y, out))
    a, b, c = (
        np.ones((1024, 1024), np.float32),
        np.ones((1024, 1024), np.float32),
        np.zeros((1024, 1024), np.float32),
    )
    tiled = k["matmul_tiled"][(64, 64), (16, 16)]
    report("tiled matmul 1024 plain", lambda: tiled(a, b, c))
    report("tiled matmul 1024 counters", lambda: profile(tiled, a, b, c))
    x = np.ones((4096, 4096))
    y = np.zeros_like(x)
    report(
        "transpose 4096 float64 counters", lambda: profile(transpose[(128, 128), (32, 32)], x, y)
    )
    image, escape = np.zeros((512, 512), np.int32), k["mandelbrot"][(32, 32), (16, 16)]
    report("mandelbrot 512, up to 1000 turns", lambda: escape(image, 1000))
    with mock.patch.object(loops, "COMPACT_TURNS", math.inf):
        report("the same with all lanes to the end", lambda: escape(image, 1000))


def report(name, run):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = seconds(run, 1)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{name}: {wall:.2f} s wall, {cpu:.2f} s CPU, peak memory grew by {grown:.0f} MiB",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--quick", "--sanitize", "--scale", "--simulator"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--python", default=sys.executable, help="a Python with numba-cuda")
    args = parser.parse_args()
    if args.simulator:
        simulator()
    elif args.scale:
        scale()
    elif args.sanitize:
        sanitizing()
    else:
        compare({} if args.quick else run_simulator(args.python))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
