"""A chip on paper: the A100 comes out of its own constants, and physics holds for every design."""

import dataclasses
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from labkit.draw import floorplan
from labkit.hardware import chip
from labkit.plan import ChipDesign, Decoder, a100_design, a100_technology
from labkit.results import recorded
from labkit.units import GIB, MIB
from labkit.workload import Work

LLAMA = Decoder("Llama 3 8B", 8_030_000_000, 32, 32, 8, 128)
WEIGHTS = 2 * LLAMA.n_params


def design(**changes):
    parts = {"n_macs": 60_000, "sram_bytes": 80 * MIB, "hbm_stacks": 4, "n_links": 8} | changes
    return ChipDesign("toy", **parts)


designs = st.builds(
    design,
    n_macs=st.integers(1000, 60_000),
    sram_bytes=st.integers(1, 200) .map(lambda n: n * MIB),
    hbm_stacks=st.integers(1, 6),
    n_links=st.integers(1, 20),
    machinery=st.floats(0, 1),
    power_limit_w=st.floats(300, 900),
)  # fmt: skip
works = st.builds(Work, st.floats(1, 1e16), st.floats(1, 1e12), st.floats(0, 1e12))


# The A100


def test_the_a100_fills_its_own_die_and_its_own_power():
    a100 = a100_design()
    assert sum(a100.areas_mm2.values()) == pytest.approx(826)
    assert sum(a100.wanted_w.values()) == pytest.approx(400)


def test_the_a100_has_the_peak_bandwidth_and_memory_of_the_catalogue():
    a100, known = a100_design(), chip("a100-sxm-80")
    assert a100.peak_flop_per_s == pytest.approx(known.peak("bf16").value)
    assert a100.hbm_bytes_per_s == pytest.approx(known.bandwidth.value)
    assert a100.hbm_bytes == known.memory.value


def test_its_ridge_is_that_of_the_catalogue():
    assert a100_design().roofline().ridge_flop_per_byte == pytest.approx(312e12 / 2039e9)


def test_a_bare_mac_is_a_small_part_of_what_a_gpu_spends_on_one():
    t = a100_technology()
    assert 10 < t.mac_mm2 / t.bare_mac_mm2 < 30
    assert 2 < t.mac_j / t.bare_mac_j < 5


# The constants, held against what they were not made from


def test_a_wafer_of_this_sram_would_be_about_half_memory():
    """Cerebras prints 40 GB of SRAM on 46,225 mm² in the same process."""
    wafer = chip("wse2")
    area = wafer.memory.value * a100_technology().sram_mm2_per_byte
    assert 0.4 < area / wafer.figures["die_mm2"].value < 0.65


@pytest.mark.parametrize(("field", "op", "kind"), [
    ("sram_j_per_byte", "sram_64b", "1MB"), ("hbm_j_per_byte", "dram_64b", "HBM2"),
])  # fmt: skip
def test_energies_agree_with_the_estimator_behind_accelforge(field, op, kind):
    (row,) = [
        row for row in recorded("estimator-energies").rows
        if (row["op"], row["kind"], row["node_nm"]) == (op, kind, 7)
    ]  # fmt: skip
    assert getattr(a100_technology(), field) == pytest.approx(row["energy_j"] / 8, rel=0.2)


# Every design


@given(designs)
def test_powers_keep_to_the_limit(chip):
    others = sum(watts for part, watts in chip.wanted_w.items() if part != "MACs")
    assert sum(chip.powers_w.values()) <= max(chip.power_limit_w, others) * (1 + 1e-9)
    assert chip.peak_flop_per_s <= 2 * chip.n_macs * chip.technology.clock_hz * (1 + 1e-9)


@given(designs, works, st.floats(1, 1e11))
def test_no_run_is_faster_than_its_parts_allow(chip, work, resident_bytes):
    assume(chip.peak_flop_per_s)
    run = chip.run(work, resident_bytes)
    rate = chip.sram_bytes_per_s if resident_bytes <= chip.sram_bytes else chip.hbm_bytes_per_s
    assert run.time_s >= work.flop / run.n_chips / chip.peak_flop_per_s * (1 - 1e-9)
    assert run.time_s >= work.bytes / run.n_chips / rate * (1 - 1e-9)
    assert run.energy_j > 0


