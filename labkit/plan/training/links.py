"""How long chips talk: rings over the links inside a server, and over the network."""

from labkit.plan.training.chips import Accelerator
from labkit.plan.training.job import Job


def ring_s(
    chip: Accelerator, ranks: float, moved_bytes: float, bytes_per_s: float, *, calls: float = 1
) -> float:
    """Time of a reduce-scatter or an all-gather of `moved_bytes` over a ring, in `calls` pieces.

    An all-reduce takes two of these. Each chip passes on (n - 1) / n of the bytes; each call costs
    a start, and a hop for each chip.
    """
    if ranks <= 1:
        return 0.0
    hops_s = 0.0 if chip.family == "tpu" else (ranks - 1) * chip.constant("hop_s")
    start_s = chip.constant("collective_s") / 2
    return (ranks - 1) / ranks * moved_bytes / bytes_per_s + calls * (start_s + hops_s)


def nic_bytes_per_s(job: Job) -> float:
    """What one chip's share of the network reaches, in B/s."""
    return job.nic_bytes_per_s * job.chip.constant("nic_share")


def tensor_bytes_per_s(job: Job) -> float:
    """The links of a tensor-parallel group: the server's, unless the group is larger than that."""
    return group_bytes_per_s(job, 1)


def group_bytes_per_s(job: Job, ranks: int) -> float:
    """The links of a group of `ranks` that comes after tensor parallelism in the order of chips."""
    inside = stays_in_server(job, ranks)
    return job.chip.link_bytes_per_s if inside else nic_bytes_per_s(job)


def stays_in_server(job: Job, ranks: int) -> bool:
    """Whether a group of `ranks` that comes after tensor parallelism has the fast links alone."""
    return job.split.tp * ranks <= job.chip.server_chips


def data_bytes_per_s(job: Job) -> float:
    """What a ring over all copies of the same weights reaches, per chip.

    Those copies that share a server also share its network cards, and pass on inside it first.
    """
    chip, ranks = job.chip, job.split.shards
    if chip.family == "tpu" or stays_in_server(job, ranks):
        return chip.link_bytes_per_s
    neighbours = max(1, chip.server_chips // job.split.tp)
    return min(chip.link_bytes_per_s, min(ranks, neighbours) * nic_bytes_per_s(job))
