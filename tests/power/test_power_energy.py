"""`energy` and `bench_energy`: windows, totals, what is unknown, and what measuring costs."""

import threading
import time

import psutil
import pytest

from labkit.power import bench_energy, energy, sensors
from labkit.power.energy_timing import _call_time_s
from labkit.power.probe import Probe, Sample, missing
from labkit.reading import Origin


def simulated(sensor, until_s, **options):
    """The Energy of the window [5 s, until_s] of simulated time; and the truth."""
    e = sensors.simulated_energy(sensor, 5.0, until_s, pad_s=options.pop("pad", 0.0), **options)
    return e, sensor.load.energy_between_j(5.0, until_s)


def test_a_simulated_burst_is_measured_through_a_mean_over_a_second():
    load = sensors.burst(300, 60, 5.0, 0.4)
    e, truth_j = simulated(sensors.PowerSensor(load, 0.1, 1.0, phase_s=0.037), 5.4, pad=1.3)
    assert truth_j == pytest.approx(120)
    assert e.energy_j == pytest.approx(truth_j, rel=0.005)
    assert e.energy_lo_j <= truth_j <= e.energy_hi_j
    assert e.idle_power_w == pytest.approx(60)
    assert e.net_energy_j == pytest.approx(120 - 60 * 0.4, rel=0.01)
    assert e.mean_power_w == pytest.approx(300, rel=0.005)
    assert (e.kind, e.flags, e.complete) == ("measured", (), True)


def test_the_same_simulation_gives_the_same_figures():
    sensor = sensors.PowerSensor(sensors.square_wave(300, 60, 2, 0.1), 0.1, 0.025)
    first, second = (simulated(sensor, 9.0, pad=0)[0] for _ in range(2))
    assert repr(first) == repr(second)


def test_a_simulated_counter_and_sensor_agree():
    load = sensors.square_wave(300, 60, 2, 0.5)
    by_counter, truth_j = simulated(sensors.CounterSensor(load, 0.1), 10.3, pad=0)
    by_power, _ = simulated(sensors.PowerSensor(load, 0.1, 0.1), 10.3, pad=0)
    for e in (by_counter, by_power):
        assert e.energy_j == pytest.approx(truth_j, rel=0.02)
        assert e.energy_lo_j <= truth_j <= e.energy_hi_j


def test_a_window_may_be_opened_again():
    load = sensors.constant(100)
    clock = sensors.SimulatedClock(5.0)
    e = energy(sensors.simulated_probe(sensors.CounterSensor(load), clock), clock=clock, pad=0)
    for duration_s in (2.0, 1.0):
        with e:
            clock.sleep(duration_s)
        assert e.energy_j == pytest.approx(100 * duration_s, rel=0.01)


def test_idle_is_what_ran_before_the_block():
    load = sensors.burst(300, 60, 5.0, 2.0)
    for sensor in (sensors.CounterSensor(load, 0.1), sensors.PowerSensor(load, 0.1, 0.1)):
        e, _ = simulated(sensor, 7.0, pad=1.0)
        assert e.idle_power_w == pytest.approx(60, rel=0.05)
        assert e.net_energy_j == pytest.approx(480, rel=0.05)


def test_the_domain_tells_samples_gap_and_method():
    load = sensors.constant(100)
    e, _ = simulated(sensors.PowerSensor(load, 0.1, 0.1), 6.0, pad=0)
    (part,) = e.by_domain.values()
    assert part.method == "averaged_power"
    assert part.n_samples >= 48
    assert part.max_gap_s == pytest.approx(0.02, rel=0.1)
    assert part.wraps is None


def test_a_reading_rate_below_the_update_rate_is_flagged():
    e, _ = simulated(sensors.PowerSensor(sensors.constant(100), 0.1, 0.1), 9.0, pad=0, hz=2)
    assert e.flags == ("dropped_samples",)


def constant_probe(watts, id="test:0", method="energy_counter", **more):  # noqa: A002
    def read():
        now_ns = time.perf_counter_ns()
        return Sample(now_ns, watts * now_ns * 1e-9, None)

    return Probe(id, "device", method, update_period_s=0.001, reader=read, **more)


def test_a_total_with_a_modelled_part_is_mixed_and_names_it():
    parts = [constant_probe(30), constant_probe(10, "model:cpu-tdp", "model")]
    with energy(parts) as e:
        time.sleep(0.05)
    assert e.kind == "mixed"
    assert e.energy_j == pytest.approx(40 * e.elapsed_s, rel=0.02)
    assert e.readings()[0].origin is Origin.MODELLED
    assert "modelled part: model:cpu-tdp" in repr(e)


def test_a_total_with_a_missing_part_is_unknown_and_says_why():
    with energy([constant_probe(30), missing("rapl:package-0", "gone", "bring it back")]) as e:
        time.sleep(0.01)
    assert (e.energy_j, e.mean_power_w, e.net_energy_j) == (None, None, None)
    assert (e.kind, e.complete) == ("unknown", False)
    assert e.by_domain["test:0"].energy_j is not None
    assert "[measured] energy: unknown (rapl:package-0 gone; bring it back)" in repr(e)


def test_no_source_at_all_is_unknown_not_zero():
    with energy([]) as e:
        pass
    assert e.energy_j is None
    assert "there is no power source here" in repr(e)


def test_it_always_prints_four_lines():
    for parts in ([], [constant_probe(30)], [missing("x", "gone")]):
        with energy(parts, name="copy") as e:
            pass
        names = [line.partition("] ")[2].partition(":")[0] for line in repr(e).splitlines()]
        assert names == ["copy", "copy, mean power", "copy, idle power", "copy, net"]


