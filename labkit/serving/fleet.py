"""`Fleet`: replicas behind a router, and what becomes of the requests when replicas die."""

import contextlib
import dataclasses
import math
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from labkit.serving.errors import ServingError
from labkit.serving.load import LoadRun, closed_loop, question
from labkit.serving.replica import Replica
from labkit.serving.router import CAREFUL, Router, refuse_missing


@dataclasses.dataclass(frozen=True, slots=True)
class Outage:
    """One replica was gone from `down_s` to `up_s`, in s since the start of the run."""

    replica: int
    down_s: float
    up_s: float


@dataclasses.dataclass(frozen=True, repr=False)
class FleetRun(LoadRun):
    """A LoadRun during which replicas went away."""

    outages: tuple[Outage, ...]

    @property
    def availability(self) -> float:
        """The share of the requests that were answered whole; NaN without any."""
        return 1 - len(self.lost) / self.n_requests if self.answers else math.nan

    def tokens_per_s_when(self, *, gone: bool) -> float:
        """Tokens a second while a replica is gone, or while all are up; NaN where that never was.

        Outages are clipped to the run; they don't overlap, as in `kill_under_load`.
        """
        outages = [(one.down_s, min(one.up_s, self.time_s)) for one in self.outages]
        gone_s = sum(max(up_s - down_s, 0.0) for down_s, up_s in outages)
        made = sum(
            n
            for at_s, n in self._tokens()
            if at_s <= self.time_s and gone == any(down <= at_s < up for down, up in outages)
        )
        time_s = gone_s if gone else self.time_s - gone_s
        return made / time_s if time_s > 0 else math.nan


class Fleet:
    """`n_replicas` replicas behind a router: `with Fleet(2) as fleet: ask(fleet, "Hello")`.

    flags     of the router: NOTHING, USUAL, CAREFUL (see `labkit.serving.router`) or your own
    replica   what else each Replica is given, such as `slots`

    Raises as Replica and Router do; nothing keeps running then.
    """

    model = "m"

    def __init__(
        self, n_replicas: int = 2, flags: Mapping[str, object] = CAREFUL, *,
        policy: str = "power_of_two", **replica: Any,
    ):  # fmt: skip
        if type(n_replicas) is not int or n_replicas < 1:
            raise ServingError(f"A fleet has one replica or more, not {n_replicas!r}.")
        refuse_missing()  # before the time that starting the replicas takes
        self._ends = contextlib.ExitStack()
        self.replicas: list[Replica] = []
        try:
            for _ in range(n_replicas):
                self.replicas.append(self._ends.enter_context(Replica(**replica)))
            self.router = self._ends.enter_context(Router(self.replicas, flags, policy=policy))
        except BaseException:
            self._ends.close()
            raise

    @property
    def url(self) -> str:
        """The router's address."""
        return self.router.url

    def put_behind(self, flags: Mapping[str, object], policy: str = "power_of_two") -> None:
        """Replace the router by one with other flags; the replicas stay as they are."""
        self.router.stop()
        for replica in self.replicas:
            replica.start()
            self._ends.enter_context(replica)  # a fleet that was stopped knows none to stop
        self.router = self._ends.enter_context(Router(self.replicas, flags, policy=policy))

    def kill_under_load(
        self, n_kills: int = 1, *, time_s: float = 8.0, clients: int = 4, down_s: float = 1.0,
        max_tokens: int = 8, stream: bool = False, resume: bool = False, seed: int = 0,
        prompt: Callable[[int, int], str] = question,
    ) -> FleetRun:  # fmt: skip
        """Keep clients busy, and SIGKILL replicas at random moments; each is gone for `down_s`.

        The kills are spread over `time_s`, one replica at a time. With `resume` clients go on with
        streams that broke.
        """
        if type(n_kills) is not int or n_kills < 0 or not down_s >= 0:
            raise ServingError(f"Nobody is killed {n_kills!r} times for {down_s!r} s.")
        rng, outages = random.Random(seed), []

        def kills():
            start_s, gap_s = time.monotonic(), time_s / (n_kills + 1)
            for number in range(n_kills):
                at_s = start_s + gap_s * (number + rng.uniform(0.5, 1.0))
                time.sleep(max(at_s - time.monotonic(), 0.0))
                index = rng.randrange(len(self.replicas))
                self.replicas[index].kill()
                gone_s = time.monotonic() - start_s
                time.sleep(down_s)
                self.replicas[index].start()
                outages.append(Outage(index, gone_s, time.monotonic() - start_s))

        return self._under_load(
            kills, outages, time_s, clients=clients, max_tokens=max_tokens, stream=stream,
            resume=resume, prompt=prompt,
        )  # fmt: skip

    def rolling_restart(
        self, *, time_s: float = 8.0, clients: int = 4, max_tokens: int = 8, stream: bool = False,
        resume: bool = False,
    ) -> FleetRun:  # fmt: skip
        """Keep clients busy, and restart one replica after the other, as for a new version."""
        outages: list[Outage] = []

        def restarts():
            start_s = time.monotonic()
            for index, replica in enumerate(self.replicas):
                time.sleep(time_s / (2 * len(self.replicas) + 1))
                replica.stop()
                gone_s = time.monotonic() - start_s
                replica.start()
                outages.append(Outage(index, gone_s, time.monotonic() - start_s))

        return self._under_load(
            restarts, outages, time_s, clients=clients, max_tokens=max_tokens, stream=stream,
            resume=resume,
        )  # fmt: skip

    def _under_load(self, meanwhile, outages, time_s, **load):
        run = closed_loop(self, time_s=time_s, meanwhile=meanwhile, **load)
        return FleetRun(run.answers, run.start_s, run.time_s, tuple(outages))

    def stop(self) -> None:
        """End the router and all replicas."""
        self._ends.close()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        up = sum(replica.is_running for replica in self.replicas)
        return f"Fleet({self.url}, {up} of {len(self.replicas)} replicas running)"
