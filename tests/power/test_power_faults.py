"""Counters that are stuck, doubled, partial or glitched: never called measured."""

import contextlib
import itertools
import math
import re
import threading
import time
from types import SimpleNamespace

import pytest

from labkit.hardware import machine
from labkit.hardware.nvml import NvidiaGpu
from labkit.power import energy, probes
from labkit.power.counter import stands_still, unwrap, why_not
from labkit.power.powercap import powercap_probes
from labkit.power.probe import Probe, Sample, disjoint
from labkit.power.sensors import SimulatedClock


@pytest.fixture
def here(tree, monkeypatch):
    """A fake machine without an NVIDIA driver and without a known TDP, as `lk.probes()` sees it."""
    monkeypatch.delenv("LABKIT_CPU_TDP_W", raising=False)
    monkeypatch.setenv("LABKIT_SYSFS_ROOT", str(tree.root))
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    tree.write("proc/cpuinfo", "processor : 0\nvendor_id : AuthenticAMD\nmodel name : Quantum 9000")
    return tree


@contextlib.contextmanager
def turning(tree, watts, lag_s=0.0005):
    """A thread that moves the counters of zones, each at its own power, one after the other."""
    stop, start_s = threading.Event(), time.perf_counter()

    def turn():
        while not stop.wait(0.001):
            for zone, (offset_uj, power_w) in watts.items():
                spent_uj = int((time.perf_counter() - start_s) * power_w * 1e6)
                tree.count(zone, offset_uj + spent_uj)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def power_probe(shown, id="power:0", **more):  # noqa: A002
    """A sensor that shows these powers, one at each reading, the last one for ever."""
    powers_w = itertools.chain(shown, itertools.repeat(shown[-1]))
    return Probe(
        id, "device", "averaged_power", update_period_s=0.02, averaging_window_s=0.02,
        reader=lambda: Sample(time.perf_counter_ns(), None, next(powers_w)), **more,
    )  # fmt: skip


def counter_probe(joules, id="counter:0", **more):  # noqa: A002
    """A counter as a function of the time since now, in s."""
    start_s = time.perf_counter()

    def read():
        now_s = time.perf_counter() - start_s
        return Sample(time.perf_counter_ns(), joules(now_s), None)

    return Probe(id, "device", "energy_counter", update_period_s=0.001, reader=read, **more)


# Readings that are none


def told(reading, method="energy_counter"):
    """What `energy` says of a simulated probe that answers `reading(time in s, time in ns)`."""
    clock = SimulatedClock(10.0)
    probe = Probe(
        "odd:0", "device", method, update_period_s=0.1, averaging_window_s=0.1,
        reader=lambda: reading(clock.now_ns() * 1e-9, clock.now_ns()),
    )  # fmt: skip
    with energy(probe, clock=clock, pad=0.5) as e:
        clock.sleep(2.0)
    return e


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (
            lambda s, ns: Sample(ns, "N/A", None),
            "showed 'N/A', which isn't an amount of energy in J",
        ),
        (lambda s, ns: Sample(ns, math.nan if s > 11 else 9 * s, None), "showed nan"),
        (lambda s, ns: Sample(ns, math.inf, None), "showed inf"),
        (lambda s, ns: Sample(ns, None, 100.0), "showed no energy, though it is declared as"),
        (lambda s, ns: 100.0 * s, "which isn't a Sample"),
        (lambda s, ns: None, "gave None, which isn't a Sample"),
        (lambda s, ns: Sample(ns // 1000, 100 * s, None), "isn't when time.perf_counter_ns"),
        (lambda s, ns: Sample(1_700_000_000 * 10**9, 9 * s, None), "isn't when time.perf_counter"),
        (lambda s, ns: Sample(None, 100 * s, None), "gave None as its time"),
        (lambda s, ns: Sample(ns - ns % 7 * 10**8, 9 * s, None), "lies|isn't when"),
        (lambda s, ns: Sample(10 * 10**9, 100 * s, None), "isn't when time.perf_counter_ns"),
    ],
)
def test_a_reading_that_is_none_makes_the_energy_unknown(reading, words):
    """And says which: a text ended the thread, another clock's time kept it busy for ever."""
    e = told(reading)
    assert (e.kind, e.energy_j) == ("unknown", None)
    assert re.search(words, e.by_domain["odd:0"].reason)


