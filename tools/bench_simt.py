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

SIMULATOR_RUNS, EXECUTOR_RUNS = 1, 7


def kernels(cuda, float32):
    """The kernels, written once for both: `cuda` is numba's module or ours."""

    @cuda.jit
    def saxpy(a, x, y, out):
        i = cuda.grid(1)
        if i < x.size:
            out[i] = a * x[i] + y[i]

    @cuda.jit
    def matmul_tiled(a, b, c):
        tile_a = cuda.shared.array((16, 16), float32)
        tile_b = cuda.shared.array((16, 16), float32)
        col, row = cuda.grid(2)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        total = float32(0.0)
        for tile in range(a.shape[1] // 16):
            tile_a[ty, tx] = a[row, tile * 16 + tx]
            tile_b[ty, tx] = b[tile * 16 + ty, col]
            cuda.syncthreads()
            for k in range(16):
                total += tile_a[ty, k] * tile_b[k, tx]
            cuda.syncthreads()
        c[row, col] = total

    @cuda.jit
    def matmul_naive(a, b, c):
        i, j = cuda.grid(2)
        if i < c.shape[0] and j < c.shape[1]:
            total = 0.0
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            c[i, j] = total

    @cuda.jit
    def reduce_sum(x, out):
        cache = cuda.shared.array(256, float32)
        tid, i = cuda.threadIdx.x, cuda.grid(1)
        if i < x.size:
            cache[tid] = x[i]
        else:
            cache[tid] = 0
        cuda.syncthreads()
        step = 128
        while step > 0:
            if tid < step:
                cache[tid] += cache[tid + step]
            cuda.syncthreads()
            step //= 2
        if tid == 0:
            out[cuda.blockIdx.x] = cache[0]

    @cuda.jit
    def histogram(x, bins):
        start, stride = cuda.grid(1), cuda.gridsize(1)
        for i in range(start, x.size, stride):
            cuda.atomic.add(bins, x[i], 1)

    @cuda.jit
    def stencil(x, out):
        cache = cuda.shared.array(262, float32)
        i, tid = cuda.grid(1), cuda.threadIdx.x
        n = x.size
        if i < n:
            cache[tid + 3] = x[i]
        if tid < 3:
            if i >= 3:
                cache[tid] = x[i - 3]
            else:
                cache[tid] = 0
            if i + 256 < n:
                cache[tid + 259] = x[i + 256]
            else:
                cache[tid + 259] = 0
        cuda.syncthreads()
        if i < n:
            total = float32(0.0)
            for k in range(7):
                if i + k - 3 < n:
                    total += cache[tid + k]
            out[i] = total

    @cuda.jit
    def mandelbrot(image, limit):
        i, j = cuda.grid(2)
        if i < image.shape[0] and j < image.shape[1]:
            c = complex(-2.0 + 3.0 * i / image.shape[0], -1.0 + 2.0 * j / image.shape[1])
            z = 0.0j
            image[i, j] = limit
            for turn in range(limit):
                z = z * z + c
                if z.real * z.real + z.imag * z.imag >= 4.0:
                    image[i, j] = turn
                    break

    @cuda.jit
    def turns(x, out, n):
        total = 0.0
        for k in range(n):
            total += x[k % x.size] * 2.0
        out[0] = total

    @cuda.jit
    def walk_tree(keys, left, right, wanted, steps):
        i = cuda.grid(1)
        if i < wanted.size:
            node, n = 0, 0
            while node >= 0:
                n += 1
                if wanted[i] < keys[node]:  # noqa: SIM108 (a divergent branch)
                    node = left[node]
                else:
                    node = right[node]
            steps[i] = n

    @cuda.jit
    def interpolate(grid, where, out):
        i = cuda.grid(1)
        if i < where.shape[0]:
            total = 0.0
            x0, y0, z0 = int(where[i, 0]), int(where[i, 1]), int(where[i, 2])
            for dx in range(2):
                for dy in range(2):
                    for dz in range(2):
                        weight = 1.0 - abs(where[i, 0] - (x0 + dx))
                        weight *= 1.0 - abs(where[i, 1] - (y0 + dy))
                        weight *= 1.0 - abs(where[i, 2] - (z0 + dz))
                        total += weight * grid[x0 + dx, y0 + dy, z0 + dz]
            out[i] = total

    return locals()


def cases(k):
    """name -> (kernel, grid, block, arguments, index of the result, expected result)."""
    rng = np.random.default_rng(1)
    found = {}
    for n in (1_000, 10_000, 100_000):
        x, y = rng.random((2, n), np.float32)
        args = (np.float32(2), x, y, np.zeros_like(x))
        found[f"saxpy {n}"] = (k["saxpy"], -(-n // 128), 128, args, 3, 2 * x + y)
    for name in ("tiled", "naive"):
        for n in (32, 64, 128):
            a, b = rng.random((2, n, n), np.float32)
            grid = (n // 16, n // 16)
            args = (a, b, np.zeros_like(a))
            found[f"{name} matmul {n}"] = (k[f"matmul_{name}"], grid, (16, 16), args, 2, a @ b)
    x = rng.random(10_000, np.float32)
    blocks = -(-x.size // 256)
    sums = np.add.reduceat(x, np.arange(0, x.size, 256))
    found["reduction 10000"] = (
        k["reduce_sum"],
        blocks,
        256,
        (x, np.zeros(blocks, np.float32)),
        1,
        sums,
    )
    for n in (10_000, 100_000):
        values = rng.integers(0, 64, n).astype(np.int32)
        args = (values, np.zeros(64, np.int32))
        found[f"histogram {n}"] = (
            k["histogram"],
            32,
            128,
            args,
            1,
            np.bincount(values, minlength=64),
        )
    padded = np.pad(x, 3)
    window = sum(padded[s : s + x.size] for s in range(7))
    found["stencil 10000"] = (k["stencil"], blocks, 256, (x, np.zeros_like(x)), 1, window)
    for n in (32, 64):
        args = (np.zeros((n, n), np.int32), 50)
        found[f"mandelbrot {n}"] = (
            k["mandelbrot"],
            (n // 16, n // 16),
            (16, 16),
            args,
            0,
            escape(n, 50),
        )
    found["one thread 100000"] = (
        k["turns"],
        1,
        1,
        (x, np.zeros(1), 100_000),
        1,
        np.resize(x, 100_000).sum(dtype=float) * 2,
    )
    keys, left, right = tree(rng, 255)
    wanted = rng.random(1024)
    args = (keys, left, right, wanted, np.zeros(1024, np.int32))
    found["tree walk 1024"] = (k["walk_tree"], 8, 128, args, 4, depths(keys, left, right, wanted))
    grid, where = np.indices((8, 8, 8)).sum(axis=0) * 1.0, rng.random((60, 3)) * 6.5
    args = (grid, where, np.zeros(60))
    found["interpolation 60"] = (k["interpolate"], 1, 64, args, 2, where.sum(axis=1))
    return found


def tree(rng, n):
    """A search tree of random keys, unbalanced as they come: keys, left and right children."""
    keys, left, right = rng.random(n), np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    for new in range(1, n):
        node = 0
        while True:
            side = left if keys[new] < keys[node] else right
            if side[node] < 0:
                side[node] = new
                break
            node = side[node]
    return keys, left, right


def depths(keys, left, right, wanted):
    """How many nodes each search meets, by plain Python."""
    found = []
    for key in wanted:
        node, n = 0, 0
        while node >= 0:
            node, n = (left if key < keys[node] else right)[node], n + 1
        found.append(n)
    return np.array(found)


def escape(n, limit):
    """The Mandelbrot picture, by NumPy."""
    i, j = np.mgrid[:n, :n]
    c, z = (-2 + 3 * i / n) + 1j * (-1 + 2 * j / n), np.zeros((n, n), complex)
    image = np.full((n, n), limit)
    for turn in range(limit):
        inside = image == limit
        z[inside] = z[inside] ** 2 + c[inside]
        image[inside & (z.real**2 + z.imag**2 >= 4)] = turn
    return image


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
