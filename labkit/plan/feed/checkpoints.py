"""Checkpoints as traffic: how many bytes one writes, and how long that takes."""

import math
import numbers

from labkit.plan.amounts import checked
from labkit.plan.zero import MIXED_PRECISION_ADAM, StateBytes


def checkpoint_bytes(n_parameters: float, each: StateBytes = MIXED_PRECISION_ADAM) -> float:
    """What a checkpoint holds: parameters and optimizer state. Gradients are made anew.

    each   bytes for each parameter; 16-bit parameters and Adam's 32-bit state take 14 (ZeRO, arXiv
           1910.02054, and MLPerf Storage v2.0, whose sizes follow from it). Raises ValueError for
           nonsense.
    """
    (n_parameters,) = checked(n_parameters=n_parameters)
    return n_parameters * (each.parameters + each.optimizer)


def checkpoint_write_s(
    n_bytes: float,
    storage_bytes_per_s: float,
    n_writers: int = 1,
    writer_bytes_per_s: float = math.inf,
) -> float:
    """How long the writers need together: storage and writers each limit it.

    writer_bytes_per_s   what one writer sends at most, such as a host's share of its network card

    Raises ValueError for nonsense.
    """
    n_bytes, n_writers = checked(n_bytes=n_bytes, n_writers=n_writers)
    rates = storage_bytes_per_s, writer_bytes_per_s
    if n_writers and all(isinstance(rate, numbers.Real) and rate > 0 for rate in rates):
        rate = min(storage_bytes_per_s, n_writers * writer_bytes_per_s)
    else:
        raise ValueError(
            f"Somebody has to write, and something to take it: got {n_writers:g} writers of "
            f"{writer_bytes_per_s} B/s and a storage of {storage_bytes_per_s} B/s."
        )
    return n_bytes / rate
