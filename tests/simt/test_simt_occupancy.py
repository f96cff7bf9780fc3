"""Occupancy: worked values, and NVIDIA's own header over every configuration."""

import ast
import importlib.util
import itertools
import shutil
import subprocess
from pathlib import Path

import pytest

from labkit.results import recorded
from labkit.simt import cuda, occupancy, ptxas_records
from labkit.simt.occupancy import LIMITS

WARPS, BLOCKS, REGISTERS, SHARED = "warps", "blocks", "registers", "shared"
# (threads, registers, shared bytes) -> capability -> (blocks, occupancy, what binds)
WORKED = {
    (256, 30, 2048): {
        "7.5": (4, 1, {WARPS}),
        "8.0": (8, 1, {WARPS, REGISTERS}),
        "9.0": (8, 1, {WARPS, REGISTERS}),
        "8.6": (6, 1, {WARPS}),
        "8.9": (6, 1, {WARPS}),
        "12.0": (6, 1, {WARPS}),
    },
    (1024, 64, 0): {
        "7.5": (1, 1, {WARPS, REGISTERS}),
        "8.0": (1, 0.5, {REGISTERS}),
        "9.0": (1, 0.5, {REGISTERS}),
        "8.6": (1, 2 / 3, {WARPS, REGISTERS}),
        "8.9": (1, 2 / 3, {WARPS, REGISTERS}),
        "12.0": (1, 2 / 3, {WARPS, REGISTERS}),
    },
    (1024, 65, 0): dict.fromkeys(("7.5", "8.0", "8.6", "8.9", "9.0", "12.0"), (0, 0, None)),
    (32, 32, 0): {
        "7.5": (16, 0.5, {BLOCKS}),
        "8.0": (32, 0.5, {BLOCKS}),
        "9.0": (32, 0.5, {BLOCKS}),
        "8.6": (16, 1 / 3, {BLOCKS}),
        "8.9": (24, 0.5, {BLOCKS}),
        "12.0": (24, 0.5, {BLOCKS}),
    },
    (256, 128, 0): {
        "7.5": (2, 0.5, {REGISTERS}),
        "8.0": (2, 0.25, {REGISTERS}),
        "9.0": (2, 0.25, {REGISTERS}),
        "8.6": (2, 1 / 3, {REGISTERS}),
        "8.9": (2, 1 / 3, {REGISTERS}),
        "12.0": (2, 1 / 3, {REGISTERS}),
    },
    (128, 32, 49152): {
        "7.5": (1, 0.125, {SHARED}),
        "8.0": (3, 0.1875, {SHARED}),
        "9.0": (4, 0.25, {SHARED}),
        "8.6": (2, 1 / 6, {SHARED}),
        "8.9": (2, 1 / 6, {SHARED}),
        "12.0": (2, 1 / 6, {SHARED}),
    },
}


@pytest.mark.parametrize("config", WORKED, ids=str)
def test_worked_values(config):
    for capability, (blocks, share, binding) in WORKED[config].items():
        found = occupancy(*config, capability)
        assert found.blocks_per_sm == blocks
        assert found.occupancy == pytest.approx(share)
        if binding is not None:
            assert set(found.limited_by) == binding, capability


def test_capabilities_are_spelled_in_three_ways():
    assert (
        occupancy(256, 30, 0, 8.0) == occupancy(256, 30, 0, "8.0") == occupancy(256, 30, 0, (8, 0))
    )
    assert "limited by" in str(occupancy(256, 30, 0, 12.0))
    assert "launch fails" in str(occupancy(1024, 65, 0, 12.0))


# The kernels of the course, whose registers are recorded


def kernel_of_lesson_8(name, **constants):
    """A kernel as it stands in the lesson, with other constants around it."""
    path = Path(__file__).parents[2] / "lessons/lesson_08_matmul_ladder/lesson.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", None) == name]
    space = {"cuda": cuda, **constants}
    exec(compile(tree, str(path), "exec"), space)
    return space[name]


