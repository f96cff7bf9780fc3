"""`probes()`: every family is listed, whatever is or is not here, whatever a library raises."""

import socket
import sys
import time
import types

import pytest

from labkit.power import energy, probes
from labkit.power.amd import amd_probes
from labkit.power.apple import apple_probes
from labkit.power.jetson import jetson_probes
from labkit.power.probe import Probe, Sample
from labkit.power.tpu import tpu_probes

FAMILIES = [
    "NVIDIA GPU power", "CPU energy counters", "AMD GPU power", "Jetson power rails",
    "Apple energy counters", "Windows energy meter", "TPU power", "CPU power model",
]  # fmt: skip


def names(found):
    return [line.removeprefix("[measured] ").partition(":")[0] for line in repr(found).splitlines()]


@pytest.fixture
def bare(tree, monkeypatch):
    """A machine with a CPU that nobody knows, and nothing else."""
    monkeypatch.delenv("LABKIT_CPU_TDP_W", raising=False)
    tree.write("proc/cpuinfo", "processor : 0\nmodel name : Quantum 9000")
    return tree


def test_every_family_has_one_line_on_a_bare_machine(bare):
    found = probes(bare.root)
    assert names(found) == FAMILIES
    assert not any(probe.available for probe in found if probe.id != "nvml:0")
    assert all(probe.why for probe in found if not probe.available)


def test_the_lines_are_the_same_where_there_are_sensors(bare):
    for n in range(2):
        bare.domain(f"intel-rapl:{n}", f"package-{n}")
    found = probes(bare.root)
    assert names(found) == FAMILIES
    assert found["rapl:package-1"].available


def test_a_probe_is_found_by_its_id_and_an_unknown_id_says_which_there_are(bare):
    with pytest.raises(KeyError, match="There are: nvml"):
        probes(bare.root)["rapl:package-7"]


def test_a_bare_machine_uses_no_joules_that_nobody_measured(bare, monkeypatch):
    monkeypatch.setenv("LABKIT_SYSFS_ROOT", str(bare.root))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with energy() as e:
        pass
    assert (e.energy_j, e.kind) == (None, "unknown")
    assert "no TDP is known" in repr(e)


def test_the_model_takes_the_place_of_counters_that_only_root_may_read(bare, monkeypatch):
    from labkit.power.energy import _automatic
    from labkit.power.probe import Probe, missing
    from labkit.power.probes import Probes

    locked = missing("rapl:package-0", "root", includes=("cpu",), permission=True)
    model = Probe("model:cpu-tdp", "package", "model", includes=("cpu",))
    choice = _automatic(Probes({"a": [locked], "b": [model]}))
    assert (choice.probes, choice.missing, choice.denied) == ([model], [], True)


def test_the_model_stays_out_where_the_cpu_has_a_counter(bare, monkeypatch):
    monkeypatch.setenv("LABKIT_CPU_TDP_W", "10")
    monkeypatch.setenv("LABKIT_SYSFS_ROOT", str(bare.root))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    bare.domain("intel-rapl:0", "package-0", energy_uj=0)
    with energy(pad=0) as e:
        time.sleep(0.01)
        e._sampler.mark()
        bare.count("intel-rapl:0", 2_000_000)
    assert list(e.by_domain) == ["rapl:package-0"]
    assert e.energy_j == pytest.approx(2.0)
    assert e.kind == "measured"


@pytest.mark.parametrize("error", [KeyError("x.so"), OSError(5), SystemError("no"), SystemExit(1)])
def test_a_vendor_library_may_raise_anything(bare, monkeypatch, error):
    def explode(name):
        raise error

    poison = types.ModuleType("poison")
    poison.__getattr__ = explode
    for library in ("pynvml", "amdsmi", "zeus_apple_silicon"):
        monkeypatch.setitem(sys.modules, library, poison)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    bare.write("sys/class/drm/card0/device/vendor", "0x1002")
    bare.domain("intel-rapl:0", "package-0", energy_uj=0)
    found = probes(bare.root)
    assert names(found) == FAMILIES
    for id in ("nvml", "amd:0", "apple:cpu"):  # noqa: A001
        assert type(error).__name__ in found[id].why
    assert not found["nvml"].present, "no device file, so no GPU is missed"
    with energy(found["rapl:package-0"], pad=0) as e:
        time.sleep(0.01)
        e._sampler.mark()
        bare.count("intel-rapl:0", 1_000_000)
    assert e.energy_j == pytest.approx(1.0)


@pytest.fixture
def windows(bare, monkeypatch):
    """Windows, with a function `meter.find` that an adapter may name; returns what to set it to."""
    monkeypatch.setattr("platform.system", lambda: "Windows")
    monkeypatch.delenv("LABKIT_POWER_ADAPTER", raising=False)

    def install(find):
        monkeypatch.setitem(sys.modules, "meter", types.SimpleNamespace(find=find))
        monkeypatch.setenv("LABKIT_POWER_ADAPTER", "meter:find")
        return probes(bare.root)

    return install


def test_without_an_adapter_windows_says_what_to_set(windows, bare):
    assert "set LABKIT_POWER_ADAPTER=module:function" in probes(bare.root)["windows"].why


