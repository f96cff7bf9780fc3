"""Energy per operation at two nodes: as printed, ranges as ranges, unknown as unknown."""

import csv
import math

import pytest

from labkit.results import op_energies, op_energy
from labkit.results.op_energy import FACTS

ROWS = list(csv.DictReader(FACTS.read_text(encoding="utf-8").splitlines()))
RATIOS = [row for row in ROWS if row["ratio_45_to_7"]]


def name(row):
    return f"{row['op']}-{row['type_or_size']}"


def ratio(row):
    old, new = (op_energy(row["op"], row["type_or_size"], node_nm) for node_nm in (45, 7))
    return old.energy_j / new.energy_j


def test_an_fp32_multiplication_at_7_nm_takes_1_31_pj():
    assert op_energy("mul", "fp32", node_nm=7).energy_j == pytest.approx(1.31e-12)


@pytest.mark.parametrize("row", RATIOS, ids=name)
def test_the_printed_ratio_of_the_two_nodes_is_recomputed(row):
    assert ratio(row) == pytest.approx(float(row["ratio_45_to_7"]), abs=0.05)


def test_the_printed_mean_ratio_of_2_6_needs_the_memory():
    """Jouppi's table prints 2.6; without DRAM, which did not change, it is 2.86."""
    chips = [ratio(row) for row in RATIOS if row["op"] != "dram_64b"]
    everything = [ratio(row) for row in RATIOS]
    means = [math.prod(some) ** (1 / len(some)) for some in (everything, chips)]
    assert [round(mean, 2) for mean in means] == [2.62, 2.86]


def test_the_ratios_that_lessons_quote_at_45_nm():
    """PUBLISHED by Horowitz: a DRAM access is 1,444 fp32 additions and 130 reads of 8 KB SRAM."""
    dram, sram, add, mul, half = (
        op_energy(op, kind, 45).energy_j
        for op, kind in (
            ("dram_64b", "DDR3/4"), ("sram_64b", "8KB"), ("add", "fp32"), ("mul", "fp32"),
            ("mul", "fp16"),
        )
    )  # fmt: skip
    assert (round(dram / add), round(dram / sram)) == (1444, 130)
    assert (add + mul) * 1e12 == pytest.approx(4.6)
    assert half / mul == pytest.approx(0.30, abs=0.005)


def test_a_range_stays_a_range():
    hbm = op_energy("dram_64b", "HBM2")
    assert (hbm.low_j, hbm.high_j) == pytest.approx((250e-12, 450e-12))
    assert hbm.energy_j is None
    assert "250 pJ to 450 pJ per 64-bit access" in repr(hbm)


def test_what_was_not_published_is_unknown():
    half = op_energy("mul", "bf16", 45)
    assert half.energy_j is None
    assert repr(half) == "[published] mul bf16, 45 nm: unknown (not published for 45 nm)"


def test_an_access_of_32_bits_is_not_one_of_64():
    lpddr = op_energy("dram_32b", "LPDDR2 (45nm era)", 45)
    assert lpddr.per == "32-bit access"
    assert "unverified" in repr(lpddr)


@pytest.mark.parametrize("node_nm", [45, 7])
def test_every_known_energy_names_its_source(node_nm):
    figures = op_energies(node_nm)
    assert len(figures) == len(ROWS) == 18
    assert all(figure.source for figure in figures if figure.low_j is not None)


def test_what_is_not_listed_is_a_sentence():
    with pytest.raises(KeyError) as caught:
        op_energy("mul", "fp8")
    assert str(caught.value).startswith("There is no energy of 'mul' 'fp8'. There are: add int8, ")
    with pytest.raises(KeyError, match="There is no energy of None 'fp32'"):
        op_energy(None, "fp32")
    with pytest.raises(ValueError, match="There are figures for 45 nm and 7 nm, not for 5 nm"):
        op_energy("mul", "fp32", node_nm=5)
