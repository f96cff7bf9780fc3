"""Exercise 18.4: which rank holds up the others?"""

import math

from labkit.teach.registry import always, exercise, solution

_straggler = solution("18.4")


def _largest_sum(compute_s):
    totals = [sum(times) for times in compute_s]
    worst = max(range(len(totals)), key=totals.__getitem__)
    return worst, _costs(compute_s)[worst]


def _costs(compute_s, among=lambda times: sorted(times)[-2]):
    costs = [0.0] * len(compute_s)
    for step in zip(*compute_s, strict=True):
        slowest = max(step)
        costs[step.index(slowest)] += slowest - among(step)
    return costs


def _costliest(costs):
    worst = max(range(len(costs)), key=costs.__getitem__)
    return worst, costs[worst]


def _most_often_slowest(compute_s):
    firsts = [step.index(max(step)) for step in zip(*compute_s, strict=True)]
    worst = max(range(len(compute_s)), key=firsts.count)
    return worst, _costs(compute_s)[worst]


def _largest_once(compute_s):
    worst = max(range(len(compute_s)), key=lambda rank: max(compute_s[rank]))
    return worst, _costs(compute_s)[worst]


def _difference_of_sums(compute_s):
    totals = sorted(sum(times) for times in compute_s)
    return _straggler(compute_s)[0], totals[-1] - totals[-2]


def _second_of_the_different(compute_s):
    """Takes two ranks that finish at the same time for one."""
    return _costliest(_costs(compute_s, lambda times: [0.0, *sorted(set(times))][-2]))


@exercise(
    "18.4",
    title="find the straggler",
    wrong=[
        (always((1, 0.5)), "expected rank"),
        (_largest_sum, "hide each other"),
        (_most_often_slowest, "expected rank"),
        (_largest_once, "over all steps"),
        (_second_of_the_different, "at the same time"),
        (lambda c: _costliest(_costs(c, min)), "slowest of the others"),
        (lambda c: (_straggler(c)[0], _costs(c, min)[_straggler(c)[0]]), "slowest of the others"),
        (_difference_of_sums, "in each step"),
        (lambda c: (_straggler(c)[0], sum(c[_straggler(c)[0]])), "all of its time"),
        (lambda c: _straggler(c)[0], "return two"),
        (lambda c: (_straggler(c)[0] + 1, _straggler(c)[1]), "from 0"),
        (lambda c: _straggler(c)[::-1], "the rank comes first"),
    ],
)
def straggler(answer, rng):
    for make in _MEANS:
        for _ in range(2):
            _one_run(answer, make(rng), make)


def _base(rng, n_ranks, n_steps):
    return [[1 + 0.01 * rng.random() for _ in range(n_steps)] for _ in range(n_ranks)]


def _one_slow(rng):
    compute_s = _base(rng, rng.randint(3, 8), 12)
    slow = rng.randrange(len(compute_s))
    compute_s[slow] = [1.5 * t for t in compute_s[slow]]
    return compute_s


def _two_slow_and_one_late(rng):
    compute_s = _base(rng, rng.randint(4, 8), 20)
    a, b, late = rng.sample(range(len(compute_s)), 3)
    for rank in (a, b):
        compute_s[rank] = [1.5 + 0.002 * rng.random() for _ in compute_s[rank]]
    for step in rng.sample(range(20), 4):
        compute_s[late][step] = 2.0 + 0.2 * rng.random()
    return compute_s


def _often_by_a_hair(rng):
    compute_s = _base(rng, rng.randint(3, 6), 20)
    hair, late = rng.sample(range(len(compute_s)), 2)
    compute_s[hair] = [1.02] * 20
    for step in rng.sample(range(20), 5):
        compute_s[late][step] = 2.0 + rng.random()
    return compute_s


def _once_very_late(rng):
    compute_s = _base(rng, rng.randint(3, 6), 20)
    once, slow = rng.sample(range(len(compute_s)), 2)
    compute_s[slow] = [1.6 + 0.01 * rng.random() for _ in range(20)]
    compute_s[once][rng.randrange(20)] = 3.0 + rng.random()
    return compute_s


def _pair(rng):
    compute_s = _base(rng, 2, 10)
    compute_s[rng.randrange(2)] = [1.3 + rng.random() for _ in range(10)]
    return compute_s


def _ties(rng):
    """Two ranks that are slow, and slow to the same instant; a third is late once."""
    compute_s = _base(rng, rng.randint(4, 6), 10)
    a, b, late = rng.sample(range(len(compute_s)), 3)
    compute_s[a] = compute_s[b] = [1.5] * 10
    compute_s[late][rng.randrange(10)] = 1.7 + 0.1 * rng.random()
    return compute_s


_MEANS = {
    _one_slow: "one rank is slow throughout",
    _two_slow_and_one_late: "two ranks are slow together, so they hide each other",
    _often_by_a_hair: "one rank is slowest often, but by a hair: it counts how much, not how often",
    _once_very_late: "one rank is very late once: what counts is the sum over all steps",
    _pair: "there are two ranks",
    _ties: "two ranks are slowest at the same time, so that neither costs anything",
}


def _one_run(answer, compute_s, make):
    got, right = answer(compute_s), _straggler(compute_s)
    assert isinstance(got, (tuple, list)), "return two numbers, (rank, cost_s)"
    assert len(got) == 2, "return two numbers, (rank, cost_s)"
    rank, cost_s = got
    case = f"{len(compute_s)} ranks, {len(compute_s[0])} steps, where {_MEANS[make]}"
    assert float(rank).is_integer(), f"{case}: got rank {rank}: the rank comes first, then seconds"
    if rank == right[0] + 1 and math.isclose(cost_s, right[1]):
        raise AssertionError(f"{case}: ranks are counted from 0, as places in compute_s are")
    from_fastest = _costs(compute_s, min)
    hint = ""
    if 0 <= rank < len(compute_s) and math.isclose(cost_s, from_fastest[int(rank)]):
        hint = ": compare with the slowest of the others, who would be waited for without it"
    assert rank == right[0], f"{case}: got rank {rank}, expected rank {right[0]}{hint}"
    if math.isclose(cost_s, sum(compute_s[right[0]])):
        hint = ": that is all of its time, and the others would have computed anyway"
    hint = hint or ": add up in each step how much later it is than the slowest of the others"
    assert math.isclose(cost_s, right[1], rel_tol=1e-6), (
        f"{case}: rank {rank} costs {right[1]:.4g} s, got {cost_s:.4g}{hint}"
    )
