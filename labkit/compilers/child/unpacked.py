"""A kernel as plain data becomes a kernel again, for numba-cuda.

`tools/compile_kernels.py` packs it. This runs where numba-cuda is, with or without labkit.
"""

import builtins
import importlib
import marshal
import types

import numba
import numba.cuda

MAKERS = {
    "value": lambda value: value,
    "module": importlib.import_module,
    "name": lambda module, name: getattr(importlib.import_module(module), name),
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
