"""Turn 16.t3: the order of a rank's tasks in 1F1B."""

import numbers

from labkit.teach.registry import always, exercise, solution

_one_f_one_b = solution("16.t3")


def _warm_up(how_many, swapped=False):
    """1F1B with another number of forward passes ahead, or backward before forward."""

    def order(rank, n_ranks, n_batches):
        ahead = max(0, min(how_many(rank, n_ranks, n_batches), n_batches))
        tasks = [("F", batch) for batch in range(ahead)]
        for batch in range(n_batches):
            pair = [("F", ahead + batch)] * (ahead + batch < n_batches) + [("B", batch)]
            tasks += pair[::-1] if swapped else pair
        return tasks

    return order


def _gpipe(rank, n_ranks, n_batches):
    return [(kind, batch) for kind in "FB" for batch in range(n_batches)]


def _last_first(rank, n_ranks, n_batches):
    return [
        (kind, n_batches - 1 - batch if kind == "B" else batch)
        for kind, batch in _one_f_one_b(rank, n_ranks, n_batches)
    ]


def _never_capped(rank, n_ranks, n_batches):
    ahead = n_ranks - 1 - rank
    tasks = [("F", batch) for batch in range(ahead)]
    for batch in range(n_batches):
        tasks += [("F", ahead + batch)] * (ahead + batch < n_batches) + [("B", batch)]
    return tasks


def _without_the_rest(rank, n_ranks, n_batches):
    order = _one_f_one_b(rank, n_ranks, n_batches)
    last = max(place for place, (kind, _) in enumerate(order) if kind == "F")
    return order[: last + 2]


@exercise(
    "16.t3",
    title="1F1B",
    wrong=[
        (always([("F", 0), ("B", 0)]), "once"),
        (_gpipe, "begins with"),
        (_warm_up(lambda rank, p, m: p - rank), "begins with"),
        (_warm_up(lambda rank, p, m: rank), "begins with"),
        (_warm_up(lambda rank, p, m: p - 1), "begins with"),
        (_warm_up(lambda rank, p, m: p - 1 - rank, swapped=True), "backward"),
        (_last_first, "in order"),
        (_without_the_rest, "backward passes that are left"),
        (_never_capped, "only"),
        (lambda rank, p, m: [kind for kind, _ in _one_f_one_b(rank, p, m)], "pairs"),
        (lambda rank, p, m: [(k, b + 1) for k, b in _one_f_one_b(rank, p, m)], "from 0"),
        (lambda rank, p, m: _one_f_one_b(rank, 4, m), "begins with"),
        (lambda rank, p, m: [(b, k) for k, b in _one_f_one_b(rank, p, m)], "pairs"),
    ],
)
def one_f_one_b(answer, rng):
    n_ranks = rng.randint(5, 8)
    for p, m in ((4, 8), (n_ranks, 2 * n_ranks), (n_ranks, n_ranks), (2, rng.randint(3, 9))):
        for rank in range(p):
            _one(answer, rank, p, m)
    for rank in range(n_ranks):
        _one(answer, rank, n_ranks, rng.randint(1, 3))


def _one(answer, rank, n_ranks, n_batches):
    got, right = answer(rank, n_ranks, n_batches), _one_f_one_b(rank, n_ranks, n_batches)
    case = f"rank {rank} of {n_ranks}, {n_batches} micro-batches"
    assert all(_is_task(task) for task in got), (
        f'{case}: return pairs such as ("F", 0), a kind and the number of a micro-batch'
    )
    got = [tuple(task) for task in got]
    numbers = {batch for _, batch in got}
    assert not got or max(numbers) < n_batches, (
        f"{case}: there is no micro-batch {max(numbers)}: they are counted from 0, and there are "
        f"only {n_batches}"
    )
    ahead, ours = _ahead(got), _ahead(right)
    missing = [task for task in right if task not in got]
    if ahead == ours and missing and all(kind == "B" for kind, _ in missing):
        raise AssertionError(
            f"{case}: {missing[0]} is missing: at last come the backward passes that are left"
        )
    assert sorted(got) == sorted(right), (
        f"{case}: every micro-batch goes forward once and backward once: got {_shown(got)}"
    )
    for kind in "FB":
        of_kind = [batch for k, batch in got if k == kind]
        assert of_kind == sorted(of_kind), f"{case}: micro-batches go in order, got {_shown(got)}"
    if got != right:
        place = next(n for n, pair in enumerate(zip(got, right, strict=True)) if len({*pair}) > 1)
        n = max(0, min(n_ranks - 1 - rank, n_batches))
        if place < n or ahead > ours:
            raise AssertionError(
                f"{case}: it begins with {n} forward passes, and then one of each in turn, forward "
                f"first: got {_shown(got)}"
            )
        raise AssertionError(
            f"{case}: after {_shown(right[:place])} comes {right[place]}, got {got[place]}: one "
            f"forward, then one backward pass"
        )


def _is_task(task):
    return (
        isinstance(task, (tuple, list))
        and len(task) == 2
        and task[0] in ("F", "B")
        and isinstance(task[1], numbers.Integral)  # NumPy's integers, too
    )


def _ahead(tasks):
    """How many forward passes come before the first backward pass."""
    kinds = [kind for kind, _ in tasks]
    return kinds.index("B") if "B" in kinds else len(kinds)


def _shown(tasks):
    some = " ".join(f"{kind}{batch}" for kind, batch in tasks[:8])
    return f"{some} …" if len(tasks) > 8 else some
