"""Exercise 14.4: go on with the same epoch on another number of GPUs."""

from labkit.teach.registry import always, exercise, solution

_left = solution("14.4")


def _rest(order, batch, steps_done, ranks_before):
    return order[steps_done * ranks_before * batch :]


def _in_one_piece(order, batch, steps_done, ranks_before, rank, n_ranks):
    rest = _rest(order, batch, steps_done, ranks_before)
    each = -(-len(rest) // n_ranks)
    mine = rest[rank * each : (rank + 1) * each]
    return [mine[at : at + batch] for at in range(0, len(mine), batch)]


def _dealt_one_by_one(order, batch, steps_done, ranks_before, rank, n_ranks):
    mine = _rest(order, batch, steps_done, ranks_before)[rank::n_ranks]
    return [mine[at : at + batch] for at in range(0, len(mine), batch)]


def _full_ones(*given):
    return [some for some in _left(*given) if len(some) == given[1]]


def _filled_up(order, batch, *rest):
    return [(some + order[:batch])[:batch] for some in _left(order, batch, *rest)]


def _empty_ones(order, batch, steps_done, ranks_before, rank, n_ranks):
    rest = _rest(order, batch, steps_done, ranks_before)
    places = range(0, len(rest), n_ranks * batch)
    return [rest[at + rank * batch : at + (rank + 1) * batch] for at in places]


@exercise(
    "14.4",
    title="go on with other GPUs",
    wrong=[
        (always([[0, 1], [2, 3]]), "expected"),
        (lambda o, b, s, before, r, n: _left(o, b, 0, before, r, n), "seen already"),
        (lambda o, b, s, before, r, n: _left(o, b, s, n, r, n), "of the ranks before"),
        (lambda o, b, s, before, r, n: _left(o, b, s, 1, r, n), "seen already"),
        (lambda o, b, s, before, r, n: _left(o[s * before :], b, 0, 1, r, n), "expected"),
        (_in_one_piece, "step by step"),
        (_dealt_one_by_one, "step by step"),
        (_full_ones, "shorter"),
        (_empty_ones, "no empty batch"),
        (_filled_up, "don't fill it up"),
        (lambda o, b, s, before, r, n: _left(o, b, s + 1, before, r, n), "expected"),
        (lambda *given: [i for some in _left(*given) for i in some], "list of batches"),
        (lambda o, b, s, before, r, n: _left(sorted(o), b, s, before, r, n), "sort"),
        (lambda o, b, s, before, r, n: _left(o, b, s, before, 0, n), "this rank"),
    ],
)
def batches_left(answer, rng):
    for n_samples, batch, ranks_before, n_ranks in (
        (97, 2, 4, 3), (120, 4, 2, 5), (61, 3, 5, 2), (64, 8, 4, 4), (50, 1, 3, 7),
    ):  # fmt: skip
        most = n_samples // (batch * ranks_before) - 1
        for steps_done in (rng.randint(1, most), 0):
            order = rng.sample(range(1000, 9999), n_samples)
            for rank in reversed(range(n_ranks)):
                _one_rank(answer, order, batch, steps_done, ranks_before, rank, n_ranks)


def _one_rank(answer, order, batch, steps_done, ranks_before, rank, n_ranks):
    given = (order, batch, steps_done, ranks_before, rank, n_ranks)
    case = (
        f"{len(order)} samples, batches of {batch}, {steps_done} steps done on {ranks_before} "
        f"ranks, now rank {rank} of {n_ranks}"
    )
    got, right = list(answer(list(order), *given[1:])), _left(*given)
    assert all(isinstance(some, (list, tuple)) for some in got), (
        f"{case}: return a list of batches, each a list of samples"
    )
    got = [list(some) for some in got]
    if got == right:
        return
    seen = set(order[: steps_done * ranks_before * batch])
    flat, wanted = [i for some in got for i in some], [i for some in right for i in some]
    again = [i for i in flat if i in seen]
    hint = "in each step the ranks take batches one after the other, step by step"
    if not set(flat) <= set(order):
        hint = "take samples from order"
    elif got == _left(*given[:3], n_ranks, rank, n_ranks):
        hint = "the steps done were steps of the ranks before"
    elif got == _left(sorted(order), *given[1:]):
        hint = "order is the order: don't sort"
    elif got and right and got[:-1] == right[:-1] and len(got[-1]) > len(right[-1]):
        hint = "the last batch may be shorter: don't fill it up"
    elif again:
        hint = f"sample {again[0]} was seen already, in the steps before"
    elif rank and got == _left(*given[:4], 0, n_ranks):
        hint = "these are the batches of rank 0, not of this rank"
    elif got == [some for some in right if len(some) == batch]:
        hint = "the last batch may be shorter, and is taken too"
    elif [some for some in got if some] == right:
        hint = "where nothing is left to take, take no empty batch"
    elif sorted(flat) == sorted(wanted):
        hint = "keep the order"
    raise AssertionError(f"{case}: got {got[:3]}..., expected {right[:3]}...: {hint}")
