"""The chip catalogue: every figure sourced, dense, in base units, and true to physics."""

import csv
import re
import subprocess
import sys

import pytest

from labkit.hardware import ChipNotFound, chip, chips
from labkit.hardware.catalogue import DTYPES, FACTS
from labkit.reading import Origin
from labkit.units import GB, GIB, TB

with FACTS.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
MARKS = {"V1", "V2", "D", "EST", "C", "U"}
ALL = pytest.mark.parametrize("chip_", chips(), ids=lambda chip: chip.id)


def numbers_of(field):
    """Every chip's value of a field, where it is known."""
    figures = {chip.id: chip.figures[field].value for chip in chips() if field in chip.figures}
    return {id_: value for id_, value in figures.items() if value is not None}


# The file


def test_every_figure_has_a_source_and_a_mark():
    assert all(row["source"] and row["source_key"] and row["verification"] in MARKS for row in ROWS)


def test_a_field_of_a_chip_is_given_once():
    assert len({(row["id"], row["field"]) for row in ROWS}) == len(ROWS)


def test_no_row_is_lost_on_the_way_in():
    assert sum(len(chip.figures) for chip in chips()) == len(ROWS)


def test_peaks_are_dense():
    """Vendors print figures with sparsity first; here every peak says that it is dense."""
    units = {row["unit"] for row in ROWS if row["field"].startswith("peak_")}
    assert units == {"TFLOP/s dense", "TOP/s dense"}


def test_a_formula_stands_beside_every_figure_from_arithmetic():
    assert all(
        re.search(r"\d.*[x/].*\d|2 x bf16", r["note"]) for r in ROWS if r["verification"] == "D"
    )


# Physics


@pytest.mark.parametrize(("field", "low", "high"), [
    ("peak_fp32", 1e12, 1e15), ("peak_tf32", 1e13, 1e16), ("peak_bf16", 1e13, 1e16),
    ("peak_fp16", 1e13, 1e16), ("peak_fp8", 1e14, 1e16), ("peak_int8", 1e13, 1e16),
    ("mem_gb", 0.2 * GIB, 8192 * GIB), ("mem_bw_gbs", 30 * GB, 21_000 * TB),
    ("interconnect_gbs", 10 * GB, 30_000 * TB), ("power_w", 5, 25_000), ("die_mm2", 50, 50_000),
    ("transistors_b", 1e9, 5e12), ("price_usd", 100, 5e6),
])  # fmt: skip
def test_a_figure_is_of_a_sane_size(field, low, high):
    """A slip of a factor of 1000 in the unit leaves the band."""
    assert {
        id_: value for id_, value in numbers_of(field).items() if not low <= value <= high
    } == {}


@pytest.mark.parametrize(("name", "clock_hz", "n_units", "fma_per_cycle"), [
    ("h100-sxm", 1830e6, 528, 512), ("a100-sxm-40", 1410e6, 432, 256),
    ("a100-sxm-80", 1410e6, 432, 256), ("a100-pcie-80", 1410e6, 432, 256),
    ("mi300x", 2100e6, 1216, 256), ("mi250x", 1700e6, 880, 128), ("gaudi2", 1650e6, 2, 65536),
    ("gaudi3", 1600e6, 8, 65536),
])  # fmt: skip
def test_a_peak_is_clock_times_units_times_two(name, clock_hz, n_units, fma_per_cycle):
    peak = clock_hz * n_units * fma_per_cycle * 2
    assert chip(name).peak("bf16").value == pytest.approx(peak, rel=0.01)


@pytest.mark.parametrize("name", [
    "a100-sxm-40", "a100-sxm-80", "a100-pcie-80", "v100-sxm2-32", "t4", "mi250x",
])  # fmt: skip
def test_there_is_no_fp8_where_there_are_no_fp8_units(name):
    peak = chip(name).peak("fp8")
    assert peak.value is None
    assert "no such mode" in peak.note


