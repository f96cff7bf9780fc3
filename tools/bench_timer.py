"""Show labkit's `bench` beside torch.utils.benchmark and pyperf: python tools/bench_timer.py

Bias and time taken on a busy-wait of known length, what the 95 % interval of each is worth in a
seeded simulation, and what each costs to import. Prints Markdown; a tool that is not installed is
named with the reason. Takes about a minute and a half; leave the machine alone meanwhile.
"""

import importlib
import importlib.util
import inspect
import math
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from labkit.measure import Timer, bench
from labkit.measure.statistics import median_ranks
from labkit.units import si

TRIES = 3  # what else runs on the machine can only add, so the best try counts
TRUTHS_NS = (100_000, 1_000_000, 10_000_000)
SAMPLES, TRIALS = (7, 31, 101), 4000


def spin(ns):
    end_ns = perf_counter_ns() + ns
    while perf_counter_ns() < end_ns:
        pass


# The others want text.
SPIN = "from time import perf_counter_ns\n" + inspect.getsource(spin)


def labkit_median_s(ns):
    return bench(spin, ns).median_s


def torch_median_s(ns):
    from torch.utils.benchmark import Timer as TorchTimer

    return TorchTimer(f"spin({ns})", setup=SPIN).blocked_autorange().median


def pyperf_median_s(ns):
    import pyperf

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spin.json"
        command = [sys.executable, "-m", "pyperf", "timeit", "--fast", "-q", "-o", str(path)]
        subprocess.run([*command, "-s", SPIN, f"spin({ns})"], check=True, capture_output=True)
        return pyperf.Benchmark.load(str(path)).median()


TOOLS = {
    "labkit bench": ("labkit.measure", labkit_median_s),
    "torch blocked_autorange": ("torch.utils.benchmark", torch_median_s),
    "pyperf timeit --fast": ("pyperf", pyperf_median_s),
}


def bias_row(name, median_s):
    return [name, *(best_try(median_s, ns) for ns in TRUTHS_NS)]


def best_try(median_s, ns):
    start_s = time.perf_counter()
    biases = [median_s(ns) / (ns * 1e-9) - 1 for _ in range(TRIES)]
    spent_s = (time.perf_counter() - start_s) / TRIES
    return f"{100 * min(biases, key=abs):+.2f} % in {spent_s:.1f} s"


def import_row(name, module):
    """CPU time, the best of three: a busy machine can only add to it."""
    code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
    command = [sys.executable, "-c", code]
    costs_s = [float(subprocess.check_output(command, text=True)) for _ in range(3)]
    return [name, si(min(costs_s), "s")]


def skewed(rng, *shape):
    """Log-normal noise of 2 %; one sample in ten is stretched by half again on average."""
    late = 1 + np.where(rng.random(shape) < 0.1, rng.exponential(0.5, shape), 0)
    return np.exp(0.02 * rng.standard_normal(shape)) * late


def order_statistic(samples):
    """What labkit gives: two ranks."""
    low, high = median_ranks(samples.shape[1])
    return samples[:, low - 1], samples[:, high - 1]


def interquartile_rule(samples):
    """What torch's `significant_figures` uses: 1.645 standard errors of the middle half."""
    n = samples.shape[1]
    middle = samples[:, n // 4 : math.ceil(3 * n / 4)]
    half = 1.645 * middle.std(axis=1) / math.sqrt(middle.shape[1])
    return np.median(samples, axis=1) - half, np.median(samples, axis=1) + half


def standard_error(samples):
    """What is made of the mean and standard deviation that pyperf prints: mean ± 1.96 SE."""
    mean = samples.mean(axis=1)
    half = 1.96 * samples.std(axis=1, ddof=1) / math.sqrt(samples.shape[1])
    return mean - half, mean + half


RULES = {
    "order statistics (labkit)": order_statistic,
    "interquartile rule (torch)": interquartile_rule,
    "mean ± 1.96 SE (from pyperf's figures)": standard_error,
}


def coverage_row(name, rule):
    """How often the interval holds the true median, and its mean width."""
    rng = np.random.default_rng(0)
    truth = np.median(skewed(rng, 2_000_000))
    cells = []
    for n in SAMPLES:
        low, high = rule(np.sort(skewed(rng, TRIALS, n), axis=1))
        holds = np.mean((low <= truth) & (truth <= high))
        cells.append(f"{100 * holds:.1f} % ({100 * np.mean(high - low):.1f} %)")
    return [name, *cells]


def table(*rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    print("\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]]), flush=True)


def installed():
    """The tools that are here, already imported; the others are named."""
    for name, (module, median_s) in TOOLS.items():
        if importlib.util.find_spec(module.partition(".")[0]):
            importlib.import_module(module)  # so that no import falls into a measurement
            yield name, module, median_s
        else:
            print(f"{name} is left out: {module} is not installed.")


def main():
    here = list(installed())
    print(
        f"\nBias of the median on a busy-wait of known length (best of {TRIES}), time of one try:\n"
    )
    heads = ["", *(si(ns * 1e-9, "s") for ns in TRUTHS_NS)]
    table(heads, *(bias_row(name, median_s) for name, _, median_s in here))
    print("\nCoverage of the true median by a nominal 95 % interval (mean width), simulated:\n")
    table(["", *(f"n = {n}" for n in SAMPLES)], *(coverage_row(*rule) for rule in RULES.items()))
    print("\nImport, CPU time:\n")
    table(["", "cost"], *(import_row(name, module) for name, module, _ in here))
    windows = timeit.repeat("with Timer(): pass", globals={"Timer": Timer}, number=20_000)
    print(f"\n`with Timer()` costs {si(min(windows) / 20_000, 's')}.")


if __name__ == "__main__":
    main()
