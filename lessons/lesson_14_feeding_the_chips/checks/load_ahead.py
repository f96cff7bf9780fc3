"""Turn 14.t2: load batches ahead of their steps and beside them, in order, and not too many."""

import threading
import time
import weakref
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from labkit.teach.registry import always, exercise, solution

_train = solution("14.t2")
_pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="pool")
_PATIENCE_S = 3.0  # how long a step waits for the loads ahead of it to begin, on a busy machine


def _in_turns(load, step, n_steps, ahead, pool):
    return [step(load(i)) for i in range(n_steps)]


def _all_at_once(load, step, n_steps, ahead, pool):
    return [step(batch) for batch in pool.map(load, range(n_steps))]


def _with(more):
    def changed(load, step, n_steps, ahead, pool):
        return _train(load, step, n_steps, max(0, ahead + more), pool)

    return changed


def _whichever_is_first(load, step, n_steps, ahead, pool):
    results = []
    for i in range(0, n_steps, ahead + 1):
        some = [pool.submit(load, k) for k in range(i, min(i + ahead + 1, n_steps))]
        results += [step(done.result()) for done in as_completed(some)]
    return results


def _in_groups(load, step, n_steps, ahead, pool):
    results = []
    for i in range(0, n_steps, ahead + 1):
        group = range(i, min(i + ahead + 1, n_steps))
        results += [step(batch) for batch in list(pool.map(load, group))]
    return results


def _loads_the_first_twice(load, step, n_steps, ahead, pool):
    load(0)
    return _train(load, step, n_steps, ahead, pool)


def _without_the_last(load, step, n_steps, ahead, pool):
    return _train(load, step, n_steps - 1, ahead, pool)


def _futures(load, step, n_steps, ahead, pool):
    return [step(pool.submit(load, i)) for i in range(n_steps)]


def _batches(load, step, n_steps, ahead, pool):
    batches = []

    def keep(batch):
        batches.append(batch)
        step(batch)

    _train(load, keep, n_steps, ahead, pool)
    return batches


def _hides_errors(load, step, n_steps, ahead, pool):
    try:
        return _train(load, step, n_steps, ahead, pool)
    except OSError:
        return []


def _beyond_the_end(load, step, n_steps, ahead, pool):
    futures = [pool.submit(load, i) for i in range(ahead)]
    results = []
    for i in range(n_steps):
        futures.append(pool.submit(load, i + ahead))
        results.append(step(futures.pop(0).result()))
    return results


def _ahead_but_by_itself(load, step, n_steps, ahead, pool):
    batches, results = [load(i) for i in range(min(ahead, n_steps))], []
    for i in range(n_steps):
        if i + ahead < n_steps:
            batches.append(load(i + ahead))
        results.append(step(batches.pop(0)))
    return results


def _ahead_but_waits(load, step, n_steps, ahead, pool):
    return _ahead_but_by_itself(lambda i: pool.submit(load, i).result(), step, n_steps, ahead, pool)


def _own_pool(load, step, n_steps, ahead, pool):
    with ThreadPoolExecutor(16) as own:
        return _train(load, step, n_steps, ahead, own)


def _steps_in_the_pool(load, step, n_steps, ahead, pool):
    return _train(load, lambda batch: pool.submit(step, batch).result(), n_steps, ahead, pool)


def _keeps_all_futures(load, step, n_steps, ahead, pool):
    futures = [pool.submit(load, i) for i in range(min(ahead, n_steps))]
    results = []
    for i in range(n_steps):
        if i + ahead < n_steps:
            futures.append(pool.submit(load, i + ahead))
        results.append(step(futures[i].result()))
    return results


class _Batch:
    """What load returns: an object, so that a weak reference sees whether somebody keeps it."""

    def __init__(self, content):
        self.content = content

    def __repr__(self):
        return "a batch"


