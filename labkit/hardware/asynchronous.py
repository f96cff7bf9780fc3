"""Waiting for work that a device does behind Python's back.

A kernel launch returns before the kernel has run. No library is imported for this: only those that
the callable or its caller has already imported are asked.
"""

import functools
import sys
from collections.abc import Callable, Sequence

TORCH_KINDS = ("cuda", "mps", "xpu")


def wait_for(result: object) -> None:
    """Return once every array in `result` (tuples, lists, dicts, JAX trees) has been computed."""
    if hasattr(result, "block_until_ready"):
        result.block_until_ready()
    else:
        for leaf in computing(result):
            leaf.block_until_ready()


def wait_until_idle(values: object = ()) -> None:
    """Return once the accelerators of the tensors in `values`, or the current one, are idle."""
    for wait in waits(accelerators("auto", values)):
        wait()


def computing(values: object) -> list:
    """The arrays in `values` that may still be computed, and can be waited for."""
    return [leaf for leaf in _leaves(values) if hasattr(leaf, "block_until_ready")]


def _leaves(values):
    if "jax" in sys.modules:
        return sys.modules["jax"].tree_util.tree_leaves(values)  # knows registered classes too
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, (list, tuple)):
        return [leaf for value in values for leaf in _leaves(value)]
    return [values]


def accelerators(device: str, values: object) -> list[str]:
    """The accelerators, as torch names them, that `device` or a tensor in `values` speaks of."""
    if device in ("cpu", "jax"):
        return []
    if device != "auto":
        return [device]
    torch = torch_with_accelerator()
    if not torch:
        return []
    on = (getattr(leaf, "device", None) for leaf in _leaves(values))
    names = [str(d) for d in on if isinstance(d, torch.device) and d.type in TORCH_KINDS]
    return list(dict.fromkeys(names))


def waits(accelerators: Sequence[str]) -> list[Callable[[], None]]:
    """What to call to wait: torch where it sees an accelerator, else Numba's CUDA."""
    if torch := torch_with_accelerator():
        # A callable that shows no tensor may still use the current device: None.
        synchronize = torch.accelerator.synchronize
        return [functools.partial(synchronize, name) for name in accelerators or [None]]
    numba_cuda = sys.modules.get("numba.cuda")
    return [numba_cuda.synchronize] if numba_cuda and numba_cuda.is_available() else []


def torch_with_accelerator():
    """torch, if it is already imported and sees an accelerator; else None."""
    torch = sys.modules.get("torch")
    accelerator = getattr(torch, "accelerator", None)  # from torch 2.6
    return torch if accelerator and accelerator.is_available() else None