def test_powers_that_come_out_of_order_are_no_energy():
    """Every second poll dated half a second back gave 2,143 J, for sure, of a true 503."""
    dates = itertools.cycle((0, 500_000_000))
    e = told(lambda s, ns: Sample(ns - next(dates), None, 100 + s), "averaged_power")
    assert e.energy_j is None
    assert "lies 5" in e.by_domain["odd:0"].reason


def test_a_probe_that_tells_energy_and_power_is_read_as_it_declares():
    e = told(lambda s, ns: Sample(ns, 1e6 + 50 * s, 100.0), "averaged_power")
    assert e.energy_j == pytest.approx(200, rel=0.01)


@pytest.mark.parametrize("limit_mw", [2**32 - 1, 0, -1, "N/A", None])
def test_a_power_limit_that_is_none_is_unknown(limit_mw):
    """4.29 MW would have made every glitch a power that can be, and every bound useless."""
    driver = SimpleNamespace(
        nvmlDeviceGetPowerManagementLimit=lambda handle: limit_mw,
        nvmlDeviceGetArchitecture=lambda handle: "N/A",
    )
    gpu = NvidiaGpu(0, nvml=driver)
    assert gpu.power_limit_w() is None
    assert gpu.architecture() is None
    driver.nvmlDeviceGetPowerManagementLimit = lambda handle: 700_000
    assert gpu.power_limit_w() == 700


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"method": "energy-counter"}, "must be one of energy_counter, instant_power"),
        ({"update_period_s": 0}, "update_period_s of x:0 must be a number above 0"),
        ({"update_period_s": -0.1}, "above 0"),
        ({"averaging_window_s": math.nan}, "averaging_window_s of x:0 must be a number from 0"),
        ({"max_power_w": "700 W"}, "got '700 W'"),
        ({"range_j": 0}, "or None where it is not known"),
        ({"resolution_j": math.inf}, "got inf"),
    ],
)
def test_a_probe_that_declares_nonsense_is_refused(more, words):
    with pytest.raises(ValueError, match=words):
        Probe(**{"id": "x:0", "scope": "device", "method": "energy_counter", **more})


# Stuck


@pytest.mark.parametrize("stuck_uj", [0, 123_456_789])
@pytest.mark.parametrize("options", [{}, {"pad": 0}])
def test_a_counter_that_stands_still_is_unknown(here, stuck_uj, options):
    here.domain("intel-rapl:0", "package-0", energy_uj=stuck_uj)
    with energy(**options) as e:
        time.sleep(0.1)
    assert (e.energy_j, e.kind) == (None, "unknown")
    assert "stuck" in e.flags
    assert "rapl:package-0 did not move for" in repr(e)


def test_a_counter_that_stops_while_it_is_watched_is_unknown():
    with energy(counter_probe(lambda t_s: 50 * min(t_s, 0.1)), pad=0) as e:
        time.sleep(0.8)
    assert (e.kind, e.flags) == ("unknown", ("stuck",))


def test_one_that_is_switched_off_while_idle_may_stand_still():
    with energy(counter_probe(lambda t_s: 7.0, rests=True), pad=0) as e:
        time.sleep(0.1)
    assert (e.energy_j, e.kind) == (0.0, "measured")


def test_a_power_of_0_w_all_the_time_is_unknown():
    with energy(power_probe([0.0])) as e:
        time.sleep(0.1)
    assert (e.energy_j, e.flags) == (None, ("stuck",))
    assert "showed 0 W all the time" in repr(e)


def test_a_counter_is_no_longer_stuck_than_it_was_watched():
    assert stands_still([], [], 0.001) is None
    assert stands_still([0.0, 0.005], [1.0, 1.0], 0.001) is None
    assert stands_still([0.0, 0.2], [1.0, 1.0], 0.1) is None
    assert stands_still([0.0, 0.4], [1.0, 1.0], 0.1).flags == ("stuck",)


# Glitched


