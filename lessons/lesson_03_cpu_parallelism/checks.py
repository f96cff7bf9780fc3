"""Checks of lesson 03: two turns, Amdahl, threads for a speed-up, a diagnosis, a quota, scaling."""

import math
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from labkit.teach.registry import always, exercise, solution

_amdahl = solution("03.1")
_threads_for = solution("03.2")
_diagnose = solution("03.3")
_done_s = solution("03.4")
_weak_scaling = solution("03.5")
_share = solution("03.t2")

_pool = ThreadPoolExecutor(max_workers=8)
_PATIENCE_S = 1.0  # how long a part waits for the others to begin


def _in_the_order_of_ending(work, parts):
    return [done.result() for done in as_completed([_pool.submit(work, part) for part in parts])]


def _each_awaited_at_once(work, parts):
    return [_pool.submit(work, part).result() for part in parts]


def _the_first_without_a_thread(work, parts):
    return [work(parts[0]), *(_pool.submit(work, part).result() for part in parts[1:])]


def _the_last_alone(work, parts):
    return [_pool.submit(work, part) for part in parts][-1].result()


@exercise(
    "03.t1",
    title="all parts at the same time",
    wrong=[
        (always([1, 4, 9]), "parts"),
        (lambda work, parts: [work(part) for part in parts], "one after the other"),
        (
            lambda work, parts: [_pool.submit(work, p).result() for p in parts],
            "one after the other",
        ),
        (lambda work, parts: [_pool.submit(work, part) for part in parts], "futures"),
        (_in_the_order_of_ending, "order"),
        (_the_last_alone, "list"),
        (_the_first_without_a_thread, "one after the other"),
    ],
)
def in_threads(answer, rng):
    for n in (2, 3, 4):
        parts, met = rng.sample(range(100), n), threading.Barrier(n)

        def square(part, parts=parts, met=met):
            met.wait(_PATIENCE_S)  # until all parts are being worked on
            time.sleep(0.01 * (len(parts) - parts.index(part)))  # the first part takes longest
            return part * part

        try:
            got = answer(square, parts)
        except threading.BrokenBarrierError:
            raise AssertionError(
                f"{n} parts: they were worked on one after the other, or not all of them: submit "
                f"all parts before you wait for the first answer"
            ) from None
        assert isinstance(got, (list, tuple)), f"{n} parts: return a list, one answer for each part"
        assert not any(isinstance(item, Future) for item in got), (
            f"{n} parts: you return futures: ask each for its result()"
        )
        expected = [part * part for part in parts]
        assert sorted(got) == sorted(expected), f"{n} parts: got {got}, expected {expected}"
        assert list(got) == expected, (
            f"{n} parts: got {got}, expected {expected}: keep the order of the parts, whichever is "
            f"done first"
        )


@exercise(
    "03.1",
    title="Amdahl",
    wrong=[
        (always(1.8), "with nothing serial"),
        (lambda n, s: n, "nothing but serial work"),
        (lambda n, s: s + (1 - s) / n, "a time"),
        (lambda n, s: n - (n - 1) * s, "Gustafson"),
        (lambda n, s: 1 / (s + (1 - s)) * n, "nothing but serial work"),
        (lambda n, s: 1 / (s / n + (1 - s)), "with nothing serial"),
        (lambda n, s: 1 / s + (1 - s) / n, "brackets"),
    ],
)
def speedup(answer, rng):
    for _ in range(20):
        n, s = rng.randint(2, 200), rng.uniform(0.02, 0.4)
        assert not math.isclose(answer(n, s), 1 / s + (1 - s) / n), (
            f"n = {n}, s = {s:.3f}: got {answer(n, s):.4g}: Python divides 1 by s alone here, so "
            f"put brackets around the whole sum"
        )
        assert not math.isclose(answer(n, s), s + (1 - s) / n), (
            f"n = {n}, s = {s:.3f}: got {answer(n, s):.4g}, which is a time: the speed-up is the "
            f"time on one thread over it"
        )
        assert not math.isclose(answer(n, s), n - (n - 1) * s), (
            f"n = {n}, s = {s:.3f}: got {answer(n, s):.4g}, which is Gustafson's: here the work "
            f"stays the same"
        )
        assert math.isclose(answer(n, 0.0), n), (
            f"{n} threads with nothing serial: got {answer(n, 0.0):.4g}, expected {n}"
        )
        assert math.isclose(answer(n, 1.0), 1), (
            f"{n} threads and nothing but serial work: got {answer(n, 1.0):.4g}, expected 1"
        )
        assert math.isclose(answer(n, s), _amdahl(n, s)), (
            f"n = {n}, s = {s:.3f}: got {answer(n, s):.4g}, expected {_amdahl(n, s):.4g}: the "
            f"serial part stays, the rest is divided by n"
        )


