"""`profile`: run a kernel on the executor and count what the hardware would do."""

import dataclasses
import linecache
from typing import Any

from labkit.reading import Reading
from labkit.simt.bound import time_bound
from labkit.simt.kernel import Launch, launch_of
from labkit.simt.limits import SECTOR_BYTES
from labkit.simt.tiles import counted, tile_launch
from labkit.simt.watch.counters import Counter
from labkit.simt.watch.counts import REMEMBERED, Counts, Line


@dataclasses.dataclass
class Profile(Counts):
    """The counters of one launch, all simulated: counted by running it, not measured.

    dram_bytes_lower   32 bytes for each distinct sector, loads and stores apart: caches catch the
    rest
    dram_bytes_upper   32 bytes for each sector of each request: caches catch nothing
    lines              Line -> Counts; `line(12)` or `line("text")` finds one
    samples, film, timeline   what the first warp and block did, for the pictures; of the last two
    the first REMEMBERED steps
    """

    kernel: str = ""
    grid: tuple = ()
    block: tuple = ()
    shared_bytes: int = 0
    dram_bytes_lower: int = 0
    dram_bytes_upper: int = 0
    lines: dict = dataclasses.field(default_factory=dict)
    samples: list = dataclasses.field(default_factory=list)
    film: list = dataclasses.field(default_factory=list)
    timeline: list = dataclasses.field(default_factory=list)

    def is_cut(self, steps: list) -> bool:
        """Whether the film or the timeline ends before the kernel did."""
        return len(steps) == REMEMBERED

    def line(self, which: int | str) -> Counts:
        """The counts of one line, by its number or by a part of its text."""
        found = [
            counts
            for line, counts in self.lines.items()
            if line.number == which or (isinstance(which, str) and which in line.text)
        ]
        if len(found) != 1:
            raise LookupError(
                f"{len(found)} counted lines of {self.kernel} match {which!r}; name one."
            )
        return found[0]

    def time_bound_s(self, chip: str) -> Reading:
        """A lower bound of the time on a chip of the catalogue; its note names the bottleneck."""
        return time_bound(self, chip)

    def __str__(self):
        rows = [("counted (simulated)", f"{self.kernel}, grid {self.grid}, block {self.block}")]
        for name in ("global_loads", "global_stores", "shared_loads", "shared_stores"):
            if getattr(self, name).requests:
                rows.append((name, str(getattr(self, name))))
        if self.branches:
            rows.append(("branches", f"{self.branches:,}, {self.divergent_branches:,} divergent"))
        rows += [(n, f"{getattr(self, n):,}") for n in ("atomics", "barriers") if getattr(self, n)]
        if self.instructions:
            rows.append(("threads per instruction", f"{self.threads_per_instruction:.4g}"))
        rows += [(f"flop {name}", f"{n:,}") for name, n in self.flop.items()]
        if self.matrix_instructions:
            rows.append(("matrix instructions", f"{self.matrix_instructions:,}"))
        rows += [(f"matrix flop {name}", f"{n:,}") for name, n in self.matrix_flop.items()]
        rows.append(("DRAM bytes", f"{self.dram_bytes_lower:,} to {self.dram_bytes_upper:,}"))
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{width}}  {text}" for name, text in rows)

    __repr__ = __str__


def profile(launch: Launch, *args: Any, **options: Any) -> Profile:
    """Run `kernel[grid, block]` on the executor with counters -> Profile. The arrays are written.

    launch    of our `cuda.jit` or of numba's: its Python function is what runs. Or `kernel[grid]`
              of Triton's, where Triton interprets: then loads, stores and products are counted, a
              request being a whole tile
    options   keyword arguments of a launch of Triton's
    """
    if (tiles := tile_launch(launch)) is not None:
        return _of_tiles(*tiles, launch, args, options)
    if options:
        name = launch_of(launch).kernel.__name__
        raise TypeError(f"A launch of {name} has no options, and got {', '.join(options)}.")
    launch, counter = launch_of(launch), Counter()
    run = launch.run(args, counter)
    found = Profile(kernel=launch.kernel.__name__, grid=launch.grid, block=launch.block)
    found.shared_bytes = run.shared.static_bytes + run.shared.dynamic_bytes
    for (function, number, file), counts in sorted(counter.lines.items(), key=lambda i: i[0][1]):
        found.lines[Line(function, number, linecache.getline(file, number).strip())] = counts
        found += counts
    found.dram_bytes_lower = SECTOR_BYTES * (counter.touched("load") + counter.touched("store"))
    found.dram_bytes_upper = SECTOR_BYTES * (
        found.global_loads.sectors + found.global_stores.sectors
    )
    found.samples = list(counter.samples.values())
    found.film, found.timeline = counter.film, counter.timeline
    return found


def _of_tiles(function, grid, launch, args, options):
    lines, loaded, stored = counted(function, launch, args, options)
    found = Profile(kernel=function.__name__, grid=grid)
    for line, counts in sorted(lines.items(), key=lambda item: item[0].number):
        found.lines[line] = counts
        found += counts
    found.dram_bytes_lower = SECTOR_BYTES * (loaded + stored)
    found.dram_bytes_upper = SECTOR_BYTES * (
        found.global_loads.sectors + found.global_stores.sectors
    )
    return found
