"""Write down how numba types functions for a GPU: run by a Python with numba-cuda in it.

    python tests/stacks/real_types.py OUT.json

Each row is a function's name, the dtypes of its arguments, and those of its results or null.
"""

import builtins
import cmath
import itertools
import json
import math
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from numba import cuda  # noqa: E402, F401 (numba's cuda comes first)
from numba.cuda import types  # noqa: E402
from numba.cuda.descriptor import cuda_target  # noqa: E402

DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128",
]  # fmt: skip
BUILTINS = ("abs", "round", "int", "float", "bool", "complex", "min", "max", "pow", "divmod")


def functions():
    for module in (math, cmath):
        names = [name for name in dir(module) if not name.startswith("_")]
        yield from (found for name in names if callable(found := getattr(module, name)))
    yield from (getattr(builtins, name) for name in BUILTINS)


def typed(context, function, dtypes):
    kinds = tuple(types.boolean if name == "bool" else getattr(types, name) for name in dtypes)
    try:
        found = context.resolve_function_type(context.resolve_value_type(function), kinds, {})
    except Exception:  # numba has many, and all of them mean no
        return None
    parts = getattr(found, "return_type", None)
    return None if parts is None else [str(part) for part in getattr(parts, "types", [parts])]


def main(out):
    context = cuda_target.typing_context
    context.refresh()
    rows = []
    for function in functions():
        for n in (1, 2):
            for dtypes in itertools.product(DTYPES, repeat=n):
                name = f"{function.__module__}.{function.__name__}"
                rows.append((name, dtypes, typed(context, function, dtypes)))
    Path(out).write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
