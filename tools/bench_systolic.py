"""Show how fast the matrix unit is simulated, and how that grows: python tools/bench_systolic.py

Prints one Markdown table: for arrays of 8 × 8 to 512 × 512 the cycles of a layer of 8-bit integers,
the time of a simulated cycle, and cells × cycles in a second. The last line is a real layer on the
TPU v1's array. Every result is checked against NumPy first. Takes about a minute.
"""

import time

import numpy as np

from labkit.systolic import MatrixUnit
from labkit.units import si

SIZES = (8, 16, 32, 64, 128, 256, 512)
TILES_ACROSS, TILES_DOWN = 3, 3
REAL_LAYER = (200, 2048, 2048)  # m, k, n
TRIES = 3  # what else runs on the machine can only add, so the best try counts


def operands(m, k, n):
    rng = np.random.default_rng(0)
    return (rng.integers(-128, 128, shape, dtype=np.int8) for shape in ((m, k), (k, n)))


def best_run(unit, m, k, n):
    """The least wall time of a simulation in s, and its Count."""
    a, w = operands(m, k, n)
    times_s = []
    for _ in range(TRIES):
        start_s = time.perf_counter()
        run = unit.run(a, w)
        times_s.append(time.perf_counter() - start_s)
    assert (run.result == a.astype(float) @ w.astype(float)).all()  # exact below 2**53
    return min(times_s), run.count


def line(size, stationary, m, k, n):
    time_s, count = best_run(MatrixUnit(size, size, stationary), m, k, n)
    return (
        f"| {size} × {size} | {stationary} | {m} × {k} × {n} | {count.cycles} "
        f"| {si(time_s, 's')} | {si(time_s / count.cycles, 's')} "
        f"| {si(count.slots / time_s, '')} |"
    )


def main():
    print("| array | stays | m × k × n | cycles | wall time | a cycle | cells × cycles / s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for size in SIZES:
        for stationary in ("weights", "outputs"):
            shape = size, TILES_DOWN * size, TILES_ACROSS * size
            print(line(size, stationary, *shape), flush=True)
    print(line(256, "weights", *REAL_LAYER))


if __name__ == "__main__":
    main()
