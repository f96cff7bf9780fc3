"""Compile kernels with numba-cuda and NVIDIA's ptxas, which need no GPU for that.

    python real_compiler.py jobs.pickle results.json

Runs where those two are installed and labkit is not. A job is a kernel as plain data, see
`tools/compile_kernels.py`.
"""

import concurrent.futures
import functools
import importlib.metadata
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
import types
import warnings
from pathlib import Path

import nvidia

# nvidia/cu13, and nvidia/cuda_nvcc before CUDA 13
TOOLKIT = next(Path(nvidia.__path__[0]).glob("cu*/bin/ptxas")).parents[1]
os.environ["CUDA_HOME"] = str(TOOLKIT)  # read when numba.cuda is imported
import numba  # noqa: E402
import numba.cuda.dispatcher  # noqa: E402
from numba.cuda.np.numpy_support import from_dtype  # noqa: E402
from unpacked import function  # noqa: E402

PTXAS = TOOLKIT / "bin" / "ptxas"


def numba_type(argument):
    kind, *rest = argument
    if kind == "value":
        return numba.typeof(*rest)
    dtype, ndim, layout = rest
    return numba.types.Array(from_dtype(dtype), ndim, layout)


def ptx_of(job, capability):
    """The PTX of a job's kernel; everything is made anew, for numba keeps one version of each
    device function, whatever the architecture."""
    # Numba asks the driver for which GPU to compile a function that a kernel calls: there is none.
    device = types.SimpleNamespace(compute_capability=capability)
    numba.cuda.dispatcher.get_current_device = lambda: device
    signature = tuple(map(numba_type, job["arguments"]))
    return numba.cuda.compile_ptx(function(job["kernel"]), signature, cc=capability)[0]


def assembled(ptx, capability):
    """What ptxas reports of the kernel in the PTX: registers and bytes of a thread or block."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(ptx, encoding="utf-8")
        done = subprocess.run(
            [PTXAS, "-v", "-arch=sm_{}{}".format(*capability), source, "-o", f"{folder}/kernel"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    said = done.stdout + done.stderr
    if done.returncode:
        return {"error": said.strip()}
    entry = re.search(r"Compiling entry function '(\S+)'", said)[1]
    properties = said[said.index(f"Function properties for {entry}") :]
    return {
        "registers": bytes_of(r"Used (\d+) registers", said),
        "shared_bytes": bytes_of(r"(\d+) bytes smem", said),
        "local_bytes": bytes_of(r"(\d+) bytes stack frame", properties),
        "spill_bytes": bytes_of(r"(\d+) bytes spill stores", properties)
        + bytes_of(r"(\d+) bytes spill loads", properties),
    }


def bytes_of(pattern, said):
    found = re.search(pattern, said)
    return int(found[1]) if found else 0


def compiled(job, capabilities):
    """capability -> figures, or the words of the refusal."""
    found = {}
    for capability in capabilities:
        try:
            figures = assembled(ptx_of(job, capability), capability)
        except Exception as error:  # whatever way numba has to say no
            figures = {"error": f"{type(error).__name__}: {error}"}
        found["{}.{}".format(*capability)] = figures
    return found


def versions():
    said = subprocess.run([PTXAS, "--version"], capture_output=True, text=True, check=True).stdout
    packages = {name: importlib.metadata.version(name) for name in ("numba-cuda", "numba")}
    return {"ptxas": re.search(r" V([\d.]+)", said)[1], **packages}


def main(jobs_file, results_file):
    warnings.simplefilter("ignore")  # numba looks for NVRTC's version, which nothing here needs
    task = pickle.loads(Path(jobs_file).read_bytes())
    each = functools.partial(compiled, capabilities=task["capabilities"])
    with concurrent.futures.ProcessPoolExecutor() as pool:
        results = {"versions": versions(), "figures": list(pool.map(each, task["jobs"]))}
    Path(results_file).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
