"""Triton itself compiles tile kernels for all eight chips: what it makes, what is read of it."""

import re
import sys
from unittest import mock

import pytest
import tile_kernels
from sources import ROOT
from venvs import cached

import labkit as lk
from labkit.compilers import children, records
from labkit.compilers.targets import EIGHT
from labkit.compilers.tile_packing import tile_job
from labkit.draw.assembly import source_beside_assembly, source_lines
from labkit.reading import Origin

REQUIREMENTS = (ROOT / "requirements-compilers.txt").read_text("utf-8")
# The heavy part alone: numba-cuda has an environment of its own, see test_compile.py.
PIN = re.search(r"^triton==[\d.]+", REQUIREMENTS, re.M)[0]
SIZES = ("i32:16",) * 3
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Triton is for Linux only")


AGAIN = "if that is right, run python tools/record_compilers.py --write"
# Of each kernel of the course the record for most chips
ROWS = sorted(lk.recorded("tile-kernels").rows, key=lambda row: len(row["figures"]))
WIDEST = list({row["kernel"]: row for row in ROWS}.values())
RAW = {}  # kernel -> architecture -> what the compiler said, as it came


@pytest.fixture(scope="module")
def compile_for():
    """lk.compile_for with Triton in an environment of its own; RAW keeps what that said."""
    python, real = cached("triton", sys.executable, (PIN,)), children.compiled

    def compiled(jobs, architectures):
        found = real(jobs, architectures, python)
        RAW.update({job["name"]: figures for job, figures in zip(jobs, found, strict=True)})
        return found

    with (
        mock.patch.object(children, "missing", return_value=""),
        mock.patch.object(children, "compiled", compiled),
        mock.patch.object(children, "PROGRAM", ROOT / "tests/stacks/resource_usage.py"),
    ):
        yield lk.compile_for


def called(row):
    """(kernel, types, options) of a recorded call."""
    types, options = [], {}
    for part in row["call"].split(", "):
        name, _, value = part.replace(": ", "=").partition("=")
        if ": " in part:
            types.append(value if value.startswith("*") else f"{value}:16")
        else:
            options[name] = int(value)
    return tile_kernels.kernel_of(ROOT / row["source"], row["kernel"]), types, options


def lines_from_def(found, chip):
    """Line from the kernel's `def` on -> kind -> number of instructions, as it is recorded."""
    lines = found[chip].lines.items()
    return {str(line and line - found.first_line): kinds for line, kinds in lines}


@pytest.fixture(scope="module")
def softmax(compile_for):
    return compile_for(tile_kernels.softmax, "*fp32", "*fp32", "i32", BLOCK=1024)


@pytest.fixture(scope="module")
def matmul(compile_for):
    """A tile that is small enough to compile in seconds, for one chip of each matrix unit."""
    return compile_for(
        tile_kernels.matmul, "*fp16", "*fp16", "*fp32", *SIZES, BM=64, BN=64, BK=32, num_stages=3,
        chips=["a100-sxm-80", "h100-sxm", "b200", "mi300x", "rx7900xtx"],
    )  # fmt: skip


def test_all_eight_chips_are_compiled_for(softmax):
    assert {name: one.refusal for name, one in softmax.items()} == dict.fromkeys(EIGHT, "")
    assert {one.origin for one in softmax.values()} == {Origin.MEASURED}
    assert PIN.replace("==", " ") in softmax["mi300x"].source


def test_registers_and_bytes_are_those_that_cuobjdump_reads_in_the_machine_code(softmax, matmul):
    for found in (softmax, matmul):
        for one in found.values():
            if one.architecture.startswith("sm_"):
                used = RAW[found.kernel][one.architecture]["usage"]
                read = [int(n) for n in re.search(r"REG:(\d+) STACK:(\d+)", used).groups()]
                assert [one.registers, one.local_bytes] == read, one
                assert one.is_spilled <= bool(one.local_bytes), one


