"""Exercise 14.2: which samples does each worker of each rank load?"""

import numbers
from collections import Counter

from labkit.teach.registry import always, exercise, solution

_share = solution("14.2")


def _block(n_samples, rank, n_ranks, worker, n_workers):
    size = n_samples // (n_ranks * n_workers)
    start = (rank * n_workers + worker) * size
    return list(range(start, start + size))


def _rounded_up(n_samples, rank, n_ranks, worker, n_workers):
    size = -(-n_samples // (n_ranks * n_workers))
    start = (rank * n_workers + worker) * size
    return list(range(start, min(start + size, n_samples)))


@exercise(
    "14.2",
    title="each sample once",
    wrong=[
        (always([0, 1, 2]), "sample"),
        (lambda n, rank, n_ranks, worker, n_workers: list(range(n)), "times"),
        (lambda n, rank, n_ranks, w, n_workers: list(range(rank, n, n_ranks)), "workers of a rank"),
        (lambda n, rank, n_ranks, w, n_workers: list(range(w, n, n_workers)), "ranks"),
        (lambda n, r, n_r, w, n_w: list(range(w * n_w + r, n, n_r * n_w)), "times"),
        (_block, "nobody"),
        (_rounded_up, "more than one"),
        (lambda n, r, n_r, w, n_w: list(range(r + w, n, n_r * n_w)), "times"),
        (lambda n, r, n_r, w, n_w: _share(n, r, n_r, w, n_w)[::-1], "rising"),
        (lambda n, r, n_r, w, n_w: _share(n + 1, r, n_r, w, n_w), "there is no sample"),
        (lambda *given: [float(i) for i in _share(*given)], "whole numbers"),
    ],
)
def share(answer, rng):
    for n_ranks, n_workers in ((4, 3), (1, 1), (1, 4), (8, 1), (rng.randint(2, 6), 2)):
        n_all = n_ranks * n_workers
        for n_samples in (n_all * rng.randint(3, 9) + rng.randint(0, n_all - 1), n_all + 1):
            _one_split(answer, n_samples, n_ranks, n_workers)
    _one_split(answer, 5, 4, 2)  # some have nothing to do


def _one_split(answer, n_samples, n_ranks, n_workers):
    case = f"{n_samples} samples, {n_ranks} ranks with {n_workers} workers each"
    parts = {
        (rank, worker): list(answer(n_samples, rank, n_ranks, worker, n_workers))
        for rank in range(n_ranks)
        for worker in range(n_workers)
    }  # fmt: skip
    counts = Counter(i for part in parts.values() for i in part)
    assert all(isinstance(i, numbers.Integral) for i in counts), (
        f"{case}: the numbers of samples are whole numbers: others can't be used as an index"
    )
    beyond = [i for i in counts if not 0 <= i < n_samples]
    assert not beyond, f"{case}: there is no sample {beyond[0]}: they count from 0"
    most, times = max(counts.items(), key=lambda pair: pair[1], default=(0, 0))
    if times > 1:
        hint = ""
        if all(parts[rank, 0] == parts[rank, n_workers - 1] for rank in range(n_ranks)):
            hint = ", as all workers of a rank load the same"
        if n_ranks > 1 and all(parts[0, w] == parts[n_ranks - 1, w] for w in range(n_workers)):
            hint += ", as all ranks load the same"
        raise AssertionError(f"{case}: sample {most} is loaded {times} times{hint}")
    missed = sorted(set(range(n_samples)) - set(counts))
    assert not missed, f"{case}: nobody loads sample {missed[0]}"
    sizes = [len(part) for part in parts.values()]
    assert max(sizes) - min(sizes) <= 1, (
        f"{case}: one worker has {max(sizes)} samples and another {min(sizes)}: that is more than "
        f"one apart"
    )
    for part in parts.values():
        assert part == sorted(part), f"{case}: list the samples of a worker in rising order"
