"""labkit, the door: `import labkit as lk`.

Names are loaded when they are first used, so the import itself costs nothing.
"""

import importlib

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
    "cost_usd": "plan",
    "cuda_device": "simt",
    "energy": "power",
    "expect": "teach",
    "machine": "hardware",
    "occupancy": "simt",
    "predict": "teach",
    "probes": "power",
    "profile": "simt",
    "progress": "teach",
    "published": "results",
    "recorded": "results",
    "recorded_times": "measure",
    "roofline": "plan",
    "sanitize": "simt",
    "show": "teach",
    "types": "simt",
    "times_in_turns": "measure",
    "your_turn": "teach",
}
_ROOMS = ("draw", "plan", "systolic", "units", "workload")

__all__ = sorted([*_ROOM_OF, *_ROOMS, "cuda"])


def __getattr__(name):
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


def __dir__():
    return __all__