def test_registers_and_bytes_are_those_that_amds_hardware_is_told(softmax, matmul):
    """The kernel's descriptor, which is what the GPU reads, against the metadata."""
    for found in (softmax, matmul):
        for one in found.values():
            if one.architecture.startswith("gfx"):
                text = RAW[found.kernel][one.architecture]["assembly"]
                free = int(re.search(r"amdhsa_next_free_vgpr (\d+)", text)[1])
                scratch = int(re.search(r"amdhsa_private_segment_fixed_size (\d+)", text)[1])
                assert (one.registers, one.local_bytes) == (free, scratch), one
                assert one.is_spilled <= bool(one.local_bytes), one


def test_the_product_is_made_by_matrix_instructions(matmul):
    dot = next(n for n, text in source_lines(matmul).items() if "tl.dot" in text)
    for one in matmul.values():
        assert one.instructions["matrix_multiply"] > 0, one
        assert one.lines[dot]["matrix_multiply"] == one.instructions["matrix_multiply"], one
        assert "multiply" not in one.instructions, one


def test_loads_are_told_beside_their_own_lines(matmul):
    """Triton writes them as inline assembly, whose lines LLVM counts on into the lines below."""
    own = {n for n, text in source_lines(matmul).items() if "tl.load" in text}
    for one in matmul.values():
        for kind in ("global_loads", "async_copies"):
            assert {n for n, kinds in one.lines.items() if kind in kinds} <= own, one


def test_software_pipelining_shows_as_asynchronous_copies(matmul):
    assert {name for name, one in matmul.items() if "async_copies" in one.instructions} == {
        "a100-sxm-80", "h100-sxm", "b200",
    }  # fmt: skip
    assert all("shared_loads" in one.instructions for one in matmul.values())


def test_each_instruction_has_a_place_and_calls_have_that_of_the_caller(softmax):
    """Maximum and sum are functions of Triton's library: their code belongs to the line here."""
    for one in softmax.values():
        known = source_lines(softmax).keys() | {None}
        assert set(one.lines) <= known, one
        assert sum(one.lines.get(None, {}).values()) < one.n_instructions / 3, one
    top = next(n for n, text in source_lines(softmax).items() if "tl.max" in text)
    assert sum(softmax["h100-sxm"].lines[top].values()) > 10


@pytest.mark.parametrize("row", WIDEST, ids=lambda row: row["kernel"])
def test_what_is_recorded_of_the_course_is_what_triton_makes(compile_for, row):
    """For one chip of each vendor; another version of Triton may make other code, and says so."""
    kernel, types, options = called(row)
    assert records.mark_of(tile_job(kernel, types, options)) == row["mark"], AGAIN
    found = compile_for(kernel, *types, **options, chips=["a100-sxm-80", "mi300x"])
    for chip, one in found.items():
        kept = row["figures"][one.architecture]
        assert found.notice == "", AGAIN
        assert (one.registers, one.shared_bytes) == (kept["registers"], kept["shared_bytes"]), AGAIN
        assert one.instructions == kept["instructions"], AGAIN
        assert lines_from_def(found, chip) == kept["lines"], AGAIN


def test_machine_code_is_the_same_wherever_a_kernel_stands_in_its_file(compile_for, tmp_path):
    """A comment above a kernel once gave two instructions of attention to another line."""
    row = next(row for row in WIDEST if row["kernel"] == "attention_program")
    _, types, options = called(row)
    text, moved = (ROOT / row["source"]).read_text("utf-8"), tmp_path / "moved.py"
    for n_lines in (1, 98):
        moved.write_text("\n" * n_lines + text, "utf-8")
        kernel = tile_kernels.kernel_of(moved, row["kernel"])
        found = compile_for(kernel, *types, **options, chips="a100-sxm-80")
        assert lines_from_def(found, "a100-sxm-80") == row["figures"]["sm_80"]["lines"]


def test_a_kernel_that_does_not_compile_is_told_by_line_in_tritons_words(compile_for):
    one = compile_for(tile_kernels.wrong, "*fp32", BLOCK=64, chips="a100-sxm-80")["a100-sxm-80"]
    assert re.match(r"line \d+, `tl\.store\(x \+ at, .*`: .*no_such_function", one.refusal), one


def test_machine_code_stands_beside_its_source(matmul):
    picture = source_beside_assembly(matmul, "a100-sxm-80")
    assert "HMMA" in picture.svg
