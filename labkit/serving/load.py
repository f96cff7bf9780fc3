"""Load on a server: clients that ask again and again, and what came of it."""

import collections
import dataclasses
import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from labkit.measure import statistics
from labkit.reading import Reading
from labkit.serving.address import HasUrl, base_of, counters
from labkit.serving.answer import SLO, Answer
from labkit.serving.client import ask
from labkit.serving.errors import ServingError

_LATENCIES = ("ttft_s", "tpot_s", "itl_s", "latency_s", "guidellm_tpot_s")
# Requests that a server works on or keeps waiting, by llama.cpp's names and by vLLM's.
_IN_SYSTEM = (
    "requests_processing", "requests_deferred", "num_requests_running", "num_requests_waiting"
)  # fmt: skip


@dataclasses.dataclass(frozen=True, repr=False)
class LoadRun:
    """All answers of a run, in the order in which the requests were sent.

    start_s   when it began, on the clock of `time.monotonic`
    time_s    for how long requests were sent; those under way at the end were waited for
    """

    answers: tuple[Answer, ...]
    start_s: float
    time_s: float

    @property
    def n_requests(self) -> int:
        return len(self.answers)

    @property
    def lost(self) -> tuple[Answer, ...]:
        """The answers that are not whole."""
        return tuple(answer for answer in self.answers if not answer.ok)

    @property
    def reasons(self) -> dict[str, int]:
        """Why requests were lost, in the words of their errors -> how often."""
        return dict(collections.Counter(answer.error or "" for answer in self.lost).most_common())

    @property
    def tokens_per_s(self) -> float:
        """Output tokens a second, over the time in which requests were sent."""
        return sum(n for at_s, n in self._tokens() if at_s <= self.time_s) / self.time_s

    @property
    def requests_per_s(self) -> float:
        """Whole answers a second, over the time in which requests were sent."""
        ended = (answer.end_s - self.start_s for answer in self.answers if answer.ok)
        return sum(end_s <= self.time_s for end_s in ended) / self.time_s

    @property
    def lasting_s(self) -> float:
        """From the first request to the end of the last answer, in s; 0 without any."""
        if not self.answers:
            return 0.0
        first_s = min(answer.sent_s for answer in self.answers)
        return max(answer.end_s for answer in self.answers) - first_s

    @property
    def arrivals_per_s(self) -> float:
        """Requests a second while any was under way: times `mean_latency_s`, it's Little's law.

        NaN without any. (Over the time of *sending*, five requests would have only four gaps.)
        """
        return self.n_requests / self.lasting_s if self.answers else math.nan

    @property
    def mean_latency_s(self) -> float:
        """From sending to the end, over all requests, the lost ones too; NaN without any."""
        if not self.answers:
            return math.nan
        return sum(answer.latency_s for answer in self.answers) / self.n_requests

    @property
    def mean_in_flight(self) -> float:
        """Requests under way on average, by the clients' own watches."""
        end_s = self.start_s + self.time_s
        spent_s = (min(answer.end_s, end_s) - answer.sent_s for answer in self.answers)
        return sum(max(one_s, 0.0) for one_s in spent_s) / self.time_s

    def goodput_per_s(self, slo: SLO) -> float:
        """Requests a second that met the objective."""
        return sum(map(slo.met_by, self.answers)) / self.time_s

    def meets(self, slo: SLO) -> bool:
        """Did its share of the requests meet the objective?"""
        met = sum(map(slo.met_by, self.answers))
        return bool(self.answers) and met / self.n_requests >= slo.percentile

    def percentile(self, what: str, q: float) -> float:
        """The q-th percentile (0 to 100) of `ttft_s`, `tpot_s`, `itl_s` or `latency_s`.

        Of whole answers; the nearest rank, so it is a value that occurred. NaN where there is none.
        """
        if not 0 <= q <= 100:
            raise ValueError(f"A percentile goes from 0 to 100, and the median is 50: got {q}.")
        values = sorted(self._values(what))
        if not values:
            return math.nan
        return values[max(math.ceil(q * len(values) / 100) - 1, 0)]  # q / 100 would be rounded

    def reading(self, what: str, name: str) -> Reading:
        """The median of `ttft_s`, `tpot_s` or `latency_s` as a measured Reading, with interval."""
        values = self._values(what)
        if not values:
            return Reading(name, None, "s", "measured", note="no request was answered")
        low, high = statistics.median_interval(values) or (None, None)
        value = statistics.median(values)
        return Reading(name, value, "s", "measured", low=low, high=high)

    def rate(self, name: str) -> Reading:
        """Output tokens a second as a measured Reading."""
        return Reading(name, self.tokens_per_s, "1", "measured")

    def share_lost(self, name: str) -> Reading:
        """The share of the requests that were lost, as a measured Reading."""
        if not self.answers:
            return Reading(name, None, "%", "measured", note="no request was sent")
        return Reading(name, len(self.lost) / self.n_requests, "%", "measured")

    def tokens_by_interval(self, every_s: float = 0.5) -> list[tuple[float, float]]:
        """(start of an interval in s, tokens a second in it), from the start of the run on."""
        if not every_s > 0:
            raise ValueError(f"An interval lasts longer than 0 s, not {every_s}.")
        n_intervals = max(math.ceil(self.time_s / every_s), 1)
        counts = [0] * n_intervals
        for at_s, n in self._tokens():
            if 0 <= at_s < n_intervals * every_s:
                counts[int(at_s / every_s)] += n
        return [(index * every_s, count / every_s) for index, count in enumerate(counts)]

    def _tokens(self) -> Iterator[tuple[float, int]]:
        """(seconds since the start, tokens that came then)."""
        for answer in self.answers:
            if answer.token_times_s:
                yield from ((at_s - self.start_s, 1) for at_s in answer.token_times_s)
            else:
                yield answer.end_s - self.start_s, answer.n_tokens

    def _values(self, what):
        if what not in _LATENCIES:
            raise ValueError(f"A latency is one of {', '.join(_LATENCIES)}, not {what!r}.")
        values = [getattr(answer, what) for answer in self.answers if answer.ok]
        if what == "itl_s":
            return list(itertools.chain(*values))
        return [value for value in values if value is not None]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.n_requests} requests, {len(self.lost)} lost, "
            f"{self.tokens_per_s:.1f} tokens/s, median latency "
            f"{self.percentile('latency_s', 50):.2f} s)"
        )


