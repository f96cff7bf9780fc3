"""A client of labkit as a type checker reads it: `mypy` runs over this file, and nothing else does.

Each line holds what the door promises: completion in an editor shows the same.
"""

from typing import Any, assert_type

import labkit as lk
from labkit.cluster import RankRun
from labkit.hardware import Chip, Machine
from labkit.measure import Comparison, TimesInTurns, Timing
from labkit.plan.scaling import SerialShare
from labkit.results import Published, Recorded
from labkit.teach import Prediction
from labkit.workload import Work

assert_type(lk.machine(), Machine)
assert_type(lk.chip("h100-sxm"), Chip)
with lk.Timer() as timer:
    work = lk.workload.matmul(1, 8192, 8192, itemsize=2)
assert_type(timer.elapsed_s, float)
assert_type(work, Work)

timing = lk.bench(sum, [1, 2], max_time_s=0.1)
assert_type(timing, Timing)
assert_type(lk.compare(lambda: 1, lambda: 2), Comparison)
assert_type(timing.time(), lk.Reading)
assert_type(lk.times_in_turns(lambda n: n, (1, 2)), TimesInTurns)

roof = lk.roofline("h100-sxm", "bf16")
assert_type(roof, lk.Roofline)
assert_type(roof.attainable_flop_per_s(work.intensity_flop_per_byte), float)
assert_type(lk.plan.amdahl(4, 0.1), float)
assert_type(lk.plan.fit_amdahl({1: [2.0], 2: [1.2]}), SerialShare)
assert_type(lk.carbon_g(3.6e6, intensity_g_per_kwh=400.0), float)
assert_type(lk.cost_usd(time_s=60.0, usd_per_hour=2.0), float)

assert_type(lk.published("gustafson-1988"), Published)
assert_type(lk.recorded("cpu-read"), Recorded)
assert_type(lk.predict("00.a", 12.0, "GB/s"), Prediction)
lk.predict("00.a", ...).against(timing.time())
lk.show(timing.time(), roof.peak)
lk.check("00.1", 1600)
answer = lk.your_turn("05.t1", len)
outcome = lk.expect(timing.time(), 0.5, 2.0, below="Fast.", inside="As expected.", above="Slow.")
assert_type(str(outcome), str)

assert_type(lk.run_ranks("train.py", 2, args=("--steps", 10), timeout_s=30.0), RankRun)
assert_type(lk.run_ranks(len, 4, hosts=2, link_bit_per_s=100e6).returned, list[Any])
assert_type(lk.cluster.why_no_hosts(), str | None)
with lk.start_ranks(len, 2, args=("a",), restarts=1) as run:
    assert_type(run, RankRun)
    assert_type(run.reports[0].values["step"], Any)
    assert_type(run.pids, dict[int, int])

chart = lk.draw.Chart(lk.draw.Axis("batch", log=True), lk.draw.Axis("time", "s"))
assert_type(chart.line([1, 2], [0.1, 0.2], "law", origin="modelled"), lk.draw.Chart)
assert_type(chart.mark(1, 0.1, "measured", low=0.1, high=0.2).picture("a run"), lk.draw.Picture)
assert_type(lk.draw.machine("h100-sxm", "l2", scale="chip"), lk.draw.Picture)
assert_type(lk.draw.roofline([roof], [lk.draw.Dot("copy", 0.1, 1e9, "measured")]), lk.draw.Picture)
assert_type(lk.draw.timeline({"rank 0": [(0, 1, "wait")]}, title="Ranks"), lk.draw.Picture)
lk.Explorer(lambda n: chart.picture(f"{n}"), n=(1, 9, 2))
lk.Player([chart.picture("a frame")])
