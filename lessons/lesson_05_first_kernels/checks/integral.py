"""Exercise 05.4: an integral by chance, on a grid of any size."""

import inspect

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import shares

_SHARE = "range(thread, n_points, cuda.gridsize(1))"
_POINT = "(uniform(states, thread) * (high - low) + low)"
_DRAW = "states,"  # what the line that draws holds
_BY_LANE, _NEXT = "uniform(states, cuda.threadIdx.x)", "uniform(states, thread + 1)"
_AT_MOST_5 = "range(thread, min(n_points, 5 * cuda.gridsize(1)), cuda.gridsize(1))"
_AT_LEAST_1 = (
    "for _ in range(max(1, (n_points - thread + cuda.gridsize(1) - 1) // cuda.gridsize(1)))"
)
_sums = solution("05.4")


@cuda.jit
def _added_in_memory(states, low, high, n_points, sums):
    thread = cuda.grid(1)
    sums[thread] = 0
    for _ in range(thread, n_points, cuda.gridsize(1)):
        uniform = cuda.random.xoroshiro128p_uniform_float32(states, thread)
        sums[thread] += 1.0 / (uniform * (high - low) + low)


@cuda.jit
def _all_by_thread_0(states, low, high, n_points, sums):
    if cuda.grid(1) == 0:
        for thread in range(sums.size):
            total = 0.0
            for _ in range(thread, n_points, sums.size):
                uniform = cuda.random.xoroshiro128p_uniform_float32(states, thread)
                total += 1.0 / (uniform * (high - low) + low)
            sums[thread] = total


@exercise(
    "05.4",
    title="an integral by chance",
    in_place=True,
    max_time_s=40,  # it takes 1.5 s of CPU time, of which a busy machine gives little
    wrong=[
        (kernels.empty, "your kernel is empty", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_sums, _SHARE, "range(n_points)"), "adds up too many points"),
        (changed(_sums, _SHARE, "range(n_points // cuda.gridsize(1))"), "adds up too few points"),
        (changed(_sums, _SHARE, "range(1)"), "adds up too few points"),
        (changed(_sums, "total +=", "total ="), "not a sum of 1/x"),
        (changed(_sums, "uniform(states, thread)", "uniform(states, 0)"), "isn't its own (line"),
        (changed(_sums, "uniform(states, thread)", _BY_LANE), "isn't its own (line"),
        (changed(_sums, "uniform(states, thread)", _NEXT), "isn't its own (line"),
        (changed(_sums, "sums[thread] = total", "sums[0] = total"), "race"),
        (
            changed(_sums, "sums[thread] = total", "sums[thread] += total"),
            "can't rely on what is in sums",
        ),
        (
            changed(_sums, "for _ in range(thread, n_points, cuda.gridsize(1))", _AT_LEAST_1),
            "adds up too many points, 1 for 0",
        ),
        (changed(_sums, _SHARE, _AT_MOST_5), "too few points, 5 of"),
        (changed(_sums, _SHARE, "range(thread, min(n_points, 1000), cuda.gridsize(1))"), "too few"),
        (_added_in_memory, "store the sum once"),
        (_all_by_thread_0, "one thread does the work of others"),
        (changed(_sums, "1.0 / ", ""), "not a sum of 1/x"),
        (changed(_sums, _POINT, "uniform(states, thread)"), "not a sum of 1/x"),
    ],
)
def sums_of_one_over_x(answer, rng):
    for blocks, threads, n_each in (
        (1, 32, 2),
        (2, 48, 1),
        (3, 64, 0),
        (1, 8, rng.randint(150, 250)),
    ):
        n_threads = blocks * threads
        n_points = n_threads * n_each + rng.randint(1, n_threads - 1)
        low, high = rng.uniform(1, 2), rng.uniform(3, 4)
        seed = rng.getrandbits(30)
        states = cuda.random.create_xoroshiro128p_states(n_threads, seed).copy_to_host()
        running = _running_sums(states.copy(), low, high, n_points)
        sums = np.full(n_threads, np.nan)
        case = f"We also tried {n_points} points on {n_threads} threads"
        _run(answer, blocks, threads, states, low, high, n_points, sums, case=case)
        for thread, got in enumerate(sums):
            share = len(range(thread, n_points, n_threads))
            _assert_share(got, running[thread], share, f"{case}: thread {thread}")
        _assert_spread(answer, blocks, threads, states, low, high, n_points, sums, case=case)


def _assert_spread(answer, *args, case):
    """Each thread has its own sum and generator, and stores the sum once."""
    work, fair = (shares(kernel, *args, case=case) for kernel in (answer, _sums))
    busiest = work.written().max()
    assert busiest <= fair.written().max(), (
        f"{case}: right, but one thread does the work of others: it writes more than one sum"
    )
    n_more = (work.of("store", "global") - fair.of("store", "global")).max()
    assert n_more <= 0, (
        f"{case}: right, but a thread stores {n_more} times more than it has to. Add up in a "
        f"variable, and store the sum once"
    )


def _run(answer, *args, case):
    """As kernels.run, but a finding inside of a generator is told as one of the kernel's line."""
    try:
        kernels.run(answer, *args, case=case, begin="store the sum once")
    except AssertionError as error:
        if " states[" not in str(error) and " of states" not in str(error):
            raise
        lines, first = inspect.getsourcelines(answer.py_func)
        draws = [
            f"line {n}, {one.strip()}"
            for n, one in enumerate(lines, first)
            if _DRAW in one and "def " not in one
        ]
        raise AssertionError(
            f"{case}: a thread draws from a generator that isn't its own ({'; '.join(draws)}). "
            f"Generator i belongs to thread i of the whole grid"
        ) from None


def _running_sums(states, low, high, n_points):
    """[thread, n]: the sum of 1/x over the first n points of each thread's generator."""
    draws = np.zeros((len(states), n_points + 1), np.float32)
    _draw[len(states), 1](states, draws)
    terms = 1.0 / (draws * (high - low) + low)
    terms[:, 0] = 0.0
    return terms.cumsum(axis=1)


@cuda.jit
def _draw(states, draws):
    thread = cuda.grid(1)
    for n in range(1, draws.shape[1]):
        draws[thread, n] = cuda.random.xoroshiro128p_uniform_float32(states, thread)


def _assert_share(got, running, share, case):
    """Hold what a thread stored against the sum of its share, and say what else it may be."""
    assert not np.isnan(got), (
        f"{case}: its sum is NaN, as sums was before: nothing was stored there"
    )
    found = np.nonzero(np.isclose(running, got, rtol=1e-5))[0]
    assert found.size, (
        f"{case} stored {got:.6g}, which is not a sum of 1/x at the first points of its own "
        f"generator"
    )
    n = int(found[0])
    assert n >= share, f"{case} adds up too few points, {n} of {share}"
    assert n <= share, f"{case} adds up too many points, {n} for {share}"