def test_an_adapter_gives_windows_its_probes(windows):
    def read():
        return Sample(time.perf_counter_ns(), 5.0, None)

    meter = Probe("emi:package-0", "package", "energy_counter", includes=("cpu",), reader=read)
    found = windows(lambda: [meter])
    assert found["emi:package-0"].read().energy_j == 5.0
    assert names(found) == FAMILIES


@pytest.mark.parametrize(
    ("find", "words"),
    [(lambda: 1 / 0, "ZeroDivisionError"), (lambda: [], "one Probe"), (lambda: [3], "got [3]")],
)
def test_a_broken_adapter_is_a_reason(windows, find, words):
    assert words in windows(find)["windows"].why


def test_no_socket_is_opened(bare, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    bare.domain("intel-rapl:0", "package-0")
    with energy([p for p in probes(bare.root) if p.available and p.adds], pad=0) as e:
        bare.count("intel-rapl:0", 1_000_001)
    assert e.kind == "measured"


def test_discovery_takes_at_most_a_fifth_of_a_second(bare):
    probes(bare.root)  # imports psutil and pynvml
    times_s = []
    for _ in range(5):
        start_s = time.process_time()
        probes(bare.root)
        times_s.append(time.process_time() - start_s)
    assert min(times_s) <= 0.2


def test_an_amd_gpu_is_read_through_hwmon(tree):
    device = "sys/class/drm/card1/device"
    tree.write(f"{device}/vendor", "0x1002")
    tree.write(f"{device}/hwmon/hwmon3/power1_average", 225_000_000)
    (probe,) = amd_probes(tree.root)
    assert (probe.id, probe.method, probe.read().power_w) == ("amd:0", "averaged_power", 225.0)


def test_an_amd_energy_counter_goes_before_its_power(tree):
    device = "sys/class/drm/card1/device"
    tree.write(f"{device}/vendor", "0x1002")
    tree.write(f"{device}/hwmon/hwmon3/power1_average", 225_000_000)
    tree.write(f"{device}/hwmon/hwmon3/energy1_input", 7_000_000)
    (probe,) = amd_probes(tree.root)
    assert (probe.method, probe.read().energy_j) == ("energy_counter", 7.0)


def test_without_hwmon_an_amd_gpu_is_read_through_amdsmi(tree, monkeypatch):
    tree.write("sys/class/drm/card0/device/vendor", "0x1002")
    count = {"energy_accumulator": 1_000_000, "counter_resolution": 15.3}
    library = types.SimpleNamespace(
        amdsmi_init=lambda: None,
        amdsmi_get_processor_handles=lambda: ["gpu"],
        amdsmi_get_energy_count=lambda gpu: count,
    )
    monkeypatch.setitem(sys.modules, "amdsmi", library)
    (probe,) = amd_probes(tree.root)
    assert probe.read().energy_j == pytest.approx(15.3)


def jetson_rail(tree, channel, label, milli_volts, milli_amps):
    folder = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon4"
    tree.write(f"{folder}/in{channel}_label", label)
    tree.write(f"{folder}/in{channel}_input", milli_volts)
    tree.write(f"{folder}/curr{channel}_input", milli_amps)


def test_a_jetson_counts_its_input_and_not_the_rails_behind_it(tree):
    jetson_rail(tree, 1, "VDD_IN", 5000, 2000)
    jetson_rail(tree, 2, "VDD_CPU_GPU_CV", 5000, 600)
    found = {probe.id: probe for probe in jetson_probes(tree.root)}
    assert found["jetson:VDD_IN"].read().power_w == pytest.approx(10.0)
    assert [probe.id for probe in found.values() if probe.adds] == ["jetson:VDD_IN"]


def test_an_old_jetson_tells_its_rails_in_milliwatts(tree):
    folder = "sys/bus/i2c/drivers/ina3221x/1-0040/iio:device0"
    tree.write(f"{folder}/rail_name_0", "GPU")
    tree.write(f"{folder}/in_power0_input", 1234)
    found = {probe.id: probe for probe in jetson_probes(tree.root)}
    assert found["jetson:GPU"].read().power_w == pytest.approx(1.234)


def test_an_apple_chip_is_read_through_its_library(monkeypatch):
    metrics = types.SimpleNamespace(cpu_total_mj=2500, gpu_mj=500, dram_mj=None, ane_mj=0)
    monitor = types.SimpleNamespace(get_cumulative_energy=lambda: metrics)
    library = types.SimpleNamespace(AppleEnergyMonitor=lambda: monitor)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setitem(sys.modules, "zeus_apple_silicon", library)
    found = {probe.id: probe for probe in apple_probes()}
    assert set(found) == {"apple:cpu", "apple:gpu", "apple:ane"}
    assert found["apple:cpu"].read().energy_j == 2.5


def test_a_tpu_is_unknown_and_what_is_published_of_it_is_named():
    (probe,) = tpu_probes(types.SimpleNamespace(tpu="4 × TPU v4"))
    assert not probe.available
    assert "has no power interface; published, not measured here: 170 W" in probe.why
