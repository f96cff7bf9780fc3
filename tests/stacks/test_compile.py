"""The kernels of the course on the real compiler: numba-cuda and ptxas, which need no GPU."""

import ast

import compile_kernels
import numpy as np
import pytest
from edge_kernels import ACCEPTED, MISSED, REFUSED
from sources import ROOT

from labkit.hardware import recorded

EDGES = {**ACCEPTED, **REFUSED, **MISSED}
AGAIN = "if that is right, run python tools/compile_kernels.py --write"


@pytest.fixture(scope="module")
def compiler():
    return compile_kernels.compiler()


@pytest.fixture(scope="module")
def course(compiler):
    return compile_kernels.course(compiler)


def arguments():
    return np.ones(8), 3


@pytest.fixture(scope="module")
def edges(compiler):
    """name -> what numba says against the kernel, or None."""
    jobs = [compile_kernels.job(kernel, arguments()) for kernel in EDGES.values()]
    _, found = compile_kernels.compiled(compiler, jobs, [(8, 0)])
    return {name: said["8.0"].get("error") for name, said in zip(EDGES, found, strict=True)}


def test_every_kernel_of_the_course_compiles_for_every_architecture(course):
    _, _, refused = course
    assert not refused, "\n\n".join(refused)


def test_no_kernel_of_the_course_was_left_out(course):
    """A kernel is a function under a plain `@cuda.jit`; one that nothing launches is missing."""
    _, rows, _ = course
    written = {
        (path.relative_to(ROOT).as_posix(), node.name)
        for path in (ROOT / "lessons").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(decorator) == "cuda.jit" for decorator in node.decorator_list)
    }
    assert {(row["source"], row["kernel"].partition("(")[0]) for row in rows} == written


def test_the_recorded_registers_and_bytes_are_those_of_the_compiler(course):
    versions, rows, _ = course
    kept = recorded("kernel-registers")
    assert kept.machine == compile_kernels.described(versions), AGAIN
    assert [dict(row) for row in kept.rows] == rows, AGAIN


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_numba_accepts_runs_here(name, edges):
    assert edges[name] is None
    ACCEPTED[name][1, 4](*arguments())


@pytest.mark.parametrize("name", REFUSED)
def test_what_numba_refuses_is_refused_here(name, edges):
    assert edges[name] is not None
    with pytest.raises(Exception, match=f"(?:refused|error) at {name}, line"):
        REFUSED[name][1, 4](*arguments())


@pytest.mark.parametrize("name", MISSED)
def test_the_list_of_what_is_not_refused_here_is_true(name, edges):
    """The executor has values and no types, so that it takes these. Whoever mends one moves it."""
    assert edges[name] is not None
    MISSED[name][1, 4](*arguments())
