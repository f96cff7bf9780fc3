"""`compile_for` without compilers: reading machine code, jobs, recorded results, sentences."""

import json
import pickle
import subprocess
import sys
import types

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as lk
from labkit import compilers
from labkit.compilers import KINDS, children, records, tile_language
from labkit.compilers import compile as room
from labkit.compilers.assembly import by_line, instructions
from labkit.compilers.kinds import kind_of
from labkit.compilers.targets import EIGHT, target_of
from labkit.compilers.tile_packing import tile_job, typed
from labkit.reading import Origin
from labkit.simt import KernelError, cuda
from labkit.simt.ptxas_records import fingerprint
from tests.simt.test_simt_occupancy import kernel_of_lesson_8

tl, triton = tile_language._stand_ins()[::-1]
WIDTH = 4
TILES = tl.constexpr(2)
HALF = tl.float16


@cuda.jit
def scaled(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = a * x[i]


@triton.jit
def helper(x):
    return x * WIDTH


@triton.jit
def tile(x, n, BLOCK: tl.constexpr, KIND: tl.constexpr = HALF):
    """A tile kernel."""
    at = tl.arange(0, BLOCK) * TILES
    tl.store(x + at, helper(tl.load(x + at, mask=at < n)))


# Machine code

SASS = """
	.section	.text.k,"ax",@progbits
k:
.text.k:
	//## File "/course/k.py", line 12
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/              @!P0 LDG.E R2, desc[UR4][R2.64] ;
	//## File "/lib/standard.py", line 290 inlined at "/course/k.py", line 14
	//## File "/course/k.py", line 14
        /*0020*/                   FFMA R4, R2, R3, R4 ;
        /*0030*/                   EXIT ;
        /*0040*/                   NOP;
"""  # fmt: skip
AMD = """	.amdgcn_target "amdgcn-amd-amdhsa--gfx942"
k:                                      ; @k
.Lfunc_begin0:
	.loc	1 12 0 prologue_end             ; k.py:12:0
	s_load_dwordx2 s[2:3], s[0:1], 0x0
	.loc	2 290 3                         ; standard.py:290:3 @[ k.py:14:7 ]
	v_fma_f32 v1, v2, v3, v4                ; a comment
	.loc	1 0 0 is_stmt 0                 ; :0:0
	s_nop 0
	s_endpgm
"""  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), [
    ("HMMA.16816.F32 R4, R8, R12, R4", "matrix_multiply"),
    ("IMMA.16832.S8.S8 R4", "matrix_multiply"),
    ("HGMMA.64x128x16.F32 R24, gdesc[UR4], R24", "matrix_multiply"),
    ("UTCHMMA gdesc[UR6], gdesc[UR8], tmem[UR4]", "matrix_multiply"),
    ("DMMA.884 R4, R2, R3, R4", "matrix_multiply"),
    ("QMMA.16832.F32.E4M3.E4M3 R4", "matrix_multiply"),
    ("FFMA R4, R2, R3, R4", "multiply"), ("@P0 FMUL.FTZ R4, R2, R3", "multiply"),
    ("DFMA R4, R2, R3, R4", "multiply"), ("HFMA2 R4, R2, R3, R4", "multiply"),
    ("HFMA2.MMA R5, -RZ, RZ, 0, 0", "other"), ("FFMA2 R4, R2, R3, R4", "multiply"),
    ("IMAD R4, R2, R3, R4", "other"), ("FADD R4, R2, R3", "other"),
    ("LDGSTS.E.BYPASS.128 [R5], desc[UR4][R2.64]", "async_copies"),
    ("UTMALDG.2D [UR8], [UR4]", "async_copies"), ("LDGDEPBAR", "other"),
    ("LDG.E.128 R4, [R2.64]", "global_loads"), ("LD.E R4, [R2.64]", "global_loads"),
    ("@!UP0 STG.E [R2.64], R4", "global_stores"), ("LDS.128 R4, [R2]", "shared_loads"),
    ("LDSM.16.M88.4 R4, [R2]", "shared_loads"), ("STS [R2], R4", "shared_stores"),
    ("STSM.16.M88.4 [R2], R4", "shared_stores"), ("LDL R4, [R1]", "local_moves"),
    ("STL.64 [R1+0x8], R4", "local_moves"), ("LDC R1, c[0x0][0x28]", "other"),
    ("BAR.SYNC.DEFER_BLOCKING 0x0", "other"), ("EXIT", "other"),
    ("v_mfma_f32_32x32x8_f16 a[0:15], v[2:3], v[4:5], a[0:15]", "matrix_multiply"),
    ("v_smfmac_f32_16x16x32_f16 v[0:3]", "matrix_multiply"),
    ("v_wmma_f32_16x16x16_f16 v[0:7], v[8:15], v[16:23], v[0:7]", "matrix_multiply"),
    ("v_fma_f32 v1, v2, v3, v4", "multiply"), ("v_pk_fma_f32 v[0:1], v[2:3], v[4:5]", "multiply"),
    ("v_fmac_f32_e32 v1, v2, v3", "multiply"), ("v_mul_f32_e32 v1, v2, v3", "multiply"),
    ("v_fma_mix_f32 v1, v2, v3, v4", "multiply"), ("v_dot2_f32_f16 v1, v2, v3, v4", "multiply"),
    ("v_dual_mov_b32 v1, v2 :: v_dual_fmac_f32 v3, v4, v5", "multiply"),
    ("v_mul_lo_u32 v1, v2, v3", "other"), ("v_add_f32_e32 v1, v2, v3", "other"),
    ("global_load_dwordx4 v[0:3], v4, s[0:1]", "global_loads"),
    ("buffer_load_dwordx4 v[0:3], v4, s[0:3], 0 offen", "global_loads"),
    ("buffer_load_dwordx4 v4, s[0:3], 0 offen lds", "async_copies"),
    ("global_load_lds_dword v4, s[0:1]", "async_copies"),
    ("global_store_b32 v4, v1, s[0:1]", "global_stores"),
    ("ds_read_b128 v[0:3], v4", "shared_loads"),
    ("ds_load_b64 v[0:1], v4", "shared_loads"), ("ds_write2_b32 v4, v1, v2", "shared_stores"),
    ("ds_bpermute_b32 v1, v2, v3", "other"), ("scratch_load_b32 v1, off", "local_moves"),
    ("scratch_store_b128 off, v[0:3]", "local_moves"), ("s_load_dwordx2 s[2:3], s[0:1]", "other"),
    ("s_waitcnt lgkmcnt(0)", "other"),
])  # fmt: skip
def test_an_instruction_has_its_kind(text, kind):
    assert kind_of(text) == kind
    assert kind in KINDS


