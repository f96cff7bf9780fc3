"""Which `cuda` a kernel gets: numba's where a CUDA GPU is present, the executor elsewhere."""

import ctypes
import os
import sys
import warnings


def choose_cuda():
    """The module behind `from labkit import cuda`.

    LABKIT_CUDA   `simt` the executor, `gpu` numba's, `auto` (or nothing) numba's if a GPU answers.
    Raises RuntimeError for `gpu` without one, ValueError for another word.
    """
    choice = os.environ.get("LABKIT_CUDA", "auto") or "auto"
    if choice not in ("simt", "gpu", "auto"):
        raise ValueError(f"LABKIT_CUDA is {choice!r}. Use simt, gpu or auto.")
    if choice == "simt" or (choice == "auto" and not _driver_sees_a_gpu()):
        return _executor()
    module, problem = _numba_cuda()
    if module is not None:
        return module
    if choice == "gpu":
        raise RuntimeError(
            f"LABKIT_CUDA=gpu, but {problem}. Install numba-cuda and a fitting driver, or use simt."
        )
    print(f"A GPU is here, but {problem}: kernels run on the executor.", file=sys.stderr)
    return _executor()


def _executor():
    from labkit.simt import cuda

    return cuda


def _driver_sees_a_gpu():
    """Ask the driver itself: quicker than importing numba to be told that there is none."""
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


def _numba_cuda():
    """-> (numba's module, None), or (None, why it cannot be used)."""
    try:
        from numba import cuda
        from numba.cuda import random  # noqa: F401 (which makes it cuda.random)
    except ImportError as error:
        return None, f"numba cannot be imported ({error})"
    if not cuda.is_available():
        return None, "numba finds no CUDA GPU that it can use"
    if not hasattr(cuda, "float32"):
        return None, "numba's own old CUDA target has no cuda.float32, which the course writes"
    # A lesson's grids are small, and its arrays are NumPy's, on purpose.
    warnings.filterwarnings("ignore", message="Grid size|Host array used in CUDA kernel")
    return cuda, None
