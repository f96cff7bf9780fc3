"""Which `cuda` a kernel gets: numba's where a CUDA GPU is present, the executor elsewhere."""

import os
import sys
import warnings
from types import ModuleType

from labkit.hardware.cuda_engine import VARIABLE, cuda_engine
from labkit.simt.compiler.matrices import declare


def choose_cuda() -> ModuleType:
    """The module behind `from labkit import cuda`: see `cuda_engine` for the environment's say.

    Raises RuntimeError for LABKIT_CUDA=gpu without a GPU, ValueError for a word that is none.
    """
    engine = cuda_engine()
    if engine.module is not None:
        # A lesson's grids are small, and its arrays are NumPy's, on purpose.
        warnings.filterwarnings("ignore", message="Grid size|Host array used in CUDA kernel")
        declare()
        return engine.module
    if engine.problem and _is_asked_for():
        raise RuntimeError(
            f"{VARIABLE}=gpu, but {engine.problem}. Install numba-cuda and a fitting driver, or "
            f"use simt."
        )
    if engine.problem:
        print(
            f"A GPU is here, but {engine.problem}: kernels run on the executor. python lab.py "
            f"installs what its driver needs.",
            file=sys.stderr,
        )
    from labkit.simt import cuda

    return cuda


def _is_asked_for():
    return os.environ.get(VARIABLE) == "gpu"
