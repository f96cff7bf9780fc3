"""`compile_for`: a kernel in the hands of the real compilers, for chips that are not here."""

import ast
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labkit.compilers import children
from labkit.compilers.assembly import by_line, counted, instructions, moved
from labkit.compilers.packing import cuda_job, text_of
from labkit.compilers.records import figures_of_namesake, recorded_figures
from labkit.compilers.result import Compiled, CompiledKernel
from labkit.compilers.targets import EIGHT, Target, target_of
from labkit.compilers.tile_packing import is_tile_kernel, tile_job
from labkit.reading import Origin
from labkit.simt.kernel import launch_of
from labkit.simt.limits import LIMITS
from labkit.simt.occupancy import occupancy
from labkit.simt.ptxas_records import fingerprint

LIVE = []  # (job, architecture -> figures): what was compiled here, for the tool that records it
_CUDA_OPTIONS = ("fastmath", "max_registers")
_FOR_AMD = "numba-cuda compiles for NVIDIA's GPUs only: write the kernel in Triton for AMD's"
_FIGURES = (
    "registers", "spill_bytes", "spilled_registers", "local_bytes", "shared_bytes", "threads",
    "instructions",
)  # fmt: skip


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
    words. Where the compilers are missing, a kernel of the course shows what was recorded; a tile
    kernel that was edited shows that of the unedited one, and its notice says so. Raises
    NotListedError (a KeyError) for an unknown chip, TypeError for arguments and options that the
    kernel can't have, LookupError where the compilers are missing and nothing was recorded.
    """
    targets = [target_of(name) for name in ([chips] if isinstance(chips, str) else chips)]
    if not targets:
        raise ValueError("There is nothing to compile for: name at least one chip.")
    job = job_of(kernel, args, options)
    kept, before = recorded_figures(job)
    notice = ""
    if why := children.missing(job["with"]):
        origin, found, source = Origin.RECORDED, before, kept.source
        if not found:
            found = figures_of_namesake(job)
            notice = _edited(job, why)
            source += f"; of the course's own {job['name']}"
        if not found:
            raise LookupError(_nothing(job, why, options))
    else:
        origin, source = Origin.MEASURED, ""
        found = _compiled(job, targets)
        if differ := [name for name in before if _differs(before[name], found.get(name))]:
            notice = f"{kept.source} gave other figures for {', '.join(differ)}"
    results = {one.chip: _result(job, one, found, origin, source) for one in targets}
    return CompiledKernel(job["name"], results, job["first_line"], job["text"], notice)


def job_of(kernel: Any, args: tuple, options: dict) -> dict:
    """What is to be compiled, as plain data. Raises as `compile_for` does."""
    if is_tile_kernel(kernel):
        return tile_job(kernel, args, options)
    unknown = [name for name in options if name not in _CUDA_OPTIONS]
    if unknown:
        raise TypeError(
            f"A @cuda.jit kernel has no option {unknown[0]!r} here. It has "
            f"{' and '.join(_CUDA_OPTIONS)}; arguments of the kernel are given in their order."
        )
    launch = None if hasattr(kernel, "py_func") else _launch_of(kernel)
    kernel = launch.kernel if launch else kernel
    first_line, text = text_of(kernel.py_func)
    return {
        **cuda_job(kernel, args), **options,
        "name": kernel.py_func.__name__,
        "file": Path(kernel.py_func.__code__.co_filename).name,
        "first_line": first_line, "text": text,
        "fingerprint": fingerprint(kernel.py_func),
        "threads": launch and math.prod(launch.block),
        "dynamic_shared_bytes": launch.dynamic_shared_bytes if launch else 0,
    }  # fmt: skip


def _launch_of(kernel):
    try:
        return launch_of(kernel)
    except TypeError:
        raise TypeError(
            f"Give a @cuda.jit kernel, best as a launch, kernel[blocks, threads], or a @triton.jit "
            f"kernel without its grid; got {kernel!r}."
        ) from None


def _nothing(job, why, options):
    what = f"{job['name']} with these arguments" + (" and options" if options else "")
    return (
        f"{job['name']} cannot be compiled: {why}. And nothing is recorded of {what}: recorded are "
        f"the kernels of the course as its lessons compile them. With what the lesson had in its "
        f"place, it goes on."
    )


def _edited(job, why):
    return (
        f"{job['name']} as it stands here was not recorded, and it cannot be compiled: {why}. So "
        f"these are the recorded numbers of the unedited kernel, and the lesson goes on with them. "
        f"With the compilers you would see those of yours."
    )


def _compiled(job, targets):
    """architecture -> figures, of the targets that the job's compiler knows."""
    known = [one for one in targets if one.is_nvidia or job["with"] == "triton"]
    architectures = list(dict.fromkeys(one.architecture for one in known))
    (found,) = children.compiled([job], architectures) if architectures else ({},)
    found = {name: with_counts(job, figures) for name, figures in found.items()}
    LIVE.append((job, found))
    return found


