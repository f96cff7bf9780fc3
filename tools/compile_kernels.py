"""Compile every kernel of the course with the real numba-cuda and NVIDIA's ptxas.

    python tools/compile_kernels.py            shows registers and bytes of each kernel
    python tools/compile_kernels.py --write    keeps them in labkit/results/recorded

No GPU is needed. The kernels and the types of their arguments come from running the lessons and
solutions on the executor.
"""

import argparse
import datetime
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "stacks")]

import pytest  # noqa: E402
from venvs import cached  # noqa: E402

from labkit.compilers import children  # noqa: E402
from labkit.compilers.compile import job_of, with_counts  # noqa: E402
from labkit.compilers.packing import spelled  # noqa: E402
from labkit.simt.ptxas_records import fingerprint  # noqa: E402
from tests.simt.course_kernels import course_launches  # noqa: E402

TARGET = ROOT / "labkit" / "results" / "recorded" / "kernel_registers.json"
CAPABILITIES = ((7, 5), (8, 0), (9, 0), (10, 0))
# All that has a say in what comes out.
PINS = (
    "numba-cuda==0.30.4", "numba==0.68.1", "llvmlite==0.50.0", "numpy==2.4.6",
    "cuda-bindings==13.5.0", "cuda-core==1.2.2", "cuda-pathfinder==1.9.0",
    "nvidia-nvvm==13.5.37", "nvidia-cuda-nvcc==13.5.37", "nvidia-cuda-crt==13.5.37",
    "nvidia-cuda-nvrtc==13.5.37", "nvidia-cuda-runtime==13.5.37", "nvidia-cuda-nvdisasm==13.5.37",
    "nvidia-cuda-cuobjdump==13.4.92",
)  # fmt: skip
FIGURES = ("registers", "shared_bytes", "local_bytes", "spill_bytes", "instructions", "lines")
LACKING = re.compile(r"requires \.target sm_(\d+) or higher")  # as older GPUs lack instructions
NOTES = (
    "Each figure by compute capability: registers of a thread, static shared bytes of a block, "
    "bytes of local memory of a thread, bytes of spilled registers, stored plus loaded, and the "
    "instructions of the machine code by kind, also for each line, counted from the `def`.",
    "Nothing was executed. Another compiler, such as a driver's own, may take other registers.",
    "A GPU that lacks an instruction of the kernel, such as a matrix instruction, has no figures.",
    "The fingerprint is that of the kernel's source: a changed kernel has no record.",
)


# The compiler, and what it says


def compiler():
    """The Python of an environment with the compilers. Skips the test where there is no index."""
    if sys.platform != "linux":
        pytest.skip("NVIDIA's compiler is installed on Linux only")
    return cached("compiler", sys.executable, PINS)


def compiled(python, jobs, capabilities=CAPABILITIES):
    """-> (versions, and for each job: capability -> figures or {"error": words})."""
    names = {"sm_{}{}".format(*one): "{}.{}".format(*one) for one in capabilities}
    found = [
        {names[architecture]: figures for architecture, figures in one.items()}
        for one in children.compiled(jobs, list(names), python)
    ]
    versions = [said.pop("versions") for one in found for said in one.values()]
    return versions[0], found


def kernels():
    """Each kernel of the course with each of the types it is launched with, once."""
    found = {}
    for launch in course_launches():
        found.setdefault((launch.source, launch.name, *map(spelled, launch.args)), launch)
    return list(found.values())


def row(launch, figures):
    by_figure = {
        figure: {capability: found[figure] for capability, found in figures.items()}
        for figure in FIGURES
    }
    return {
        "source": launch.source,
        "kernel": launch.name,
        "arguments": ", ".join(map(spelled, launch.args)),
        "fingerprint": fingerprint(launch.kernel.py_func),
        **by_figure,
    }


def compiled_course(python):
    """-> (versions, launches of all kernels, for each: capability -> figures with counts)."""
    launches = kernels()
    jobs = [job_of(one.kernel, one.args, {}) for one in launches]
    versions, found = compiled(python, jobs)
    counts = [
        {capability: with_counts(job, figures) for capability, figures in one.items()}
        for job, one in zip(jobs, found, strict=True)
    ]
    return versions, launches, counts


def rows_of(launches, found):
    """-> (rows of all kernels, refusals as sentences)."""
    rows, refused = [], []
    for launch, figures in zip(launches, found, strict=True):
        figures = {c: one for c, one in figures.items() if not is_lacking(c, one)}
        errors = {c: one["error"] for c, one in figures.items() if "error" in one}
        refused += [f"{launch.source}: {launch.name}, {c}: {e}" for c, e in errors.items()]
        rows += [] if errors else [row(launch, figures)]
    return rows, refused


def is_lacking(capability, figures):
    """Whether ptxas refuses a kernel for an older GPU only because that lacks an instruction."""
    needed = [int(number) for number in LACKING.findall(figures.get("error", ""))]
    return bool(needed) and int(capability.replace(".", "")) < max(needed)


def described(versions):
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def record(versions, rows):
    """Write the rows down, one a line."""
    about = {
        "title": "What NVIDIA's compiler made of the kernels of the course",
        "machine": described(versions),
        "date": datetime.date.today().isoformat(),
        "command": "python tools/compile_kernels.py --write",
        "provenance": "made for this course",
        "notes": NOTES,
    }
    text = json.dumps({"kernel-registers": {**about, "rows": []}}, indent=2)
    lines = ",\n".join(f"      {json.dumps(row)}" for row in rows)
    TARGET.write_text(text.replace('"rows": []', f'"rows": [\n{lines}\n    ]') + "\n", "utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"into {TARGET.relative_to(ROOT)}")
    write = parser.parse_args(arguments).write
    try:
        versions, launches, found = compiled_course(compiler())
    except pytest.skip.Exception as reason:
        return f"Nothing was compiled: {reason}."
    rows, refused = rows_of(launches, found)
    for one in rows:
        registers = ", ".join(map(str, one["registers"].values()))
        print(f"{one['source']:45} {one['kernel']:22} {registers:18} {one['arguments']}")
    if refused:
        return "\n\n".join(refused)
    if write:
        record(versions, rows)
    return None


if __name__ == "__main__":
    sys.exit(main())
