"""How a tensor core adds: products and the old sum are aligned, cut, and added as whole numbers.

The rule and its parameters are those that Khattak and Mikaitis found ("Accurate Models of NVIDIA
Tensor Cores", arXiv:2512.07004, and the models in north-numerical-computing/MATLAB-tensor-core).
With them all 5,000 outputs of each real tensor core in that repository come out to the bit.
"""

import dataclasses
from typing import Any

from labkit.workload.number_formats import number_format


@dataclasses.dataclass(frozen=True)
class TensorCore:
    """How one chip adds up products of one format into float32.

    terms          products that are added at once; a longer row is added in several steps
    fraction_bits  that are kept below the largest exponent of a step: what lies lower is cut off
    result_bits    of the mantissa of a sum, its first bit among them; the rest is cut off
    """

    chip: str
    dtype: str
    terms: int
    fraction_bits: int
    result_bits: int = 24

    def add(self, a: Any, b: Any, c: Any = 0.0) -> Any:
        """c + a₀b₀ + a₁b₁ + … along the last axis, as float32.

        a, b   arrays … × k, rounded to the format first; c   an array …, or a number: float32

        For finite numbers whose sum is one.
        """
        import numpy as np

        form = number_format(self.dtype)
        a, b = form.round(a), form.round(b)
        total = np.broadcast_to(np.asarray(c, np.float32), a.shape[:-1]).astype(np.float64)
        for first in range(0, a.shape[-1], self.terms):
            step = np.s_[..., first : first + self.terms]
            total = self._step(form, a[step], b[step], total)
        return total.astype(np.float32)

    def _step(self, form, a, b, total):
        import numpy as np

        products = a * b
        exponents = _exponents(a, form.smallest_normal) + _exponents(b, form.smallest_normal)
        exponents = np.where(products == 0, _NONE, exponents).max(axis=-1)
        of_total = np.where(total == 0, _NONE, _exponents(total, 2.0**-126))
        largest = np.maximum(exponents, of_total)
        unit = np.ldexp(1.0, np.where(largest == _NONE, 0, largest) - self.fraction_bits)
        whole = np.trunc(products / unit[..., None]).sum(axis=-1) + np.trunc(total / unit)
        mantissa, exponent = np.frexp(whole)
        kept = np.trunc(np.ldexp(mantissa, self.result_bits))
        return np.ldexp(kept, exponent - self.result_bits) * unit


_NONE = -(10**6)  # the exponent of 0, below all others


def _exponents(values, smallest_normal):
    """Of the first bit of each value; below the normal ones, that of the smallest of them."""
    import numpy as np

    least = np.frexp(smallest_normal)[1] - 1
    return np.maximum(np.frexp(values)[1] - 1, least)


_KNOWN = tuple(
    TensorCore(*known)
    for known in (
        ("v100", "fp16", 4, 23),
        ("a100", "fp16", 8, 24),
        ("a100", "bf16", 8, 24),
        ("a100", "tf32", 4, 24),
        ("h100", "fp16", 16, 25),
        ("h100", "bf16", 16, 25),
        ("h100", "tf32", 8, 25),
        ("h100", "fp8_e4m3", 32, 13, 14),
        ("h100", "fp8_e5m2", 32, 13, 14),
        ("l40s", "fp8_e4m3", 16, 13, 14),
        ("l40s", "fp8_e5m2", 16, 13, 14),
        ("b200", "fp16", 16, 25),
        ("b200", "bf16", 16, 25),
        ("b200", "tf32", 8, 25),
    )
)


def tensor_core(chip: str = "h100", dtype: str = "fp16") -> TensorCore:
    """The adder of a chip (`v100`, `a100`, `h100`, `l40s`, `b200`) for products of a format.

    Raises ValueError, a sentence with the known ones, where none is published.
    """
    for known in _KNOWN:
        if (known.chip, known.dtype) == (chip, dtype):
            return known
    names = ", ".join(f"{one.chip} {one.dtype}" for one in _KNOWN)
    raise ValueError(f"It isn't known how {chip} adds {dtype}. Known are: {names}.")
