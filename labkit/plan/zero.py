"""ZeRO: how many bytes of model state each rank holds, and how many it sends.

Rajbhandari et al. 2020, arXiv 1910.02054, sections 3.1, 5 and 7. Model state is what training keeps
of every parameter: the parameter, its gradient and what the optimizer remembers. Activations,
buffers and fragmentation come on top.
"""

from typing import NamedTuple

from labkit.plan.amounts import checked


class StateBytes(NamedTuple):
    """Bytes of model state: of one parameter, or of what one rank holds."""

    parameters: float
    gradients: float
    optimizer: float

    @property
    def total(self) -> float:
        return sum(self)


# Adam keeps a momentum and a variance; with 16-bit parameters also a 32-bit copy of each.
MIXED_PRECISION_ADAM = StateBytes(2, 2, 12)
FP32_ADAM = StateBytes(4, 4, 8)
STAGES = {
    0: "every rank holds everything",
    1: "optimizer state is cut",
    2: "gradients are cut, too",
    3: "parameters are cut, too",
}


def zero_bytes(
    n_parameters: float, n_ranks: int, stage: int, each: StateBytes = MIXED_PRECISION_ADAM
) -> StateBytes:
    """The bytes of model state that one of `n_ranks` data-parallel ranks holds at a ZeRO stage.

    stage   0: nothing is cut (plain data parallelism); 1: the optimizer state; 2: gradients, too;
            3: parameters, too
    each    bytes for each parameter. Raises ValueError for nonsense.
    """
    n_parameters, n_ranks = _checked(n_parameters, n_ranks, stage)
    cut_from = StateBytes(parameters=3, gradients=2, optimizer=1)
    return StateBytes(*(
        n_parameters * part / (n_ranks if stage >= first else 1)
        for part, first in zip(each, cut_from, strict=True)
    ))  # fmt: skip


def zero_sent_bytes(n_parameters: float, n_ranks: int, stage: int, itemsize: float = 2) -> float:
    """The bytes that one rank sends in a step, with ring collectives.

    An all-gather or a reduce-scatter of all parameters sends (n - 1) / n of their bytes, and an
    all-reduce is one after the other. Stages 0 to 2 need one of each; stage 3 gathers the
    parameters twice, for the forward and for the backward pass: 1.5 times as much.

    itemsize   bytes of a parameter, and of its gradient. Raises ValueError for nonsense.
    """
    n_parameters, n_ranks = _checked(n_parameters, n_ranks, stage)
    (itemsize,) = checked(itemsize=itemsize)
    n_passes = 3 if stage == 3 else 2
    return n_passes * n_parameters * itemsize * (n_ranks - 1) / n_ranks


def _checked(n_parameters, n_ranks, stage):
    if stage not in tuple(STAGES):
        raise ValueError(f"ZeRO has the stages 0, 1, 2 and 3, got {stage!r}.")
    return checked(n_parameters=n_parameters, n_ranks=n_ranks)
