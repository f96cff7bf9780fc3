"""The compilers in a process of their own: which are here, and what they say."""

import importlib.util
import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).parent / "child" / "compile_jobs.py"
LONGEST_S = 600  # for all jobs of a call together


class CompilersFailedError(RuntimeError):
    """The compilers' process ended without a result; the message has its last words."""


def missing(which: str) -> str:
    """Why a compiler, `triton` or `numba-cuda`, cannot run here: a part of a sentence, or ""."""
    if sys.platform != "linux":
        return f"{which} compiles on Linux only (Colab has it)"
    if not (_is_there("triton") if which == "triton" else _is_there("numba_cuda") and _ptxas()):
        return f"{which} is not installed here (pip install -r requirements-compilers.txt)"
    return ""


def _is_there(module):
    return importlib.util.find_spec(module) is not None


def _ptxas():
    """NVIDIA's assembler, as its wheel of Python holds it, or None."""
    found = importlib.util.find_spec("nvidia")
    folders = found.submodule_search_locations if found else ()
    return next((p for one in folders for p in Path(one).glob("cu*/bin/ptxas")), None)


def compiled(
    jobs: list[dict], architectures: list[str], python: str | Path = sys.executable
) -> list[dict[str, dict[str, Any]]]:
    """For each job: architecture -> figures, assembly and versions, or the words of an error.

    python   of the environment that has the compilers. Raises CompilersFailedError.
    """
    with tempfile.TemporaryDirectory() as folder:
        task, results = Path(folder) / "jobs.pickle", Path(folder) / "results.json"
        task.write_bytes(pickle.dumps((jobs, architectures)))
        environment = {**os.environ, "TRITON_CACHE_DIR": folder}
        command = [str(python), str(PROGRAM), str(task), str(results)]
        try:
            done = subprocess.run(
                command, env=environment, timeout=LONGEST_S, text=True, errors="replace",
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise CompilersFailedError(
                f"The compilers took more than {LONGEST_S} s. Compile for fewer chips at a time."
            ) from None
        if not results.exists():
            raise CompilersFailedError(f"The compilers did not run: {done.stdout[-2000:].strip()}")
        return json.loads(results.read_text(encoding="utf-8"))
