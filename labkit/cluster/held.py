"""How many bytes of model state this rank itself holds.

Only ranks import this module: it needs torch, which a notebook's kernel does not.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor


def held_bytes(model: nn.Module, optimizer: Any) -> dict[str, int]:
    """Bytes of parameters, gradients and optimizer state on this rank: its own parts alone.

    optimizer   of torch, a ZeroRedundancyOptimizer too; its step counters are left out
    """
    state = getattr(optimizer, "optim", optimizer).state.values()
    return {
        "parameters": _bytes(model.parameters()),
        "gradients": _bytes(p.grad for p in model.parameters() if p.grad is not None),
        "optimizer": _bytes(t for each in state for t in each.values() if _is_array(t)),
    }


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    local = (t.to_local() if isinstance(t, DTensor) else t for t in tensors)
    return sum(t.numel() * t.element_size() for t in local)


def _is_array(value):
    return isinstance(value, torch.Tensor) and value.ndim > 0
