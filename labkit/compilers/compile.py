"""`compile_for`: a kernel in the hands of the real compilers, for chips that are not here."""

import math
from collections.abc import Iterable
from typing import Any

from labkit.compilers import children
from labkit.compilers.assembly import instructions
from labkit.compilers.packing import job as cuda_job
from labkit.compilers.result import Compiled, CompiledKernel, counted
from labkit.compilers.targets import EIGHT, Target, target_of
from labkit.compilers.tile_packing import function_of, is_tile_kernel, tile_job
from labkit.reading import Origin
from labkit.simt.kernel import launch_of
from labkit.simt.limits import LIMITS
from labkit.simt.occupancy import occupancy

_CUDA_OPTIONS = ("fastmath", "max_registers")
_FOR_AMD = "numba-cuda compiles for NVIDIA's GPUs only: write the kernel in Triton for AMD's"


def compile_for(
    kernel: Any, /, *args: Any, chips: str | Iterable[str] = EIGHT, **options: Any
) -> CompiledKernel:
    """Compile a kernel for GPUs that are not here -> a CompiledKernel, which shows as a table.

    kernel    of `@cuda.jit`, best as a launch, `kernel[blocks, threads]`, for then its occupancy is
              known; or of `@triton.jit`
    args      as for a launch. Only their types count, so a type may stand for an argument: in
              numba's words for a `@cuda.jit` kernel, "float32[:, ::1]", "int64"; in Triton's for a
              `@triton.jit` kernel, "*fp16" a pointer, "i32" an integer, "i32:16" one that 16
              divides. Numbers that are given count as in a launch of Triton's: 1 is a constant,
              and 16 divides what it divides
    chips     names as in the catalogue; one of each architecture if left out
    options   for Triton: keyword arguments of the kernel, and num_warps, num_stages and the other
              options of a launch. For `@cuda.jit`: fastmath, max_registers

    Nothing is executed. A kernel that a compiler refuses is a Compiled too, with the compiler's
    words. Where the compilers are missing, a kernel of the course shows what was recorded. Raises
    NotListedError (a KeyError) for an unknown chip, TypeError for arguments and options that the
    kernel can't have, LookupError where the compilers are missing and nothing was recorded.
    """
    targets = [target_of(name) for name in ([chips] if isinstance(chips, str) else chips)]
    if not targets:
        raise ValueError("There is nothing to compile for: name at least one chip.")
    job = _job(kernel, args, options)
    asked = [one for one in targets if one.is_nvidia or job["with"] == "triton"]
    architectures = list(dict.fromkeys(one.architecture for one in asked))
    if why := children.missing(job["with"]):
        raise LookupError(f"The compilers are missing: {why}.")
    (found,) = children.compiled([job], architectures)
    results = {one.chip: _result(job, one, found) for one in targets}
    return CompiledKernel(job["name"], results, _sources(job["kernel"]))


def _job(kernel, args, options):
    if is_tile_kernel(kernel):
        return {**tile_job(kernel, args, options), "name": function_of(kernel).__name__}
    unknown = [name for name in options if name not in _CUDA_OPTIONS]
    if unknown:
        raise TypeError(
            f"A @cuda.jit kernel has no option {unknown[0]!r} here. It has "
            f"{' and '.join(_CUDA_OPTIONS)}; arguments of the kernel are given in their order."
        )
    launch = None if hasattr(kernel, "py_func") else launch_of(kernel)
    function = kernel if launch is None else launch.kernel
    job = {**cuda_job(function, args), **options}
    job["name"] = function.py_func.__name__
    job["threads"] = launch and math.prod(launch.block)
    job["dynamic_shared_bytes"] = launch.dynamic_shared_bytes if launch else 0
    return job


def _described(versions):
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _result(job, target: Target, found):
    figures = dict(found.get(target.architecture, {"versions": {}}))
    source = _described(figures.pop("versions"))
    about = (job["name"], target.chip, target.architecture, Origin.MEASURED, source)
    if not figures:
        return Compiled(*about, refusal=_FOR_AMD)
    if "error" in figures:
        return Compiled(*about, refusal=_refusal(figures), message=figures["error"])
    assembly = instructions(figures.pop("assembly"))
    threads = figures.setdefault("threads", job.get("threads"))
    figures["shared_bytes"] += job.get("dynamic_shared_bytes", 0)
    figures.pop("scalar_registers", None)
    return Compiled(
        *about, **figures, instructions=counted(assembly), assembly=assembly,
        occupancy=_occupancy(target, threads, figures),
    )  # fmt: skip


def _refusal(figures):
    """The compiler's words as one sentence, with the line."""
    words = " ".join(figures["error"].split())
    words = words if len(words) <= 200 else words[:200].rpartition(" ")[0] + " …"
    where = f"line {figures['line']}: " if figures.get("line") else ""
    return f"{where}{words}"


def _occupancy(target, threads, figures):
    if target.capability not in LIMITS or not threads:
        return None
    return occupancy(threads, figures["registers"], figures["shared_bytes"], target.capability)


def _sources(packed):
    return {packed["file"]: (packed["line"], packed["text"])} if "text" in packed else {}
