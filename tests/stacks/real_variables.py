"""Compile kernels with numba-cuda as it is, to PTX, and write down the type of their variable `r`
and what the last of their arrays holds after a launch of one thread an element.

    python tests/stacks/real_variables.py programs.json results.json

A program is its source and its arrays, as [dtype, bytes in hexadecimal]. A result is the type's
name, or null where numba-cuda refuses the kernel, and the bytes, or null where `ptx.py` cannot run
it.
"""

import concurrent.futures
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "labkit" / "compilers" / "child"))
import numba_jobs
import numpy as np
import ptx
from numba.cuda.core import typed_passes
from numba_jobs import numba

TYPES = {}


def remember(run_pass):
    """Type inference, whose result for `kernel` is kept."""

    def run(self, state):
        found = run_pass(self, state)
        if state.func_id.func_name == "kernel":
            TYPES.clear()
            TYPES.update(state.typemap)
        return found

    return run


def result_of(program):
    source, arrays = program
    arrays = [np.frombuffer(bytes.fromhex(words), dtype) for dtype, words in arrays]
    space = {"cuda": numba.cuda, "math": math, "np": np}
    exec(compile(source, "<program>", "exec"), space)
    kinds = tuple(numba_jobs.numba_type(("array", array.dtype, 1, "C")) for array in arrays)
    try:
        text, _ = numba.cuda.compile_ptx(space["kernel"], kinds, cc=(8, 0))
    except Exception:  # numba has many, and all of them mean no
        return None, None
    found = TYPES["r"]
    kind = str(getattr(found, "literal_type", found))
    try:
        return kind, ptx.launched(text, arrays).hex()
    except NotImplementedError:
        return kind, None


def main(programs_file, results_file):
    one = typed_passes.NopythonTypeInference
    one.run_pass = remember(one.run_pass)
    programs = json.loads(Path(programs_file).read_text(encoding="utf-8"))
    with concurrent.futures.ProcessPoolExecutor() as pool:
        found = list(pool.map(result_of, programs, chunksize=20))
    Path(results_file).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
