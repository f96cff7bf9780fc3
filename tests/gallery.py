"""One drawing of every kind that `labkit.draw` makes: what tests of form and theme look at."""

from types import SimpleNamespace
from typing import NamedTuple

import machine_code
import numpy as np

import labkit as lk
from labkit import draw
from labkit.draw.dots import scatter
from labkit.plan import Roofline, Setting, a100_design, feed, training
from labkit.plan.pipeline import one_f_one_b, play
from labkit.power import sensors
from labkit.reading import Origin, Reading
from labkit.simt import cuda, profile, sanitize
from labkit.teach.progress import Progress, Row
from labkit.workload import Work

THREADS = 64
UNKNOWN = Reading("fp32", None, "1", "modelled", note="nobody tells")


@cuda.jit
def racy(x, out):
    tile = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    if tile[THREADS - 1 - t] < x[t]:
        out[t] = 1


class Device(NamedTuple):
    id: int


class OnDevices:
    """What JAX's shardings look like: rows cut in `n`, each part on one device."""

    def __init__(self, n):
        self.n = n

    def devices_indices_map(self, shape):
        rows = shape[0] // self.n
        return {Device(i): (slice(i * rows, (i + 1) * rows), slice(None)) for i in range(self.n)}


def _charts():
    lines = draw.Chart(
        draw.Axis("threads", lo=1, hi=64, log=True), draw.Axis("speed-up"), title="L"
    )
    for n in range(len(draw.LINES)):
        lines.line([1, 8, 64], [1, 2 + n, 3 * (n + 1)], f"law {n}", origin="modelled")
    lines.step([1, 4, 16], [0.5, 1, 2], "steps").band([1, 64], [1, 2], [3, 9])
    marks = draw.Chart(draw.Axis("time", "s", log=True), draw.Axis("energy", "J", log=True))
    for n, origin in enumerate(Origin):
        marks.mark(1 + n / 4, 20 + n, origin, f"run {n}", low=19 + n, high=22 + n)
    places = draw.Axis("", names=["naive", "shared memory", "2-D register tile"])
    bars = draw.Chart(places, draw.Axis("times this machine", log=True), title="Bars")
    for place, value in enumerate((0.3, 12, 80)):
        bars.bar(place, value, "modelled", f"{value:g} times")
    levels = draw.Chart(places, draw.Axis("share", "%", lo=0, hi=1))
    levels.line(range(3), [0.2, 0.5, 0.9], "share").note(1, 0.1, "a note")
    levels.along((0, 0.2), (2, 0.9), "along").key("share", draw.LINES[0])
    return {"lines": lines, "marks": marks, "bars": bars, "levels": levels}


def _answer():
    pieces = ["The", " capital", " of", " France", " is", " Paris", "."]
    layers = [{"matrices": 14e6, "KV cache": 2e4}] * 30 + [{"output matrix": 113e6}]
    return draw.answer(pieces, 5, 13, layers, "1 s a token")


def _job():
    split = training.Split(tp=8, pp=8, dp=16)
    model = training.models()["gpt-175B"]
    return training.Job(model=model, chip="h100", split=split, seq=2048, global_batch=1536,
                        nic_bytes_per_s=50e9)  # fmt: skip