@pytest.mark.parametrize(("text", "opcodes"), [
    (SASS, ["LDC", "@!P0", "FFMA", "EXIT"]), (AMD, ["s_load_dwordx2", "v_fma_f32", "s_endpgm"]),
])  # fmt: skip
def test_each_instruction_is_found_once_and_padding_is_left_out(text, opcodes):
    assert [one.text.split()[0] for one in instructions(text)] == opcodes


def test_inlined_code_belongs_to_the_line_that_calls_for_it():
    assert by_line(instructions(SASS), "k.py") == {
        12: {"global_loads": 1, "other": 1}, 14: {"multiply": 1, "other": 1},
    }  # fmt: skip
    assert by_line(instructions(AMD), "k.py") == {
        12: {"other": 1}, 14: {"multiply": 1}, None: {"other": 1},
    }  # fmt: skip


def test_lines_of_other_files_are_no_lines_of_the_kernel():
    assert list(by_line(instructions(SASS), "other.py")) == [None]


# Chips


def test_the_eight_are_one_of_each_architecture():
    assert [target_of(name).architecture for name in EIGHT] == [
        "sm_75", "sm_80", "sm_90", "sm_100", "gfx90a", "gfx942", "gfx950", "gfx1100",
    ]  # fmt: skip
    assert [target_of(name).is_nvidia for name in EIGHT] == [True] * 4 + [False] * 4


