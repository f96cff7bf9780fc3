"""Measure lesson 11 on this machine: python tools/bench_language_model.py [--tiny]

SmolLM2-135M on the SIMT executor, with the course's own kernels, and in NumPy: each matrix of a
layer and the output times a vector, and then whole tokens. CPU seconds, minima of some runs, and
the ratio executor / NumPy, which tells more than either where a machine is busy. --tiny takes the
tiny random model, as the lesson does without the wheel. About 30 s of CPU.
"""

import argparse
import contextlib
import math
import resource
import time
from pathlib import Path
from unittest import mock

import numpy as np

from labkit import language_model as lm
from labkit.teach import solution
from labkit.teach.source import definition_in

LESSON = Path(__file__).parents[1] / "lessons/lesson_11_a_language_model/lesson.py"
RUNS = 5
GOAL_S = 1.0  # of CPU a token, on the executor


def cpu_s(run, times=RUNS):
    """Least CPU seconds of some runs, after one to warm up."""
    run()
    found = []
    for _ in range(times):
        start_s = time.process_time()
        run()
        found.append(time.process_time() - start_s)
    return min(found)


def row(name, executor_s, numpy_s, times=1):
    print(f"{name:28} {times:5} {1e3 * executor_s:12.2f} {1e3 * numpy_s:10.3f} "
          f"{executor_s / numpy_s:10.1f}")  # fmt: skip


def products(sizes):
    """Each matrix of the model times a vector: on the executor, and in NumPy."""
    matvec, rng = solution("11.t1"), np.random.default_rng(0)
    shapes = {name: (shape, sizes.n_layers) for name, shape in sizes.layer_matrices.items()}
    shapes["output"] = (sizes.n_vocabulary, sizes.d_model), 1
    for name, ((n_rows, n_columns), times) in shapes.items():
        w = rng.standard_normal((n_rows, n_columns), np.float32)
        x, out = rng.standard_normal(n_columns, np.float32), np.zeros(n_rows, np.float32)
        launch = matvec[math.ceil(n_rows / 4), 128]
        executor_s = cpu_s(lambda go=launch, a=(w, x, out): go(*a))
        assert np.allclose(out, w @ x, rtol=1e-3, atol=1e-3), name
        row(f"{name}, {n_rows} x {n_columns}", executor_s, cpu_s(lambda a=w, b=x: a @ b), times)


def tokens(is_tiny):
    """Whole tokens, one at a time: on the executor as the lesson does it, and in NumPy."""
    start_s = time.process_time()
    no_wheel = mock.patch("importlib.util.find_spec", return_value=None)
    with no_wheel if is_tiny else contextlib.nullcontext():
        lesson = definition_in(LESSON, "scores").__globals__
    loaded_s, model = time.process_time() - start_s, lesson["model"]
    position = iter(range(lesson["ROOM"]))
    executor_s = cpu_s(lambda: lesson["scores"](1, next(position)), 3)
    numpy_s = cpu_s(lambda: lm.logits(model, [1]), 3)
    row("a token", executor_s, numpy_s)
    rate = model.sizes.token_work(1).bytes / numpy_s / 1e9
    print(f"NumPy reads its weights with {rate:.1f} GB/s; it copies them from the device first")
    verdict = "within" if executor_s <= GOAL_S else "above"
    print(f"executor: {executor_s:.2f} s of CPU a token, {verdict} the goal of {GOAL_S} s; "
          f"{loaded_s:.1f} s to load the model")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="the tiny random model")
    is_tiny = parser.parse_args().tiny
    print(f"{'':28} times  executor ms   NumPy ms   executor / NumPy")
    products(lm.random_model().sizes if is_tiny else lm.SMOLLM2_135M)
    tokens(is_tiny)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
