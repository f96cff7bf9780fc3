"""Exercise 16.4: how a rank lays its tokens in order for the all-to-all."""

import itertools

import numpy as np

from labkit.teach.registry import always, exercise, solution

_send_plan = solution("16.4")


def _by_rank_only(expert_of, n_ranks, experts_per_rank):
    ranks = np.asarray(expert_of) // experts_per_rank
    return np.argsort(ranks, kind="stable").tolist(), _send_plan(
        expert_of, n_ranks, experts_per_rank
    )[1]


def _unstable(expert_of, n_ranks, experts_per_rank):
    expert_of = np.asarray(expert_of)
    order = sorted(range(len(expert_of)), key=lambda i: (expert_of[i], -i))
    return order, _send_plan(expert_of, n_ranks, experts_per_rank)[1]


def _too_short(expert_of, n_ranks, experts_per_rank):
    order, _ = _send_plan(expert_of, n_ranks, experts_per_rank)
    return order, np.bincount(np.asarray(expert_of) // experts_per_rank).tolist()


def _only_those_that_occur(expert_of, n_ranks, experts_per_rank):
    order, counts = _send_plan(expert_of, n_ranks, experts_per_rank)
    return order, [count for count in counts if count]


def _by_expert(expert_of, n_ranks, experts_per_rank):
    order, _ = _send_plan(expert_of, n_ranks, experts_per_rank)
    n_experts = n_ranks * experts_per_rank
    return order, np.bincount(np.asarray(expert_of), minlength=n_experts).tolist()


def _round_robin(expert_of, n_ranks, experts_per_rank):
    order, _ = _send_plan(expert_of, n_ranks, experts_per_rank)
    return order, np.bincount(np.asarray(expert_of) % n_ranks, minlength=n_ranks).tolist()


def _experts(expert_of, n_ranks, experts_per_rank):
    return sorted(expert_of), _send_plan(expert_of, n_ranks, experts_per_rank)[1]


def _places(expert_of, n_ranks, experts_per_rank):
    order, counts = _send_plan(expert_of, n_ranks, experts_per_rank)
    return np.argsort(order).tolist(), counts


@exercise(
    "16.4",
    title="tokens to their experts",
    wrong=[
        (always(([0, 1, 2], [3])), "tokens"),
        (_by_rank_only, "expert by expert"),
        (_unstable, "stay as they were"),
        (_too_short, "one count for each rank"),
        (_only_those_that_occur, "one count for each rank"),
        (_by_expert, "one count for each rank"),
        (_round_robin, "e // experts_per_rank"),
        (lambda e, n, k: (_send_plan(e, n, k)[0], np.cumsum(_send_plan(e, n, k)[1])), "alone"),
        (_experts, "indices of the tokens"),
        (_places, "expert by expert"),
        (lambda e, n, k: (list(range(len(e))), _send_plan(e, n, k)[1]), "expert by expert"),
        (lambda e, n, k: (_send_plan(e, n, k)[0][::-1], _send_plan(e, n, k)[1]), "expert by"),
        (lambda e, n, k: _send_plan(e, n, k)[0], "order and counts"),
        (lambda e, n, k: (_send_plan(e, n, k)[0], np.array(_send_plan(e, n, k)[1]) + 0.5), "whole"),
        (lambda e, n, k: _send_plan(e, n, k)[::-1], "first the order"),
    ],
)
def send_plan(answer, rng):
    for _ in range(4):
        n_ranks, each = rng.randint(2, 6), rng.randint(2, 4)
        experts = [rng.randrange(n_ranks * each) for _ in range(rng.randint(30, 60))]
        _one(answer, experts, n_ranks, each)
    for without in (rng.randint(0, 2), 3):  # a rank in the middle gets none, or the last one
        experts = [rng.randrange(8) for _ in range(40)]
        experts = [expert for expert in experts if expert // 2 != without]
        _one(answer, experts, 4, 2)


def _one(answer, expert_of, n_ranks, experts_per_rank):
    got = answer(list(expert_of), n_ranks, experts_per_rank)
    right_order, right_counts = _send_plan(expert_of, n_ranks, experts_per_rank)
    case = f"{len(expert_of)} tokens, {n_ranks} ranks of {experts_per_rank} experts"
    assert [hasattr(part, "__len__") for part in got] == [True, True], (
        f"{case}: return two lists, order and counts"
    )
    order, counts = [int(i) for i in got[0]], [int(n) for n in got[1]]
    assert [*got[0], *got[1]] == order + counts, f"{case}: indices and counts are whole numbers"
    assert (len(order), len(counts)) != (n_ranks, len(expert_of)), (
        f"{case}: return first the order, then the counts"
    )
    assert len(order) == len(expert_of), (
        f"{case}: the order has {len(order)} entries: all {len(expert_of)} tokens are sent"
    )
    assert sorted(order) == list(range(len(expert_of))), (
        f"{case}: the order holds indices of the tokens, each once, not their experts"
    )
    laid = [expert_of[i] for i in order]
    assert laid == sorted(laid), (
        f"{case}: in this order the tokens are for the experts {str(laid[:8])[1:-1]}, …: lay them "
        f"rank by rank, and expert by expert"
    )
    assert order == right_order, f"{case}: tokens for one expert stay as they were among themselves"
    assert len(counts) == n_ranks, (
        f"{case}: got {len(counts)} counts: return one count for each rank, also where it is 0"
    )
    assert counts != list(itertools.accumulate(right_counts)), (
        f"{case}: got the counts {counts}, where each has those before it in it: return how many "
        f"go to each rank alone"
    )
    assert counts == right_counts, (
        f"{case}: got the counts {counts}, expected {right_counts}: expert e lives on rank "
        f"e // experts_per_rank"
    )
