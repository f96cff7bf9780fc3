"""The roofline: two limits, one ridge, and the chips whose ridge is known."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.hardware import ChipNotFound, chip, chips, machine
from labkit.hardware.catalogue import DTYPES
from labkit.plan import Roofline, modelled_cpu_peak, roofline
from labkit.reading import Origin
from labkit.results import published
from labkit.workload import Work, copy, matmul

RATES = st.floats(1e6, 1e20)
ROOFS = st.builds(Roofline, st.just("chip"), RATES, RATES, st.just(Origin.MODELLED))
INTENSITIES = st.floats(0, 1e12)
AMOUNTS = st.integers(0, 10**18)
WORKS = st.builds(Work, AMOUNTS, AMOUNTS, AMOUNTS)


# Two limits


@given(ROOFS, INTENSITIES)
def test_nothing_is_above_either_limit(roof, intensity):
    rate = roof.attainable_flop_per_s(intensity)
    assert rate <= roof.peak_flop_per_s
    assert rate <= intensity * roof.peak_bytes_per_s


@given(ROOFS)
def test_the_two_limits_meet_at_the_ridge(roof):
    ridge = roof.ridge_flop_per_byte
    assert roof.attainable_flop_per_s(ridge) == pytest.approx(roof.peak_flop_per_s)
    assert roof.bound_by(ridge) == "compute"
    assert roof.bound_by(0.999 * ridge) == "memory"


@given(ROOFS, st.floats(0, 0.5))
def test_below_the_ridge_twice_the_intensity_gives_twice_the_rate(roof, part):
    low = part * roof.ridge_flop_per_byte
    twice = roof.attainable_flop_per_s(2 * low)
    assert twice == pytest.approx(2 * roof.attainable_flop_per_s(low))


@given(ROOFS, INTENSITIES, INTENSITIES)
def test_more_intensity_never_hurts(roof, a, b):
    low, high = sorted((a, b))
    assert roof.attainable_flop_per_s(low) <= roof.attainable_flop_per_s(high)


@given(ROOFS, WORKS)
def test_time_is_work_over_the_attainable_rate(roof, work):
    if work.flop:
        rate = roof.attainable_flop_per_s(work.intensity_flop_per_byte)
        assert roof.time_s(work) == pytest.approx(work.flop / rate)
    else:
        assert roof.time_s(work) == work.bytes / roof.peak_bytes_per_s


def test_without_traffic_the_peak_is_attainable():
    assert Roofline("chip", 10, 1, "modelled").attainable_flop_per_s(math.inf) == 10


def test_a_copy_of_256_mib_takes_112_us_on_an_h200():
    time_s = roofline("h200-sxm", "bf16").time_s(copy(2**28, 1))
    assert time_s == pytest.approx(112e-6, rel=0.01)


# Chips


@pytest.mark.parametrize(("name", "dtype", "ridge"), [
    ("tpu-v5e", "bf16", 240), ("h100-sxm", "bf16", 295), ("a100-sxm-80", "bf16", 153),
    ("t4", "fp16", 203),
])  # fmt: skip
def test_the_ridge_of_a_known_chip(name, dtype, ridge):
    assert roofline(name, dtype).ridge_flop_per_byte == pytest.approx(ridge, abs=1)


def test_the_ridge_of_the_tpu_v1_is_1350_macs_a_byte():
    printed = published("tpu-v1-ridge").rows[0]["ridge_mac_per_byte"]
    assert roofline("tpu-v1", "int8").ridge_flop_per_byte / 2 == pytest.approx(printed, rel=0.003)


def test_an_mlp_layer_turns_compute_bound_near_the_ridge():
    """The up-projection of a 7B model on an H100: about 330 tokens, somewhat above the ridge."""
    roof = roofline("h100-sxm", "bf16")
    tokens = range(1, 1000)
    bounds = [roof.bound_by(matmul(n, 11008, 4096, 2).intensity_flop_per_byte) for n in tokens]
    turn = 1 + bounds.index("compute")
    assert roof.ridge_flop_per_byte < turn < 1.2 * roof.ridge_flop_per_byte


@pytest.mark.parametrize("chip_", chips(), ids=lambda chip: chip.id)
def test_every_chip_has_a_roofline_or_a_reason(chip_):
    for dtype in DTYPES:
        if chip_.peak(dtype).value is None:
            with pytest.raises(
                ValueError, match=f"No roofline: {chip_.id} peak {dtype} is unknown"
            ):
                roofline(chip_, dtype)
        else:
            roof = roofline(chip_.id, dtype)
            assert roof.peak_flop_per_s == chip_.peak(dtype).value
            assert roof.peak_bytes_per_s == chip_.bandwidth.value


def test_a_chip_without_the_format_is_refused_with_those_it_has():
    with pytest.raises(ValueError, match=r"no such mode.* t4 has a peak for fp32, fp16, int8"):
        roofline("t4", "bf16")


def test_an_unknown_chip_is_answered_with_near_names():
    with pytest.raises(ChipNotFound, match="h100-sxm"):
        roofline("H100", "bf16")


def test_arithmetic_makes_a_modelled_roofline():
    assert roofline("h100-sxm", "bf16").origin is Origin.PUBLISHED
    assert roofline("epyc-9654", "fp32").origin is Origin.MODELLED


def test_remarks_on_the_figures_stay_with_the_roofline():
    assert "sources disagree" in roofline("rtx4090", "bf16").source
    assert "one matmul uses one GCD" in roofline(chip("mi250x"), "bf16").source


def test_a_roofline_prints_its_limits_with_their_origin():
    roof = Roofline("laptop", 150e9, 20e9, "measured")
    assert repr(roof).splitlines() == [
        "[measured] laptop peak: 150 GFLOP/s",
        "[measured] laptop bandwidth: 20 GB/s",
        "[measured] laptop ridge point: 7.5 FLOP/B",
    ]


# Bad input


@pytest.mark.parametrize(("limits", "words"), [
    ((0, 1), "The peak of chip must be a positive number, got 0"),
    ((1, -1), "The bandwidth of chip must be a positive number, got -1"),
    ((math.nan, 1), "must be a positive number, got nan"),
    ((1, math.inf), "must be a positive number, got inf"),
    ((None, 1), "must be a positive number, got None"),
    (("989 TFLOP/s", 1), "must be a positive number, got '989 TFLOP/s'"),
])  # fmt: skip
def test_a_limit_that_is_none_is_refused(limits, words):
    with pytest.raises(ValueError, match=words):
        Roofline("chip", *limits, Origin.MODELLED)


def test_a_published_roofline_names_its_source():
    with pytest.raises(ValueError, match="names no source"):
        Roofline("chip", 1, 1, Origin.PUBLISHED)


@pytest.mark.parametrize("intensity", [-1, math.nan])
def test_an_intensity_is_a_number_from_0(intensity):
    roof = Roofline("chip", 1, 1, Origin.MODELLED)
    for ask in (roof.attainable_flop_per_s, roof.bound_by):
        with pytest.raises(ValueError, match="a number from 0 in FLOP/B"):
            ask(intensity)


# The CPU's modelled peak


def cpu(tmp_path, flags, n_cores=4, siblings="{}"):
    core = "processor\t: {}\ncpu MHz\t: 2500\nflags\t: " + flags + "\n\n"
    files = {"proc/cpuinfo": "".join(core.format(i) for i in range(n_cores))}
    for i in range(n_cores):
        path = f"sys/devices/system/cpu/cpu{i}/topology/thread_siblings_list"
        files[path] = siblings.format(i // 2)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return machine(tmp_path)


@pytest.mark.parametrize(("flags", "dtype", "gflop_per_s"), [
    ("avx2 fma", "fp32", 2 * 8 * 2 * 2 * 2.5), ("avx2 fma", "fp64", 2 * 4 * 2 * 2 * 2.5),
    ("avx512f fma", "fp32", 2 * 16 * 2 * 2 * 2.5),
])  # fmt: skip
def test_a_cpu_peak_is_cores_lanes_units_and_clock(tmp_path, flags, dtype, gflop_per_s):
    """Four threads of two cores have the FMA units of two cores."""
    peak = modelled_cpu_peak(cpu(tmp_path, flags), dtype)
    assert peak.value == pytest.approx(gflop_per_s * 1e9)
    assert peak.origin is Origin.MODELLED
    assert "turbo may be faster" in peak.note


def test_one_fma_unit_gives_half(tmp_path):
    here = cpu(tmp_path, "avx2 fma")
    assert 2 * modelled_cpu_peak(here, n_fma_units=1).value == modelled_cpu_peak(here).value


@pytest.mark.parametrize(("flags", "words"), [
    ("avx", "no fused multiply-add"), ("", "simd is unknown"), ("sve", "simd_bits is unknown"),
    ("asimd", "1 to 4 FMA units, pass n_fma_units"),
])  # fmt: skip
def test_what_the_system_does_not_tell_is_not_guessed(tmp_path, flags, words):
    peak = modelled_cpu_peak(cpu(tmp_path, flags))
    assert peak.value is None
    assert words in peak.note


def test_without_a_clock_there_is_no_peak(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nflags\t: avx2 fma")
    assert "clock_hz is unknown" in modelled_cpu_peak(machine(tmp_path)).note


def test_integers_are_operations_and_no_flop():
    roof = roofline("tpu-v1", "int8")
    assert str(roof.peak).startswith("[published] tpu-v1 int8 peak: 92 TOP/s")
    assert "2.71 kOP/B" in repr(roof)
    assert roofline("h100-sxm", "fp8").peak.unit == "FLOP/s"
    with pytest.raises(ValueError, match="in FLOP/s or, for integers, in OP/s: got 'TFLOP/s'"):
        Roofline("chip", 1, 1, "modelled", unit="TFLOP/s")


@pytest.mark.parametrize("n_fma_units", [0, -1, 2.5, "2"])
def test_a_core_has_a_whole_number_of_units(tmp_path, n_fma_units):
    """-1 gave a peak of -166 GFLOP/s."""
    with pytest.raises(ValueError, match="a whole number of FMA units from 1"):
        modelled_cpu_peak(cpu(tmp_path, "avx2 fma"), n_fma_units=n_fma_units)


def test_the_cpu_peak_is_for_fp32_and_fp64(tmp_path):
    with pytest.raises(ValueError, match="fp32 and fp64 only, not for 'bf16'"):
        modelled_cpu_peak(cpu(tmp_path, "avx2 fma"), "bf16")