@ALL
def test_no_format_is_slower_than_a_wider_one(chip_):
    """FP16 apart from BF16, for Gaudi 3's is slower; FP32 with TF32 never exceeds BF16."""
    peaks = [chip_.peak(dtype).value for dtype in ("fp32", "tf32", "bf16", "fp8")]
    known = [peak for peak in peaks if peak]
    assert known == sorted(known)


def test_products_that_share_a_name_are_kept_apart():
    """The bandwidth of an A100 is 1555 GB/s with 40 GB and 2039 GB/s with 80 GB."""
    assert chip("a100-sxm-40").bandwidth.value == 1555 * GB
    assert chip("a100-sxm-80").bandwidth.value == 2039 * GB
    for other in ("A10", "L40"):
        with pytest.raises(ChipNotFound):
            chip(other)


def test_a_peak_with_sparsity_is_no_peak():
    assert chip("h100-sxm").peak("bf16").value == pytest.approx(1979e12 / 2, rel=0.001)
    assert chip("wse3").peak("fp16").value is None
    assert "with sparsity" in chip("wse3").peak("fp16").note


def test_a_package_of_two_devices_says_so():
    assert "one matmul uses one GCD" in chip("mi250x").peak("bf16").note


# Readings


@ALL
def test_every_chip_reads_and_prints(chip_):
    """Each line has an origin and, where the figure is unknown, the reason."""
    head, *lines = repr(chip_).splitlines()
    assert head == f"{chip_.name} ({chip_.kind}, {chip_.year})"
    assert len(lines) == 3 + sum(f"peak_{dtype}" in chip_.figures for dtype in DTYPES)
    for line in lines:
        assert re.match(r"\[(published|modelled)\] " + re.escape(chip_.id), line)
        assert ": unknown" not in line or re.search(
            "no such mode|not published|not collected", line
        )


@ALL
def test_power_comes_with_its_kind(chip_):
    """TDP, a limit, a measured mean and an estimate are different things."""
    if "power_w" in chip_.figures:
        kind = chip_.figures["power_kind"].value
        assert re.search(r"TDP|TGP|TBP|limit|power|mean|system|estimate|unpublished", kind)
        assert chip_.power.note.startswith(kind)


@ALL
def test_a_mark_travels_into_the_reading(chip_):
    words = {"U": "unverified", "C": "sources disagree", "EST": "estimate"}
    readings = {
        **{f"peak_{dtype}": chip_.peak(dtype) for dtype in DTYPES},
        "mem_bw_gbs": chip_.bandwidth, "mem_gb": chip_.memory, "power_w": chip_.power,
    }  # fmt: skip
    for field, reading in readings.items():
        figure = chip_.figures.get(field)
        if figure and figure.verification in words:
            assert words[figure.verification] in reading.note, field


def test_arithmetic_is_modelled_and_shows_its_formula():
    bandwidth = chip("epyc-9654").bandwidth
    assert bandwidth.origin is Origin.MODELLED
    assert "12 x 4800 MT/s x 8 B; unverified inputs" in bandwidth.note


def test_what_was_not_collected_is_unknown_and_says_so():
    assert str(chip("trn1").power) == (
        "[published] trn1 power: unknown (chip catalogue; not collected)"
    )


def test_figures_are_in_base_units():
    h200 = chip("h200-sxm")
    assert (h200.bandwidth.value, h200.bandwidth.unit) == (4.8 * TB, "B/s")
    assert (h200.memory.value, h200.memory.unit) == (141 * GIB, "GiB")
    assert (h200.peak("int8").value, h200.peak("int8").unit) == (1979e12, "OP/s")
    assert h200.figures["mem_type"].value == "HBM3e"


def test_the_board_power_of_amds_cards_is_not_called_a_tdp():
    for name, kind in (("mi355x", "peak TBP"), ("rx7900xtx", "TBP"), ("mi300x", "peak TBP")):
        assert chip(name).figures["power_kind"].value == kind


