"""Pictures: charts in pure SVG, drawings of warps and arrays, and widgets that move them.

Everything is drawn in the page's own ink on no ground, and so follows its theme. Which to take:

- numbers over numbers: `Chart` with two `Axis` (linear, log, names): `line`, `step`, `band` for
  series and models, `mark` for results with their intervals, `bar` for amounts, and units on axes
- well-known charts of the field: `roofline`, `speedups`, `tornado`, `timeline`, `pipeline`, and
  `stacks` for amounts that add up to a limit, `cables` for what ranks send in each step
- how many times one thing is another: `factors`; runs and what sums them up: `summaries`
- runs that fail: `recoveries`, `goodputs`; runs that wait for their data: `feeding`
- power: `power_over_time`, `meters` (simulated ones, beside the truth), `time_and_energy` (what
  each setting takes)
- a language model's `answer` as it grows, and the bytes of each layer
- hardware: `machine` (a chip, a server, a pod, with one part highlighted), `floorplan` (a chip on
  paper), `number_ruler`
- what a kernel does: `launch`, `launch_2d`, `film`, `accesses`, `pattern`, `race_frames`,
  `interleaving`, `two_additions`, `epoch_timeline`; matrices in blocks: `shards`, `block_frames`,
  `systolic_frames`; what a lane holds of them: `fragments`, `fragment_frames`; a product in
  tiles: `tile_frames` (what a block fetches), `register_tile` (what a thread makes)
- what a compiler makes of a kernel: `source_beside_assembly`
- a plan of a training run: `training_plan`, and `broken_plan` where it cannot be
- to play with: `Explorer` (sliders), `Player` (frames; `live` shows one while a cell adds to it),
  `IndexExplorer`, `DotExplorer` (a scatter), `AssemblyExplorer` (source beside machine code)
"""

import importlib
from typing import TYPE_CHECKING

from labkit.draw.answer import answer
from labkit.draw.assembly import source_beside_assembly
from labkit.draw.axis import Axis
from labkit.draw.cables import cables
from labkit.draw.chart import Chart
from labkit.draw.epochs import epoch_timeline, interleaving, race_frames, two_additions
from labkit.draw.factors import factors
from labkit.draw.faults import goodputs, recoveries
from labkit.draw.feeding import feeding
from labkit.draw.film import film
from labkit.draw.floorplan import floorplan
from labkit.draw.fragments import fragment_frames, fragments
from labkit.draw.lanes import accesses, pattern
from labkit.draw.launch import launch, launch_2d
from labkit.draw.machines import machine
from labkit.draw.marks import LINES, MARKS
from labkit.draw.mesh import block_frames, shards
from labkit.draw.number_ruler import number_ruler
from labkit.draw.picture import Picture
from labkit.draw.pipeline import pipeline
from labkit.draw.power import meters, power_over_time, time_and_energy
from labkit.draw.product_tiles import register_tile, tile_frames
from labkit.draw.roofline import Dot, roofline
from labkit.draw.serving import format_rates, latency_curve, tokens_over_time
from labkit.draw.slider import Slider
from labkit.draw.speedups import speedups
from labkit.draw.stacks import stacks
from labkit.draw.summaries import summaries
from labkit.draw.svg import INK
from labkit.draw.systolic import systolic_frames
from labkit.draw.timeline import timeline
from labkit.draw.tornado import tornado
from labkit.draw.training_plan import broken_plan, training_plan

if TYPE_CHECKING:
    from labkit.draw.assembly_explorer import AssemblyExplorer
    from labkit.draw.dots import DotExplorer, RunDot
    from labkit.draw.explorer import Explorer
    from labkit.draw.index_explorer import IndexExplorer
    from labkit.draw.player import Player, live

__all__ = [
    "INK",
    "LINES",
    "MARKS",
    "AssemblyExplorer",
    "Axis",
    "Chart",
    "Dot",
    "DotExplorer",
    "Explorer",
    "IndexExplorer",
    "Picture",
    "Player",
    "RunDot",
    "Slider",
    "accesses",
    "answer",
    "block_frames",
    "broken_plan",
    "cables",
    "epoch_timeline",
    "factors",
    "feeding",
    "film",
    "floorplan",
    "format_rates",
    "fragment_frames",
    "fragments",
    "goodputs",
    "interleaving",
    "latency_curve",
    "launch",
    "launch_2d",
    "live",
    "machine",
    "meters",
    "number_ruler",
    "pattern",
    "pipeline",
    "power_over_time",
    "race_frames",
    "recoveries",
    "register_tile",
    "roofline",
    "shards",
    "source_beside_assembly",
    "speedups",
    "stacks",
    "summaries",
    "systolic_frames",
    "tile_frames",
    "time_and_energy",
    "timeline",
    "tokens_over_time",
    "tornado",
    "training_plan",
    "two_additions",
]

# Loaded when used: ipywidgets is heavy.
_WIDGETS = {
    "AssemblyExplorer": "assembly_explorer",
    "DotExplorer": "dots",
    "Explorer": "explorer",
    "IndexExplorer": "index_explorer",
    "Player": "player",
    "RunDot": "dots",
    "live": "player",
}


def __getattr__(name: str) -> object:
    if name not in _WIDGETS:
        raise AttributeError(f"labkit.draw has no name {name!r}. It has: {', '.join(__all__)}.")
    value = getattr(importlib.import_module(f"labkit.draw.{_WIDGETS[name]}"), name)
    globals()[name] = value
    return value
