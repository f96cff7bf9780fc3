"""What a Triton kernel moves: counted while Triton's interpreter runs it on CPU tensors.

A request is one `tl.load` or `tl.store` by one program, with its whole tile; its sectors are the
distinct ones of the tile. How Triton deals a tile out to warps isn't known here, so there are no
counters of warps, and none of shared memory.
"""

import collections
import contextlib
import importlib
import inspect
import linecache
import sys
from unittest import mock

import numpy as np

from labkit.simt.limits import SECTOR_BYTES
from labkit.simt.watch.counts import Counts, Line

_MODULE = "triton.runtime.interpreter"


def tile_launch(launch):
    """-> (function, grid) of `kernel[grid]` of a kernel that Triton interprets, else None."""
    if not str(getattr(launch, "__module__", "")).startswith("triton."):
        return None
    known = inspect.getclosurevars(launch).nonlocals  # of the function that Triton makes
    kernel = known.get("self")
    return (kernel.fn, known["grid"]) if type(kernel).__module__ == _MODULE else None


def counted(function, launch, args, options):
    """Run a launch -> (Line -> Counts, the sectors of all loads, those of all stores)."""
    seen = _Seen(function)
    with contextlib.ExitStack() as patches:
        builder = importlib.import_module(_MODULE).InterpreterBuilder
        for name, told in seen.told().items():
            plain = getattr(builder, name)
            patches.enter_context(mock.patch.object(builder, name, _watched(plain, told)))
        launch(*args, **options)
    return seen.lines, len(seen.sectors["load"]), len(seen.sectors["store"])


def _watched(plain, told):
    def run(self, *args, **kwargs):
        told(*args)
        return plain(self, *args, **kwargs)

    return run


class _Seen:
    """The accesses and products of a launch, by line of the kernel."""

    def __init__(self, function):
        code = function.__code__
        self.name, self.file = function.__name__, code.co_filename
        self.lines, self.sectors = collections.defaultdict(Counts), {"load": set(), "store": set()}

    def told(self):
        """What is told of which method of Triton's interpreter."""
        return {
            "create_masked_load": lambda ptrs, mask, *_: self.access("load", ptrs, mask),
            "create_masked_store": lambda ptrs, _, mask, *__: self.access("store", ptrs, mask),
            "create_dot": lambda a, b, *_: self.product(a, b),
        }

    def access(self, kind, pointers, mask):
        size = max(1, pointers.get_element_ty().primitive_bitwidth // 8)
        first = pointers.data[np.broadcast_to(mask.data, pointers.data.shape)].astype(np.int64)
        touched = set(np.unique(first // SECTOR_BYTES).tolist())
        touched.update(np.unique((first + size - 1) // SECTOR_BYTES).tolist())
        line = self.line()
        traffic = line.global_loads if kind == "load" else line.global_stores
        traffic.requests += 1
        traffic.bytes_requested += size * first.size
        traffic.sectors += len(touched)
        self.sectors[kind] |= touched

    def product(self, a, b):
        (m, k), n = a.data.shape[-2:], b.data.shape[-1]
        self.line().matrix_flop[a.dtype.scalar.name] += 2 * m * n * k * (a.data.size // (m * k))

    def line(self):
        """The counts of the line of the kernel that is being run."""
        frame = sys._getframe()
        while frame is not None:
            if (frame.f_code.co_name, frame.f_code.co_filename) == (self.name, self.file):
                number = frame.f_lineno
                text = linecache.getline(self.file, number).strip()
                return self.lines[Line(self.name, number, text)]
            frame = frame.f_back
        return self.lines[Line(self.name, 0)]
