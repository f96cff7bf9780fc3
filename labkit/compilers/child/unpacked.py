"""A kernel as plain data becomes a kernel again, for numba-cuda.

`labkit/compilers/packing.py` packs it. This runs where numba-cuda is, with or without labkit.
"""

import builtins
import importlib
import marshal
import sys
import types
from pathlib import Path

import numba
import numba.cuda

ROOT = Path(__file__).resolve().parents[3]


def ours(name):
    """A function of labkit's that numba has been told about, where labkit is not installed."""
    sys.path.insert(0, str(ROOT))
    importlib.import_module("labkit.simt.compiler.matrices").declare()
    return getattr(importlib.import_module("labkit.simt"), name)


MAKERS = {
    "value": lambda value: value,
    "module": importlib.import_module,
    "name": lambda module, name: getattr(importlib.import_module(module), name),
    "ours": ours,
    "function": lambda packed: function(packed),
    "cpu function": lambda packed: numba.njit(function(packed)),
    "kernel": lambda packed: numba.cuda.jit(function(packed)),
    "device function": lambda packed: numba.cuda.jit(device=True)(function(packed)),
}


def function(packed):
    """A Python function of its code and of all that it names."""
    code = marshal.loads(packed["code"])
    known = {name: MAKERS[kind](*rest) for name, (kind, *rest) in packed["names"].items()}
    cells = tuple(types.CellType(known[name]) for name in code.co_freevars)
    space = {"__name__": packed["module"], "__builtins__": builtins, **known}
    return types.FunctionType(code, space, code.co_name, packed["defaults"], cells)