@pytest.mark.parametrize("range_j", [None, 262_143.0])
@pytest.mark.parametrize("glitch_j", [5e9, -5e4])
def test_a_step_beyond_any_possible_power_is_unknown(range_j, glitch_j):
    """Up or down, for one reading or for good, with a range or without."""
    for shown in ([1e5, 1e5 + glitch_j, 1e5 + 2], [1e5, 1e5 + glitch_j, 1e5 + glitch_j + 2]):
        times_s = [0.0, 0.02, 0.04]
        assert unwrap(times_s, shown, range_j, 400.0) == (None, None)
        assert why_not(times_s, shown, range_j, 400.0).flags in (
            ("impossible_step",), ("wrap_ambiguous",)
        )  # fmt: skip


def test_a_glitch_of_a_live_counter_says_what_it_did(here):
    here.domain("intel-rapl:0", "package-0", energy_uj=1_000_000)
    with energy(powercap_probes(here.root), pad=0) as e:
        time.sleep(0.02)
        here.count("intel-rapl:0", 90_000_000_000)
    assert (e.energy_j, e.flags) == (None, ("impossible_step",))
    assert "rose by 90 kJ within" in repr(e)
    assert "1 kW that are possible: a glitch" in repr(e)


def test_a_counter_that_was_reset_is_unknown(here):
    here.domain("intel-rapl:0", "package-0", energy_uj=150_000_000_000)
    with energy(powercap_probes(here.root), pad=0) as e:
        time.sleep(0.02)
        here.count("intel-rapl:0", 5)
    assert (e.energy_j, e.flags) == (None, ("wrap_ambiguous",))


@pytest.mark.parametrize("glitch_w", [4e6, -50.0, float("nan"), float("inf")])
def test_a_power_that_is_not_possible_is_left_out_and_said(glitch_w):
    shown = [50.0] * 8 + [glitch_w] + [50.0]
    with energy(power_probe(shown), pad=0) as e:
        time.sleep(0.3)
    assert "impossible_step" in e.flags
    assert e.energy_j == pytest.approx(50 * e.elapsed_s, rel=0.05)
    assert e.energy_lo_j <= 50 * e.elapsed_s <= e.energy_hi_j


def test_a_sensor_that_only_shows_nonsense_is_unknown():
    with energy(power_probe([65_535.0]), pad=0) as e:
        time.sleep(0.05)
    assert (e.energy_j, e.kind) == (None, "unknown")
    assert "showed 65535 W, and never a power that is possible" in repr(e)


# Doubled


def added(root):
    return [probe.id for probe in probes(root) if probe.adds and probe.present]


def test_dies_that_mirror_each_other_are_one_however_fast_they_move(here):
    """Read one after the other while they move, they differ: one discovery in ten added both."""
    zones = ("intel-rapl:0", "intel-rapl:1")
    for n, zone in enumerate(zones):
        here.domain(zone, f"package-0-die-{n}", energy_uj=5_000_000)
    stop = threading.Event()

    def turn():
        for count in itertools.count(5_000_001, 777):
            for zone in zones:
                here.count(zone, count)
            if stop.is_set():
                return

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        found = [
            [probe.id for probe in powercap_probes(here.root) if probe.adds] for _ in range(40)
        ]
    finally:
        stop.set()
        thread.join()
    assert found == [["rapl:package-0-die-0"]] * 40


def test_dies_of_their_own_that_move_are_two(here):
    zones = {"intel-rapl:0": (5_000_000, 40), "intel-rapl:1": (9_000_000, 40)}
    for n, zone in enumerate(zones):
        here.domain(zone, f"package-0-die-{n}", energy_uj=zones[zone][0])
    with turning(here, zones):
        for _ in range(10):
            assert len(added(here.root)) >= 2


def test_parts_and_wholes_are_added_once_though_all_are_asked_for(here):
    for n, name in enumerate(["package-0", "psys"]):
        here.domain(f"intel-rapl:{n}", name, energy_uj=n)
    for n, name in enumerate(["core", "uncore", "mystery"]):
        here.domain(f"intel-rapl:0:{n}", name, energy_uj=n)
    with energy(powercap_probes(here.root), pad=0) as e:
        time.sleep(0.01)
        e._sampler.mark()
        for zone in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0", "intel-rapl:0:1"):
            here.count(zone, 6_000_000)
    assert e.energy_j == pytest.approx(6.0, abs=0.01)
    assert e.covers == ("rapl:package-0 (cpu)",)
    assert e.by_domain["rapl:core-0"].energy_j == pytest.approx(6.0, abs=0.01)


