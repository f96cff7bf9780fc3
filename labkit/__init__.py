"""labkit, the door: `import labkit as lk`.

Names are loaded when they are first used, so the import itself costs nothing.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which do not run `__getattr__`
    from labkit import cluster as cluster
    from labkit import draw as draw
    from labkit import language_model as language_model
    from labkit import plan as plan
    from labkit import serving as serving
    from labkit import systolic as systolic
    from labkit import units as units
    from labkit import workload as workload
    from labkit.cluster import run_ranks as run_ranks
    from labkit.cluster import start_ranks as start_ranks
    from labkit.compilers import compile_for as compile_for
    from labkit.draw import Explorer as Explorer
    from labkit.draw import Player as Player
    from labkit.hardware import chip as chip
    from labkit.hardware import chips as chips
    from labkit.hardware import machine as machine
    from labkit.measure import Timer as Timer
    from labkit.measure import bench as bench
    from labkit.measure import compare as compare
    from labkit.measure import recorded_times as recorded_times
    from labkit.measure import times_in_turns as times_in_turns
    from labkit.plan import Roofline as Roofline
    from labkit.plan import carbon_g as carbon_g
    from labkit.plan import cost_usd as cost_usd
    from labkit.plan import roofline as roofline
    from labkit.power import bench_energy as bench_energy
    from labkit.power import energy as energy
    from labkit.power import probes as probes
    from labkit.reading import Origin as Origin
    from labkit.reading import Reading as Reading
    from labkit.results import published as published
    from labkit.results import recorded as recorded
    from labkit.simt import cuda as cuda
    from labkit.simt import cuda_device as cuda_device
    from labkit.simt import mma_shape as mma_shape
    from labkit.simt import mma_sync as mma_sync
    from labkit.simt import occupancy as occupancy
    from labkit.simt import profile as profile
    from labkit.simt import sanitize as sanitize
    from labkit.simt import types as types
    from labkit.teach import check as check
    from labkit.teach import expect as expect
    from labkit.teach import predict as predict
    from labkit.teach import progress as progress
    from labkit.teach import run_or_recorded as run_or_recorded
    from labkit.teach import show as show
    from labkit.teach import your_turn as your_turn

_ROOM_OF = {
    "Explorer": "draw",
    "Origin": "reading",
    "Player": "draw",
    "Reading": "reading",
    "Roofline": "plan",
    "Timer": "measure",
    "bench": "measure",
    "bench_energy": "power",
    "carbon_g": "plan",
    "check": "teach",
    "chip": "hardware",
    "chips": "hardware",
    "compare": "measure",
    "compile_for": "compilers",
    "cost_usd": "plan",
    "cuda_device": "simt",
    "energy": "power",
    "expect": "teach",
    "machine": "hardware",
    "mma_shape": "simt",
    "mma_sync": "simt",
    "occupancy": "simt",
    "predict": "teach",
    "probes": "power",
    "profile": "simt",
    "progress": "teach",
    "published": "results",
    "recorded": "results",
    "recorded_times": "measure",
    "roofline": "plan",
    "run_or_recorded": "teach",
    "run_ranks": "cluster",
    "sanitize": "simt",
    "show": "teach",
    "start_ranks": "cluster",
    "types": "simt",
    "times_in_turns": "measure",
    "your_turn": "teach",
}
_ROOMS = ("cluster", "draw", "language_model", "plan", "serving", "systolic", "units", "workload")

__all__ = sorted([*_ROOM_OF, *_ROOMS, "cuda"])


def __getattr__(name: str) -> Any:
    if name in _ROOM_OF:
        value = getattr(importlib.import_module(f"labkit.{_ROOM_OF[name]}"), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"labkit.{name}")
    elif name == "cuda":  # numba's where a CUDA GPU is present, the executor elsewhere
        value = importlib.import_module("labkit.simt").choose_cuda()
    else:
        raise AttributeError(f"labkit has no name {name!r}. It has: {', '.join(__all__)}.")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def _replace_signs(stream: Any) -> None:
    """Let a terminal with few signs show a question mark for a µ, where it would raise."""
    if getattr(stream, "errors", "") == "strict" and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


_replace_signs(sys.stdout)
