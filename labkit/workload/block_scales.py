"""Block scales: neighbours that share a scale, so that each of them needs few bits.

The MX formats are those of the Open Compute Project (Microscaling Formats, v1.0, section 6.3): 32
numbers share a power of two. NVFP4 is NVIDIA's ("Pretraining Large Language Models with NVFP4",
arXiv:2509.25149): 16 numbers share a scale in fp8 (e4m3), and all of them a scale in fp32.
Unverified: neither text was opened. The rules were read in open code that follows them, for MX in
microsoft/microxcaling (mx/mx_ops.py, commit 7bc4195), for NVFP4 in pytorch/ao
(mx_formats/nvfp4_tensor.py). Of a million numbers in each MX format the former made the same, bit
for bit.
"""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class BlockFormat:
    """A format of numbers in blocks.

    element        of each number, as `ml_dtypes` calls it
    block          how many neighbours share a scale
    largest        the largest value of the element
    largest_exponent   the exponent of that value
    scale_bits     of a block's scale
    """

    name: str
    element: str
    element_bits: int
    block: int
    largest: float
    largest_exponent: int
    scale_bits: int = 8

    @property
    def bits(self) -> float:
        """Bits of a number, with its part of the scale."""
        return self.element_bits + self.scale_bits / self.block

    def round(self, values: Any) -> Any:
        """What becomes of values, blocks lying along the last axis: an array of float64.

        values   an array … × n, as float32; the block at the end may be shorter
        """
        import numpy as np

        values = np.asarray(values, np.float32)
        missing = -values.shape[-1] % self.block
        padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)])
        blocks = padded.reshape(*padded.shape[:-1], -1, self.block).astype(np.float64)
        scales = self._scales(np.abs(blocks).max(axis=-1, keepdims=True), np.abs(values).max())
        whole = np.clip(blocks / scales, -self.largest, self.largest)
        rounded = _cast(whole, self.element) * scales
        return rounded.reshape(padded.shape)[..., : values.shape[-1]]

    def _scales(self, largest, of_all):
        """The scale of each block, from the largest magnitude in it, and in all of them."""
        import numpy as np

        if self.name == "nvfp4":
            scale_of_all = np.float32(of_all) / (self.largest * 448) if of_all else 1.0
            scales = _cast(largest / self.largest / scale_of_all, "float8_e4m3fn")
            return np.where(scales > 0, scales, 1) * float(scale_of_all)
        exponents = np.frexp(np.where(largest > 0, largest, 1))[1] - 1 - self.largest_exponent
        return np.ldexp(1.0, np.clip(exponents, -127, 127))


def _cast(values, dtype):
    import ml_dtypes
    import numpy as np

    return values.astype(np.float32).astype(getattr(ml_dtypes, dtype)).astype(np.float64)


_FORMATS = (
    BlockFormat("mxfp8_e4m3", "float8_e4m3fn", 8, 32, 448.0, 8),
    BlockFormat("mxfp8_e5m2", "float8_e5m2", 8, 32, 57344.0, 15),
    BlockFormat("mxfp4", "float4_e2m1fn", 4, 32, 6.0, 2),
    BlockFormat("nvfp4", "float4_e2m1fn", 4, 16, 6.0, 2),
)


def block_format(name: str) -> BlockFormat:
    """The format called `mxfp8_e4m3`, `mxfp8_e5m2`, `mxfp4` or `nvfp4`.

    Raises ValueError, a sentence with the known ones, for another name.
    """
    for known in _FORMATS:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in _FORMATS)
    raise ValueError(f"There is no block format {name!r} here. There are: {names}.")
