"""All-reduces, timed on real ranks: the library's, back to back."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import ClassVar

from labkit.cluster.start import run_ranks
from labkit.reading import Origin, Reading

SIZES = tuple(4**k << 10 for k in range(1, 7))  # 4 kB to 4 MB, as powers of two


@dataclasses.dataclass(frozen=True)
class AllReduceTimes:
    """The times of all-reduces: n_bytes -> times in s, of rank 0."""

    n_ranks: int
    samples_s: dict[int, list[float]]

    origin: ClassVar[Origin] = Origin.MEASURED

    @property
    def medians_s(self) -> dict[int, float]:
        """The median time of each size."""
        return {size: statistics.median(times) for size, times in self.samples_s.items()}

    def bandwidth(self, n_bytes: int) -> Reading:
        """Algorithm bandwidth: the bytes to be reduced over the median time, in B/s."""
        name = f"algorithm bandwidth, {self.n_ranks} ranks"
        return Reading(name, n_bytes / self.medians_s[n_bytes], "B/s", self.origin)


def time_all_reduces(
    n_ranks: int = 2,
    *,
    sizes: Sequence[int] = SIZES,
    repeats: int = 12,
    hosts: int | None = None,
    link_bit_per_s: float | None = None,
    timeout_s: float = 60.0,
) -> AllReduceTimes:
    """Time the library's all-reduce of float32 for several sizes in bytes, multiples of 4.

    repeats  timed runs of each size, one right after the other, with no barrier between them: a
             pause would let a link save up for a burst

    hosts and link_bit_per_s as in `run_ranks`. Raises what it raises.
    """
    run = run_ranks(
        _time, n_ranks, args=(tuple(sizes), repeats), hosts=hosts, link_bit_per_s=link_bit_per_s,
        timeout_s=timeout_s, show=False,
    )  # fmt: skip
    return AllReduceTimes(n_ranks, run.returned[0])


def _time(sizes, repeats):
    import time

    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    samples_s = {}
    for size in sizes:
        data = torch.zeros(size // 4)
        for _ in range(3):  # fills the pipes, and empties the bucket of a shaped link
            dist.all_reduce(data)
        times = samples_s[size] = []
        for _ in range(repeats):
            began = time.perf_counter()
            dist.all_reduce(data)
            times.append(time.perf_counter() - began)
    dist.destroy_process_group()
    return samples_s