@exercise(
    "03.2",
    title="how many threads",
    wrong=[
        (always(64), "got 64"),
        (lambda w, s: math.ceil(w), "serial part takes its time"),
        (lambda w, s: math.ceil(w / (1 - s)), "times faster"),
        (lambda w, s: _threads_for(w, s) - 1, "times faster"),
        (lambda w, s: _threads_for(w, s) + 1, "fewer are enough"),
        (lambda w, s: _threads_for(w, s) + 0.5, "whole number"),
        (
            lambda w, s: 10**9 if w >= 1 / s else _threads_for(w, s),
            "no number of threads",
        ),
    ],
)
def threads_for(answer, rng):
    for _ in range(20):
        s = rng.uniform(0.01, 0.2)
        wanted = rng.uniform(2, 0.95 / s)
        got, right = answer(wanted, s), _threads_for(wanted, s)
        case = f"{wanted:.2f} times faster with s = {s:.3f}: got {got}"
        assert got == math.inf or got == int(got), f"{case}: answer with a whole number"
        assert got != math.ceil(wanted) or got == right, (
            f"{case}. That forgets that the serial part takes its time on any number of threads"
        )
        assert got >= right, f"{case}, and they are only {_amdahl(max(got, 1), s):.2f} times faster"
        assert got == right, f"{case}, but fewer are enough: {right}"
    s = rng.uniform(0.05, 0.2)
    wanted = rng.uniform(1.05, 3) / s
    assert answer(wanted, s) == math.inf, (
        f"{wanted:.1f} times faster with s = {s:.3f}: no number of threads reaches that, because "
        f"1 / s is {1 / s:.1f}: return math.inf"
    )


@exercise(
    "03.t2",
    title="the share from two times",
    wrong=[
        (always(0.1), "got 0.1"),
        (lambda t1, tn, n: tn / t1, "parallel part takes time as well"),
        (lambda t1, tn, n: tn / t1 - 1 / n, "nothing but serial work"),
        (lambda t1, tn, n: t1 / tn, "a speed-up"),
        (lambda t1, tn, n: 1 - _share(t1, tn, n), "parallel share"),
        (lambda t1, tn, n: (n - t1 / tn) / (n - 1), "of the time on n threads"),
    ],
)
def serial_share(answer, rng):
    for _ in range(20):
        n, s, time_1_s = rng.randint(2, 64), rng.uniform(0.05, 0.4), 10 ** rng.uniform(-3, 3)
        time_n_s = time_1_s / _amdahl(n, s)
        got = answer(time_1_s, time_n_s, n)
        case = f"{time_1_s:.4g} s on 1 thread, {time_n_s:.4g} s on {n}: got {got:.4g}"
        assert not math.isclose(got, time_n_s / time_1_s), (
            f"{case}. That is the whole time; the parallel part takes time as well, 1 / n of it"
        )
        assert got <= 1 or math.isclose(got, 1), f"{case}, which is a speed-up, not a share"
        assert not math.isclose(got, 1 - s) or math.isclose(s, 0.5), (
            f"{case}, which is the parallel share: the serial one is {s:.4g}"
        )
        gustafson = (n - time_1_s / time_n_s) / (n - 1)
        assert not math.isclose(got, gustafson), (
            f"{case}, which is the share of the time on n threads: Amdahl's is that on one thread"
        )
        assert math.isclose(answer(1.0, 1.0, n), 1), (
            f"1 s on 1 thread and 1 s on {n} is nothing but serial work: "
            f"got {answer(1.0, 1.0, n):.4g}, expected 1"
        )
        assert math.isclose(got, s), f"{case}, expected {s:.4g}"


