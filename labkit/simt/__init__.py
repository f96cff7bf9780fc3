"""The SIMT executor: ordinary `numba.cuda` kernels, run without a GPU, counted and checked.

`from labkit import cuda` gives numba's module where a CUDA GPU is present and `labkit.simt.cuda`
elsewhere; `profile`, `sanitize` and `occupancy` are the executor's work everywhere.

A launch (kernel.py) runs batches of blocks. `compiler` turns a kernel's source into closures,
`lanes` holds what these work on, `language` what they may call, and `watch` who looks on.
"""

from labkit.simt import cuda  # noqa: F401 (kernels of numba's find our names by it)
from labkit.simt.choice import choose_cuda
from labkit.simt.device import cuda_device
from labkit.simt.errors import KernelError
from labkit.simt.install import install
from labkit.simt.language.fragments import MmaShape, mma_shape
from labkit.simt.language.tensor_cores import mma_sync
from labkit.simt.occupancy import Occupancy, occupancy
from labkit.simt.profile import Profile, profile
from labkit.simt.sanitize import Finding, sanitize
from labkit.simt.types import Types, types

__all__ = [
    "Finding",
    "KernelError",
    "MmaShape",
    "Occupancy",
    "Profile",
    "Types",
    "choose_cuda",
    "cuda_device",
    "install",
    "mma_shape",
    "mma_sync",
    "occupancy",
    "profile",
    "sanitize",
    "types",
]
