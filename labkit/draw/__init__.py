"""Pictures: charts in pure SVG, drawings of warps and arrays, and widgets that move them."""

import importlib

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.epochs import epoch_timeline, interleaving, race_frames
from labkit.draw.lanes import accesses, film, launch, pattern
from labkit.draw.marks import MARKS
from labkit.draw.number_ruler import number_ruler
from labkit.draw.picture import Picture
from labkit.draw.roofline import Dot, roofline
from labkit.draw.slider import Slider
from labkit.draw.speedups import speedups
from labkit.draw.systolic import systolic_frames

__all__ = [
    "MARKS",
    "Axis",
    "Chart",
    "Dot",
    "Explorer",
    "IndexExplorer",
    "Picture",
    "Player",
    "Slider",
    "accesses",
    "epoch_timeline",
    "film",
    "interleaving",
    "launch",
    "number_ruler",
    "pattern",
    "race_frames",
    "roofline",
    "speedups",
    "systolic_frames",
]

# Loaded when used: ipywidgets is heavy.
_WIDGETS = {"Explorer": "explorer", "IndexExplorer": "index_explorer", "Player": "player"}


def __getattr__(name):
    if name not in _WIDGETS:
        raise AttributeError(f"labkit.draw has no name {name!r}. It has: {', '.join(__all__)}.")
    value = getattr(importlib.import_module(f"labkit.draw.{_WIDGETS[name]}"), name)
    globals()[name] = value
    return value
