"""Two replicas of lesson 18, of which one is killed and comes back, and what that costs."""

import contextlib
import dataclasses
import importlib.util
import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from labkit.cluster import RankError, RankRun, start_ranks
from labkit.reading import Reading
from labkit.results import recorded
from lessons.lesson_18_fault_tolerance.replicas import lighthouse, replicate

PATIENCE_S = 60.0
_POLL_S = 0.01


@dataclasses.dataclass(frozen=True)
class ReplicaKill:
    """One kill: when, and what the survivor and the one that came back did, on one clock in s."""

    killed_s: float
    alone_s: float  # the survivor finished its first step without the other
    restarted_s: float
    rejoined_s: float  # the new one finished its first step
    skipped_or_repeated_steps: int  # of the survivor

    @property
    def stall_s(self) -> float:
        return self.alone_s - self.killed_s

    @property
    def rejoin_s(self) -> float:
        return self.rejoined_s - self.restarted_s


class Replicas:
    """A lighthouse and two replicas, as runs of one rank each; use it as a context."""

    def __init__(self, timeout_s: float):
        self.timeout_s = timeout_s
        self._stack = contextlib.ExitStack()
        self.lives: list[list[RankRun]] = [[], []]

    def __enter__(self) -> "Replicas":
        with self._stack:
            light = self._stack.enter_context(start_ranks(lighthouse, 1, timeout_s=self.timeout_s))
            self.address = _wait(lambda: light.reports, light)[0].values["address"]
            for number in (0, 1):
                self.start(number)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def start(self, number: int) -> None:
        """Start a replica, the first time or again."""
        run = start_ranks(replicate, 1, args=(number, self.address), timeout_s=self.timeout_s)
        self.lives[number].append(self._stack.enter_context(run))

    def steps(self, number: int) -> list[dict]:
        """What the replica's present life has reported of its steps."""
        return [report.values for report in self.lives[number][-1].reports]

    def wait_until_both_train(self, n_steps: int = 3) -> None:
        """Wait until both have done some steps together."""
        for number in (0, 1):
            _wait(
                lambda number=number: [s for s in self.steps(number) if s["n_replicas"] == 2][
                    n_steps - 1 :
                ],
                self.lives[number][-1],
            )

    def kill(self, victim: int, alone_for_s: float) -> ReplicaKill:
        """Kill a replica; when the other has gone on for a while, start it again."""
        survivor, run = 1 - victim, self.lives[1 - victim][-1]
        killed_s = time.monotonic()
        self.lives[victim][-1].kill(0)
        alone = _wait(
            lambda: [
                step for step in self.steps(survivor)
                if step["at_s"] > killed_s and step["n_replicas"] == 1
            ],
            run,
        )  # fmt: skip
        time.sleep(alone_for_s)
        self.lives[victim][-1].stop()
        restarted_s = time.monotonic()
        self.start(victim)
        _wait(lambda: self.steps(victim), self.lives[victim][-1])
        self.wait_until_both_train()
        done = [step["step"] for step in self.steps(survivor)]
        jumps = sum(abs(after - before - 1) for before, after in itertools.pairwise(done))
        return ReplicaKill(
            killed_s, alone[0]["at_s"], restarted_s, self.steps(victim)[0]["at_s"], jumps
        )


_FAILS_WITH_ITS_TWIN = "in _comm_hook"  # of torchft 0.2's ddp.py: `assert fut._fut`


def _wait(condition: Callable[[], Any], run: RankRun) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if not run.is_running:
            run.wait()
        if time.monotonic() > end:
            raise TimeoutError(f"A replica did nothing for {PATIENCE_S:g} s.")
        time.sleep(_POLL_S)
    return found


def kill_replicas(n_kills: int, seed: int = 0) -> Iterator[ReplicaKill]:
    """Kill one of two replicas at random moments, again and again."""
    rng = random.Random(seed)
    with Replicas(timeout_s=30 + 30 * n_kills) as replicas:
        for _ in range(n_kills):
            replicas.wait_until_both_train()
            time.sleep(rng.uniform(0, 0.5))
            yield replicas.kill(rng.randrange(2), alone_for_s=0.3)


@dataclasses.dataclass(frozen=True)
class ReplicaStory:
    """A kill as the lesson shows it: measured here, or recorded where torchft cannot run."""

    stall: Reading
    rejoin: Reading
    lost_steps: Reading
    lives: dict[str, list[tuple[list[float], list[int]]]]  # replica -> seconds and steps of each
    kills_s: list[float]

    @property
    def origin(self) -> str:
        return str(self.stall.origin)

    def as_row(self) -> dict:
        """What has to be kept of it."""
        return {
            "stall_s": round(self.stall.value, 3),
            "rejoin_s": round(self.rejoin.value, 3),
            "lost_steps": self.lost_steps.value,
            "killed_s": round(self.kills_s[0], 3),
            "lives": {
                name: [([round(s, 3) for s in times], steps) for times, steps in lives]
                for name, lives in self.lives.items()
            },
        }


def kill_a_replica(tries: int = 3) -> ReplicaStory:
    """Kill replica 1 of two, and bring it back.

    torchft's own hook fails now and then where the twin dies just as gradients are added up. The
    survivor is then lost as well, and the story is told from its beginning again.
    """
    if importlib.util.find_spec("torchft") is None:
        return _recorded_story()
    try:
        return _killed_here()
    except RankError as error:
        if tries == 1 or _FAILS_WITH_ITS_TWIN not in str(error):
            raise
        return kill_a_replica(tries - 1)


def _killed_here():
    with Replicas(timeout_s=PATIENCE_S) as replicas:
        replicas.wait_until_both_train(10)
        kill = replicas.kill(1, alone_for_s=0.5)
        replicas.wait_until_both_train(10)
        lives = {
            f"replica {number}": [[report.values for report in run.reports] for run in runs]
            for number, runs in enumerate(replicas.lives)
        }
    began_s = min(life[0]["at_s"] for some in lives.values() for life in some)
    return _story(
        stall_s=kill.stall_s, rejoin_s=kill.rejoin_s, lost_steps=kill.skipped_or_repeated_steps,
        lives={
            name: [
                ([step["at_s"] - began_s for step in life], [step["step"] for step in life])
                for life in some
            ]
            for name, some in lives.items()
        },
        killed_s=kill.killed_s - began_s, how={"origin": "measured"},
    )  # fmt: skip


def _recorded_story():
    run = recorded("torchft-kill")
    (row,) = run.rows
    how = {"origin": "recorded", "source": run.source}
    return _story(**{**row, "how": how})


def _story(stall_s, rejoin_s, lost_steps, lives, killed_s, how):
    return ReplicaStory(
        Reading("the survivor stalls", stall_s, "s", **how),
        Reading("the new replica is back after", rejoin_s, "s", **how),
        Reading("steps lost or done again", lost_steps, "1", **how),
        lives,
        [killed_s],
    )