def drawings():
    """Name -> Picture."""
    x, out = np.ones(THREADS, np.float32), np.zeros(THREADS, np.float32)
    counts, findings = profile(racy[1, THREADS], x, out), sanitize(racy[1, THREADS], x, out)
    blocks = ((256, 256), (128, 128), lambda i, j: (i, j))
    unit = lk.systolic.MatrixUnit(3, 3)
    states = list(unit.watch(np.arange(12).reshape(4, 3) - 5, np.arange(9).reshape(3, 3)))
    roofs = [Roofline(name, peak, 3e12, "modelled") for name, peak in (("A", 3e14), ("B", 9e14))]
    dots = [draw.Dot("decode", 1, 1e12, "recorded"), draw.Dot("prefill", 900, 2e14, "published")]
    swings = [
        SimpleNamespace(name="power_w", low=700, high=1100, at_low=0.4, at_high=0.5),
        SimpleNamespace(name="pue", low=1.1, high=1.6, at_low=0.1, at_high=0.2),
    ]
    chip = a100_design()
    pictures = {name: chart.picture(name) for name, chart in _charts().items()}
    pictures |= {
        "roofline": draw.roofline(roofs[:1], dots),
        "roofs": draw.roofline(roofs, dots),
        "tornado": draw.tornado(swings, 0.3, draw.Axis("USD", lo=0, hi=1), title="Price"),
        "pipeline": draw.pipeline({"1F1B": play(one_f_one_b(4, 8))}, title="Four ranks"),
        "stacks": draw.stacks(
            {"stage 0": {"parameters": 15e9, "optimizer": 90e9}, "stage 3": {"parameters": 1e9}},
            draw.Axis("model state", "B"),
            title="ZeRO",
            limit=80e9,
            limit_words="80 GB",
        ),
        "training plan": draw.training_plan(training.plan_training(_job()), ("and a line more",)),
        "broken plan": draw.broken_plan("A model on 8 chips", "tp 3 does not divide 8 chips."),
        "scatter": scatter(
            [draw.RunDot(10**n, 1.3 * 10**n, f"group {n % 6}", (f"run {n}",)) for n in range(1, 7)],
            draw.Axis("rate", "token/s", log=True),
            band=1.2,
            title="Six runs",
        ),
        "timeline": draw.timeline({"rank 0": [(0, 2, "forward"), (2, 5, "wait")]}, title="Ranks"),
        "feeding": draw.feeding(feed.Loader(batch=8, step_s=0.02, decode_s=0.006, workers=2)),
        "recoveries": draw.recoveries(
            {"a": [([1, 2], [1, 2]), ([4, 5], [2, 3])], "b": [([1, 5], [1, 3])]},
            [2.5],
            title="Kill",
        ),
        "factors": draw.factors(
            {"memory": Reading("memory", 240.0, "1", "modelled"), "fp32": UNKNOWN}, "times"
        ),
        "summaries": draw.summaries(
            [1e-3, 1.01e-3, 1.3e-3],
            {"mean": (1.1e-3, 0.9e-3, 1.3e-3), "one shot": (1e-3,) * 3},
            1e-3,
            title="Three runs",
        ),
        "power": draw.power_over_time(
            {"shown": ([0, 1, 2], [100, 300, 200])},
            title="A card",
            until_s=3,
            most_w=400,
            notes={1.5: "copy"},
        ),
        "meters": draw.meters(
            sensors.burst(300, 60, 1.5, 0.4),
            {"mean of 1 s": sensors.PowerSensor(sensors.constant(60), window_s=1.0)},
            (1.5, 1.9),
        ),
        "time and energy": draw.time_and_energy(
            [Setting(100, 9e3, 64, 250), Setting(120, 7e3, 64, 150)],
            Setting(100, 9e3, 64, 250),
            110,
            title="A network",
        ),
        "goodputs": draw.goodputs(
            lambda s: 0.9, [(600, 0.88)], {"Young": 1150.0, "Daly": 1100.0}, title="A fleet"
        ),
        "answer": _answer(),
        "accesses": draw.accesses(counts),
        "pattern": draw.pattern([8 * lane for lane in range(32)]),
        "film": draw.film(counts)[0],
        "launch": draw.launch(70, 4, 16),
        "launch_2d": draw.launch_2d(3, 20, is_swapped=True),
        "register tile": draw.register_tile(1, 2),
        "tiles": draw.tile_frames()[2],
        "epochs": draw.epoch_timeline(counts, findings),
        "race": draw.race_frames(findings[0], counts)[-1],
        "additions": draw.two_additions("AABABB", start=5),
        "shards": draw.shards({"x": ((8, 8), OnDevices(8))}),
        "blocks": draw.block_frames((2, 2), {"x": blocks}, ("y", *blocks))[1],
        "systolic": draw.systolic_frames(states)[5],
        "fragments": draw.fragments("m16n8k16", 5),
        "assembly": draw.source_beside_assembly(machine_code.found(), "h100-sxm", profile=counts),
        "ruler": draw.number_ruler(3.14159),
        "floorplan": draw.floorplan(chip, {"matmul": chip.run(Work(1e12, 1e9, 0), 1e9)}),
        "gpu": draw.machine("h100-sxm", "l2"),
        "cpu": draw.machine("epyc-9654", "memory"),
        "tpu": draw.machine("tpu-v5e", "mxu"),
        "server": draw.machine("h100-sxm", "link", scale="server"),
        "pod": draw.machine("h100-sxm", "network", scale="pod"),
        "torus": draw.machine("tpu-v5e", "link", scale="pod"),
        "progress": Progress(
            (Row("00", (("00.1", "pass"), ("00.2", "again"), ("00.3", "todo")), ("00.a",)),)
        ).picture(),
    }
    return pictures
