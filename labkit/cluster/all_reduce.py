"""All-reduces on real ranks: their times, and the bytes on each link while they run."""

import time
from collections.abc import Callable, Sequence
from numbers import Integral

import numpy as np

from labkit.cluster.hosts import why_no_hosts
from labkit.cluster.meter import LinkMeter, LinkTraces, recorded_traces
from labkit.cluster.ring import RingLinks, all_reduce_by
from labkit.cluster.start import run_ranks, why_no_ranks
from labkit.measure import TimesInTurns, recorded_times

SIZES = tuple(4**k << 10 for k in range(1, 7))  # 4 kB to 4 MB, as powers of two
_TURN_BYTES, _TURN_RUNS = 64 << 10, 16  # of a small size at once, at most


def time_all_reduces(
    n_ranks: int = 2,
    *,
    sizes: Sequence[int] = SIZES,
    rounds: int = 12,
    hosts: int | None = None,
    link_bit_per_s: float | None = None,
    timeout_s: float = 60.0,
    recorded: str | None = None,
) -> TimesInTurns:
    """The times of the library's all-reduce of float32: n_bytes -> times in s, as rank 0 saw them.

    sizes    in bytes, multiples of 4
    rounds   times of each size. In a round each size is followed by all smaller ones, so that the
             runs of a small one, which last 10 ms together, are spread over the whole round, and
             one process in the way can't spoil all of them. The time of a size in a round is the
             lower quartile of its runs, because what disturbs a run delays it
    recorded a recorded run, which is returned where ranks, or the hosts asked for, cannot be had

    No barrier stands between two runs: a pause would let a link save up for a burst.

    hosts and link_bit_per_s are as in `run_ranks`, and so are the errors.
    """
    for size in sizes:
        _refuse_part_of_a_float(size)
    if not sizes or type(rounds) is not int or rounds < 1:
        raise ValueError(f"Give one size or more and one round or more: got {sizes} and {rounds}.")
    if recorded is not None and (why_no_hosts() if hosts else why_no_ranks()):
        return recorded_times(recorded, "n_bytes")
    run = run_ranks(
        _time, n_ranks, args=(tuple(sizes), rounds), hosts=hosts, link_bit_per_s=link_bit_per_s,
        timeout_s=timeout_s, show=False,
    )  # fmt: skip
    return TimesInTurns(run.returned[0])


def _refuse_part_of_a_float(n_bytes):
    if not isinstance(n_bytes, Integral) or n_bytes < 4 or n_bytes % 4:
        raise ValueError(
            f"What is reduced are float32 of 4 bytes each: give a multiple of 4, not {n_bytes!r}."
        )


def _time(sizes, rounds):
    import torch.distributed as dist

    dist.init_process_group("gloo")
    samples_s, falling = {size: [] for size in sizes}, sorted(sizes, reverse=True)
    for _ in range(rounds):
        runs_s = {size: [] for size in sizes}
        for place in range(len(falling)):
            for size in falling[place:]:  # a large one empties the buckets of its links
                runs_s[size] += _back_to_back(size)
        for size, times_s in runs_s.items():
            samples_s[size].append(sorted(times_s)[len(times_s) // 4])
    dist.destroy_process_group()
    return {size: tuple(times_s) for size, times_s in samples_s.items()}


def _back_to_back(size):
    """The times of some all-reduces, in s; a large size runs only once."""
    import torch
    import torch.distributed as dist

    data, times_s = torch.zeros(size // 4), []
    n_timed = min(max(1, _TURN_BYTES // size), _TURN_RUNS)
    if n_timed > 1:
        dist.all_reduce(data)  # ranks that left the last size at different times meet here
    for _ in range(n_timed):
        began = time.perf_counter()
        dist.all_reduce(data)
        times_s.append(time.perf_counter() - began)
    return times_s


def watch_links(
    n_ranks: int,
    n_bytes: int,
    halves: tuple[Callable, Callable] | None = None,
    *,
    link_bit_per_s: float | None = None,
    timeout_s: float = 60.0,
    recorded: str | None = None,
) -> LinkTraces:
    """The bytes that each host has sent over time while one all-reduce runs, by rank.

    halves   reduce-scatter and all-gather of a ring, as in `all_reduce_by`; None sends everything
             to rank 0, which adds up and sends the sum to each of the others

    recorded a recorded run, which is returned where hosts cannot be laid out

    Every rank has a host of its own. Raises what `run_ranks` raises.
    """
    _refuse_part_of_a_float(n_bytes)
    if recorded is not None and why_no_hosts():
        return recorded_traces(recorded)
    run = run_ranks(
        _watch, n_ranks, args=(n_bytes, halves), hosts=n_ranks, link_bit_per_s=link_bit_per_s,
        timeout_s=timeout_s, show=False,
    )  # fmt: skip
    return LinkTraces(run.returned)


def _watch(n_bytes, halves):
    import torch.distributed as dist

    dist.init_process_group("gloo")
    data = np.ones(n_bytes // 4, np.float32)
    with RingLinks() as links:
        all_reduce_by(*(halves or _NOTHING), data[: links.n_ranks], links)  # connects the ranks
        dist.barrier()
        with LinkMeter() as meter:
            total = all_reduce_by(*halves, data, links) if halves else _through_one(data)
            dist.barrier()  # bytes that are sent may still wait in a buffer of this host
    assert total[0] == total[-1] == links.n_ranks, "the sum is wrong"
    dist.destroy_process_group()
    return meter.trace


def _nothing(parts, rank, n_ranks, send, receive):
    """No half of a ring."""


_NOTHING = (_nothing, _nothing)


def _through_one(data):
    """Rank 0 receives everything, adds it up, and sends the sum to each of the others."""
    import torch
    import torch.distributed as dist

    total, others = torch.from_numpy(data.copy()), range(1, dist.get_world_size())
    if dist.get_rank():
        dist.send(total, 0)
        dist.recv(total, 0)
    else:
        arrived = [torch.empty_like(total) for _ in others]
        for work in [dist.irecv(part, rank) for rank, part in zip(others, arrived, strict=True)]:
            work.wait()
        for part in arrived:
            total += part
        for work in [dist.isend(total, rank) for rank in others]:
            work.wait()
    return total.numpy()