def test_an_l1_cache_is_that_of_its_compute_capability():
    """With shared memory, in KiB: NVIDIA's tuning guides for Volta, Turing, Ampere, Ada, Hopper."""
    both = {"7.0": 128, "7.5": 96, "8.0": 192, "8.6": 128, "8.9": 128, "9.0": 256, "10.0": 256}
    for one in chips("gpu"):
        if "l1_kb" in one.figures:
            capability = one.figures["compute_capability"].value
            assert one.figures["l1_kb"].value == both[capability] * 2**10


def test_the_sram_of_groqs_chip_is_printed_in_decimal_megabytes():
    """230 MB of SRAM are 220 MiB: only HBM is printed in GB that are GiB."""
    sram = chip("groq-lpu1").memory
    assert sram.value == pytest.approx(230e6, rel=0.005)
    assert "taken as GiB" not in sram.note


def test_a_dtype_may_have_its_numpy_name():
    assert chip("t4").peak("float16") == chip("t4").peak("fp16")


def test_a_dtype_that_nobody_collects_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no 'fp64'\. Use one of: fp32, tf32"):
        chip("t4").peak("fp64")


# Names


@pytest.mark.parametrize(("name", "id_"), [
    ("h100-sxm", "h100-sxm"), ("h100 sxm", "h100-sxm"), ("H100 SXM5", "h100-sxm"),
    ("T4", "t4"), ("tpu v4", "tpu-v4"), ("Trainium2", "trn2"), ("m1 max", "apple-m1-max"),
    # as NVIDIA's driver writes them
    ("Tesla T4", "t4"), ("NVIDIA L4", "l4"), ("NVIDIA A100-SXM4-40GB", "a100-sxm-40"),
    ("NVIDIA A100 80GB PCIe", "a100-pcie-80"), ("NVIDIA H100 80GB HBM3", "h100-sxm"),
    ("NVIDIA H200", "h200-sxm"),
    ("m1", "apple-m1"), ("Apple M3 Max", "apple-m3-max"),
    ("Apple M4 Neural Engine", "apple-m4-npu"),
])  # fmt: skip
def test_a_chip_is_found_by_words_that_fit_it_alone(name, id_):
    assert chip(name).id == id_


@pytest.mark.parametrize(("name", "near"), [
    ("H100", "'h100-sxm', 'h100-pcie'"), ("NVIDIA H100", "'h100-sxm', 'h100-pcie'"),
    ("H-100", "'h100-sxm'"), ("MI300", "'mi300x'"), ("A10", "'a10g'"), ("L40", "'l40s'"),
    # an M3 isn't an M3 Max; of a card that is not here, as the driver writes it, the kin come first
    ("M3", "'apple-m3-max'"), ("apple m2", "'apple-m2-ultra'"), ("m4", "'apple-m4-max'"),
    ("40", "fits 3 chips"), ("NVIDIA H100 NVL", "mean 'h100-sxm' or 'h100-pcie'"),
    ("NVIDIA H200 NVL", "mean 'h200-sxm'"), ("NVIDIA A10", "mean 'a10g'"),
    ("NVIDIA A100-PCIE-40GB", "mean 'a100-sxm-40' or"), ("DGX H100", "mean 'h100-sxm'"),
    ("tpuv4", "'tpu-v4'"), ("Tesla V100-SXM2-16GB", "'v100-sxm2-32'"), ("", "lists all"),
    (None, "lists all"),
])  # fmt: skip
def test_an_unclear_name_is_answered_with_a_sentence_and_near_names(name, near):
    with pytest.raises(KeyError) as caught:
        chip(name)
    sentence = str(caught.value)
    assert near in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_every_chip_is_found_by_its_id_and_by_its_name():
    assert all(chip(one.id) is one and chip(one.name) is one for one in chips())


def test_chips_are_listed_by_kind():
    assert {one.kind for one in chips("tpu")} == {"tpu"}
    assert sum(len(chips(kind)) for kind in {one.kind for one in chips()}) == len(chips())
    with pytest.raises(ValueError, match=r"no chips of kind 'npu'\. Use one of: gpu, tpu"):
        chips("npu")


def test_the_room_is_light():
    code = "import sys, labkit.hardware, labkit.plan, labkit.workload; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pandas", "psutil", "pynvml", "torch"} & set(out.stdout.split())
