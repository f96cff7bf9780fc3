"""Virtual devices, XLA's output, races in kernels, and the TPU compiler, here or recorded."""

import importlib.util
import itertools
import json
import math
import subprocess
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.results import recorded
from labkit.tpu import collectives, compile_for_tpu, entry, exchanges, n_fetches, operations
from labkit.tpu.compiler import TpuProgram, _brief, _refusal

HAS_LIBTPU = importlib.util.find_spec("libtpu") is not None
ROWS = {row["name"]: row for row in recorded("tpu-compiler").rows}
HLO = """HloModule jit_f
%body (p: f32[8]) -> f32[8] {
  ROOT %all-gather.2 = f32[8] all-gather(%p), dimensions={0}
}

ENTRY %main (x: f32[8]) -> f32[8] {
  %x = f32[8]{0} parameter(0), sharding={replicated}, metadata={op_name="x"}
  %start = f32[8]{0} all-reduce-start(%x), metadata={op_name="secret.py"}
  ROOT %done = f32[8]{0} all-reduce-done(%start), backend_config={"a":"b"}
}
"""
PROGRAM = types.SimpleNamespace(as_text=lambda: HLO)


def python(code):
    """What a fresh Python prints: JAX counts its devices once in a process."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


# Devices


def test_there_are_as_many_devices_as_asked_for():
    code = "from labkit.tpu import cpu_devices as d; print(len(d(8)), len(d(8)), len(d(3)))"
    assert python(code) == "8 8 3"


def test_devices_come_too_late_once_jax_runs():
    code = "import jax; jax.devices(); from labkit import tpu; tpu.cpu_devices(8)"
    assert "JAX already runs, with 1 CPU device: too late for 8. Restart" in python(code)


def test_without_jax_there_is_a_sentence():
    code = "import sys; sys.modules['jax'] = None; from labkit import tpu; tpu.cpu_devices(8)"
    assert "JAX cannot be imported here" in python(code)
    assert "run `pip install jax`" in python(code)


def test_flags_that_already_ask_for_devices_are_kept():
    code = (
        "import os; os.environ['XLA_FLAGS'] = '--xla_force_host_platform_device_count=4';"
        "from labkit import tpu; print(len(tpu.cpu_devices(4)))"
    )
    assert python(code) == "4"


@pytest.mark.parametrize("n", [0, -1, 2.5, "8"])
def test_a_number_of_devices_is_a_positive_integer(n):
    from labkit.tpu import cpu_devices

    with pytest.raises(ValueError, match="must be a positive integer"):
        cpu_devices(n)


def test_a_mesh_larger_than_the_devices_is_a_sentence():
    code = (
        "from labkit.tpu import cpu_devices; devices = cpu_devices(8); import jax;"
        "jax.make_mesh((4, 4), ('data', 'model'), devices=devices)"
    )
    assert "Number of devices 8 must be >= the product of mesh_shape (4, 4)" in python(code)


# Reading HLO


def test_the_entry_has_no_names_of_files():
    assert entry(PROGRAM).splitlines() == [
        "ENTRY %main (x: f32[8]) -> f32[8] {",
        "  %x = f32[8]{0} parameter(0)",
        "  %start = f32[8]{0} all-reduce-start(%x)",
        "  ROOT %done = f32[8]{0} all-reduce-done(%start)",
        "}",
    ]


def test_a_text_without_an_entry_is_a_sentence():
    with pytest.raises(ValueError, match="has no ENTRY, so it isn't HLO"):
        entry(types.SimpleNamespace(as_text=lambda: "module @jit_f {}"))


def test_an_asynchronous_collective_counts_once():
    assert collectives(PROGRAM) == {"all-gather": 1, "all-reduce": 1}


def said(*lines):
    """A program whose text is these lines."""
    text = "\n".join(["HloModule jit_f, num_partitions=6", *lines])
    return types.SimpleNamespace(as_text=lambda: text)


@pytest.mark.parametrize(("line", "exchange"), [
    ("ROOT %r = f32[256,1024]{1,0} all-reduce(%x), replica_groups={{0,1},{2,3}}, to_apply=%add",
     ("all-reduce", 2, 2**20)),
    ("%r = bf16[8,128]{1,0:T(8,128)(2,1)} all-gather(%x), replica_groups=[2,4]<=[8]",
     ("all-gather", 4, 2048)),
    ("%r = f32[16]{0} reduce-scatter(%x), replica_groups=[1,8]<=[8], dimensions={0}",
     ("reduce-scatter", 8, 512)),
    ("r = (f32[4]{0}, s8[4]{0}) all-reduce(x, y), replica_groups={}", ("all-reduce", 6, 20)),
    ("%s = (f32[4]{0}, f32[8]{0}) all-gather-start(%x), replica_groups={{0,1}}",
     ("all-gather", 2, 32)),
    ("%s = (f32[4]{0}, f32[4]{0}, u32[], u32[]) collective-permute-start(%x), "
     "source_target_pairs={{0,1},{1,2},{2,0}}", ("collective-permute", 3, 16)),
    ("%r = pred[] all-reduce(%x), replica_groups={{0,1,2}}", ("all-reduce", 3, 1)),
    ("%r = f32[8]{0} all-reduce(%x), replica_groups=mesh['a'=1,'b'=2,'c'=4], "
     "device_ids=([4,2]T(1,0)) {'b'}, to_apply=%add.clone", ("all-reduce", 2, 32)),
    ("%r = f32[8]{0} all-gather(%x), replica_groups=mesh['a'=2,'b'=4] {'a','b':(2)2}, "
     "dimensions={0}", ("all-gather", 4, 32)),
])  # fmt: skip
def test_a_collective_says_how_many_bytes_it_is_about(line, exchange):
    assert exchanges(said(line, "%d = f32[4] all-reduce-done(%s)")) == [exchange]


def test_a_collective_without_groups_is_a_sentence():
    with pytest.raises(ValueError, match="doesn't say which devices take part: %r = f32"):
        exchanges(said("%r = f32[8] all-gather(%x), dimensions={0}"))


@pytest.mark.parametrize("sign", ["", "%"])
def test_operations_are_those_that_compute(sign):
    text = (
        "ENTRY main.9 {\n  x.1 = f32[4,8]{1,0} parameter(0)\n  a.2 = f32[8,8]{1,0} parameter(1)\n"
        "  dot.3 = f32[4,8]{1,0} dot(x.1, a.2), lhs_contracting_dims={1}\n"
        "  c.4 = f32[] constant(0)\n  b.5 = f32[4,8]{1,0} broadcast(c.4), dimensions={}\n"
        "  m.6 = f32[4,8]{1,0} maximum(dot.3, b.5)\n"
        "  ROOT t.7 = (f32[4,8]{1,0}, f32[]) tuple(m.6, c.4)\n}"
    )
    for name in ("x.1", "a.2", "dot.3", "c.4", "b.5", "m.6", "t.7"):
        text = text.replace(name, sign + name)
    assert operations(text) == {"dot": 1, "maximum": 1}


def test_three_frameworks_handed_over_the_same_model():
    rows = recorded("front-doors").rows
    assert {row["door"] for row in rows} == {"in_jax", "in_tensorflow", "in_pytorch"}
    for row in rows:
        computed = {name: n for name, n in row["operations"].items() if name != "transpose"}
        assert computed == {"dot": 2, "maximum": 1}, row["door"]


# Fetches


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_block_that_never_changes_is_fetched_once(grid):
    assert n_fetches(grid, lambda *place: (0, 0)) == 1


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_block_of_its_own_for_each_step_is_fetched_each_time(grid):
    assert n_fetches(grid, lambda *place: place) == math.prod(grid)


@given(st.lists(st.integers(1, 4), min_size=3, max_size=3), st.sampled_from(range(3)))
def test_a_block_that_follows_one_axis_is_fetched_when_that_axis_moves(grid, axis):
    places = [place[axis] for place in itertools.product(*map(range, grid))]
    moves = 1 + sum(a != b for a, b in itertools.pairwise(places))
    assert n_fetches(grid, lambda *place: (place[axis],)) == moves


# Races


def test_a_copy_that_nobody_waits_for_is_a_race_though_its_value_is_right():
    assert run_copy(waits=False) == (True, 1)


def test_a_copy_that_is_waited_for_is_no_race():
    assert run_copy(waits=True) == (True, 0)


def run_copy(waits):
    """Double an array by way of a copy: (is it right, races found)."""
    import jax
    import numpy as np
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import tpu as pltpu

    from labkit.tpu import watch

    def kernel(x_ref, y_ref, buffer, done):
        copy = pltpu.make_async_copy(x_ref, buffer, done)
        copy.start()
        if waits:
            copy.wait()
        y_ref[...] = 2 * buffer[...]
        if not waits:
            copy.wait()

    x = np.ones((8, 128), np.float32)
    result, n_races = watch(
        lambda: pl.pallas_call(
            kernel,
            in_specs=[pl.BlockSpec(memory_space=pl.ANY)],
            out_shape=jax.ShapeDtypeStruct(x.shape, x.dtype),
            scratch_shapes=[pltpu.VMEM(x.shape, x.dtype), pltpu.SemaphoreType.DMA],
            interpret=pltpu.InterpretParams(detect_races=True, dma_execution_mode="eager"),
        )(x)
    )
    return bool((result == 2).all()), n_races


# The TPU compiler


@pytest.mark.parametrize("n", [127, 128, 129, 136, 1024, 1025])
def test_recorded_bytes_are_whole_tiles_of_8_by_128(n):
    rows, columns = math.ceil(n / 8) * 8, math.ceil(n / 128) * 128
    assert ROWS[f"matmul {n}"]["argument_bytes"] == 2 * rows * columns * 2


def test_one_row_and_column_more_than_a_tile_cost_cycles():
    assert 1.05 < ROWS["matmul 129"]["cycles"] / ROWS["matmul 128"]["cycles"] < 1.2
    assert 1.1 < ROWS["matmul 1025"]["cycles"] / ROWS["matmul 1024"]["cycles"] < 1.2


def test_up_to_256_rows_cost_little_and_512_cost_half_as_much_again():
    cycles = {b: ROWS[f"batch {b}"]["cycles"] for b in (8, 128, 256, 512)}
    assert cycles[256] < 1.2 * cycles[8]
    assert 1.4 < cycles[512] / cycles[256] < 2


def test_no_estimate_beats_four_units_of_128_by_128():
    for b in (8, 64, 128, 256, 512):
        assert ROWS[f"batch {b}"]["cycles"] > b * 8192**2 / (4 * 128 * 128)


def test_the_recorded_refusals_are_tile_vmem_and_hbm():
    refused = {name: row["refusal"] for name, row in ROWS.items() if row["refusal"]}
    assert set(refused) == {"pallas, block 64", "pallas, block 1024", "matmul 65536"}
    assert "multiples of 8 and 128" in refused["pallas, block 64"]
    assert "VMEM" in refused["pallas, block 1024"]
    assert "HBM" in refused["matmul 65536"]


def test_a_program_prints_as_one_modelled_line():
    program = TpuProgram("p", cycles=10, argument_bytes=2000)
    assert repr(program) == "[modelled] p: 10 cycles, 2 kB of arguments"
    assert repr(TpuProgram("p", refusal="too large")) == "[modelled] p: refused, too large"
    assert "no estimate of cycles" in repr(TpuProgram("p", argument_bytes=1))


def test_an_error_of_the_caller_is_no_refusal():
    with pytest.raises(ValueError, match="shapes do not fit"):
        _refusal(ValueError("shapes do not fit"))


def test_a_message_is_cut_where_it_names_files():
    text = "It needs 8 and 128. Block spec for args[0] at /home/me/x.py:3\nSee details at a page"
    assert _brief(ValueError(text)) == "It needs 8 and 128."


@pytest.fixture
def no_libtpu(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "libtpu" else find(name)
    )


def test_without_libtpu_a_recorded_program_says_when_it_was_recorded(no_libtpu):
    program = compile_for_tpu("matmul 129", None, ((129, 129), "bfloat16"))
    assert program.argument_bytes == 139264
    assert program.source.startswith("recorded: libtpu ")
    assert "2026" in program.source
    assert "libtpu is not installed here" in program.source


def test_without_libtpu_an_unknown_program_is_a_sentence(no_libtpu):
    with pytest.raises(LookupError, match=r"not installed.*no program 'mine' was recorded; there"):
        compile_for_tpu("mine", None)


LIVE = """
import json, jax.numpy as jnp
from jax.sharding import PartitionSpec as P
from labkit import tpu
for n in (128, 129):
    program = tpu.compile_for_tpu(f"matmul {n}", jnp.matmul, *[((n, n), "bfloat16")] * 2)
    print(json.dumps([program.cycles, program.argument_bytes]))
try:
    tpu.compile_for_tpu("mesh", jnp.sin, ((8, 128), "float32", P("x")), mesh={"x": 32})
except ValueError as error:
    print(error)
"""


@pytest.mark.skipif(not HAS_LIBTPU, reason="libtpu is not installed: see requirements-tpu.txt")
def test_the_compiler_says_today_what_was_recorded():
    *figures, refusal = python(LIVE).splitlines()
    for n, line in zip((128, 129), figures, strict=True):
        row = ROWS[f"matmul {n}"]
        assert json.loads(line) == [row["cycles"], row["argument_bytes"]]
    assert "asks for 32 devices, and v5e:4x4 has 16" in refusal
