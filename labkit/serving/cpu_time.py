"""How fast a replica is by its own CPU time, which other programs on the machine hardly change."""

import psutil

from labkit.serving.client import ask
from labkit.serving.replica import Replica


class CpuTime:
    """The CPU time that a replica uses: `with CpuTime(replica) as used: ...`, then `used.s`.

    One thread that nobody interrupts uses as much of it as a clock on the wall shows.
    """

    s = 0.0

    def __init__(self, replica: Replica):
        self._process = psutil.Process(replica.pid)

    def __enter__(self) -> "CpuTime":
        self._start_s = self._now_s()
        return self

    def __exit__(self, *_: object) -> None:
        self.s = self._now_s() - self._start_s

    def _now_s(self):
        return sum(self._process.cpu_times()[:2])  # in its own code, and in the system's for it


def decode_rate(replica: Replica, prompt: str, max_tokens: int) -> tuple[float, str]:
    """(tokens a second of CPU time, text) of an answer; its question is read before that."""
    ask(replica, prompt, max_tokens=1)
    with CpuTime(replica) as used:
        answer = ask(replica, prompt, max_tokens=max_tokens)
    return answer.n_tokens / used.s, answer.text