@given(designs, works)
def test_another_stack_never_makes_a_memory_bound_token_slower(chip, work):
    wider = dataclasses.replace(chip, hbm_stacks=chip.hbm_stacks + 1, power_limit_w=1e4)
    unlimited = dataclasses.replace(chip, power_limit_w=1e4)
    assert wider.run(work, GIB).time_s <= unlimited.run(work, GIB).time_s * (1 + 1e-9)


def test_less_machinery_is_smaller_and_cheaper():
    full, lean = design(), design(machinery=0.3)
    assert lean.areas_mm2["MACs"] < full.areas_mm2["MACs"]
    assert lean.wanted_w["MACs"] < full.wanted_w["MACs"]


def test_without_hbm_a_model_takes_as_many_chips_as_hold_it():
    run = design(hbm_stacks=0, sram_bytes=GIB / 2, machinery=0.5).run(
        LLAMA.decode(1, 2048), WEIGHTS, n_syncs=64
    )
    assert run.n_chips == math.ceil(WEIGHTS / (GIB / 2))
    assert run.bound_by == "links"  # 64 waits take longer than reading half a GiB of SRAM


def test_what_fits_in_sram_is_read_from_there():
    run = design().run(Work(1, 1e6, 0), 60 * MIB)
    assert (run.n_chips, run.bound_by) == (1, "SRAM")


def test_over_the_power_limit_only_the_macs_slow_down():
    hot = design(power_limit_w=200)
    assert hot.hbm_bytes_per_s == design().hbm_bytes_per_s
    assert hot.peak_flop_per_s < design().peak_flop_per_s
    assert sum(hot.powers_w.values()) == pytest.approx(200)


# What cannot be


@pytest.mark.parametrize(("changes", "words"), [
    ({"n_macs": 200_000}, r"need [\d,]+ mm² and the die has 826"),
    ({"n_macs": -1}, "n_macs must be a number from 0"),
    ({"n_macs": 0}, "needs MACs"),
    ({"sram_bytes": 0, "hbm_stacks": 0}, "to feed them from"),
    ({"machinery": 1.5}, "machinery is a share"),
    ({"power_limit_w": 0}, "power_limit_w must be above 0"),
    ({"hbm_stacks": math.nan}, "hbm_stacks must be a number"),
    ({"n_macs": "many"}, "n_macs must be a number from 0, got 'many'"),
    ({"die_mm2": math.nan}, "die_mm2 must be above 0, got nan"),
])  # fmt: skip
def test_a_design_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        design(**changes)


def test_chips_that_need_one_another_need_links():
    with pytest.raises(ValueError, match="has no links, and this workload needs 2 chips"):
        design(n_links=0).run(Work(1, 1, 0), 100 * GIB)


@pytest.mark.parametrize("memory", ["hbm", "L2", "SRAM"])
def test_a_roofline_over_a_memory_that_is_not_there_is_a_sentence(memory):
    with pytest.raises(ValueError, match=f"has no '{memory}' for a roofline: it has HBM"):
        design(sram_bytes=0).roofline(memory)


def test_bytes_that_cannot_be_are_a_sentence():
    with pytest.raises(ValueError, match="resident_bytes must be a number from 0, got nan"):
        design().run(Work(1, 1, 0), math.nan)


def test_without_watts_for_macs_nothing_runs():
    with pytest.raises(ValueError, match="no watts left"):
        design(power_limit_w=50).run(Work(1, 1, 0), GIB)


# Its picture


def test_the_floor_plan_tells_its_areas_watts_and_runs():
    chip = design()
    alt = floorplan(chip, {"a token": chip.run(LLAMA.decode(1, 2048), WEIGHTS)}, "words").alt
    assert "toy: MACs 372 mm², SRAM 51 mm², HBM 48 mm², links 16 mm²" in alt
    assert "244 W wanted of 400. words. a token in 10 ms on 1, bound by HBM" in alt


@given(designs)
def test_the_strips_of_a_die_add_up_to_what_is_used(chip):
    svg = floorplan(chip, {}).svg
    heights = [float(line.split('height="')[1].split('"')[0]) for line in svg.splitlines()
               if line.startswith('<rect x="16.0"') and 'width="250.0"' in line]  # fmt: skip
    die, *strips = heights
    assert sum(strips) == pytest.approx(die * sum(chip.areas_mm2.values()) / 826, abs=0.3)
