"""Compile kernels with the real compilers, which need no GPU for that.

    python compile_jobs.py jobs.pickle results.json

A job is a kernel as plain data, see `labkit/compilers/packing.py` and `tile_packing.py`. Its `with`
says whether numba-cuda or Triton compiles it.
"""

import concurrent.futures
import ctypes
import importlib
import json
import multiprocessing
import pickle
import signal
import sys
import warnings
from pathlib import Path

_PR_SET_PDEATHSIG = 1
MODULES = {"numba-cuda": "numba_jobs", "triton": "triton_jobs"}


def end_with_parent():
    """Linux ends this process when its parent ends, however that does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def attempt(task):
    """Figures and assembly of a job for one architecture, or the words of the refusal."""
    warnings.simplefilter("ignore")  # numba looks for NVRTC's version, which nothing here needs
    job, architecture = task
    module = importlib.import_module(MODULES[job["with"]])
    try:
        found = module.compiled(job, architecture)
    except Exception as error:  # whatever way the compilers have to say no
        words, line = module.words_of(error, job)
        found = {"error": words, "line": line}
    return {**found, "versions": module.versions(architecture)}


def main(jobs_file, results_file):
    end_with_parent()
    warnings.simplefilter("ignore")
    jobs, architectures = pickle.loads(Path(jobs_file).read_bytes())
    tasks = [(job, one) for job in jobs for one in architectures]
    for job in jobs:  # imported once, before the pool's processes part from this one
        importlib.import_module(MODULES[job["with"]])
    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(None, fork, end_with_parent) as pool:
        found = list(pool.map(attempt, tasks))
    width = len(architectures)
    figures = [dict(zip(architectures, found[n * width :], strict=False)) for n in range(len(jobs))]
    Path(results_file).write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
