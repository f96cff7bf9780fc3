"""The same signals through labkit, zeus and codecarbon, side by side: one Markdown table.

    python tools/bench_power.py [--seconds 5.37] [--repeat 3] [--python OTHER_PYTHON]

The signals are known exactly: a fake NVIDIA driver (tests/power/fakenvml.c, needs gcc and
nvidia-ml-py) whose power is a square wave, and fake powercap files whose counter wraps. Each
library measures in a process of its own; one that is not installed is skipped, with the reason.
`--python` names an interpreter that has zeus and codecarbon; they need not be installed here.
"""

import argparse
import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from labkit.power import sensors

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 300

# Each meter measures windows of SECONDS seconds, REPEAT times, and prints one JSON line for each:
# start and stop on the monotonic clock, the energy in J, and the interval if it states one.
PRELUDE = """
import json, os, sys, time
seconds, repeat = float(os.environ["SECONDS"]), int(os.environ["REPEAT"])
tree, zone = os.environ["TREE"], "sys/class/powercap/intel-rapl/intel-rapl:0"
def show(start, stop, joules, low=None, high=None):
    print(json.dumps(dict(start=start, stop=stop, energy=joules, low=low, high=high)), flush=True)
def spend(uj=None):
    start = time.perf_counter()
    time.sleep(seconds)
    if uj is not None:
        for folder in ("intel-rapl:0", "intel-rapl/intel-rapl:0"):
            path = f"{tree}/sys/class/powercap/{folder}/energy_uj"
            open(path + ".new", "w").write(str(uj)); os.replace(path + ".new", path)
    return start, time.perf_counter()
"""
METERS = {
    ("labkit", "gpu"): """
from labkit.power import energy
from labkit.power.nvidia import nvml_probes
probes = nvml_probes()
for _ in range(repeat):
    with energy(probes, pad=0) as e:  # the load does not begin and end with the window
        start, stop = spend()
    show(start, stop, e.energy_j, e.energy_lo_j, e.energy_hi_j)
""",
    ("labkit", "wrap"): """
from labkit.power import energy
from labkit.power.powercap import powercap_probes
with energy(powercap_probes(tree), pad=0) as e:
    start, stop = spend(856_671)
show(start, stop, e.energy_j, e.energy_lo_j, e.energy_hi_j)
""",
    ("zeus", "gpu"): """
from zeus.monitor import PowerMonitor, ZeusMonitor
if __name__ == "__main__":
    if os.environ.get("FAKE_NVML_NO_COUNTER"):
        monitor = PowerMonitor(update_period=0.02)
        for _ in range(repeat):
            wall = time.time(); start, stop = spend(); end = time.time()
            time.sleep(0.5)
            show(start, stop, sum((monitor.get_energy(wall, end) or {0: None}).values()))
        monitor.stop()
    else:
        monitor = ZeusMonitor()
        for _ in range(repeat):
            monitor.begin_window("x", sync_execution=False); start, stop = spend()
            found = monitor.end_window("x", sync_execution=False)
            show(start, stop, sum(found.gpu_energy.values()))
""",
    ("zeus", "wrap"): """
import zeus.device.cpu.rapl as rapl
if __name__ == "__main__":
    cpu = rapl.RAPLCPU(0, f"{tree}/sys/class/powercap/intel-rapl")
    read = lambda: cpu.get_total_energy_consumption().cpu_mj * 1e-3
    before = read()
    start, stop = spend(856_671)
    show(start, stop, read() - before)
""",
    ("codecarbon", "gpu"): """
from codecarbon import OfflineEmissionsTracker
for _ in range(repeat):
    tracker = OfflineEmissionsTracker(country_iso_code="USA", measure_power_secs=1,
        save_to_file=False, log_level="critical", allow_multiple_runs=True)
    tracker.start(); start, stop = spend(); tracker.stop()
    show(start, stop, tracker._total_gpu_energy.kWh * 3.6e6)
""",
    ("codecarbon", "wrap"): """
from codecarbon.core.cpu import IntelRAPL
from codecarbon.core.units import Time
meter = IntelRAPL(rapl_dir=f"{tree}/sys/class/powercap/intel-rapl")
meter.start()
start, stop = spend(856_671)
details = meter.get_cpu_details(Time(stop - start))
show(start, stop, sum(v for k, v in details.items() if "Energy" in k) * 3.6e6)
""",
}
LIBRARIES = ("labkit", "zeus", "codecarbon")


@dataclasses.dataclass(frozen=True)
class Signal:
    """What happens, and which meter looks at it; `fake` are parameters of the fake driver."""

    name: str
    meter: str
    fake: dict = dataclasses.field(default_factory=dict)
    seconds: float | None = None


