"""NVIDIA GPUs: the unmodified pynvml against a driver that is compiled here."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")

MEASURE = """
import json, math, os, sys, time
from labkit.power import energy
from labkit.power.nvidia import nvml_probes

high, low, period, duty = (float(os.environ["FAKE_NVML_" + k])
                           for k in ("HIGH_W", "LOW_W", "PERIOD_S", "DUTY"))
def truth(t):
    n, r = divmod(t - float(os.environ["FAKE_NVML_T0"]), period)
    on = duty * period
    rest = r * high if r < on else on * high + (r - on) * low
    return n * (on * high + (period - on) * low) + rest

probes = nvml_probes()
results = []
for duration in json.loads(sys.argv[1]):
    with energy(probes, pad=0) as e:
        time.sleep(duration)
    results.append({"energy": e.energy_j, "low": e.energy_lo_j, "high": e.energy_hi_j,
                    "truth": truth(e._window.stop_ns * 1e-9) - truth(e._window.start_ns * 1e-9)})
print(json.dumps({"method": probes[0].method, "window": probes[0].averaging_window_s,
                  "results": results, "reason": probes[0].reason}))
"""


def run(nvml_folder, durations=(), by="LD_LIBRARY_PATH", **fake):
    """What `MEASURE` says in a process of its own with the fake driver."""
    defaults = {"HIGH_W": 300, "LOW_W": 60, "PERIOD_S": 2, "DUTY": 0.5, "T0": 0, **fake}
    where = nvml_folder if by == "LD_LIBRARY_PATH" else nvml_folder / "libnvidia-ml.so.1"
    env = {**os.environ, by: str(where)}
    env |= {f"FAKE_NVML_{key}": str(value) for key, value in defaults.items()}
    command = [sys.executable, "-c", MEASURE, json.dumps(list(durations))]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_energy_counter_is_the_first_choice(nvml_folder):
    assert run(nvml_folder)["method"] == "energy_counter"


def test_the_library_may_be_named_in_the_environment(nvml_folder):
    assert run(nvml_folder, by="LABKIT_NVML_LIBRARY")["method"] == "energy_counter"


@pytest.mark.parametrize(
    ("architecture", "name", "method", "window_s"),
    [
        (6, "Tesla T4", "instant_power", 0.025),
        (7, "NVIDIA A100-SXM4-80GB", "instant_power", 0.025),
        (7, "NVIDIA A10G", "averaged_power", 1.0),
        (8, "NVIDIA L4", "averaged_power", 1.0),
        (9, "NVIDIA H100 80GB HBM3", "averaged_power", 1.0),
    ],
)
def test_what_a_power_means_differs_by_chip(nvml_folder, architecture, name, method, window_s):
    found = run(nvml_folder, NO_COUNTER=1, ARCHITECTURE=architecture, NAME=name)
    assert (found["method"], found["window"]) == (method, window_s)


def test_a_gpu_that_tells_nothing_is_listed_with_the_reason(nvml_folder):
    found = run(nvml_folder, NO_COUNTER=1, NO_POWER=1)
    assert "neither energy nor power" in found["reason"]


def test_the_counter_is_right_within_a_thousandth_and_a_step(nvml_folder):
    for result in run(nvml_folder, [0.25, 1.3], DUTY=0.1)["results"]:
        assert result["low"] <= result["truth"] <= result["high"]
        assert abs(result["energy"] - result["truth"]) <= 0.001 * result["truth"] + 30


def test_a_constant_load_is_not_zero(nvml_folder):
    """zeus 0.16's PowerMonitor reports 0 J for it."""
    fake = {"NO_COUNTER": 1, "DUTY": 1, "ARCHITECTURE": 8, "WINDOW_S": 1.0}
    (result,) = run(nvml_folder, [0.6], **fake)["results"]
    assert result["energy"] == pytest.approx(result["truth"], rel=0.001)
    assert result["low"] <= result["truth"] <= result["high"]


def test_a_square_wave_by_a_mean_over_a_second_is_inside_the_interval(nvml_folder):
    fake = {"NO_COUNTER": 1, "DUTY": 0.1, "ARCHITECTURE": 8, "WINDOW_S": 1.0}
    (result,) = run(nvml_folder, [1.7], **fake)["results"]
    assert result["low"] <= result["truth"] <= result["high"]