def test_a_kernel_of_the_course_brings_its_registers_and_shared_bytes():
    found = occupancy(kernel_of_lesson_8("tiled", TILE=32)[1, (32, 32)], compute_capability="8.0")
    rows = [row for row in recorded("kernel-registers").rows if row["kernel"] == "tiled"]
    assert found.registers.value == rows[0]["registers"]["8.0"]
    given = occupancy(1024, found.registers.value, 2 * 32 * 32 * 4, "8.0")
    assert (found.occupancy, found.limits) == (given.occupancy, given.limits)


def test_recorded_registers_say_where_they_are_from():
    found = occupancy(kernel_of_lesson_8("tiled", TILE=32)[1, (32, 32)], compute_capability="8.0")
    modelled, source = str(found).splitlines()
    assert modelled.startswith("[modelled] occupancy: ")
    assert source.startswith("[recorded] registers of tiled, compute capability 8.0: ")
    assert "ptxas" in source


def test_dynamic_shared_memory_is_added_to_the_recorded_bytes():
    launch = kernel_of_lesson_8("tiled", TILE=32)[1, (32, 32), 0, 150_000]
    assert occupancy(launch, compute_capability="8.0").limits["shared"] == 1


@pytest.mark.parametrize(
    ("tile", "capability", "words"),
    [
        (16, "8.0", "No registers are recorded for tiled: it is not, or no longer, a kernel of"),
        (32, "12.0", "tiled was compiled for 7.5, 8.0, 9.0, 10.0 and not for 12.0"),
    ],
    ids=["another constant", "another architecture"],
)
def test_what_was_not_compiled_is_refused(tile, capability, words):
    launch = kernel_of_lesson_8("tiled", TILE=tile)[1, (tile, tile)]
    with pytest.raises(ValueError, match=words):
        occupancy(launch, compute_capability=capability)


@pytest.mark.parametrize("given", [(256,), (256, 30), ("kernel", 30)], ids=str)
def test_half_of_the_amounts_is_refused(given):
    with pytest.raises(ValueError, match="Give all three as numbers, or only a launch"):
        occupancy(*given, compute_capability="8.0")


def test_of_several_types_of_arguments_the_most_counts(monkeypatch):
    @cuda.jit
    def kernel(x):
        x[0] = 1

    mark = ptxas_records.fingerprint(kernel.py_func)
    rows = [
        {"fingerprint": mark, "registers": {"8.0": n}, "shared_bytes": {"8.0": 0}} for n in (8, 60)
    ]
    record = type("Record", (), {"rows": rows, "source": "a test, today"})
    monkeypatch.setattr(ptxas_records, "recorded", lambda key: record)
    assert occupancy(kernel[1, 32], compute_capability="8.0").registers.value == 60


# What tells one kernel from another

STEP = 1


@cuda.jit(device=True)
def step(x):
    return x + STEP


def counts_on(x):
    x[0] = step(x[0])


def test_a_fingerprint_does_not_depend_on_a_global_with_the_name_of_a_local(monkeypatch):
    def kernel(out):
        x = cuda.threadIdx.x
        out[x] = x

    before = ptxas_records.fingerprint(kernel)
    monkeypatch.setitem(globals(), "x", 5)
    ptxas_records.frozen.cache_clear()
    assert ptxas_records.fingerprint(kernel) == before


def test_a_fingerprint_changes_with_a_constant_of_a_device_function(monkeypatch):
    before = ptxas_records.fingerprint(counts_on)
    assert ptxas_records.fingerprint(counts_on) == before
    monkeypatch.setitem(globals(), "STEP", 2)
    ptxas_records.frozen.cache_clear()
    assert ptxas_records.fingerprint(counts_on) != before


PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cuda_occupancy.h"
/* capability, threads per SM, blocks ignored (the header knows them), shared per SM, per block,
reserved */
int main(int argc, char **argv) {
    int major, minor, per_sm, shared, per_block, reserved;
    while (scanf("%d %d %d %d", &major, &minor, &per_sm, &shared) == 4 &&
           scanf("%d %d", &per_block, &reserved) == 2) {
        cudaOccDeviceProp p; memset(&p, 0, sizeof p);
        p.computeMajor = major; p.computeMinor = minor; p.maxThreadsPerBlock = 1024;
        p.maxThreadsPerMultiprocessor = per_sm; p.regsPerBlock = 65536;
        p.regsPerMultiprocessor = 65536;
        p.warpSize = 32; p.sharedMemPerBlock = 49152; p.numSms = 1;
        p.sharedMemPerMultiprocessor = shared;
        p.sharedMemPerBlockOptin = per_block; p.reservedSharedMemPerBlock = reserved;
        for (int a = 1; a < argc; a++) {
            int threads, regs, bytes;
            sscanf(argv[a], "%d,%d", &threads, &bytes);
            for (regs = 16; regs <= 256; regs++) {
                cudaOccFuncAttributes f; memset(&f, 0, sizeof f);
                f.maxThreadsPerBlock = 1024; f.numRegs = regs; f.sharedSizeBytes = 0;
                f.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
                f.maxDynamicSharedSizeBytes = per_block;
                cudaOccDeviceState s; memset(&s, 0, sizeof s);
                s.carveoutConfig = SHAREDMEM_CARVEOUT_MAX_SHARED;
                cudaOccResult r; memset(&r, 0, sizeof r);
                int e = cudaOccMaxActiveBlocksPerMultiprocessor(&r, &p, &f, &s, threads, bytes);
                printf("%d\n", e == CUDA_OCC_SUCCESS ? r.activeBlocksPerMultiprocessor : -1);
            }
        }
    }
    return 0;
}
"""


def header():
    """The folder of cuda_occupancy.h in the nvidia-cuda-runtime wheel, or None."""
    spec = importlib.util.find_spec("nvidia")
    for place in spec.submodule_search_locations if spec else ():
        for path in Path(place).rglob("cuda_occupancy.h"):
            return path.parent
    return None


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    folder = header()
    if folder is None:
        pytest.skip("nvidia-cuda-runtime is not installed: it holds cuda_occupancy.h")
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc to compile cuda_occupancy.h with")
    place = tmp_path_factory.mktemp("occupancy")
    (place / "oracle.c").write_text(PROGRAM, encoding="utf-8")
    command = [
        "gcc",
        "-O2",
        "-w",
        f"-I{folder}",
        str(place / "oracle.c"),
        "-o",
        str(place / "oracle"),
    ]
    subprocess.run(command, check=True)
    return place / "oracle"


@pytest.mark.parametrize("capability", LIMITS)
def test_the_header_agrees_on_every_configuration(oracle, capability):
    sm = LIMITS[capability]
    threads = [*range(32, 1057, 32), *range(1, 1057, 37)]
    shared = [0, 1000, 2048, 16384, 49152, sm.shared_bytes_per_block, sm.shared_bytes_per_block + 1]
    pairs = list(itertools.product(threads, shared))
    major, minor = capability.split(".")
    figures = (
        major,
        minor,
        sm.warps * 32,
        sm.shared_bytes,
        sm.shared_bytes_per_block,
        sm.reserved_bytes,
    )
    found = subprocess.run(
        [oracle, *[f"{t},{b}" for t, b in pairs]],
        input=" ".join(map(str, figures)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    configurations = [(t, r, b) for t, b in pairs for r in range(16, 257)]
    assert len(found) == len(configurations)
    wrong = [
        (config, int(theirs), occupancy(*config, capability).blocks_per_sm)
        for config, theirs in zip(configurations, found, strict=True)
        if max(int(theirs), 0) != occupancy(*config, capability).blocks_per_sm
    ]
    assert not wrong[:5], f"{len(wrong)} of {len(found)}"