def question(client: int, number: int) -> str:
    """A question that no other client asks, and none twice: no cache can answer it."""
    return f"Client {client}, question {number}: say something short about the number {number}."


def closed_loop(
    at: HasUrl | str, *, clients: int, time_s: float, max_tokens: int = 16, stream: bool = True,
    resume: bool = False, prompt: Callable[[int, int], str] = question,
    meanwhile: Callable[[], Any] | None = None,
) -> LoadRun:  # fmt: skip
    """Keep `clients` busy for `time_s`: each asks, waits for the whole answer, and asks again.

    prompt     called as prompt(client, number of the question)
    meanwhile  called once while the load runs, in the calling thread; the run waits for its end

    An interrupt stops the clients. Raises ServingError for an `at` that isn't an address, and what
    `prompt` raises.
    """
    if type(clients) is not int or clients < 1 or not 0 < time_s < math.inf:
        raise ServingError(f"A load needs a client and some time, not {clients} and {time_s} s.")
    base_of(at)
    answers: list[Answer] = []
    raised: list[BaseException] = []
    start_s = time.monotonic()
    stopped = threading.Event()

    def busy(client):
        for number in itertools.count():
            if stopped.is_set() or time.monotonic() >= start_s + time_s:
                return
            asked = prompt(client, number)
            answers.append(ask(at, asked, max_tokens=max_tokens, stream=stream, resume=resume))

    threads = _clients(busy, clients, raised, stopped)
    try:
        for thread in threads:
            thread.start()
        if meanwhile is not None:
            meanwhile()
        for thread in threads:
            thread.join()
    finally:
        stopped.set()
    if raised:
        raise raised[0]
    return LoadRun(tuple(sorted(answers, key=lambda one: one.sent_s)), start_s, time_s)


def burst(at: HasUrl | str, n_requests: int, *, max_tokens: int = 8) -> LoadRun:
    """Send `n_requests` at the same moment, and wait for all of them."""
    if type(n_requests) is not int or n_requests < 1:
        raise ServingError(f"A burst has one request or more, not {n_requests!r}.")
    base_of(at)
    start_s, answers, raised = time.monotonic(), [], []

    def one(number):
        answers.append(ask(at, question(number, 0), max_tokens=max_tokens, stream=False))

    threads = _clients(one, n_requests, raised, threading.Event())
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    time_s = time.monotonic() - start_s
    return LoadRun(tuple(sorted(answers, key=lambda a: a.sent_s)), start_s, time_s)


def _clients(run, n, raised, stopped):
    """Threads that call run(number); what one raises is kept, and the others are told to stop."""

    def guarded(number):
        try:
            run(number)
        except Exception as error:
            raised.append(error)
            stopped.set()

    return [threading.Thread(target=guarded, args=(k,), daemon=True) for k in range(n)]


class Watch:
    """What a server counts meanwhile: `with Watch(server) as seen: run = closed_loop(...)`.

    Every `every_s` it asks for the requests that the server works on or keeps waiting, of which
    `seen.mean_during(run)` is the mean. A server that is not llama.cpp or vLLM, or that shows no
    counters, gives None.
    """

    def __init__(self, at: HasUrl | str, every_s: float = 0.1):
        base_of(at)
        self._at, self._every_s = at, every_s
        self._samples: list[tuple[float, float]] = []  # (when, requests), as `time.monotonic` says
        self._done = threading.Event()

    def mean_during(self, run: LoadRun) -> float | None:
        """Requests in the system on average, from the first of a run to the last answer."""
        if not run.answers:
            return None
        first_s = min(answer.sent_s for answer in run.answers)
        last_s = first_s + run.lasting_s
        seen = [n for at_s, n in self._samples if first_s <= at_s <= last_s]
        return sum(seen) / len(seen) if seen else None

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self):
        while not self._done.wait(self._every_s):
            try:
                found = counters(self._at)
            except ServingError:
                return
            seen = [found[name] for name in _IN_SYSTEM if name in found]
            if seen:
                self._samples.append((time.monotonic(), sum(seen)))
