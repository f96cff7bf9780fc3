"""The turns of lesson 07: steps in an order, a tile that is used again, the third reduction."""

import numpy as np

from labkit.simt import cuda
from labkit.teach import kernels
from labkit.teach.kernels import changed
from labkit.teach.registry import always, exercise, solution
from labkit.teach.shares import assert_loads_spread, assert_spread
from labkit.units import counted
from lessons.lesson_07_barriers_and_races.checks.sizes import THREADS

_LOST = "what it stored is overwritten by one who loaded before"


def _bin_after(order, start, *, load=1, add=2, store=3, is_shared=False, keeps_first=False):
    """The turn's own loop, with slips: a step at another time, the bin in place of a copy."""
    held, mine = start, {}
    for n, thread in enumerate(order):
        step = 1 + order[:n].count(thread)
        if step == load:
            mine[thread] = start if keeps_first else held
        if step == add:
            if is_shared:
                held += 1
            else:
                mine[thread] += 1
        if step == store and not is_shared:
            held = mine[thread]
    return held


def _with_a_slip(**slip):
    return lambda order, start: _bin_after(order, start, **slip)


def _is_in_turn(order):
    return all(order[k : k + 3] == 3 * order[k] for k in range(0, len(order), 3))


def _counting_stores(order, start):
    """Takes each store that came before a load for an addition that isn't lost."""
    held, n_stored, mine = start, 0, {}
    for n, thread in enumerate(order):
        step = 1 + order[:n].count(thread)
        if step == 1:
            mine[thread] = start + n_stored
        elif step == 3:
            held, n_stored = mine[thread] + 1, n_stored + 1
    return held


def _keeping_the_largest(order, start):
    held, mine = start, {}
    for n, thread in enumerate(order):
        step = 1 + order[:n].count(thread)
        if step == 1:
            mine[thread] = held
        elif step == 3:
            held = max(held, mine[thread] + 1)
    return held


