"""Types and values on the executor are those of numba-cuda's PTX: for generated kernels."""

import json
import linecache
import math
import random
from unittest import mock

import compile_kernels
import numpy as np
import pytest
from expressions import numbers, programs
from sources import ROOT
from venvs import run

from labkit.simt import KernelError, cuda
from labkit.simt.lanes.frames import Frame
from labkit.simt.lanes.values import dtype_of

PROGRAMS = programs(1200)
THREADS = 8
# What the two type differently, by a part of the source, and why.
DIFFERENT = {
    "/= ~a": "numba-cuda has no `int64 /= bool` and takes the one of int64; numba's target float64"
}
# Whose values are not compared, by a part of the source, and why.
UNDEFINED = {
    "<<": "a shift below 0 or beyond the width is whatever LLVM makes of it",
    ">>": "the same",
    "math.pow(a, 0.5)": "of -0.0: NumPy takes the square root, which keeps the sign",
}


def kernel_of(number, source):
    name = f"<program {number}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    space = {"cuda": cuda, "math": math, "np": np}
    exec(compile(source, name, "exec"), space)
    return cuda.jit(space["kernel"])


def type_here(number, source, dtypes):
    """The type of what the executor assigns to `r`, when it runs; None where it refuses."""
    found, assign = [], Frame.assign

    def remember(frame, slot, value):
        variable, kind = frame.code.slots[slot]
        if variable == "r":
            # An integer that is the same in all threads is Python's, whatever its width.
            found.append(kind if type(value) is int and kind is not None else dtype_of(value))
        assign(frame, slot, value)

    arrays = [np.array([1, 2, 3, 5]).astype(dtype) for dtype in dtypes]
    with mock.patch.object(Frame, "assign", remember):
        try:
            kernel_of(number, source)[1, 4](*arrays)
        except KernelError:
            return None
    return np.dtype(found[-1]).name


@pytest.fixture(scope="module")
def here():
    """The types of the programs' results on the executor."""
    return [type_here(number, *program) for number, program in enumerate(PROGRAMS)]


@pytest.fixture(scope="module")
def launches(here):
    """(source, arrays) of each program, which stores its result where it is a real number."""
    rng, found = random.Random(2), []
    for (source, dtypes), kind in zip(PROGRAMS, here, strict=True):
        if kind is None or any("complex" in dtype for dtype in (*dtypes, kind)):
            found.append((source, [np.ones(THREADS, dtype) for dtype in dtypes]))
            continue
        source = source.replace("(x, y)", "(x, y, out)") + "    out[i] = r\n"
        arrays = [numbers(rng, dtype, THREADS) for dtype in dtypes]
        found.append((source, [*arrays, np.zeros(THREADS, kind)]))
    return found


@pytest.fixture(scope="module")
def theirs(launches, tmp_path_factory):
    """The type and the bytes of each program's result on numba-cuda."""
    folder = tmp_path_factory.mktemp("types")
    jobs = [
        (source, [(array.dtype.name, array.tobytes().hex()) for array in arrays])
        for source, arrays in launches
    ]
    (folder / "programs.json").write_text(json.dumps(jobs), encoding="utf-8")
    script = ROOT / "tests/stacks/real_variables.py"
    done = run(compile_kernels.compiler(), script, folder / "programs.json", folder / "out.json")
    assert done.returncode == 0, done.stdout
    return json.loads((folder / "out.json").read_text(encoding="utf-8"))


def test_values_have_the_types_that_numba_cuda_gives_them(here, theirs):
    wrong = []
    for (source, dtypes), ours, (expected, _) in zip(PROGRAMS, here, theirs, strict=True):
        if ours != expected and not any(part in source for part in DIFFERENT):
            wrong.append((source, dtypes, expected, ours))
    assert wrong == []
    assert sum(kind is not None for kind, _ in theirs) >= 900


def alike(found, expected, is_single):
    """Equal bits, or floats as near as different orders of rounding leave them."""
    if found.dtype.kind != "f":
        return found == expected
    with np.errstate(all="ignore"):
        tolerance = 1e-5 if is_single else 1e-12
        near = np.isclose(found, expected, rtol=tolerance, atol=0, equal_nan=True)
    return near & (np.isnan(found) | (np.signbit(found) == np.signbit(expected)))


def test_values_are_those_that_the_ptx_gives(launches, theirs):
    """Also for what is easily got wrong: division by 0 and of infinity, NaN as an integer."""
    wrong, compared = [], 0
    for number, ((source, arrays), (_, words)) in enumerate(zip(launches, theirs, strict=True)):
        if words is None or len(arrays) < 3 or any(part in source for part in UNDEFINED):
            continue
        compared += 1
        kernel_of(f"{number} for values", source)[1, THREADS](*arrays)
        expected = np.frombuffer(bytes.fromhex(words), arrays[-1].dtype)
        is_single = any(array.dtype == np.float32 for array in arrays)
        for i in np.flatnonzero(~alike(arrays[-1], expected, is_single)):
            values = [array[i].item() for array in arrays]
            wrong.append(f"{source}{[a.dtype.name for a in arrays]} {values}, not {expected[i]}")
    assert not wrong, "\n".join(wrong)
    assert compared >= 400