POLLED = {"NO_COUNTER": 1, "ARCHITECTURE": 8}
SIGNALS = (
    Signal("GPU power, 1 s mean, constant 300 W", "gpu", {**POLLED, "DUTY": 1, "WINDOW_S": 1}),
    Signal(
        "GPU power, 1 s mean, 300/60 W, 2 s, 10 %", "gpu", {**POLLED, "DUTY": 0.1, "WINDOW_S": 1}
    ),
    Signal("GPU counter, 100 ms steps, 300/60 W, 2 s, 10 %", "gpu", {"DUTY": 0.1}),
    Signal("GPU counter, 100 ms steps, 0.25 s window, 300 W", "gpu", {"DUTY": 1}, seconds=0.25),
    Signal("CPU counter that wraps, 3.0 J", "wrap", seconds=1.5),
)


def main():
    """Measure every signal with every library, and print the table."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        problem = _build_driver(Path(folder))
        print("| signal | library | energy, mean | error, mean (worst) | interval holds truth |")
        print("| --- | --- | --- | --- | --- |")
        for signal in SIGNALS:
            for library in LIBRARIES:
                needs_driver = problem if signal.meter == "gpu" else None
                row = needs_driver or _measure(signal, library, Path(folder), options)
                print(f"| {signal.name} | {library} | {row} |", flush=True)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.37, help="length of a window")
    parser.add_argument("--repeat", type=int, default=3, help="windows a signal")
    parser.add_argument("--python", default=sys.executable, help="interpreter for the others")
    return parser.parse_args()


def _build_driver(folder):
    """Compile the fake driver; returns why that is not possible, or None."""
    gcc = shutil.which("gcc")
    if gcc is None:
        return "skipped: gcc is not here | | "
    source, library = ROOT / "tests/power/fakenvml.c", folder / "libnvidia-ml.so.1"
    subprocess.run([gcc, "-shared", "-fPIC", "-o", library, source, "-lm"], check=True)
    smi = folder / "nvidia-smi"  # codecarbon asks for it before it looks for a GPU
    smi.write_text("#!/bin/sh\nexit 0\n")
    smi.chmod(0o755)
    return None


def _measure(signal, library, folder, options):
    """The cells of one row."""
    _write_tree(folder)
    fake = {"HIGH_W": 300, "LOW_W": 60, "PERIOD_S": 2, "T0": 0, **signal.fake}
    env = {
        **os.environ,
        "LD_LIBRARY_PATH": str(folder),
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "TREE": str(folder),
        "SECONDS": str(signal.seconds or options.seconds),
        "REPEAT": str(options.repeat),
        **{f"FAKE_NVML_{key}": str(value) for key, value in fake.items()},
    }
    script = folder / "meter.py"  # zeus starts processes that import their parent's file
    script.write_text(PRELUDE + METERS[library, signal.meter])
    python = sys.executable if library == "labkit" else options.python
    try:
        done = subprocess.run(
            [python, script], env=env, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT_S} s | | "
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return _cells(signal, fake, results) if results else _failure(done.stderr)


def _failure(stderr):
    """The last line of a traceback; a library that is not installed is a reason to skip."""
    last = (stderr.strip().splitlines() or ["no output"])[-1]
    if last.startswith("ModuleNotFoundError"):
        return f"skipped: {last.partition(': ')[2]} | | "
    return f"failed: {last[:120].replace('|', '/')} | | "


def _write_tree(folder):
    """One package whose counter stands just below its end, in both layouts in use."""
    for place in ("intel-rapl:0", "intel-rapl/intel-rapl:0"):
        zone = folder / "sys/class/powercap" / place
        zone.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("name", "package-0"),
            ("max_energy_range_uj", 262_143_328_850),
            ("energy_uj", 262_143_328_850 - 2_143_329),
        ):
            (zone / name).write_text(str(text))


def _cells(signal, fake, results):
    truths = [_truth_j(signal, fake, result) for result in results]
    known = [(r["energy"], truth) for r, truth in zip(results, truths, strict=True)]
    known = [(energy_j, truth_j) for energy_j, truth_j in known if energy_j is not None]
    if not known:
        return "unknown | | "
    errors = [energy_j / truth_j - 1 for energy_j, truth_j in known]
    worst = max(errors, key=abs)
    mean_j = statistics.fmean(energy_j for energy_j, _ in known)
    text = f"{mean_j:,.1f} J | {statistics.fmean(errors):+.1%} ({worst:+.1%})"
    return f"{text} | {_coverage(results, truths)}"


def _coverage(results, truths):
    stated = [(r, t) for r, t in zip(results, truths, strict=True) if r["low"] is not None]
    if not stated:
        return "none stated"
    inside = sum(r["low"] <= truth_j <= r["high"] for r, truth_j in stated)
    half = statistics.median((r["high"] - r["low"]) / 2 / truth_j for r, truth_j in stated)
    return f"{inside} of {len(stated)}, ± {half:.1%}"


def _truth_j(signal, fake, result):
    if signal.meter == "wrap":
        return 3.0
    load = sensors.square_wave(fake["HIGH_W"], fake["LOW_W"], fake["PERIOD_S"], fake["DUTY"])
    return float(load.energy_j(result["stop"]) - load.energy_j(result["start"]))


if __name__ == "__main__":
    main()
