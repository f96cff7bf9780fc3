"""Random kernels of one thread's arithmetic, as text: for numba-cuda and for the executor alike.

Each ends in `r = ...`, a variable that is assigned once: its type is what the two are held against.
"""

import math
import random

import numpy as np

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32",
    "float64", "complex64", "complex128",
)  # fmt: skip
BINARY = ("+", "-", "*", "/", "//", "%", "&", "|", "^", "<<", ">>", "**")
LITERALS = ("0", "1", "2", "-3", "7", "0.5", "2.0", "1e3", "2 ** -1", "2 ** 40", "3 * 4 - 1",
            "True", "255", "1 << 31", "-(2 ** 62)", "2j")  # fmt: skip
FUNCTIONS = ("abs({})", "int({})", "float({})", "cuda.float32({})", "cuda.int32({})", "-{}", "~{}",
             "+{}", "(not {})", "math.sqrt({})", "math.floor({})", "math.exp({})", "round({})",
             "bool({})", "cuda.uint8({})", "cuda.uint64({})", "np.float32({})")  # fmt: skip
OF_TWO = ("min({}, {})", "max({}, {})", "({} < {})", "({} == {})", "math.pow({}, {})",
          "math.atan2({}, {})", "pow({}, {})", "({} and {})", "({} or {})")  # fmt: skip


def expression(rng, depth=2):
    kind = rng.random()
    if depth == 0 or kind < 0.1:
        return rng.choice(("a", "a", "b", "b", rng.choice(LITERALS)))
    if kind < 0.6:
        parts = expression(rng, depth - 1), rng.choice(BINARY), expression(rng, depth - 1)
        return "({} {} {})".format(*parts)
    if kind < 0.75:
        return rng.choice(FUNCTIONS).format(expression(rng, depth - 1))
    if kind < 0.93:
        return rng.choice(OF_TWO).format(expression(rng, depth - 1), expression(rng, depth - 1))
    return f"({expression(rng, depth - 1)} if i > 1 else {expression(rng, depth - 1)})"


def statements(rng):
    """Assignments to v on paths that meet, and then to r."""
    one, two = (expression(rng, rng.choice((0, 1))) for _ in range(2))
    kind = rng.random()
    if kind < 0.4:
        return [f"r = {expression(rng)}"]
    if kind < 0.6:
        return [f"v = {one}", "if i > 1:", f"    v = {two}", "r = v"]
    if kind < 0.75:
        return [f"v = {one}", "for k in range(2):", f"    v = v + {two}", "r = v"]
    if kind < 0.85:
        return ["if i > 1:", f"    v = {one}", "else:", f"    v = {two}", f"r = v + {two}"]
    if kind < 0.93:
        return [f"v = {one}", f"v {rng.choice(BINARY)}= {two}", "r = v"]
    return [f"v = {one}", "k = 0", "while k < 2:", f"    v = v * {two}", "    k += 1", "r = v"]


def programs(n, seed=1):
    """[(source of a kernel(x, y), dtypes of x and y)]."""
    rng = random.Random(seed)
    found = []
    for _ in range(n):
        lines = ["i = cuda.grid(1)", "a, b = x[i], y[i]", *statements(rng)]
        body = "".join(f"    {line}\n" for line in lines)
        found.append((f"def kernel(x, y):\n{body}", rng.choices(DTYPES, k=2)))
    return found


WHOLE = (-7, -3, -1, 0, 1, 2, 3, 7, 100, 117)
FLOATS = (math.nan, math.inf, -math.inf, 0.0, -0.0, 0.5, 1.5, -2.5, 7.0, -7.0, 3e9, -3e9, 1e30)


def numbers(rng, dtype, n):
    """n numbers of a dtype, among them those whose arithmetic is easily got wrong."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return np.array(rng.choices(FLOATS, k=n), dtype)
    least = np.iinfo(dtype).min if dtype.kind == "i" else 0
    return np.array([value for value in rng.choices(WHOLE, k=9 * n) if value >= least][:n], dtype)