@pytest.mark.parametrize(("name", "words"), [
    ("h1000", "'h100-sxm'"), ("h100", "Choose one of: 'h100-sxm', 'h100-pcie'"),
    ("tpu-v4", "not a GPU that kernels can be compiled for"), ("mi300", "'mi300x'"),
])  # fmt: skip
def test_an_unknown_chip_is_a_sentence_with_near_names(name, words):
    with pytest.raises(KeyError) as caught:
        lk.compile_for(scaled, 1.0, "float32[::1]", "float32[::1]", chips=[name])
    assert words in str(caught.value)


def test_no_chip_at_all_is_a_sentence():
    with pytest.raises(ValueError, match="name at least one chip"):
        lk.compile_for(scaled, chips=[])


# Recorded results


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(children, "missing", lambda which: f"{which} is not installed here")


@pytest.fixture
def tiled(nothing_installed):
    arrays = [np.ones((64, 64), np.float32) for _ in range(3)]
    return lk.compile_for(kernel_of_lesson_8("tiled", TILE=32)[(2, 2), (32, 32)], *arrays)


def test_a_kernel_of_the_course_shows_what_was_recorded(tiled):
    mark = fingerprint(kernel_of_lesson_8("tiled", TILE=32).py_func)
    rows = lk.recorded("kernel-registers").rows
    row = next(row for row in rows if row["fingerprint"] == mark)
    for name, capability in (("t4", "7.5"), ("a100-sxm-80", "8.0"), ("h100-sxm", "9.0")):
        one = tiled[name]
        assert one.origin is Origin.RECORDED
        assert one.registers == row["registers"][capability]
        assert one.shared_bytes == row["shared_bytes"][capability]
        assert one.instructions == row["instructions"][capability]
        assert one.occupancy.warps_per_sm == lk.occupancy(
            1024, one.registers, one.shared_bytes, capability
        ).warps_per_sm  # fmt: skip
        assert sum(sum(kinds.values()) for kinds in one.lines.values()) == one.n_instructions


def test_counts_of_lines_that_have_moved_are_not_shown():
    """A comment does not change the machine code, but it moves the lines."""
    job = room.job_of(scaled, (1.0, "float32[::1]", "float32[::1]"), {})
    counted = {"1": {"other": 2}, "3": {"multiply": 1}, "None": {"other": 1}}
    line = job["first_line"]
    assert room._lines(job, counted) == {
        line + 1: {"other": 2}, line + 3: {"multiply": 1}, None: {"other": 1},
    }  # fmt: skip
    job["text"] = job["text"].replace("    i = ", "    # why\n    i = ")
    assert room._lines(job, counted) == {}


def test_amds_chips_say_why_numba_has_no_code_for_them(tiled):
    assert "write the kernel in Triton" in tiled["mi300x"].refusal


def test_each_line_says_its_origin_and_can_be_shown(tiled, capsys):
    lk.show(tiled)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(EIGHT)
    assert all(line.startswith("[recorded] tiled on ") for line in lines)


def test_the_table_has_a_row_for_each_chip(tiled):
    html = tiled._repr_html_()
    assert html.count("<tr>") == 1 + len(EIGHT)
    assert "[recorded] Instructions of tiled, not executed." in html


def test_a_chip_that_was_not_asked_for_is_a_sentence(tiled):
    with pytest.raises(KeyError, match=r"tiled was compiled for t4, .*, not for 'l4'\."):
        tiled["l4"]


