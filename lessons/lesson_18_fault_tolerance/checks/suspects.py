"""Exercise 18.5: who is wrong, as far as the checksums tell?"""

from labkit.teach.registry import always, exercise, solution

_suspects = solution("18.5")


def _disagreements(checksums):
    return [by_rank for by_rank in checksums if len(set(by_rank.values())) > 1]


def _took_part(checksums):
    sets = [set(by_rank) for by_rank in _disagreements(checksums)]
    return sorted(set.intersection(*sets)) if sets else []


def _all_who_took_part(checksums):
    return sorted({rank for by_rank in _disagreements(checksums) for rank in by_rank})


def _outvoted(checksums):
    guilty = set()
    for by_rank in _disagreements(checksums):
        values = list(by_rank.values())
        usual = max(values, key=values.count)
        guilty |= {rank for rank, value in by_rank.items() if value != usual}
    return sorted(guilty)


def _in_minority(batch, rank):
    """May `rank` be wrong, as no more than half of the ranks have its checksum?"""
    values = list(batch.values())
    return rank in batch and 2 * values.count(batch[rank]) <= len(values)


def _has_its_own(batch, rank):
    return rank in batch and list(batch.values()).count(batch[rank]) == 1


def _in_every(checksums, is_odd):
    """The ranks that are odd in every batch that differs, whatever the others have."""
    differing = _disagreements(checksums)
    return [r for r in _took_part(checksums) if all(is_odd(batch, r) for batch in differing)]


def _most_often(checksums):
    counts = {}
    for by_rank in _disagreements(checksums):
        for rank in by_rank:
            counts[rank] = counts.get(rank, 0) + 1
    return [max(counts, key=counts.get)] if counts else []


def _no_alibi(checksums):
    """Frees whoever once agreed with somebody, though a rank may be wrong only now and then."""
    agreed = {r for by_rank in checksums if len(set(by_rank.values())) == 1 for r in by_rank}
    return [rank for rank in _suspects(checksums) if rank not in agreed]


@exercise(
    "18.5",
    title="who is wrong",
    wrong=[
        (always([2]), "expected"),
        (lambda checksums: _suspects(checksums)[:1], "nothing tells them apart"),
        (_took_part, "the others agree"),
        (_all_who_took_part, "every disagreement"),
        (_outvoted, "nothing tells them apart"),
        (_most_often, "nothing tells them apart"),
        (lambda checksums: _in_every(checksums, _has_its_own), "nobody explains"),
        (lambda checksums: _in_every(checksums, _in_minority), "nobody explains"),
        (_no_alibi, "now and then"),
        (lambda checksums: _suspects(_disagreements(checksums)[:1]), "every disagreement"),
        (lambda checksums: _suspects(checksums) or [0], "nobody"),
        (lambda checksums: [rank for rank in _suspects(checksums) if rank < 8], "now and then"),
        (lambda checksums: _suspects(checksums)[::-1], "sorted"),
    ],
)
def suspects(answer, rng):
    _one_run(answer, _run(rng, 4, 2, n_batches=6, wrong=None), "all agree")
    for _ in range(2):
        _one_run(answer, [_batch(rng, rng.sample(range(6), 2), one_of=True)], "one pair differs")
        n = rng.randint(3, 6)
        _one_run(answer, _run(rng, n, 2, 4 * n, rng.randrange(n)), "pairs along a ring")
        _one_run(answer, _run(rng, 6, 3, 8, rng.randrange(6)), "three ranks for each batch")
        _one_run(answer, _two_wrong(rng), "two different ranks were wrong")
        _one_run(answer, [_batch(rng, rng.sample(range(500), 3), one_of=True)], "one of three")
        _one_run(answer, [_odd_values(rng, (1, 1, 1))], "three ranks, each with its own checksum")
        _one_run(answer, [_odd_values(rng, (2, 2))], "four ranks, two against two")


def _batch(rng, ranks, one_of=False, wrong=None):
    """The checksums of one batch: rank -> checksum; one rank, or `wrong`, has another."""
    true = rng.getrandbits(40)
    wrong = rng.choice(ranks) if one_of else wrong
    return {rank: true + (rng.randint(1, 9) if rank == wrong else 0) for rank in ranks}


def _odd_values(rng, sizes):
    """A batch that no single rank explains: groups of ranks of these sizes, each agreeing."""
    true, ranks = rng.getrandbits(40), rng.sample(range(8), sum(sizes))
    values = [true + group for group, size in enumerate(sizes) for _ in range(size)]
    return dict(zip(ranks, values, strict=True))


def _run(rng, n_ranks, n_each, n_batches, wrong):
    """Batches that go round the ranks; the wrong one is wrong in every other of its batches."""
    batches, takes_part = [], 0
    for batch in range(n_batches):
        ranks = [(batch + k) % n_ranks for k in range(n_each)]
        takes_part += wrong in ranks
        now = wrong if wrong in ranks and (takes_part % 2 or takes_part == 2) else None
        batches.append(_batch(rng, rng.sample(ranks, n_each), wrong=now))
    return batches


def _two_wrong(rng):
    a, b, c, d = rng.sample(range(8), 4)
    return [_batch(rng, [a, b], wrong=a), _batch(rng, [c, d], wrong=c)]


def _one_run(answer, checksums, case):
    got, right = list(answer(checksums)), _suspects(checksums)
    if got == right:
        return
    n = len(_disagreements(checksums))
    told = f"{case} ({len(checksums)} batches, {n} disagree): got {got}, expected {right}"
    assert sorted(got) != right, f"{told}: return them sorted"
    extra, missing = set(got) - set(right), set(right) - set(got)
    if not right and n:
        hint = "nobody explains every disagreement alone"
    elif not right:
        hint = "nothing differs, so there is nobody to suspect"
    elif missing and len(right) > 1:
        hint = "either may be wrong, and nothing tells them apart"
    elif missing:
        hint = "a rank may be wrong now and then only, and agree at other times"
    elif any(extra <= set(by_rank) for by_rank in _disagreements(checksums)) and len(got) < 4:
        hint = "without a suspect, the others agree; and it explains every disagreement"
    else:
        hint = "a suspect explains every disagreement, not just one"
    raise AssertionError(f"{told}: {hint}")
