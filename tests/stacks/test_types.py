"""The types of values on the executor are those of numba-cuda's PTX: for generated kernels."""

import json
import linecache
import math
from unittest import mock

import compile_kernels
import numpy as np
import pytest
from expressions import programs
from sources import ROOT
from venvs import run

from labkit.simt import KernelError, cuda
from labkit.simt.lanes.frames import Frame
from labkit.simt.lanes.values import dtype_of

PROGRAMS = programs(1200)
# What the two type differently, by a part of the source, and why.
DIFFERENT = {
    "/= ~a": "numba-cuda has no `int64 /= bool` and takes the one of int64; numba's target float64"
}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("types")
    (folder / "programs.json").write_text(json.dumps(PROGRAMS), encoding="utf-8")
    script = ROOT / "tests/stacks/real_variables.py"
    done = run(compile_kernels.compiler(), script, folder / "programs.json", folder / "out.json")
    assert done.returncode == 0, done.stdout
    return json.loads((folder / "out.json").read_text(encoding="utf-8"))


def type_here(number, source, dtypes):
    """The type of what the executor assigns to `r`, when it runs; None where it refuses."""
    name = f"<program {number}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    space = {"cuda": cuda, "math": math, "np": np}
    exec(compile(source, name, "exec"), space)
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
            cuda.jit(space["kernel"])[1, 4](*arrays)
        except KernelError:
            return None
    return np.dtype(found[-1]).name


def test_values_have_the_types_that_numba_cuda_gives_them(theirs):
    wrong = []
    for number, ((source, dtypes), expected) in enumerate(zip(PROGRAMS, theirs, strict=True)):
        here = type_here(number, source, dtypes)
        if here != expected and not any(part in source for part in DIFFERENT):
            wrong.append((source, dtypes, expected, here))
    assert wrong == []
    assert sum(kind is not None for kind in theirs) >= 900
