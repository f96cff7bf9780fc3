"""A rank whose chip computes something else now and then, and how the others notice."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

WIDTH = 64


def cross_check(
    checksum: Callable[[np.ndarray], int], wrong_rank: int | None, n_steps: int
) -> dict:
    """Train in data parallel; each rank also computes the gradient of the next one's batch.

    Returns the losses of this rank, and for each pair of ranks that computed the same batch, in how
    many steps their checksums differed. The chip of `wrong_rank` flips one bit of all it computes.
    """
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rank, n = dist.get_rank(), dist.get_world_size()
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))
    losses, differing = [], Counter()
    for step in range(n_steps):
        sums = []
        for batch in ((rank + 1) % n, rank):
            loss = backward(model, 1000 * step + batch)
            gradient = flat_gradient(model)
            if rank == wrong_rank:
                flip_a_bit(gradient, step)
            sums.append(int(checksum(gradient)))
        losses.append(loss)
        every = [None] * n
        dist.all_gather_object(every, sums)
        for other in range(n):  # `other` computed its own batch, the one before it computed it too
            before = (other - 1) % n
            differing[tuple(sorted((before, other)))] += every[before][0] != every[other][1]
        average = torch.from_numpy(gradient)
        dist.all_reduce(average)
        step_down(model, average / n)
    return {"losses": losses, "differing": {pair: n for pair, n in differing.items() if n}}


def backward(model: nn.Module, seed: int) -> float:
    """The loss on a batch; its gradient is left in the model."""
    x = torch.randn(32, WIDTH, generator=torch.Generator().manual_seed(seed))
    model.zero_grad()
    loss = (model(x) - x).square().mean()
    loss.backward()
    return loss.item()


def flat_gradient(model: nn.Module) -> np.ndarray:
    """The gradients of all weights in one float32 array."""
    return torch.cat([weights.grad.flatten() for weights in model.parameters()]).numpy()


def flip_a_bit(gradient: np.ndarray, step: int) -> None:
    """Flip the lowest bit but two of one element: far too little to see in any loss."""
    gradient.view(np.int32)[7 * step % gradient.size] ^= 1 << 2


def step_down(model: nn.Module, gradient: torch.Tensor) -> None:
    """One step of gradient descent."""
    start = 0
    with torch.no_grad():
        for weights in model.parameters():
            part = gradient[start : start + weights.numel()]
            weights -= 0.5 * part.view_as(weights)
            start += weights.numel()
