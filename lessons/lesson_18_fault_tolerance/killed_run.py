"""What can be read off the reports of a run whose ranks were killed."""

import dataclasses
import itertools
from collections.abc import Sequence

from labkit.cluster import Report


@dataclasses.dataclass(frozen=True)
class KilledRun:
    """The reports of lesson 18's training, and when ranks were killed, in s since the start.

    The n-th kill ends attempt n, whichever ranks it hit.
    """

    reports: Sequence[Report]
    kills_s: Sequence[float]

    def events(self, event: str, **where: int) -> list[Report]:
        """The reports of one kind; `where` names a rank, an attempt or both."""
        return [
            report for report in self.reports
            if report.values["event"] == event
            and all(getattr(report, name) == value for name, value in where.items())
        ]  # fmt: skip

    def progress(self) -> list[tuple[list[float], list[int]]]:
        """For each attempt, when rank 0 finished its steps, in s, and which steps they were."""
        attempts = [self.events("step", rank=0, attempt=n) for n in range(len(self.kills_s) + 1)]
        return [
            ([report.time_s for report in steps], [report.values["step"] for report in steps])
            for steps in attempts
        ]

    def recoveries_s(self) -> list[float]:
        """For each kill that was recovered from, the seconds until the next step was done."""
        return [
            times[0] - killed
            for killed, (times, _) in zip(self.kills_s, self.progress()[1:], strict=True)
            if times
        ]

    def lost_steps(self) -> list[int]:
        """For each kill, how many steps had been done and were done again, or have to be."""
        progress = [steps for _, steps in self.progress()]
        return [
            max(before, default=0) - (after[0] - 1 if after else 0)
            for before, after in itertools.pairwise(progress)
        ]

    def kept_steps(self) -> int:
        """How far the run got."""
        return max((step for _, steps in self.progress() for step in steps), default=0)

    def goodput(self, step_s: float) -> float:
        """Share of the time, from the first step to the last, that the kept steps needed.

        step_s  of one step when nothing disturbs it
        """
        times = [time for times, _ in self.progress() for time in times]
        return (self.kept_steps() - 1) * step_s / (max(times) - min(times))

    def step_s(self) -> float:
        """The median time in s from one step to the next, without those that saved."""
        gaps = sorted(
            after - before
            for times, _ in self.progress()
            for before, after in itertools.pairwise(times)
        )
        return gaps[len(gaps) // 2]

    def stops_s(self) -> list[float]:
        """For how long each checkpoint stopped rank 0, in s."""
        return [report.values["stop_s"] for report in self.events("saved", rank=0)]

    def was_killed_in_mid_save(self, attempt: int) -> bool:
        """Had a rank begun a checkpoint that wasn't all written when its attempt ended?"""
        ranks = {report.rank for report in self.reports}
        return any(
            len(self.events("saving", rank=rank, attempt=attempt))
            > len(self.events("written", rank=rank, attempt=attempt))
            for rank in ranks
        )

    def torn_loads(self) -> list[Report]:
        """Loads of a state that isn't, to the bit, the one that was saved under that name."""
        saved, torn = {}, []
        for report in self.reports:
            values = report.values
            if values["event"] == "saving":
                saved[report.rank, values["name"]] = values["digest"]
            elif values["event"] == "loaded" and (
                saved[report.rank, values["name"]] != values["digest"]
                or values["name"] != f"step{values['step']}"
            ):
                torn.append(report)
        return torn

    def largest_difference(self) -> float:
        """Between the losses of steps that were done more than once: relative, 0 if none was."""
        first, largest = {}, 0.0
        for report in self.events("step"):
            key, loss = (report.rank, report.values["step"]), report.values["loss"]
            largest = max(largest, abs(loss / first.setdefault(key, loss) - 1))
        return largest
