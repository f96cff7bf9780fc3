"""On a real GPU numba-cuda leaves the arrays of a kernel as the executor does, bit by bit.

Skipped without a GPU. The kernels are those of the course and those at the edge of the language.
"""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gpu_counters import job_of

from labkit.compilers.packing import packed
from labkit.hardware.cuda_engine import driver_sees_a_gpu
from labkit.simt import KernelError, sanitize
from tests.simt.course_kernels import course_launches
from tests.stacks import edge_kernels

ROOT = Path(__file__).parents[2]
N_PROCESSES = 8
pytestmark = pytest.mark.skipif(
    not driver_sees_a_gpu(), reason="no NVIDIA GPU answers the driver here"
)
# A race or a shuffle from absent lanes is undefined on a GPU: the lessons show these on purpose.
UNDEFINED = {
    "histogram", "ranks", "scan", "last_warp", "differences", "two_sums", "ranks_with_a_fault",
}  # fmt: skip
# Sines and their kin differ in the last bits: libdevice's are not the CPU's.
ULPS = 4
# A tensor core cuts off what the executor's sums keep: of the largest element, so much at most.
CUT_OFF = 2.0**-10


@pytest.fixture(autouse=True)
def memory_for_all(monkeypatch):
    """JAX, which some lessons use, else takes most of the GPU's memory for itself."""
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def is_defined(launch):
    """Is there one right result? What leaves an array shows another on each GPU."""
    try:
        here(launch.kernel, job_of(launch))
    except KernelError:
        return False
    return launch.name not in UNDEFINED


def edge_job(edge):
    return {
        "kernel": packed(edge.kernel.py_func), "arguments": edge_kernels.arguments(), "grid": 1,
        "block": 4, "shared_bytes": 0,
    }  # fmt: skip


def is_a_race(edge):
    """All four threads store their own value to x[0]: which one stays, no rule says."""
    try:
        found = sanitize(edge.kernel[1, 4], *edge_kernels.arguments())
    except Exception:  # a kernel that prints or asserts is compared all the same
        return False
    return any(finding.kind == "race" for finding in found)


def here(kernel, job):
    """The arrays as the executor leaves them."""
    args = pickle.loads(pickle.dumps(job["arguments"]))
    kernel[job["grid"], job["block"], 0, job["shared_bytes"]](*args)
    return [arg for arg in args if isinstance(arg, np.ndarray)]


def on_the_gpu(jobs, folder):
    """The result of each job, in processes of their own: a fault ends one of them."""

    def work(part):
        task, results = folder / f"{part}.jobs", folder / f"{part}.results"
        task.write_bytes(pickle.dumps(jobs[part::N_PROCESSES]))
        command = [sys.executable, ROOT / "tools" / "gpu_replay.py", task, results]
        done = subprocess.run(command, capture_output=True, text=True)
        found = ["the process died: " + done.stderr[-200:]] * len(jobs[part::N_PROCESSES])
        with results.open("rb") as file:
            for _ in found:
                try:
                    number, result = pickle.load(file)
                except EOFError:
                    break
                found[number] = result
        return found

    with ThreadPoolExecutor() as pool:
        parts = list(pool.map(work, range(N_PROCESSES)))
    return [parts[n % N_PROCESSES][n // N_PROCESSES] for n in range(len(jobs))]


def difference(ours, theirs, cut_off=0.0):
    """What differs, in words, or None; `cut_off` is a share of an array's largest element."""
    if isinstance(theirs, str):
        return theirs
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a.tobytes() == b.tobytes():
            continue
        if a.dtype.kind in "fc":
            rtol, atol = ULPS * np.finfo(a.dtype).eps, cut_off * np.nanmax(abs(a))
            if np.allclose(a, b, rtol, atol, equal_nan=True):
                continue
        return f"array {number}: here {a.ravel()[:8]}, on the GPU {b.ravel()[:8]}"
    return None


def compared(kernels, jobs, folder):
    results = on_the_gpu(jobs, folder)
    found = {}
    for (name, kernel), job, theirs in zip(kernels, jobs, results, strict=True):
        cut_off = CUT_OFF * ("mma_sync" in kernel.py_func.__code__.co_names)
        if said := difference(here(kernel, job), theirs, cut_off):
            found[name] = said
    return found


def test_the_kernels_of_the_course_leave_the_same_arrays(tmp_path):
    launches = [one for one in course_launches() if is_defined(one)]
    assert len(launches) > 40
    kernels = [(f"{one.source}: {one.name} {one.sizes}", one.kernel) for one in launches]
    assert compared(kernels, [job_of(one) for one in launches], tmp_path) == {}


def test_kernels_at_the_edge_of_the_language_leave_the_same_arrays(tmp_path):
    edges = [edge for edge in edge_kernels.edges() if edge.only is None and not edge.refusal()]
    edges = [edge for edge in edges if not is_a_race(edge)]
    kernels = [(f"{number}: {edge.body}", edge.kernel) for number, edge in enumerate(edges)]
    found = compared(kernels, [edge_job(edge) for edge in edges], tmp_path)
    assert len(edges) > 250
    assert found == {}, "\n\n".join(f"{name}\n  {said}" for name, said in found.items())