def test_a_probe_that_breaks_mid_run_ends_alone():
    count = iter(range(100))

    def read():
        if next(count) > 3:
            raise SystemError("the driver fell over")
        return Sample(time.perf_counter_ns(), 1.0, None)

    broken = Probe("broken:0", "device", "energy_counter", update_period_s=0.01, reader=read)
    with energy([broken, constant_probe(5)], hz=200) as e:
        time.sleep(0.2)
    assert "SystemError: the driver fell over" in e.by_domain["broken:0"].reason
    assert e.by_domain["test:0"].energy_j == pytest.approx(5 * e.elapsed_s, rel=0.02)


def test_an_open_window_says_to_close_it():
    e = energy([])
    with pytest.raises(RuntimeError, match="has not closed yet"):
        e.energy_j  # noqa: B018
    assert "not closed" in repr(e)


def test_an_exception_in_the_block_goes_through_and_stops_the_thread():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), energy([constant_probe(5)], pad=0):
        1 / 0  # noqa: B018
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "options",
    [{"hz": 0}, {"hz": "fast"}, {"pad": -1}, {"pad": True}, {"load_period_s": 0}, {"name": "a:b"}],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_is_measured(options):
    with pytest.raises(ValueError, match="got"):
        energy([], **options)


def test_a_probe_that_is_none_is_refused_with_a_sentence():
    with pytest.raises(TypeError, match=r"Take them from lk.probes\(\)"):
        energy(["nvml:0"])
    with pytest.raises(TypeError, match=r"got 'nvml:1'\. .*lk\.probes\(\)\['nvml:1'\]"):
        energy("nvml:1")
    with pytest.raises(TypeError, match="got None"):
        energy(None)


def cpu_share(seconds=1.0):
    """The share of a core that the process used, while its main thread slept."""
    start_s = time.process_time()
    time.sleep(seconds)
    return (time.process_time() - start_s) / seconds


def bare_share(hz):
    """What a thread costs that only wakes up and reads the clock: it is more on a busy machine."""
    stop = threading.Event()

    def loop():
        while not stop.is_set():
            time.sleep(1 / hz)

    thread = threading.Thread(target=loop)
    thread.start()
    share = cpu_share()
    stop.set()
    thread.join()
    return share


def test_sampling_at_10_hz_costs_little_of_a_core():
    """A 500th; on a machine so busy that a bare thread costs a third of that, three times that."""
    for _ in range(6):
        allowed = max(0.002, 3 * bare_share(10))
        with energy([constant_probe(5)], hz=10, pad=0) as e:
            cost = cpu_share()
        if cost <= allowed:
            break
    assert cost <= allowed
    assert e.by_domain["test:0"].n_samples >= 5


def test_it_stops_within_two_periods_and_leaves_no_thread_or_process():
    before, late_s = threading.active_count(), []
    for _ in range(3):
        with energy([constant_probe(5)], hz=10, pad=0):
            assert threading.active_count() == before + 1
            assert psutil.Process().children() == []
            leave_s = time.perf_counter()
        late_s.append(time.perf_counter() - leave_s)
    assert min(late_s) <= 0.2
    assert threading.active_count() == before


def test_bench_energy_divides_by_the_calls():
    calls = []
    result = bench_energy(
        lambda: calls.append(time.sleep(0.005)), name="nap", probes=[constant_probe(20)],
        min_time_s=0.3, min_calls=32,
    )  # fmt: skip
    assert result.n_calls >= 32
    assert result.energy_j == pytest.approx(20 * result.time_s, rel=0.05)
    assert result.energy_lo_j <= result.energy_j <= result.energy_hi_j
    assert result.net_energy_j == pytest.approx(0, abs=0.05 * result.energy_j)
    names = [line.partition(": ")[0] for line in repr(result).splitlines()]
    assert names == [
        "[measured] energy of nap", "[measured] net energy of nap", "[measured] time of nap"
    ]  # fmt: skip


@pytest.mark.parametrize(("update_s", "flags"), [(0.02, ("aliasing_risk",)), (0.027, ())])
def test_bench_energy_warns_of_a_call_that_lasts_as_long_as_an_update(monkeypatch, update_s, flags):
    """20 ms a call: the period of the load is known here, so the warning comes by itself."""
    monkeypatch.setattr("labkit.power.energy_timing._call_time_s", lambda fn, args: 0.02)
    part_time = Probe(
        "part:0", "device", "instant_power", update_period_s=update_s, averaging_window_s=0.001,
        reader=lambda: Sample(time.perf_counter_ns(), None, 50.0),
    )  # fmt: skip
    result = bench_energy(time.sleep, 0.02, probes=[part_time], min_time_s=0.1, min_calls=2)
    assert tuple(flag for flag in result.flags if flag == "aliasing_risk") == flags


def test_the_time_of_one_call_is_found_before_the_window():
    assert _call_time_s(time.sleep, (0.02,)) == pytest.approx(0.02, rel=0.5)


def test_bench_energy_begins_no_call_after_its_longest_time():
    result = bench_energy(
        time.sleep, 0.05, probes=[constant_probe(1)], max_time_s=0.2, min_calls=1000
    )
    assert result.n_calls < 10


def test_bench_energy_refuses_a_result_in_place_of_a_function():
    with pytest.raises(TypeError, match="nothing to call in 3"):
        bench_energy(3)
