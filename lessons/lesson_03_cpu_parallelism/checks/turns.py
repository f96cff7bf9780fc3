"""The turns of lesson 03: all parts at the same time, and the serial share from two times."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

import numpy as np

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_share = solution("03.t2")

_pool = ThreadPoolExecutor(max_workers=16)
_four = ThreadPoolExecutor(max_workers=4)
_PATIENCE_S = 3.0  # how long a part waits for the others to begin, on a machine busy with others


def _in_the_order_of_ending(work, parts):
    return [done.result() for done in as_completed([_pool.submit(work, part) for part in parts])]


def _each_awaited_at_once(work, parts):
    return [_pool.submit(work, part).result() for part in parts]


def _the_first_without_a_thread(work, parts):
    return [work(parts[0]), *(_pool.submit(work, part).result() for part in parts[1:])]


def _the_last_alone(work, parts):
    return [_pool.submit(work, part) for part in parts][-1].result()


def _without_work(work, parts):
    return [part * part for part in parts]


def _without_the_exception(work, parts):
    answers = []
    for part in parts:
        try:
            answers.append(work(part))
        except threading.BrokenBarrierError:
            answers.append(part * part)
    return answers


def _twice(work, parts):
    list(_pool.map(work, parts))
    return list(_pool.map(work, parts))


def _by_part(work, parts):
    futures = {part: _pool.submit(work, part) for part in parts}
    return [future.result() for future in futures.values()]


def _looked_up_by_part(work, parts):
    futures = {part: _pool.submit(work, part) for part in parts}
    return [futures[part].result() for part in parts]


def _keeps_no_answers(work, parts):
    def keep_nothing(part):
        work(part)

    return list(_pool.map(keep_nothing, parts))


class _Work:
    """Work that goes on when all of its parts have begun; the first part takes longest.

    Its answers cannot be guessed, and it counts its calls.
    """

    def __init__(self, rng, parts):
        self._factor, self._offset = rng.randint(2, 99), rng.randint(1, 999)
        self._lock, self.n_calls = threading.Lock(), 0
        self._met = threading.Barrier(len(parts))
        self._n_waiting, self.most_at_once = 0, 0
        self._rank = {_key(part): len(parts) - i for i, part in enumerate(parts)}
        self.n_parts = len(parts)
        self.expected = [self._value(part) for part in parts]

    def done(self, part):
        with self._lock:
            self.n_calls += 1
            self._n_waiting += 1
            self.most_at_once = max(self.most_at_once, self._n_waiting)
        try:
            self._met.wait(_PATIENCE_S)
        finally:
            with self._lock:
                self._n_waiting -= 1
        time.sleep(0.01 * self._rank[_key(part)])
        return self._value(part)

    def _value(self, part):
        return self._factor * int(np.sum(part)) + self._offset

    @property
    def was_alone(self):
        """Did a part wait in vain for the others?"""
        return self._met.broken


def _key(part):
    return tuple(part) if isinstance(part, np.ndarray) else part


@exercise(
    "03.t1",
    title="all parts at the same time",
    wrong=[
        (always([1, 4, 9]), "work was never called"),
        (lambda work, parts: [work(part) for part in parts], "one after the other"),
        (_each_awaited_at_once, "one after the other"),
        (lambda work, parts: [_pool.submit(work, part) for part in parts], "futures"),
        (_in_the_order_of_ending, "order"),
        (_the_last_alone, "list"),
        (_the_first_without_a_thread, "one after the other"),
        (_without_work, "work was never called"),
        (_without_the_exception, "one after the other"),
        (lambda work, parts: list(_four.map(work, parts)), "a thread for each part"),
        (_twice, "once for each part"),
        (_by_part, "parts may be equal"),
        (_looked_up_by_part, "unhashable", "error"),
        (_keeps_no_answers, "return line"),
        (
            lambda work, parts: list(_pool.map(work, len(parts) * [parts[-1]])),
            "its own part",
        ),
        (lambda work, parts: _pool.submit(work, *parts).result(), "work() takes 1", "error"),
        (lambda work, parts: _pool.map(work, parts), "list(...)"),
    ],
)
def in_threads(answer, rng):
    n = rng.randint(2, 4)
    _one_run(answer, rng, rng.sample(range(100), n), f"{n} parts")
    _one_run(answer, rng, rng.sample(range(100), 12), "12 parts")
    again = rng.sample(range(100), 3)
    _one_run(answer, rng, [*again, again[0]], "4 parts, two of them equal")
    arrays = [np.array(rng.sample(range(100), 3)) for _ in range(3)]
    _one_run(answer, rng, arrays, "3 parts that are arrays")


def _one_run(answer, rng, parts, case):
    watched = _Work(rng, parts)

    def work(part):
        return watched.done(part)

    try:
        got = answer(work, parts)
    except threading.BrokenBarrierError:
        got = []
    got = got.tolist() if isinstance(got, np.ndarray) else got
    assert isinstance(got, (list, tuple)), f"{case}: return a list, one answer for each part"
    assert not any(isinstance(item, Future) for item in got), (
        f"{case}: you return futures: ask each for its result()"
    )
    _assert_at_once(watched, case)
    assert None not in got, (
        f"{case}: got {got}: what your threads run has no return line, so the answers are lost"
    )
    assert len(got) == len(parts), (
        f"{case}: got {len(got)} answers: return one for each part, also where parts may be equal"
    )
    told = f"{case}: got {got}, expected {watched.expected}"
    assert sorted(got) == sorted(watched.expected), f"{told}: does each thread have its own part?"
    assert list(got) == watched.expected, (
        f"{told}: keep the order of the parts, whichever is done first"
    )


def _assert_at_once(work, case):
    assert work.n_calls, f"{case}: work was never called: the answers must come from it"
    assert not work.was_alone or work.most_at_once > 1, (
        f"{case}: they were worked on one after the other, or not all of them: submit all parts "
        f"before you wait for the first answer"
    )
    assert not work.was_alone, (
        f"{case}: only {work.most_at_once} of them at the same time: the pool needs a thread for "
        f"each part"
    )
    assert work.n_calls == work.n_parts, (
        f"{case}: work was called {work.n_calls} times: call it once for each part"
    )


@exercise(
    "03.t2",
    title="the share from two times",
    wrong=[
        (always(0.1), "got 0.1"),
        (lambda t1, tn, n: tn / t1, "parallel part takes time as well"),
        (lambda t1, tn, n: tn / t1 - 1 / n, "what is left to divide by?"),
        (lambda t1, tn, n: tn / t1 - 1 / n / (1 - 1 / n), "brackets"),
        (lambda t1, tn, n: (tn / t1 - 1 / n) / (1 + 1 / n), "what is left to divide by?"),
        (lambda t1, tn, n: t1 / tn, "a speed-up"),
        (lambda t1, tn, n: 100 * _share(t1, tn, n), "not in percent"),
        (lambda t1, tn, n: t1 * _share(t1, tn, n), "these are seconds"),
        (lambda t1, tn, n: round(_share(t1, tn, n), 3), "beyond the ideal"),
        (lambda t1, tn, n: 1 - _share(t1, tn, n), "parallel share"),
        (lambda t1, tn, n: (n - t1 / tn) / (n - 1), "of the time on n threads"),
        (lambda t1, tn, n: max(0.05, _share(t1, tn, n)), "n times faster"),
        (lambda t1, tn, n: min(0.95, _share(t1, tn, n)), "nothing got faster"),
        (lambda t1, tn, n: abs(tn / t1 - 1 / n) / (1 - 1 / n), "below 0"),
        (lambda t1, tn, n: max(0, _share(t1, tn, n)), "below 0"),
        (lambda t1, tn, n: min(1, _share(t1, tn, n)), "above 1"),
        (lambda t1, tn, n: min(1, max(0, _share(t1, tn, n))), "below 0"),
        (lambda t1, tn, n: _share(tn, t1, n), "the other way round"),
    ],
)
def serial_share(answer, rng):
    for _ in range(20):
        n, s = rng.randint(3, 64), rng.uniform(0.05, 0.45)
        _one_share(answer, n, s, 10 ** rng.uniform(-3, 3))
    n = rng.randint(2, 64)
    _one_share(answer, n, 0.0, rng.uniform(1, 9), "it got n times faster, so nothing is serial")
    _one_share(answer, n, 1.0, rng.uniform(1, 9), "nothing got faster, so all of it is serial")
    _one_share(answer, n, rng.uniform(0.001, 0.04), rng.uniform(1, 9), "a share may be small")
    for n in (rng.randint(2, 64), 8):
        below, above = -rng.uniform(0.1, 0.9) / n, 1 + rng.uniform(0.05, 2)
        _one_share(answer, n, below, 8.0, f"it got more than n times faster, so {_OUTSIDE} below 0")
        _one_share(answer, n, above, 8.0, f"it got slower, so {_OUTSIDE} above 1")


_OUTSIDE = "the law doesn't hold, and the share says so: return it as it is,"


def _one_share(answer, n, s, time_1_s, hint=""):
    time_n_s = time_1_s * (s + (1 - s) / n)  # Amdahl's law, for shares that it doesn't allow, too
    left, ideal = time_n_s / time_1_s, 1 / n
    suspects, default = [], "how much of the time on one thread is left, beyond the ideal 1 / n?"
    if not hint:
        divide = "you subtracted 1 / n; what is left to divide by?"
        suspects = [
            (left, "that is the whole time; the parallel part takes time as well, 1 / n of it"),
            (left - ideal, divide),
            ((left - ideal) / (1 + ideal), divide),
            ((left - ideal) * n, divide),
            (
                left - ideal / (1 - ideal),
                "only 1 / n is divided: put brackets around left - 1 / n",
            ),
            ((left - ideal) / (n - 1), divide),
            (100 * s, "a share from 0 to 1, not in percent"),
            (s * time_1_s, "these are seconds: divide by the time on one thread"),
            (1 / left, "that is a speed-up, not a share"),
            (
                (1 / left - ideal) / (1 - ideal),
                "what is left on n is the time on n over that on one: you have it the other way "
                "round",
            ),
            (1 - s, "that is the parallel share, and the serial one is asked for"),
            (
                (n - 1 / left) / (n - 1),
                "that is the share of the time on n threads: Amdahl's is that on one thread",
            ),
        ]
    case = f"{time_1_s:.4g} s on 1 thread, {time_n_s:.4g} s on {n}"
    assert_right(answer(time_1_s, time_n_s, n), s, case, suspects, hint or default)