class _Run:
    """Loads and steps that note what happened; batch i can't be guessed.

    is_beside   whether a batch ahead is loaded only while a step computes: who waits for it before
                that step doesn't get on
    """

    def __init__(self, rng, n_steps, ahead, fails_at=None, is_beside=False):
        self.n_steps, self.ahead, self.fails_at = n_steps, ahead, fails_at
        self.is_beside, self.n_begun = is_beside, 0
        self.batches = [rng.randint(10**6, 10**9) for _ in range(n_steps)]
        self.loaded, self.stepped, self.complaint = [], [], ""
        self.given = []  # of each step before, a weak reference to its batch
        self._begun = threading.Condition()

    def load(self, i):
        with self._begun:
            turn, is_ahead = len(self.stepped), i > len(self.stepped)
            self.loaded.append(i)
            if not 0 <= i < self.n_steps:
                self._complain(f"load({i}) was called, and there are {self.n_steps} batches")
                return 0
            if i > len(self.stepped) + self.ahead:
                self._complain(
                    f"batch {i} was loaded in the turn of batch {len(self.stepped)}: that is more "
                    f"than {self.ahead} ahead"
                )
            if is_ahead and not threading.current_thread().name.startswith("pool"):
                self._complain(f"batch {i} wasn't loaded by the pool: submit it")
            self._begun.notify_all()
            if (
                self.is_beside
                and is_ahead
                and not self._begun.wait_for(
                    lambda: self.complaint or self.n_begun > max(turn, i - self.ahead), _PATIENCE_S
                )
            ):
                self._complain(
                    f"step {turn} didn't begin while batch {i} was being loaded: don't wait for a "
                    f"batch before its turn"
                )
        if i == self.fails_at:
            raise OSError("the file ends early")
        if i == 0:
            time.sleep(0.02)  # the first is loaded last
        return _Batch(self.batches[i])

    def step(self, batch):
        turn = len(self.stepped)
        if isinstance(batch, Future):
            self._complain("step got a future: ask it for its result()")
        elif turn >= self.n_steps or getattr(batch, "content", None) != self.batches[turn]:
            self._complain(f"in turn {turn}, step got another batch: keep their order")
        elif threading.current_thread().name.startswith("pool"):
            self._complain("step was called by the pool too: then it waits for loads; call it")
        else:
            self.given.append(weakref.ref(batch))
        last = min(turn + self.ahead, self.n_steps - 1)
        with self._begun:
            self.n_begun += 1
            self._begun.notify_all()
            if not self.complaint and not self._begun.wait_for(
                lambda: set(range(last + 1)) <= set(self.loaded), _PATIENCE_S
            ):
                self._complain(
                    f"in the turn of batch {turn}, batch {last} wasn't being loaded yet: begin to "
                    f"load it ahead, before this step"
                )
        self.stepped.append(turn)
        return 2 * turn + 1

    def n_kept(self):
        """How many batches of steps before the last but one somebody holds: waits for the slow."""
        until_s = time.monotonic() + _PATIENCE_S
        while n_kept := sum(batch() is not None for batch in self.given[:-2]):
            if time.monotonic() > until_s:
                break
            time.sleep(0.01)
        return n_kept

    def _complain(self, words):
        self.complaint = self.complaint or words


@exercise(
    "14.t2",
    title="load ahead",
    wrong=[
        (always([1, 3, 5]), "step was called 0 times"),
        (_in_turns, "wasn't being loaded yet"),
        (_all_at_once, "more than"),
        (_with(1), "more than"),
        (_with(-1), "wasn't being loaded yet"),
        (_whichever_is_first, "order"),
        (_in_groups, "wasn't being loaded yet"),
        (_loads_the_first_twice, "once"),
        (_without_the_last, "wasn't being loaded yet"),
        (_futures, "result()"),
        (_batches, "what step returned"),
        (_hides_errors, "let the error out"),
        (_beyond_the_end, "there are"),
        (_ahead_but_by_itself, "by the pool"),
        (_own_pool, "by the pool"),
        (_ahead_but_waits, "before its turn"),
        (_steps_in_the_pool, "by the pool too"),
        (_keeps_all_futures, "still held"),
    ],
    max_time_s=30,
)
def load_ahead(answer, rng):
    for ahead in (2, 1, 0, 3):
        _one_run(answer, rng, rng.randint(ahead + 3, 8), ahead)
    _one_run(answer, rng, 2, 4)
    _one_run(answer, rng, 5, 2, is_beside=True)
    _lets_go(answer, rng)
    run = _Run(rng, 5, 1, fails_at=2)
    try:
        answer(run.load, run.step, 5, 1, _pool)
    except OSError:
        return
    raise AssertionError("load(2) raised an OSError, which got lost: let the error out")


def _one_run(answer, rng, n_steps, ahead, is_beside=False):
    run = _Run(rng, n_steps, ahead, is_beside=is_beside)
    case = f"{n_steps} steps, {ahead} ahead"
    got = answer(run.load, run.step, n_steps, ahead, _pool)
    assert not run.complaint, f"{case}: {run.complaint}"
    assert len(run.stepped) == n_steps, f"{case}: step was called {len(run.stepped)} times"
    assert sorted(run.loaded) == list(range(n_steps)), f"{case}: load each batch once"
    right = [2 * turn + 1 for turn in range(n_steps)]
    assert list(got) == right, f"{case}: got {got}, expected {right}, what step returned"


def _lets_go(answer, rng):
    """At the last step no batch of an early one is in memory any more."""
    run, n_kept = _Run(rng, 6, 1), 0

    def step(batch):
        nonlocal n_kept
        result = run.step(batch)
        if len(run.stepped) == run.n_steps:
            n_kept = run.n_kept()
        return result

    answer(run.load, step, run.n_steps, run.ahead, _pool)
    assert not n_kept, (
        f"6 steps, 1 ahead: at the last step, {n_kept} batches of earlier steps are still held, "
        f"and so they fill the memory: let go of a batch and its future after its step (pop)"
    )
