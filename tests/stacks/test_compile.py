"""The kernels of the course on the real compiler: numba-cuda and ptxas, which need no GPU."""

import ast
import collections
import importlib
import json
import re
from unittest import mock

import compile_kernels
import numpy as np
import pytest
from edge_kernels import arguments, edges
from sources import ROOT
from venvs import run

from labkit.compilers import children
from labkit.compilers.packing import cuda_job
from labkit.results import recorded
from labkit.simt import KernelError
from labkit.simt.lanes.values import dtype_of
from labkit.simt.language.registry import HOST_FUNCTIONS

EDGES = edges()
# Numbers for which our functions give other types than numba's.
UNUSUAL = collections.defaultdict(tuple) | {
    "abs": ("bool",),
    "divmod": ("bool", "float16", "uint64"),
    "pow": ("bool", "float16"),
    "max": ("complex64", "complex128", "bool"),  # of a bool: typed, and refused when compiled
    "min": ("complex64", "complex128", "bool"),
}
AGAIN = "if that is right, run python tools/compile_kernels.py --write"


@pytest.fixture(scope="module")
def compiler():
    return compile_kernels.compiler()


@pytest.fixture(scope="module")
def compiled(compiler):
    """Versions, launches, and figures whose assembly ends with what cuobjdump says of it."""
    with mock.patch.object(children, "PROGRAM", ROOT / "tests/stacks/resource_usage.py"):
        return compile_kernels.compiled_course(compiler)


@pytest.fixture(scope="module")
def course(compiled):
    versions, launches, found = compiled
    return versions, *compile_kernels.rows_of(launches, found)


@pytest.fixture(scope="module")
def verdicts(compiler):
    """What numba says against each of EDGES, or None."""
    jobs = [{**cuda_job(edge.kernel, arguments()), "is_disassembled": False} for edge in EDGES]
    _, found = compile_kernels.compiled(compiler, jobs, [(8, 0)])
    return dict(zip(EDGES, [said["8.0"].get("error") for said in found], strict=True))


def test_every_kernel_of_the_course_compiles_for_every_architecture(course):
    _, _, refused = course
    assert not refused, "\n\n".join(refused)


def test_no_kernel_of_the_course_was_left_out(course):
    """A kernel is a function under a plain `@cuda.jit`; one that nothing launches is missing."""
    _, rows, _ = course
    written = {
        (path.relative_to(ROOT).as_posix(), node.name)
        for path in (ROOT / "lessons").glob("lesson_*/[el]*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(decorator) == "cuda.jit" for decorator in node.decorator_list)
    }
    assert {(row["source"], row["kernel"].partition("(")[0]) for row in rows} == written


def in_order(row):
    """A row whose counts by line have their order alone: a comment moves lines, and no more."""
    return {**row, "lines": {name: list(kinds.values()) for name, kinds in row["lines"].items()}}


def test_the_recorded_registers_and_bytes_are_those_of_the_compiler(course):
    versions, rows, _ = course
    kept = recorded("kernel-registers")
    assert kept.machine == compile_kernels.described(versions), AGAIN
    assert [in_order(row) for row in kept.rows] == [in_order(row) for row in rows], AGAIN


def test_registers_and_bytes_are_those_that_cuobjdump_reads_in_the_machine_code(compiled):
    """ptxas reports, cuobjdump reads: of every kernel, for every architecture."""
    _, launches, found = compiled
    wrong, compared = [], 0
    for launch, by_capability in zip(launches, found, strict=True):
        for capability, figures in by_capability.items():
            if "error" in figures:
                continue
            compared += 1
            used = dict(re.findall(r"(REG|STACK|SHARED):(\d+)", figures["usage"]))
            shared = figures["shared_bytes"]
            shared += 1024 * (float(capability) >= 9 and shared > 0)  # which the system takes
            said = figures["registers"], figures["local_bytes"], shared
            read = int(used["REG"]), int(used["STACK"]), int(used["SHARED"])
            if said != read or (figures["spill_bytes"] > 0 and not read[1]):
                wrong.append((launch.name, capability, said, read))
    assert wrong == []
    assert compared > 200


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_a_kernel_is_refused_here_if_numba_refuses_it_or_it_is_marked(edge, verdicts):
    theirs, ours = verdicts[edge], edge.refusal()
    accepted_by = {"numba" if theirs is None else None, "here" if ours is None else None} - {None}
    expected = {edge.only} if edge.only else {"numba", "here"} if theirs is None else set()
    assert accepted_by == expected, f"numba: {theirs}\nhere: {ours}\n{edge.body}"


def types_of(function, dtypes):
    """The dtypes of what a function of the executor gives for numbers of these, or None."""
    try:
        with np.errstate(all="ignore"):
            found = function.run(None, *[np.ones(4, dtype) for dtype in dtypes])
    except (TypeError, ValueError, KernelError):
        return None
    return [np.dtype(dtype_of(part)).name for part in (found if type(found) is tuple else [found])]


def test_functions_are_typed_as_numba_types_them(compiler, tmp_path):
    """Wherever numba gives a type; where it gives none, `math` refuses the numbers here, too."""
    out = tmp_path / "types.json"
    done = run(compiler, ROOT / "tests/stacks/real_types.py", out)
    assert done.returncode == 0, done.stdout
    wrong, compared = [], 0
    for name, dtypes, theirs in json.loads(out.read_text(encoding="utf-8")):
        module, _, function = name.partition(".")
        known = HOST_FUNCTIONS.get(getattr(importlib.import_module(module), function))
        if known is None or (theirs is None and module != "math"):
            continue
        if module == "builtins" and any(map(UNUSUAL[function].__contains__, dtypes)):
            continue
        compared += 1
        if types_of(known, dtypes) != theirs:
            wrong.append((name, dtypes, theirs, types_of(known, dtypes)))
    assert wrong == []
    assert compared > 6000


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_a_refusal_is_a_sentence_that_names_the_line(edge):
    said = edge.refusal()
    assert said is None or re.search(r"(?:refused|error|out of bounds) at edge, line \d+: .", said)
