"""How fast a replica is by its own CPU time, which other programs on the machine hardly change."""

import time
from pathlib import Path

import numpy as np
import psutil

from labkit.serving.client import ask
from labkit.serving.errors import ServingError
from labkit.serving.model import check_model
from labkit.serving.replica import Replica

_LEAST_BYTES = 1 << 20
_TRIES = 5  # the first one brings the file into memory


class CpuTime:
    """The CPU time that a replica uses: `with CpuTime(replica) as used: ...`, then `used.s`.

    One thread that nobody interrupts uses as much of it as a clock on the wall shows.
    """

    s = 0.0

    def __init__(self, replica: Replica):
        if replica.pid is None:  # psutil would take no number for this Python's own
            raise ServingError(f"{replica!r} uses no CPU time: start it first.")
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
    if answer.error or not used.s:
        why = answer.error or "it took less CPU time than the system's clock can tell"
        raise ServingError(f"The answer gives no rate: {why}. Ask again, for more tokens.")
    return answer.n_tokens / used.s, answer.text


def read_rate(path: str | Path) -> float:
    """Bytes a second of CPU time at which one thread adds up a file: the best of five tries.

    The file is mapped, as a replica maps its model: both read it through pages of 4 KiB, which is
    slower than the large pages of a new array. Raises ServingError for a file that is missing, no
    model, or too short to be timed.
    """
    path = check_model(path)
    if path.stat().st_size < _LEAST_BYTES:
        raise ServingError(
            f"{path} has {path.stat().st_size:,} bytes, which are read too soon to be timed: a "
            f"model has millions. If it is a download that broke off, fetch it again."
        )
    size = path.stat().st_size // 4 * 4
    numbers, times_s = np.memmap(path, np.float32, "r", shape=size // 4), []
    for _ in range(_TRIES):
        start_s = time.thread_time()
        with np.errstate(all="ignore"):  # not all of its bytes are numbers of this type
            numbers.sum()
        times_s.append(time.thread_time() - start_s)
    return size / min(times_s)