def _scaling_first(times_s, moved_bytes, memory_bytes_per_s):
    n = max(times_s)
    if times_s[1] / times_s[n] >= 0.8 * n:
        return "fine"
    return _diagnose(times_s, moved_bytes, memory_bytes_per_s)


def _swapped(word):
    return {"serial": "fine", "fine": "serial"}.get(word, word)


@exercise(
    "03.3",
    title="serial, saturated or fine",
    wrong=[
        (always("memory"), "of its memory"),
        (lambda t, b, m: "fine" if t[1] / t[max(t)] >= 0.8 * max(t) else "serial", "of its memory"),
        (lambda t, b, m: _diagnose({1: t[1], max(t): min(t.values())}, b, m), "largest number"),
        (lambda t, b, m: _diagnose(t, b * t[max(t)] / t[1], m), "of its memory"),
        (lambda t, b, m: _diagnose(t, b, m * max(t)), "of its memory"),
        (
            lambda t, b, m: {"serial": "fine", "fine": "serial"}.get(d := _diagnose(t, b, m), d),
            "0.8",
        ),
        (lambda t, b, m: _diagnose(t, b, m).upper(), "one of"),
        (_scaling_first, "of its memory"),
        (lambda t, b, m: _diagnose(t, b * 0.999999, m), "the bound itself"),
    ],
)
def diagnose(answer, rng):
    for wanted in ("memory", "serial", "fine", "worse", "memory, and it scales"):
        for _ in range(5):
            _one_diagnosis(answer, rng, wanted)
    for times_s, moved, right in (
        ({1: 3.2, 4: 1.0}, 1e9, "fine"),
        ({1: 2.0, 4: 1.0}, 8e9, "memory"),
    ):
        got = answer(times_s, moved, 1e10)
        assert got == right, (
            f"times {times_s}, {moved / 1e10:.0%} of its memory used on 4: got {got!r}, expected "
            f"{right!r}: at least means that the bound itself counts, too"
        )