@exercise(
    "07.t1",
    title="steps in an order",
    wrong=[
        (always(7), "expected"),
        (lambda order, start: start + len(order) // 3, "overwritten"),
        (lambda order, start: start + 1, "nothing is lost"),
        (_with_a_slip(is_shared=True), "overwritten"),
        (_with_a_slip(keeps_first=True), "what the bin holds at that moment"),
        (_with_a_slip(store=2), "overwritten"),
        (_with_a_slip(add=3, store=4), "nothing is stored"),
        (lambda order, start: start + 1 + (order in ("AAABBB", "BBBAAA")), "then C"),
        (lambda order, start: start + 1 + (order[:3] == 3 * order[0]), "one thread alone"),
        (lambda order, start: float("nan"), "expected"),
        (lambda order, start: start + (len(order) // 3 if _is_in_turn(order) else 1), "then C"),
        (_counting_stores, "then C"),
        (_keeping_the_largest, "overwrites both"),
        (lambda order, start: _bin_after(order[:-1], start), "nothing is stored"),
    ],
)
def bin_after(answer, rng):
    start = rng.randint(3, 99)
    cases = [
        ("BBB", f"one thread alone adds 1, and nothing is lost. (If you got {start}, nothing is "
         "stored: that's the third step)"),
        ("AAABBB", "A has stored before B loads, so nothing is lost: a thread loads what the bin "
         "holds at that moment"),
        ("ABABAB", f"both have loaded {start} before one stores, so the first addition is lost: "
         f"{_LOST}"),
        ("AABABB", f"B loads {start}, because A hasn't stored yet: {_LOST}"),
        ("ABABABCCC", "A and B both store the same, one addition is lost, and then C adds to that"),
        ("ABBBCCCAA", f"B and C both add, one after the other. Then A, who has loaded {start}, "
         "overwrites both"),
    ]  # fmt: skip
    for threads in ("AB", "AB", "ABC", "ABC", "ABCD"):
        letters = [*(3 * threads)]
        rng.shuffle(letters)
        cases.append(("".join(letters), f"for {len(threads)} threads. Follow it step by step"))
    alone = "".join(3 * letter for letter in rng.sample("ABCDE", 4))
    cases.append((alone, "four threads, one after the other, lose nothing"))
    for order, hint in cases:
        got, right = answer(order, start), _bin_after(order, start)
        assert got == right, (
            f"order {order}, and {start} in the bin before: got {got}, expected {right}. {hint}"
        )


_ranks = solution("07.t2")
_LARGE = 8 * THREADS  # a shared shape must be a constant
_ADD = "                smaller += 1\n"
_SECOND = f"{_ADD}        cuda.syncthreads()\n"
_STORE = "tile[t] = x[first + t]\n"
_BOTH = f"{_STORE}        cuda.syncthreads()\n"
_ALL_BY_ONE = """\
if t == 0:
            for j in range(THREADS):
                tile[j] = x[first + j]
"""


@cuda.jit
def _ranks_in_one_large_tile(x, out):
    tile = cuda.shared.array(_LARGE, cuda.float32)
    i, t = cuda.grid(1), cuda.threadIdx.x
    mine, smaller = x[i], 0
    for first in range(0, x.size, THREADS):
        tile[first + t] = x[first + t]
        cuda.syncthreads()
        for j in range(THREADS):
            if tile[first + j] < mine:
                smaller += 1
    out[i] = smaller


@exercise(
    "07.t2",
    title="a tile that is used again",
    in_place=True,
    wrong=[
        (kernels.not_written, "replace the line", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_ranks, _SECOND, _ADD), "race"),
        (changed(_ranks, _BOTH, _STORE), "race"),
        (changed(_ranks, _BOTH, f"cuda.syncthreads()\n        {_STORE}"), "race"),
        (changed(_ranks, _SECOND, f"{_ADD}        cuda.syncwarp()\n"), "race"),
        (changed(_ranks, _SECOND, f"{_ADD}    cuda.syncthreads()\n"), "race"),
        (changed(_ranks, _SECOND, f"{_ADD}                cuda.syncthreads()\n"),
         "divergent-barrier"),
        (changed(_ranks, "tile[j] < mine", "x[first + j] < mine"), "compare with what is there"),
        (changed(_ranks, "tile[j] < mine", "tile[j] <= mine"), "expected"),
        (changed(_ranks, "tile[j] < mine", "tile[j] > mine"), "expected"),
        (changed(_ranks, "range(0, x.size, THREADS)", "range(0, THREADS, THREADS)"), "expected"),
        (changed(_ranks, "out[i] = smaller", "out[i] = 0\n    x[i] = 0"), "changes x"),
        (changed(_ranks, _SECOND, f"{_ADD}            cuda.syncthreads()\n"),
         "two for each tile are enough"),
        (_ranks_in_one_large_tile, "use the tile again"),
        (changed(_ranks, _SECOND, f"{_ADD}        if t < 64:\n            cuda.syncthreads()\n"),
         "divergent-barrier"),
        (changed(_ranks, "x.size, THREADS)", "x.size, 2 * THREADS)"), "expected"),
        (changed(_ranks, _STORE, _ALL_BY_ONE), "let each thread load one"),
    ],
)  # fmt: skip
def ranks_mended(answer, rng):
    for n_blocks in (3, 1, rng.choice((2, 4))):
        draw = np.random.default_rng(rng.getrandbits(64))
        x = draw.integers(0, 1000, n_blocks * THREADS).astype(np.float32)  # some are equal
        out, case = np.full(x.size, -1), f"{counted(n_blocks, 'tile')} of {THREADS} numbers"
        counts = kernels.clean_counts(answer, n_blocks, THREADS, x, out, case=case)
        kernels.assert_equal(out, np.searchsorted(np.sort(x), x), case)
        warps = n_blocks * THREADS // 32
        most = warps * (1 + 2 * n_blocks)
        assert counts.global_loads.requests <= most, (
            f"{case}: right, but {counts.global_loads.requests} requests load from global memory, "
            f"and {most} are enough: let each thread load one number of the tile, and compare with "
            f"what is there"
        )
        barriers = counts.barriers / warps
        assert barriers <= 2 * n_blocks + 1, (
            f"{case}: right, but each warp waits at {barriers:.0f} barriers, and two for each tile "
            f"are enough. Which accesses does each of them keep apart?"
        )
        assert counts.shared_bytes <= 2 * x.itemsize * THREADS, (
            f"{case}: right, but it takes {counts.shared_bytes} bytes of shared memory, and would "
            f"need more for a longer x: use the tile again"
        )
        args = (n_blocks, THREADS, x, out)
        assert_spread(answer, *args, case=case, most=1, what="a rank")
        assert_loads_spread(answer, _ranks, *args, case=case)


_version_3 = solution("07.t3")
_LOOP = """\
    k = THREADS // 2
    while k > 0:
        if t < k:
            s[t] += s[t + k]
        cuda.syncthreads()
        k //= 2
"""
_NEXT = "        k //= 2"
_WAIT = f"        cuda.syncthreads()\n{_NEXT}"
_BY_THREAD_0 = """\
    if t == 0:
        for j in range(1, THREADS):
            s[0] += s[j]
"""
_BY_ATOMICS = """\
    if t > 0:
        cuda.atomic.add(s, 0, s[t])
    cuda.syncthreads()
"""
_EVERY_SECOND = """\
    k = 1
    while k < THREADS:
        if t % (2 * k) == 0:
            s[t] += s[t + k]
        cuda.syncthreads()
        k *= 2
"""
_PAIRS = """\
    k = 1
    while k < THREADS:
        if 2 * k * t < THREADS:
            s[2 * k * t] += s[2 * k * t + k]
        cuda.syncthreads()
        k *= 2
"""


_BY_ONE_WARP = """\
    if t < 32:
        s[t] += s[t + 32] + s[t + 64] + s[t + 96]
    cuda.syncthreads()
    if t == 0:
        for j in range(1, 32):
            s[0] += s[j]
"""
_ALL_AGAIN = """\
    if t == 0:
        for j in range(1, THREADS):
            s[0] += x[cuda.blockIdx.x * THREADS + j]
"""


@exercise(
    "07.t3",
    title="the third reduction",
    in_place=True,
    wrong=[
        (kernels.not_written, "replace the line", "todo"),
        (always(0), "@cuda.jit"),
        (changed(_version_3, _LOOP, ""), "is the sum of the block"),
        (changed(_version_3, _LOOP, _EVERY_SECOND), "diverges"),
        (changed(_version_3, _LOOP, _PAIRS), "bank conflicts"),
        (changed(_version_3, _LOOP, _BY_THREAD_0), "one thread loads"),
        (changed(_version_3, _LOOP, _BY_ONE_WARP), "one thread loads"),
        (changed(_version_3, _LOOP, _ALL_AGAIN), "from global memory"),
        (changed(_version_3, "if t < k:\n            s[t] += s[t + k]", "s[t] += s[t ^ k]"),
         "race"),
        (changed(_version_3, _LOOP, _BY_ATOMICS), "wait for each other"),
        (changed(_version_3, _WAIT, _NEXT), "race"),
        (changed(_version_3, _WAIT, f"        cuda.syncwarp()\n{_NEXT}"), "race"),
        (changed(_version_3, _WAIT, f"    {_WAIT}"), "divergent-barrier"),
        (changed(_version_3, "if t < k:", "if True:"), "out-of-bounds"),
        (changed(_version_3, "t < k", "t <= k"), "out-of-bounds"),
        (changed(_version_3, "while k > 0", "while k > 1"), "is the sum of the block"),
        (changed(_version_3, "while k > 0", "while k > 16"), "is the sum of the block"),
        (changed(_version_3, "k = THREADS // 2", "k = THREADS"), "out-of-bounds"),
        (changed(_version_3, "s[t] += s[t + k]", "s[t] = s[t + k]"), "is the sum of the block"),
        (changed(_version_3, "k //= 2", "k -= 1"), "is the sum of the block"),
        (changed(_version_3, "s[t] = x[cuda.grid(1)]", "s[t] = 0\n    x[t] = 0"), "changes x"),
    ],
)  # fmt: skip
def version_3(answer, rng):
    for n_blocks in (1, rng.randint(2, 6)):
        draw = np.random.default_rng(rng.getrandbits(64))
        x = draw.integers(1, 100, n_blocks * THREADS).astype(np.float32)  # exact in float32
        sums, case = np.full(n_blocks, np.nan, np.float32), counted(n_blocks, "block")
        counts = kernels.clean_counts(answer, n_blocks, THREADS, x, sums, case=case)
        for block, (got, right) in enumerate(zip(sums, x.reshape(-1, THREADS).sum(1), strict=True)):
            assert got == right, (
                f"{case}: sums[{block}] is {got:g}, and {right:g} is the sum of the block. Does "
                f"s[0] hold all {THREADS} numbers in the end, each of them once?"
            )
        _spares(answer, counts, n_blocks, x, sums, case)


def _spares(answer, counts, n_blocks, x, sums, case):
    """No conflict, hardly a divergence, no queue at one address, and all threads take part."""
    assert counts.shared_atomics == 0, (
        f"{case}: right, but atomics at one address wait for each other. Let half of the threads "
        f"add the other half, then a quarter, and so on"
    )
    conflicts = counts.shared_loads.bank_conflicts + counts.shared_stores.bank_conflicts
    assert conflicts == 0, (
        f"{case}: right, but with {conflicts} bank conflicts, as in version 2: let neighbouring "
        f"threads work on neighbouring words"
    )
    assert_loads_spread(answer, _version_3, n_blocks, THREADS, x, sums, case=case)
    ours = kernels.counts(_version_3, n_blocks, THREADS, x, sums, case=case)
    most = 2 * ours.divergent_branches + 2 * n_blocks
    assert counts.divergent_branches <= most, (
        f"{case}: right, but it diverges {counts.divergent_branches} times, as version 1 does: let "
        f"the first k threads work, so that whole warps do or don't"
    )
    assert counts.barriers <= 2 * ours.barriers, (
        f"{case}: right, but its warps wait at {counts.barriers} barriers, and {ours.barriers} are "
        f"enough: one for each step"
    )
