"""A rank of a pipeline whose layers sleep: real schedules, real messages, no need for a core.

On a machine with fewer cores than ranks, computing layers would wait for a core, and nobody could
tell that from waiting for each other. A sleeping layer needs no core. Its gradient is real, too.
Only ranks import this module: it needs torch, which a notebook's kernel does not.
"""

import time
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import pipelining
from torch.distributed.pipelining.schedules import PipelineScheduleSingle

WIDTH, ROWS = 16, 4  # of a layer, and of a micro-batch
_CHUNKS = {  # torch's name of a schedule: stages on a rank, and whether they run there and back
    "ScheduleGPipe": (1, False),
    "Schedule1F1B": (1, False),
    "ScheduleLoopedBFS": (2, False),
    "ScheduleInterleaved1F1B": (2, False),
    "ScheduleInterleavedZeroBubble": (1, False),
    "ScheduleZBVZeroBubble": (2, True),
    "ScheduleDualPipeV": (2, True),
}
_METHODS = {
    "forward_one_chunk": "F", "backward_one_chunk": "B", "backward_weight_one_chunk": "W",
}  # fmt: skip


class Nap(torch.autograd.Function):
    """Hands its input on, and sleeps on the way there and on the way back."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, there_s: float, back_s: float) -> torch.Tensor:
        ctx.back_s = back_s
        time.sleep(there_s)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        time.sleep(ctx.back_s)
        return gradient, None, None


class Layer(nn.Module):
    """A small layer that sleeps `nap_s` forward, and again for each of its two gradients.

    The first layer of all has no gradient of its input to find; it sleeps for it all the same, so
    that every stage has as much to do.
    """

    def __init__(self, is_first: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(WIDTH, WIDTH) / WIDTH**0.5)
        self.nap_s, self.n_gradients = 0.0, 2 if is_first else 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = Nap.apply(self.weight, 0.0, self.n_gradients * self.nap_s)
        return torch.tanh(Nap.apply(x, self.nap_s, self.nap_s) @ weight)


def layers(n_layers: int) -> list[Layer]:
    """The layers of the whole model, the same on every rank."""
    torch.manual_seed(0)
    return [Layer(is_first=n == 0) for n in range(n_layers)]


def step_through(names: Sequence[str], n_batches: int, forward_s: float, n_steps: int) -> dict:
    """What each rank runs: some training steps by each of torch's schedules.

    names      of torch's classes, such as `Schedule1F1B`
    forward_s  how long a rank sleeps in the forward pass of one micro-batch
    n_steps    steps with sleeping layers; a first one, without, finds the gradients

    Returns name -> (the largest error of a gradient, relative to that of one process; for each
    step the spans (start, end, (kind, stage, micro-batch)) of this rank, in seconds on the clock
    that all ranks share).
    """
    dist.init_process_group("gloo")
    found = {name: _steps(name, n_batches, forward_s, n_steps) for name in names}
    dist.destroy_process_group()
    return found


def _steps(name, n_batches, forward_s, n_steps):
    rank, n_ranks = dist.get_rank(), dist.get_world_size()
    n_chunks, there_and_back = _CHUNKS[name]
    n_stages, model = n_chunks * n_ranks, layers(2 * n_ranks)
    mine = [rank] if n_chunks == 1 else [rank, n_ranks + rank]
    if there_and_back:
        mine[1] = n_stages - 1 - rank
    each = len(model) // n_stages
    pieces = {n: nn.Sequential(*model[n * each : (n + 1) * each]) for n in mine}
    stages = [
        pipelining.PipelineStage(piece, n, n_stages, torch.device("cpu"))
        for n, piece in pieces.items()
    ]
    spans = _watch(stages)
    schedule = getattr(pipelining, name)
    single = issubclass(schedule, PipelineScheduleSingle)
    schedule = schedule(
        stages[0] if single else stages, n_microbatches=n_batches, loss_fn=nn.MSELoss()
    )
    x, y = _data(n_batches)
    given = (
        ((x,) if 0 in mine else ()),
        ({"target": y, "losses": []} if n_stages - 1 in mine else {}),
    )

    def step(nap_s):
        for n, layer in enumerate(model):
            layer.nap_s, layer.weight.grad = nap_s, None
            layer.requires_grad_(n // each in mine)
        spans.clear()
        dist.barrier()
        schedule.step(*given[0], **given[1])
        return list(spans)

    step(0.0)
    error = _gradient_error(model, mine, each, x, y)
    return error, [step(forward_s * n_ranks / len(model)) for _ in range(n_steps)]


def _data(n_batches):
    torch.manual_seed(1)
    return torch.randn(2, ROWS * n_batches, WIDTH).unbind()


def _watch(stages):
    """Note when each task of these stages runs: a list that grows as they do."""
    spans = []
    for stage in stages:
        for method, kind in _METHODS.items():
            setattr(stage, method, _timed(getattr(stage, method), kind, stage.stage_index, spans))
    return spans


def _timed(method, kind, stage, spans):
    def timed(batch, *args, **kwargs):
        halved = kind == "B" and not kwargs.get("full_backward", True)
        start = time.monotonic()
        result = method(batch, *args, **kwargs)
        spans.append((start, time.monotonic(), ("I" if halved else kind, stage, batch)))
        return result

    return timed


def _gradient_error(model, mine, each, x, y):
    """The largest relative error of the gradients of all ranks, against those of one process."""
    alone = layers(len(model))
    nn.MSELoss()(nn.Sequential(*alone)(x), y).backward()
    errors = [
        (model[n].weight.grad - alone[n].weight.grad).abs().max() / alone[n].weight.grad.abs().max()
        for n in range(len(model))
        if n // each in mine
    ]
    worst = torch.stack(errors).max()
    dist.all_reduce(worst, dist.ReduceOp.MAX)
    return worst.item()