def _one_diagnosis(answer, rng, wanted):
    n, time_1_s, memory = rng.choice((4, 8, 16)), rng.uniform(1, 9), rng.uniform(1, 9) * 1e10
    gain = {
        "memory": n * rng.uniform(0.3, 0.6), "serial": n * rng.uniform(0.2, 0.7),
        "fine": n * rng.uniform(0.85, 0.99), "worse": n * rng.uniform(0.4, 0.6),
        "memory, and it scales": n * rng.uniform(0.85, 0.99),
    }[wanted]  # fmt: skip
    times_s = {1: time_1_s, n // 2: time_1_s / gain * 1.3, n: time_1_s / gain}
    if wanted == "worse":  # half of the threads were faster
        times_s[n // 2] = time_1_s / (n * 0.9)
    used = rng.uniform(0.85, 0.99) if "memory" in wanted else rng.uniform(0.1, 0.3)
    moved = used * memory * times_s[n]
    got, right = answer(times_s, moved, memory), _diagnose(times_s, moved, memory)
    case = (
        f"{', '.join(f'{k} threads {s:.3f} s' for k, s in times_s.items())}, "
        f"{moved / times_s[n] / memory:.0%} of its memory used on {n}: got {got!r}"
    )
    assert got in ("memory", "serial", "fine"), f"{case}; answer with one of memory, serial, fine"
    reason = {
        "memory": "that's at least 80 % of its memory's rate",
        "serial": f"{times_s[1] / times_s[n]:.1f} times faster on {n} is below 0.8 n",
        "fine": f"{times_s[1] / times_s[n]:.1f} times faster on {n} is 0.8 n or more",
    }[right]
    if wanted == "worse":
        reason += "; look at the largest number of threads, not at the best"
    assert got == right, f"{case}, expected {right!r}: {reason}"


def _counts_last_pause(work_s, n_threads, quota_cores, period_s):
    allowed_s = quota_cores * period_s
    if n_threads <= quota_cores:
        return work_s / n_threads
    return math.ceil(work_s / allowed_s) * period_s


def _last_at_quota(work_s, n_threads, quota_cores, period_s):
    if n_threads <= quota_cores:
        return work_s / n_threads
    n_used_up = math.ceil(work_s / quota_cores / period_s) - 1
    return n_used_up * period_s + (work_s - n_used_up * quota_cores * period_s) / quota_cores


def _ignores_free_threads(work_s, n_threads, quota_cores, period_s):
    allowed_s = quota_cores * period_s
    n_used_up = math.ceil(work_s / allowed_s) - 1
    return n_used_up * period_s + (work_s - n_used_up * allowed_s) / n_threads


@exercise(
    "03.4",
    title="under a quota",
    wrong=[
        (always(0.3), "got 0.3"),
        (lambda w, n, q, p: w / n, "stop until the next period"),
        (lambda w, n, q, p: w / min(n, q), "burst"),
        (_last_at_quota, "burst"),
        (_counts_last_pause, "no pause after"),
        (_ignores_free_threads, "never stopped"),
    ],
)
def done_s(answer, rng):
    for _ in range(20):
        quota, period_s = rng.choice((1, 2, 4)), rng.choice((0.05, 0.1))
        n_threads = quota * rng.choice((2, 4, 8, 16))
        # Ends inside a period: the very end of one is a matter of rounding.
        work_s = quota * period_s * (rng.randint(1, 6) + rng.uniform(0.2, 0.8))
        args = (work_s, n_threads, quota, period_s)
        got, right = answer(*args), _done_s(*args)
        case = (
            f"{work_s:.3f} s of work on {n_threads} threads, quota {quota}, period {period_s} s: "
            f"got {got:.4g} s, expected {right:.4g} s"
        )
        assert not math.isclose(got, work_s / n_threads), (
            f"{case}: when the quota is used up, all threads stop until the next period"
        )
        assert not math.isclose(got, _counts_last_pause(*args)), (
            f"{case}: there is no pause after the last piece of work"
        )
        assert not math.isclose(got, work_s / quota), (
            f"{case}: in each period they burst on all threads, then stop; so in the last, too"
        )
        assert math.isclose(got, right), case
        few = (work_s, quota, quota * 2, period_s)
        assert math.isclose(answer(*few), work_s / quota), (
            f"{work_s:.3f} s of work on {quota} threads, quota {quota * 2}: got "
            f"{answer(*few):.4g} s, expected {work_s / quota:.4g} s: they are never stopped"
        )


@exercise(
    "03.5",
    title="weak scaling",
    wrong=[
        (always([1, 0.907, 0.865, 0.796]), "row"),
        (lambda rows: [rows[0][2] / t for _, _, t in rows], "work per GPU"),
        (lambda rows: [p / rows[0][0] * rows[0][2] / t for p, _, t in rows], "per GPU, not"),
        (lambda rows: [1 / x for x in _weak_scaling(rows)], "upside down"),
        (lambda rows: [p / n / t for p, n, t in rows], "relative to the baseline"),
        (lambda rows: _weak_scaling(rows)[1:], "one fraction a row"),
    ],
)
def weak_scaling(answer, rng):
    for _ in range(10):
        rows = [(rng.uniform(1, 1.4) * n, n, rng.uniform(1.2, 1.6)) for n in (1, 2, 4, 8)]
        got, right = answer(rows), _weak_scaling(rows)
        assert len(got) == len(rows), f"{len(got)} results for {len(rows)} rows: one fraction a row"
        assert math.isclose(got[0], 1), (
            f"the first row: got {got[0]:.4g}, expected 1: all rates are relative to the baseline's"
        )
        for (parameters, n, time_s), mine, truth in zip(rows[1:], got[1:], right[1:], strict=True):
            case = (
                f"row ({parameters:.3f}, {n}, {time_s:.3f}) after ({rows[0][0]:.3f}, 1, "
                f"{rows[0][2]:.3f}): got {mine:.4g}, expected {truth:.4g}"
            )
            assert not math.isclose(mine, rows[0][2] / time_s), (
                f"{case}: a plain ratio of times forgets that the work per GPU is not the same"
            )
            assert not math.isclose(mine, n * truth), f"{case}: the rate is per GPU, not of all"
            assert not math.isclose(mine, 1 / truth), f"{case}: this is upside down"
            assert math.isclose(mine, truth), case
