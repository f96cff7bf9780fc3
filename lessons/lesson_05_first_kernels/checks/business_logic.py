"""Exercise 05.2: three arrays in, one out, and the results that numba's documentation prints."""

import math

import numpy as np

from labkit.results import published
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_spread
from labkit.units import counted

_GUARD = "if i < out.size:"
_EACH = "for i in range(out.size):"
_CALL = "business_logic(x[i], y[i], z[i])"
_apply_logic = solution("05.2")


@exercise(
    "05.2",
    title="three arrays in, one out",
    in_place=True,
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_apply_logic, _GUARD, "if True:"), "out-of-bounds"),
        (changed(_apply_logic, _GUARD, "if i <= out.size:"), "out-of-bounds"),
        (changed(_apply_logic, _GUARD, "if i < 3:"), "was never written"),
        (changed(_apply_logic, "cuda.grid(1)", "cuda.threadIdx.x"), "was never written"),
        (changed(_apply_logic, _CALL, "business_logic(x[i], z[i], y[i])"), "numba's documentation"),
        (changed(_apply_logic, _CALL, "-126.79644737231007"), "numba's documentation"),
        (changed(_apply_logic, _GUARD, _EACH), "threads did the work of others"),
        (changed(_apply_logic, _GUARD, "if i < min(150, out.size):"), "was never written"),
        (changed(_apply_logic, _GUARD, "if i < min(20_000, out.size):"), "was never written"),
        (changed(_apply_logic, _CALL, f"max(out[i], {_CALL})"), "can't rely on what is in out"),
        (changed(_apply_logic, _CALL, f"{_CALL} * (1 + 3e-7 * (i > 2))"), "expected"),
        (
            changed(_apply_logic, _GUARD, "for i in range(out.size if i == 0 else 0):"),
            "one thread writes",
        ),
        (changed(_apply_logic, _CALL, "0 * z[i]\n        z[i] = 0"), "your kernel changes z"),
    ],
)
def apply_logic(answer, rng):
    for n, threads in ((rng.randint(65, 95), 32), (rng.randint(20_001, 30_000), 64)):
        x, y, z = (kernels.numbers(rng, n) for _ in range(3))
        x[:3], y[:3], z[:3], printed = _as_printed()
        out, case = (
            np.full(n, np.nan),
            f"We also tried {counted(n, 'element')} in blocks of {threads}",
        )
        grid = math.ceil(n / threads)
        kernels.run(answer, grid, threads, x, y, z, out, case=case, remedy="Where is the guard?")
        for got, right in zip(out, printed, strict=False):
            assert np.isclose(got, right, rtol=1e-12, atol=0), (
                f"{case}: {got} where numba's documentation prints {right}"
            )
        kernels.assert_equal(out, 4 * z * (2 * x - (4 * y) / 2 * math.pi), case)
        assert_spread(answer, grid, threads, x, y, z, out, case=case, most=1, what="an element")


def _as_printed():
    """x, y, z and the results of the documentation's three cases, as four lists."""
    rows = published("numba-docs-compatibility").rows
    return ([row[name] for row in rows] for name in ("x", "y", "z", "result"))