@pytest.mark.parametrize("arguments", [
    (1.0, "float32[::1]", "float32[::1]"), (1.0, "float32[:]", np.ones(3)),
])  # fmt: skip
def test_any_other_kernel_needs_the_compilers(nothing_installed, arguments):
    with pytest.raises(LookupError, match="numba-cuda is not installed here"):
        lk.compile_for(scaled[1, 32], *arguments)
    with pytest.raises(LookupError, match="triton is not installed here"):
        lk.compile_for(tile, "*fp32", "i32", BLOCK=64)


MATMUL = "*fp16", "*fp16", "*fp16", "i32:16", "i32:16", "i32:16"


def edited_matmul(**options):
    """`compile_for` of another tile kernel that has the name and arguments of lesson 09's."""

    @triton.jit
    def matmul(
        a, b, c, m, n, k, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr
    ):  # fmt: skip
        tl.store(c + tl.arange(0, ROWS), 0)

    return lk.compile_for(matmul, *MATMUL, COLUMNS=128, DEPTH=32, num_stages=3, **options)


def test_an_edited_tile_kernel_of_the_course_shows_what_was_recorded_and_says_so(nothing_installed):
    found = edited_matmul(ROWS=128, num_warps=4)
    assert found["a100-sxm-80"].registers == 244
    assert found["a100-sxm-80"].lines == {}
    assert found["a100-sxm-80"].source.endswith("of the course's own matmul")
    words = "triton is not installed here. So these are the recorded numbers of the unedited kernel"
    for shown in (found.notice, found._repr_html_(), str(found)):
        assert words in shown
    assert "[recorded] matmul: matmul as it stands here" in str(found)


def test_an_edited_tile_kernel_called_otherwise_needs_the_compilers(nothing_installed):
    with pytest.raises(LookupError, match="With what the lesson had in its place, it goes on"):
        edited_matmul(ROWS=32, num_warps=4)


def test_elsewhere_than_on_linux_there_is_a_sentence(monkeypatch):
    for platform in ("win32", "darwin"):
        monkeypatch.setattr(sys, "platform", platform)
        assert "on Linux only" in children.missing("triton")


# Live results, the compilers being played


def played(monkeypatch, **figures):
    """compile_for with compilers that say the same of every kernel."""
    said = {
        "versions": {"ptxas": "99.0"}, "registers": 40, "spill_bytes": 8, "local_bytes": 8,
        "shared_bytes": 128, "assembly": SASS, **figures,
    }  # fmt: skip
    monkeypatch.setattr(children, "missing", lambda which: "")
    monkeypatch.setattr(
        children, "compiled", lambda jobs, architectures: [dict.fromkeys(architectures, said)]
    )


def test_what_is_compiled_here_is_measured(monkeypatch):
    played(monkeypatch)
    one = lk.compile_for(scaled[4, 128, 0, 1024], 1.0, "float32[::1]", "float32[::1]")["t4"]
    assert (one.origin, one.source, one.spills) == (Origin.MEASURED, "ptxas 99.0", "8 B")
    assert one.is_spilled
    assert one.instructions == {"multiply": 1, "global_loads": 1, "other": 2}
    assert one.shared_bytes == 128 + 1024
    assert one.occupancy == lk.occupancy(128, 40, 1152, "7.5")


def test_without_a_launch_the_occupancy_is_unknown(monkeypatch):
    played(monkeypatch)
    found = lk.compile_for(scaled, 1.0, "float32[::1]", "float32[::1]", chips="t4")
    assert found["t4"].occupancy is None


def test_a_block_that_cannot_be_launched_says_so(monkeypatch):
    played(monkeypatch, registers=255)
    found = lk.compile_for(scaled[1, 1024], 1.0, "float32[::1]", "float32[::1]", chips="t4")
    assert "the launch fails: a block needs" in str(found)


def test_a_newer_compiler_is_a_notice(monkeypatch):
    played(monkeypatch)
    arrays = [np.ones((64, 64), np.float32) for _ in range(3)]
    found = lk.compile_for(kernel_of_lesson_8("tiled", TILE=32), *arrays, chips=["t4", "b200"])
    assert "gave other figures for sm_75, sm_100" in found.notice
    assert found.notice in found._repr_html_()
    assert found.notice in str(found)


