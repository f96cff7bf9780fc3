"""`@cuda.jit` kernels: numba-cuda makes PTX of them and NVIDIA's ptxas makes machine code."""

import functools
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import tempfile
import types
from pathlib import Path

import nvidia

# nvidia/cu13, and nvidia/cuda_nvcc before CUDA 13
TOOLKIT = next(Path(nvidia.__path__[0]).glob("cu*/bin/ptxas")).parents[1]
os.environ["CUDA_HOME"] = str(TOOLKIT)  # read when numba.cuda is imported
import numba  # noqa: E402
import numba.cuda.dispatcher  # noqa: E402
from disassembly import disassembled, reported, without_shifted_lines  # noqa: E402
from numba.core import sigutils  # noqa: E402
from numba.cuda.np.numpy_support import from_dtype  # noqa: E402
from unpacked import function  # noqa: E402

PTXAS = TOOLKIT / "bin" / "ptxas"


def numba_type(argument):
    kind, *rest = argument
    if kind == "value":
        return numba.typeof(*rest)
    if kind == "type":
        return sigutils.normalize_signature(f"void({rest[0]},)")[0][0]
    dtype, ndim, layout = rest
    return numba.types.Array(from_dtype(dtype), ndim, layout)


def compiled(job, architecture):
    """What became of a job's kernel, as plain data; without its machine code, if the job says so.

    Most of the time goes into the start of the disassembler.
    """
    ptx = ptx_of(job, architecture)
    with tempfile.TemporaryDirectory() as folder:
        source, cubin = Path(folder) / "kernel.ptx", Path(folder) / "kernel.cubin"
        source.write_text(without_shifted_lines(ptx), encoding="utf-8")
        limit = job.get("max_registers")
        done = subprocess.run(
            [PTXAS, "-v", "-lineinfo", f"-arch={architecture}", source, "-o", cubin,
             *([f"--maxrregcount={limit}"] if limit else [])],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        if done.returncode:
            return {"error": said.strip()}
        tool = disassembler() if job.get("is_disassembled", True) else None
        return {**reported(said), "assembly": disassembled(cubin, tool) if tool else ""}


def ptx_of(job, architecture):
    """The PTX of a job's kernel; everything is made anew, for numba keeps one version of each
    device function, whatever the architecture."""
    capability = capability_of(architecture)
    # Numba asks the driver for which GPU to compile a function that a kernel calls: there is none.
    device = types.SimpleNamespace(compute_capability=capability)
    numba.cuda.dispatcher.get_current_device = lambda: device
    signature = tuple(map(numba_type, job["arguments"]))
    options = {"lineinfo": True, "fastmath": job.get("fastmath", False)}
    kernel = function(job["kernel"])
    return numba.cuda.compile_ptx(kernel, signature, cc=capability, **options)[0]


def disassembler():
    """NVIDIA's own of the same release, else the one in Triton's wheel, else None."""
    triton = importlib.util.find_spec("triton")
    inside = [Path(triton.origin).parent / "backends/nvidia/bin/nvdisasm"] if triton else []
    return next(filter(Path.exists, [PTXAS.with_name("nvdisasm"), *inside]), None)


def words_of(error, _job):
    """numba's own words about a kernel, and the line that they are about."""
    words = str(error)
    lines = re.findall(r'File "[^"]*", line (\d+)', words)
    return words, int(lines[-1]) if lines else None


def capability_of(architecture):
    """`sm_90` and `sm_100` as (9, 0) and (10, 0)."""
    return divmod(int(re.sub(r"\D", "", architecture)), 10)


@functools.cache
def versions(_architecture):
    said = subprocess.run([PTXAS, "--version"], capture_output=True, text=True, check=True).stdout
    packages = {name: importlib.metadata.version(name) for name in ("numba-cuda", "numba")}
    return {"ptxas": re.search(r" V([\d.]+)", said)[1], **packages}