def with_counts(job: dict, figures: dict) -> dict:
    """Figures of a compiler with its assembly as Instructions, counted, also line by line."""
    if not figures.get("assembly"):
        return figures
    assembly = instructions(figures["assembly"])
    if job["with"] == "triton":  # it was compiled as if its file began with its `def`
        assembly = moved(assembly, job["file"], job["first_line"] - 1)
    lines = by_line(assembly, job["file"])
    return {
        **figures,
        "assembly": assembly,
        "instructions": counted(one.kind for one in assembly),
        # counted from the `def`, so that they hold wherever the kernel stands
        "lines": {str(n and n - job["first_line"]): kinds for n, kinds in lines.items()},
    }


def _differs(before, now):
    return now is not None and any(before.get(name) != now.get(name) for name in _FIGURES)


def _result(job, target: Target, found, origin, source):
    figures = dict(found.get(target.architecture, {}))
    versions = figures.pop("versions", {})
    source = source or ", ".join(f"{name} {version}" for name, version in versions.items())
    about = (job["name"], target.chip, target.architecture, origin, source)
    if not figures:
        is_known = target.is_nvidia or job["with"] == "triton"
        refusal = "it was not recorded for this chip" if is_known else _FOR_AMD
        return Compiled(*about, refusal=refusal)
    if "error" in figures:
        return Compiled(*about, refusal=_refusal(job, figures), message=figures["error"])
    known = {name: figures[name] for name in _FIGURES if name in figures}
    known["threads"] = figures.get("threads", job.get("threads"))
    known["shared_bytes"] += job.get("dynamic_shared_bytes", 0)
    return Compiled(
        *about, **known, lines=_lines(job, figures.get("lines", {})),
        assembly=figures.get("assembly") or (), occupancy=_occupancy(target, known),
    )  # fmt: skip


def _lines(job, counted):
    """The counts of each line where the kernel stands now.

    None at all, if a comment was added since they were recorded: they would stand beside others.
    """
    offsets = {None if n == "None" else int(n): kinds for n, kinds in counted.items()}
    nodes = ast.walk(ast.parse(job["text"]))
    known = {None, *(node.lineno - 1 for node in nodes if hasattr(node, "lineno"))}
    if not offsets.keys() <= known:
        return {}
    return {n if n is None else n + job["first_line"]: kinds for n, kinds in offsets.items()}


def _refusal(job, figures):
    """The compiler's words as one sentence, with the line."""
    words = " ".join(figures["error"].split())
    words = words if len(words) <= 240 else words[:240].rpartition(" ")[0] + " …"
    line = figures.get("line")
    if line is None:
        return words
    offset = line - job["first_line"]
    lines = job["text"].splitlines()
    text = f", `{lines[offset].strip()}`" if 0 <= offset < len(lines) else ""
    return f"line {line}{text}: {words}"


def _occupancy(target, known):
    if target.capability not in LIMITS or not known["threads"]:
        return None
    return occupancy(known["threads"], known["registers"], known["shared_bytes"], target.capability)