def test_a_kernel_that_does_not_compile_shows_the_compilers_words_and_the_line(monkeypatch):
    line = scaled.py_func.__code__.co_firstlineno + 4
    played(monkeypatch, error="Typing failed:\n\n no match " + "x" * 500, line=line)
    one = lk.compile_for(scaled, 1.0, "float32[::1]", "float32[::1]", chips="t4")["t4"]
    assert one.refusal.startswith(f"line {line}, `y[i] = a * x[i]`: Typing failed: no match")
    assert len(one.refusal) < 350
    assert "not compiled" in str(one)


def test_a_compiler_that_crashes_is_a_sentence(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho out of memory\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(children.CompilersFailedError, match="did not run: out of memory"):
        children.compiled([{"with": "triton"}], ["sm_80"], broken)


SLEEPY = """
import os, sys, time, types
sys.path.insert(0, sys.argv[1])
import compile_jobs

def compiled(job, architecture):
    print(os.getpid(), flush=True)
    time.sleep(600)

compile_jobs.MODULES["sleepy"] = "sleepy"
sys.modules["sleepy"] = types.SimpleNamespace(compiled=compiled)
compile_jobs.main(sys.argv[2], sys.argv[3])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the compilers run on Linux only")
def test_a_killed_compiler_leaves_nothing_running(tmp_path):
    jobs = tmp_path / "jobs.pickle"
    jobs.write_bytes(pickle.dumps(([{"with": "sleepy"}], ["sm_80"])))
    command = [sys.executable, "-c", SLEEPY, children.PROGRAM.parent, jobs, tmp_path / "out"]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as child:
        worker = psutil.Process(int(child.stdout.readline()))
        child.kill()
    psutil.wait_procs([worker], timeout=30)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


# Jobs


@pytest.mark.parametrize(("value", "expected"), [
    ("*fp16", ("*fp16", True)), ("i32", ("i32", False)), ("i32:16", ("i32", True)),
    (np.ones(3, np.float32), ("*fp32", True)), (np.int64(7), ("i32", False)),
    (1, ("constexpr", False)),
    (None, ("constexpr", False)), (48, ("i32", True)), (2**31, ("i64", True)),
    (-(2**31), ("i32", True)),
    (2**63, ("u64", True)), (True, ("i1", False)), (1.5, ("fp32", False)), (1.0, ("fp32", False)),
])  # fmt: skip
def test_an_argument_has_the_type_that_a_launch_would_give_it(value, expected):
    assert typed("x", value) == expected


@pytest.mark.parametrize("value", ["*fp99", "float32", "", "i32:8", {}, np.ones(2, "U3"), 1j])
def test_an_argument_that_cannot_be_is_a_sentence_with_its_name(value):
    with pytest.raises(TypeError, match=r"^weight is .*\.$"):
        typed("weight", value)


@pytest.mark.parametrize(("arguments", "keywords", "words"), [
    (("*fp32",), {}, "missing a required argument: 'n'"),
    (("*fp32", 8, 64, HALF, 5), {}, "too many positional arguments"),
    (("*fp32", 8), {"BLOCK": 64, "BLOK": 3}, "no argument 'BLOK', and Triton no such option"),
    (("*fp32", 8), {"BLOCK": print}, "BLOCK is a"),
])  # fmt: skip
def test_a_call_that_does_not_fit_is_a_sentence(arguments, keywords, words):
    with pytest.raises(TypeError, match=words):
        lk.compile_for(tile, *arguments, **keywords)


def test_options_of_triton_are_none_of_numbas():
    with pytest.raises(TypeError, match="no option 'num_warps' here"):
        lk.compile_for(scaled, num_warps=4)


@pytest.mark.parametrize("thing", [3, print, None, "tiled"])
def test_what_is_not_a_kernel_is_a_sentence(thing):
    with pytest.raises(TypeError, match=r"Give a @cuda\.jit kernel"):
        lk.compile_for(thing)


def test_a_kernel_without_source_is_a_sentence():
    space = {"cuda": cuda}
    exec("@cuda.jit\ndef lost(x):\n    x[0] = 1", space)
    with pytest.raises(KernelError, match="the source of lost cannot be found"):
        lk.compile_for(space["lost"], "float32[::1]")


def test_a_job_takes_all_that_a_tile_kernel_names():
    job = tile_job(tile, ("*fp32", 48), {"BLOCK": 64, "num_warps": 8})
    assert job["signature"] == {"x": "*fp32", "n": "i32", "BLOCK": "constexpr", "KIND": "constexpr"}
    assert job["constants"] == {"BLOCK": ("value", 64), "KIND": ("dtype", "fp16")}
    assert job["divisible_by_16"] == [0, 1]
    assert job["options"] == {"num_warps": 8}
    names = job["kernel"]["names"]
    assert names["tl"] == ("module", "triton.language")
    assert names["TILES"] == ("constant", 2)
    assert names["helper"][0] == "function"
    assert names["helper"][1]["names"] == {"WIDTH": ("value", 4)}
    assert job["text"].startswith("def tile(x, n, BLOCK")


CALLS = st.fixed_dictionaries({
    "pointer": st.sampled_from(["*fp16", "*fp32"]), "n": st.sampled_from(["i32", "i32:16", "i64"]),
    "BLOCK": st.sampled_from([32, 64]), "num_warps": st.sampled_from([1, 4]),
})  # fmt: skip


@given(CALLS, CALLS)
def test_the_mark_of_a_job_tells_calls_apart(one, other):
    marks = [
        records.mark_of(
            tile_job(tile, (call["pointer"], call["n"]),
                     {"BLOCK": call["BLOCK"], "num_warps": call["num_warps"]})
        )
        for call in (one, other)
    ]  # fmt: skip
    assert (marks[0] == marks[1]) == (one == other)


def test_the_mark_holds_where_a_kernel_stands_elsewhere():
    job = tile_job(tile, ("*fp32", 48), {"BLOCK": 64})
    moved = json.loads(json.dumps(job)) | {"first_line": 900, "constants": job["constants"]}
    moved["kernel"]["line"] = 900
    moved["kernel"]["text"] = job["kernel"]["text"].replace("    at =", "    # why\n    at =")
    assert records.mark_of(moved) == records.mark_of(job)
    moved["kernel"]["names"]["helper"][1]["names"]["WIDTH"] = ("value", 5)
    assert records.mark_of(moved) != records.mark_of(job)


def test_every_recorded_tile_kernel_names_its_source_and_compiled_somewhere():
    for row in lk.recorded("tile-kernels").rows:
        assert row["source"].startswith("lessons/")
        for figures in row["figures"].values():
            assert "error" in figures or sum(figures["instructions"].values()) > 0
            assert set(figures.get("instructions", {})) <= set(KINDS)


# The stand-ins


def test_a_kernel_without_triton_says_how_to_get_it():
    for run in (lambda: tile[(1,)](None), lambda: tile(None), lambda: tl.load(None)):
        with pytest.raises(ModuleNotFoundError, match=r"install -r requirements-compilers\.txt"):
            run()


def test_the_stand_in_knows_what_is_computed_outside_of_kernels():
    assert (triton.cdiv(10, 4), triton.next_power_of_2(33)) == (3, 64)
    assert isinstance(triton.language, types.ModuleType)


def test_the_room_loads_no_compiler():
    code = "import sys, labkit.compilers; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"triton", "numba", "torch"} & set(out.stdout.split())


def test_unknown_names_of_the_room_are_refused():
    with pytest.raises(AttributeError, match=r"labkit\.compilers has no name 'tla'"):
        _ = compilers.tla