def test_a_domain_that_labkit_does_not_know_is_not_added(here):
    here.domain("intel-rapl:0", "package-0")
    here.domain("intel-rapl:0:0", "mystery")
    found = {probe.id: probe for probe in powercap_probes(here.root)}
    assert not found["rapl:mystery-0"].adds
    assert "does not know what it holds" in found["rapl:mystery-0"].note


def test_two_domains_of_one_name_are_unknown_not_one_of_them(here):
    for n in range(2):
        here.domain(f"intel-rapl:{n}", "package-0", energy_uj=n + 5)
    with energy() as e:
        pass
    assert e.energy_j is None
    assert "several domains are called package-0" in repr(e)


def test_a_package_that_rapl_does_not_show_is_missed(here):
    here.domain("intel-rapl:0", "package-0")
    for cpu in range(4):
        here.write(f"sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id", cpu // 2)
    with energy() as e:
        pass
    assert (e.energy_j, e.complete) == (None, False)
    assert "rapl:package-1 the CPU has 2 packages, and RAPL shows 1 of them" in repr(e)


def test_a_probe_counts_once_and_two_of_one_name_are_refused():
    probe = counter_probe(lambda t_s: 5 * t_s)
    assert disjoint([probe, probe]) == [probe]
    with pytest.raises(ValueError, match="Two probes are called 'counter:0'"):
        energy([probe, counter_probe(lambda t_s: t_s)])


# AMD: a card, an APU, or nobody knows


def amd_card(tree, watts, **files):
    device = "sys/class/drm/card0/device"
    tree.write(f"{device}/vendor", "0x1002")
    tree.write(f"{device}/hwmon/hwmon3/power1_average", round(watts * 1e6))
    tree.write(f"{device}/hwmon/hwmon3/power1_label", "PPT")
    for name, text in files.items():
        tree.write(f"{device}/hwmon/hwmon3/{name}", text)


def test_the_power_of_an_apu_is_not_added_to_the_package_that_it_holds(here):
    amd_card(here, 45.0, in1_label="vddnb", in1_input=900)
    here.domain("intel-rapl:0", "package-0")
    assert added(here.root) == ["rapl:package-0", "model:cpu-tdp"]
    note = probes(here.root)["amd:0"].note
    assert "PPT of the whole APU; the same as rapl:package-0, not added" in note


def test_where_rapl_cannot_be_read_the_apu_takes_its_place(here):
    amd_card(here, 45.0, in1_label="vddnb")
    here.domain("intel-rapl:0", "package-0", energy_uj=None)
    with energy() as e:
        time.sleep(0.05)
    assert e.covers == ("amd:0 (cpu, gpu)",)
    assert e.energy_j == pytest.approx(45 * e.elapsed_s, rel=0.02)


def test_a_card_and_the_package_are_both_added(here):
    amd_card(here, 200.0, power1_cap=300_000_000)
    here.domain("intel-rapl:0", "package-0")
    assert added(here.root)[:2] == ["rapl:package-0", "amd:0"]


def test_beside_a_cpu_of_another_maker_an_amd_gpu_is_a_card(here):
    here.write("proc/cpuinfo", "processor : 0\nvendor_id : GenuineIntel\nmodel name : Quantum")
    amd_card(here, 200.0)
    assert "amd:0" in added(here.root)


def test_where_nothing_tells_it_is_not_added_and_the_total_says_so(here):
    amd_card(here, 45.0)
    here.domain("intel-rapl:0", "package-0", energy_uj=5)
    with turning(here, {"intel-rapl:0": (5, 30)}), energy() as e:
        time.sleep(0.1)
    assert e.covers == ("rapl:package-0 (cpu)",)
    assert "leaves out amd:0 (nothing tells whether it is a card or shares" in repr(e)
    both = [p for p in probes(here.root) if p.id in ("amd:0", "rapl:package-0")]
    assert [probe.id for probe in disjoint(both)] == ["rapl:package-0"]


def test_one_gpu_that_two_cards_lead_to_is_one(here):
    amd_card(here, 200.0, power1_cap=300_000_000)
    (here.root / "sys/class/drm/card1").mkdir()
    (here.root / "sys/class/drm/card1/device").symlink_to(here.root / "sys/class/drm/card0/device")
    assert [p.id for p in probes(here.root).families["AMD GPU power"]] == ["amd:0"]
    assert len(machine(here.root).gpus) == 1


@pytest.mark.parametrize("variable", ["ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"])
def test_an_amd_gpu_that_is_hidden_is_listed_and_not_added(here, monkeypatch, variable):
    monkeypatch.setenv(variable, "")
    amd_card(here, 200.0, power1_cap=300_000_000)
    probe = probes(here.root)["amd:0"]
    assert (probe.adds, probe.available) == (False, True)
    assert f"hidden by {variable}" in probe.note
    assert f"GPU: none (hidden by {variable}); 1 ×" in repr(machine(here.root))


# Partial: Jetson


def rail(tree, chip, channel, label, watts):
    folder = f"sys/bus/i2c/drivers/ina3221/1-004{chip}/hwmon/hwmon{chip}"
    tree.write(f"{folder}/in{channel}_label", label)
    tree.write(f"{folder}/in{channel}_input", 5000)
    tree.write(f"{folder}/curr{channel}_input", round(watts / 5 * 1e3))


def test_no_rail_of_an_agx_orin_is_taken_for_the_board(here):
    """4.5 W of VIN_SYS_5V0 passed for a board of 44.4 W."""
    for channel, (label, watts) in enumerate(
        [("VDD_GPU_SOC", 25.2), ("VDD_CPU_CV", 14.7), ("VIN_SYS_5V0", 4.5)], 1
    ):
        rail(here, 0, channel, label, watts)
    rail(here, 1, 2, "VDDQ_VDD2_1V8AO", 1.1)
    with energy() as e:
        time.sleep(0.05)
    assert (e.energy_j, e.kind) == (None, "unknown")
    assert "no rail is the input of this board" in repr(e)
    with energy(probes(here.root)["jetson:VIN_SYS_5V0"], pad=0) as one:
        time.sleep(0.05)
    assert one.mean_power_w == pytest.approx(4.5, rel=0.02)
    rails = [p for p in probes(here.root) if p.id.startswith("jetson:V")]
    with energy(rails, pad=0) as several:
        time.sleep(0.05)
    assert several.covers == ("jetson:VDDQ_VDD2_1V8AO (VDDQ_VDD2_1V8AO)",), "they are not added up"
    assert len(several.by_domain) == 4
    assert one.covers == ("jetson:VIN_SYS_5V0 (VIN_SYS_5V0)",)


def test_the_input_of_an_orin_nx_is_the_board(here):
    for channel, label in enumerate(["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"], 1):
        rail(here, 0, channel, label, 12.0 / channel)
    with energy() as e:
        time.sleep(0.1)
    assert e.covers == ("jetson:VDD_IN (board, cpu, gpu)",)
    assert e.mean_power_w == pytest.approx(12.0, rel=0.01)
    assert e.leaves_out == ()


# Hidden by the container


def test_a_powercap_that_docker_masks_is_no_matter_of_permissions(here):
    """The links of /sys/class stay, and lead to an empty folder."""
    (here.root / "sys/devices/virtual/powercap").mkdir(parents=True)
    folder = here.root / "sys/class/powercap"
    folder.mkdir(parents=True)
    for zone in ("intel-rapl", "intel-rapl:0"):
        (folder / zone).symlink_to(here.root / "sys/devices/virtual/powercap/intel-rapl" / zone)
    (probe,) = powercap_probes(here.root)
    assert (probe.present, probe.permission, probe.available) == (True, False, False)
    for text in (probe.why, machine(here.root).why["cpu_energy"]):
        assert "Docker masks /sys/devices/virtual/powercap" in text
        assert "chmod" not in text
    with energy() as e:
        pass
    assert "permission" not in e.flags
    assert e.energy_j is None
