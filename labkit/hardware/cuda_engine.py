"""What runs CUDA kernels here, numba on a GPU or labkit's executor, and why."""

import functools
import os
import sys
from types import ModuleType
from typing import NamedTuple

VARIABLE = "LABKIT_CUDA"


class CudaEngine(NamedTuple):
    """numba's `cuda` module, or None where the executor runs kernels; why; and what hinders a GPU.

    problem   why a GPU that is here, or that LABKIT_CUDA asks for, cannot be used; None if it can,
              or if there is none and none is asked for
    """

    module: ModuleType | None
    why: str
    problem: str | None = None

    @property
    def sentence(self) -> str:
        """Which one, and why, as the passport says it."""
        engine = "numba on the GPU" if self.module else "the executor"
        return f"CUDA kernels run on {engine} ({self.why})"


def cuda_engine() -> CudaEngine:
    """What runs CUDA kernels in this process.

    LABKIT_CUDA   `simt` the executor, `gpu` numba's, `auto` (or nothing) numba's if a GPU answers.
    numba is imported only where a GPU answers, or is asked for. Raises ValueError for another word.
    """
    choice = os.environ.get(VARIABLE, "auto") or "auto"
    if choice not in ("simt", "gpu", "auto"):
        raise ValueError(f"{VARIABLE} is {choice!r}. Use simt, gpu or auto.")
    if choice == "simt":
        return CudaEngine(None, f"{VARIABLE}=simt")
    if choice == "auto" and not driver_sees_a_gpu():
        return CudaEngine(None, "no NVIDIA GPU answers the driver")
    module, problem = _numba_cuda()
    if module is None:
        return CudaEngine(None, problem, problem)
    return CudaEngine(module, f"{VARIABLE}=gpu" if choice == "gpu" else "a GPU answers the driver")


def driver_sees_a_gpu() -> bool:
    """Ask the driver itself: quicker than importing numba to be told that there is none."""
    import ctypes  # dear to import, and seldom needed

    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return False
    count = ctypes.c_int(0)
    return (
        driver.cuInit(0) == 0
        and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
        and count.value > 0
    )


@functools.cache  # asked a second time, numba takes a driver that failed for one that works
def _numba_cuda():
    """-> (numba's module, None), or (None, why it cannot be used)."""
    try:
        from numba import cuda
        from numba.cuda import random  # noqa: F401 (which makes it cuda.random)
    except ImportError as error:
        return None, f"numba cannot be imported ({error})"
    try:
        is_available = cuda.is_available()
    except Exception as error:  # a driver that answers and then fails
        return None, f"numba cannot use its driver ({type(error).__name__}: {error})"
    if not is_available:
        return None, "numba finds no CUDA GPU that it can use"
    if not hasattr(cuda, "float32"):
        return None, "numba's own old CUDA target has no cuda.float32, which the course writes"
    return cuda, None
