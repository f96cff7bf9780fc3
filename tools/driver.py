"""The NVIDIA driver, asked directly: is a GPU here, and for which CUDA are its packages?

`python driver.py` prints what it says. Standard library only.
"""

import ctypes
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

OLDEST = 12  # the oldest CUDA that numba-cuda, torch and JAX are still built for
# CUDA 13 no longer compiles for what is older than Turing, though its driver runs it.
_OLDEST_CAPABILITY_OF_13 = (7, 5)
_MAJOR, _MINOR = 75, 76  # of the compute capability, among cuDeviceGetAttribute's attributes
_DEADLINE_S = 60
_NONE_HERE, _NO_DEVICE = 3, 100  # an exit status of this file; an error of the driver's
_BROKEN = (
    "An NVIDIA driver is here, but it {}: kernels run on the executor. nvidia-smi may say more; "
    "a new driver often needs a restart."
)


@dataclass(frozen=True)
class Gpu:
    """What the driver means for the set-up.

    cuda   the CUDA whose packages fit, 12 or 13; None for the CPU's
    why    a sentence for the person at the keyboard; empty where no NVIDIA driver answers
    """

    cuda: int | None = None
    why: str = ""

    @property
    def requirements(self):
        """The requirement files that a GPU adds."""
        return (f"requirements-gpu-cu{self.cuda}.txt",) if self.cuda else ()


def find():
    """The Gpu of this machine. In a process of its own: a broken driver may hang or crash it."""
    try:
        asked = subprocess.run(
            [sys.executable, "-I", str(Path(__file__))], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=_DEADLINE_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Gpu(None, _BROKEN.format("has not answered for a minute"))
    if asked.returncode == _NONE_HERE:
        return Gpu()
    if asked.returncode:
        why = asked.stderr.strip() or f"ended with {asked.returncode}"
        return Gpu(None, _BROKEN.format(why))
    version, *capabilities = map(int, asked.stdout.split())
    return fitting(version, list(zip(capabilities[::2], capabilities[1::2], strict=True)))


def fitting(version, capabilities):
    """The Gpu for a driver's CUDA version as it writes it (12080 is 12.8) and its GPUs."""
    major, minor = version // 1000, version % 1000 // 10
    if not capabilities:
        return Gpu()
    found = f"Found {len(capabilities)} NVIDIA GPU{'s' * (len(capabilities) > 1)} and a driver"
    if major < OLDEST:
        return Gpu(
            None,
            f"{found} for CUDA {major}.{minor}. Today's packages need a driver for CUDA {OLDEST} "
            f"or newer: until it is updated, kernels run on the executor.",
        )
    oldest = min(capabilities)
    cuda = 13 if major >= 13 and oldest >= _OLDEST_CAPABILITY_OF_13 else 12
    return Gpu(cuda, f"{found} for CUDA {major}.{minor}: the packages for CUDA {cuda} fit.")


def ask():
    """Print the driver's CUDA version and each GPU's compute capability, as whole numbers."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        sys.exit(_NONE_HERE)

    def number(function, *arguments):
        value = ctypes.c_int(0)
        must(getattr(library, function)(ctypes.byref(value), *arguments), function)
        return value.value

    must(library.cuInit(0), "cuInit")
    print(number("cuDriverGetVersion"))
    for n in range(number("cuDeviceGetCount")):
        device = number("cuDeviceGet", n)
        print(*(number("cuDeviceGetAttribute", which, device) for which in (_MAJOR, _MINOR)))


def must(error, function):
    """Stop when a function of the driver's did not succeed."""
    if error:
        sys.exit(_NONE_HERE if error == _NO_DEVICE else f"answers {function} with error {error}")


if __name__ == "__main__":
    ask()
