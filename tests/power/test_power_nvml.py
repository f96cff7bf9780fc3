"""NVIDIA GPUs: the unmodified pynvml against a driver that is compiled here."""

import json
import os
import subprocess
import sys
import time
from random import Random

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


SEEN = """
import json, sys, time
import labkit as lk
probes = lk.probes()
with lk.energy(pad=float(sys.argv[1])) as e:
    time.sleep(float(sys.argv[2]))
print(json.dumps({
    "added": [p.id for p in probes if p.adds and p.present and p.id.startswith("nvml")],
    "notes": {p.id: p.summary for p in probes}, "covers": e.covers, "leaves_out": e.leaves_out,
    "flags": e.flags, "kind": e.kind, "energy": e.energy_j, "text": repr(e),
    "gpus": [gpu.name for gpu in lk.machine().gpus], "passport": repr(lk.machine()),
}))
"""


def seen(nvml_folder, root, pad=0, duration=0.25, visible=None, **more):
    """What a whole process sees through the door: probes, a total, the passport."""
    env = {**os.environ, "LABKIT_NVML_LIBRARY": str(nvml_folder / "libnvidia-ml.so.1")}
    for variable in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "LABKIT_CPU_TDP_W"):
        env.pop(variable, None)
    if visible is not None:
        env["CUDA_VISIBLE_DEVICES"] = visible
    order = more.pop("order", None)
    env |= {"CUDA_DEVICE_ORDER": order} if order else {}
    env |= {"LABKIT_SYSFS_ROOT": str(root), "FAKE_NVML_COUNT": "3"}
    env |= {f"FAKE_NVML_{key}": str(value) for key, value in more.items()}
    command = [sys.executable, "-c", SEEN, str(pad), str(duration)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def with_board(tree):
    """A machine whose board tells the power of its CPU, so that the total is complete."""
    folder = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon4"
    for name, text in {"in1_label": "VDD_IN", "in1_input": 5000, "curr1_input": 2000}.items():
        tree.write(f"{folder}/{name}", text)
    tree.write("proc/cpuinfo", "processor : 0\nmodel name : Quantum 9000")
    return tree.root


@pytest.mark.parametrize(
    ("visible", "added"),
    [
        (None, [0, 1, 2]),
        ("1", [1]),
        ("2, 0", [0, 2]),
        ("GPU-2", [2]),
        ("gpu-1,GPU-0", [0, 1]),
        ("", []),
        ("-1", []),
        ("0,-1,2", [0]),
        ("0,0", []),
        ("nonsense,1", []),
        ("GPU", []),
        ("7", []),
    ],
)
def test_only_the_gpus_that_cuda_sees_are_added(nvml_folder, with_board, visible, added):
    """As CUDA reads the variable: up to the first entry that names nothing; nothing if twice."""
    found = seen(nvml_folder, with_board, visible=visible)
    assert found["added"] == [f"nvml:{index}" for index in added]
    assert len(found["gpus"]) == len(added)
    hidden = 3 - len(added)
    assert found["passport"].count("hidden by CUDA_VISIBLE_DEVICES") == (
        0 if not hidden else 1 if added else 3  # no GPU, no power of one, and the hidden ones
    )
    assert len(found["leaves_out"]) == hidden


def test_places_are_not_believed_where_cuda_may_count_in_another_order(nvml_folder, with_board):
    mixed = {"NAME": "Tesla T4", "NAME_1": "NVIDIA A10", "visible": "0"}
    found = seen(nvml_folder, with_board, **mixed)
    assert (found["kind"], found["energy"]) == ("unknown", None)
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in found["text"]
    assert seen(nvml_folder, with_board, order="PCI_BUS_ID", **mixed)["added"] == ["nvml:0"]


def test_one_gpu_under_several_places_counts_once(nvml_folder, with_board):
    assert seen(nvml_folder, with_board, ONE_UUID=1)["added"] == ["nvml:0"]


@pytest.mark.parametrize(
    ("visible", "used"), [("MIG-1", 1), ("MIG-0,MIG-2", 2), ("0", 1), (None, 1)]
)
def test_slices_of_a_gpu_are_named_and_the_gpu_counts_once(nvml_folder, with_board, visible, used):
    found = seen(nvml_folder, with_board, MIG=3, visible=visible)
    assert found["added"] == (["nvml:0"] if visible else ["nvml:0", "nvml:1", "nvml:2"])
    assert "the whole GPU in 3 MIG slices" in found["notes"]["nvml:0"]
    assert f"and {3 - used} other slices are in the figure" in found["notes"]["nvml:0"]
    assert "shared_gpu" in found["flags"]
    assert found["gpus"][:used] == ["Fake GPU MIG 1g.5gb"] * used
    assert f"{3 - used} × Fake GPU MIG 1g.5gb" in found["passport"]


@pytest.mark.parametrize("stuck_j", [0, 4711])
def test_a_stuck_counter_is_unknown(nvml_folder, with_board, stuck_j):
    found = seen(nvml_folder, with_board, STUCK_J=stuck_j, duration=0.4)
    assert (found["kind"], found["energy"]) == ("unknown", None)
    assert "nvml:0 did not move for" in found["text"]


def test_a_counter_that_jumps_is_unknown(nvml_folder, with_board):
    glitch = {"JUMP_J": 1e6, "AT_S": time.monotonic() + 2.0, "T0": 0}
    found = seen(nvml_folder, with_board, duration=6.0, **glitch)
    assert (found["kind"], found["energy"]) == ("unknown", None)
    assert "rose by 1 MJ within" in found["text"]


@pytest.mark.parametrize("seed", range(6))
def test_random_square_waves_without_a_counter_are_covered(nvml_folder, seed):
    """The true window is 100 ms, and none of those that the documents name."""
    random = Random(seed)
    fake = {
        "HIGH_W": random.uniform(100, 400), "LOW_W": random.uniform(20, 100),
        "PERIOD_S": random.uniform(0.05, 2), "DUTY": random.uniform(0.05, 0.95),
        "ARCHITECTURE": random.choice([6, 8]), "NO_COUNTER": 1,
    }  # fmt: skip
    (result,) = run(nvml_folder, [random.uniform(0.4, 1.5)], **fake)["results"]
    assert 0 <= result["low"] <= result["energy"] <= result["high"]
    assert result["low"] <= result["truth"] <= result["high"]
