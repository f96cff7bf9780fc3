"""The turns of lesson 15: the two halves of a ring all-reduce, on a practice ring."""

import numpy as np

from labkit.cluster import PracticeRing, RingError
from labkit.teach.registry import always, exercise, solution

_reduce_scatter = solution("15.t1")
_all_gather = solution("15.t2")


def _run(answer, n_ranks, parts_of, case):
    """Run an answer on every rank of a ring; (the parts of each rank afterwards, the ring)."""
    ring = PracticeRing(n_ranks)
    parts = [[part.copy() for part in parts_of[rank]] for rank in range(n_ranks)]

    def program(rank, n_ranks, send, receive):
        def send_or_stop(array):
            if len(ring.sent[rank]) >= 10 * n_ranks:
                raise RingError(
                    f"rank {rank} has sent {10 * n_ranks} messages, and {n_ranks - 1} are enough: "
                    f"does your loop end?"
                )
            send(array)

        answer(parts[rank], rank, n_ranks, send_or_stop, receive)

    try:
        ring.run(program)
    except RingError as error:
        raise AssertionError(f"{case}: {error}") from None
    for rank, mine in enumerate(parts):
        assert len(mine) == n_ranks, (
            f"{case}: rank {rank} has {len(mine)} parts afterwards: change the entries of parts, "
            f"and leave their number"
        )
        for i, (part, was) in enumerate(zip(mine, parts_of[rank], strict=True)):
            assert _kind(part) == _kind(was), (
                f"{case}: part {i} of rank {rank} was {_kind(was)}, and is {_kind(part)} "
                f"afterwards: each part stays an array of its size and type"
            )
    return parts, ring


def _kind(part):
    if not isinstance(part, np.ndarray):
        return f"a {type(part).__name__}"
    return f"an array of {part.dtype} of shape {part.shape}"


def _assert_frugal(ring, parts_of, case):
    """Each rank sends n - 1 messages, each one part, and its neighbours' parts are as long."""
    longest = max(np.size(part) for part in parts_of[0])
    for rank, sent in enumerate(ring.sent):
        assert sent, f"{case}: rank {rank} sends nothing"
        assert all(np.size(message) <= longest for message in sent), (
            f"{case}: rank {rank} sends {max(map(np.size, sent))} numbers at once: send one part "
            f"in each step"
        )
        assert len(sent) == ring.n_ranks - 1, (
            f"{case}: rank {rank} sends {len(sent)} messages, and {ring.n_ranks - 1} are enough: "
            f"take n_ranks - 1 steps with one part in each"
        )


def _cases(rng):
    for n_ranks in (3, 4, 5, 2):
        for size in (n_ranks * 3 + rng.randint(1, n_ranks - 1), n_ranks * rng.randint(1, 3)):
            yield n_ranks, size, f"{n_ranks} ranks, {size} numbers each"


def _numbers(rng, n_ranks, size):
    """Arrays of whole numbers, one for each rank, cut into parts.

    Five ranks get them as float32, in which their sums are exact, too, in whatever order.
    """
    draw = np.random.default_rng(rng.getrandbits(64))
    dtype = np.float32 if n_ranks == 5 else np.int64
    arrays = [draw.integers(1, 1000, size).astype(dtype) for _ in range(n_ranks)]
    return [np.array_split(array, n_ranks) for array in arrays]


# --- the first half ---


def _steps(first, due, n_steps=lambda n: n - 1, add=True):
    """In each step send part first(rank, step), and add to part due(...), or replace it."""

    def answer(parts, rank, n_ranks, send, receive):
        for step in range(n_steps(n_ranks)):
            send(parts[first(rank, step) % n_ranks])
            i = due(rank, step) % n_ranks
            come = receive(parts[i])
            parts[i] = parts[i] + come if add else come

    return answer


def _receives_first(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        due = (rank - step - 1) % n_ranks
        parts[due] = parts[due] + receive(parts[due])
        send(parts[(rank - step) % n_ranks])


def _everything_around(parts, rank, n_ranks, send, receive):
    whole = np.concatenate(parts)
    passed, total = whole, whole.copy()
    for _ in range(n_ranks - 1):
        send(passed)
        passed = receive(passed)
        total = total + passed
    parts[:] = np.array_split(total, n_ranks)


def _new_list(parts, rank, n_ranks, send, receive):
    parts = list(parts)
    _reduce_scatter(parts, rank, n_ranks, send, receive)


def _sends_only(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        send(parts[(rank - step) % n_ranks])


def _then(change):
    """The right steps, with one thing done to each part that has been added to."""

    def answer(parts, rank, n_ranks, send, receive):
        for step in range(n_ranks - 1):
            send(parts[(rank - step) % n_ranks])
            due = (rank - step - 1) % n_ranks
            parts[due] = change(parts[due] + receive(parts[due]))

    return answer


def _forgets_what_it_sent(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        send(parts[(rank - step) % n_ranks])
        parts[(rank - step) % n_ranks] = None
        due = (rank - step - 1) % n_ranks
        parts[due] = parts[due] + receive(parts[due])


def _receives_floats(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        send(parts[(rank - step) % n_ranks])
        due = (rank - step - 1) % n_ranks
        parts[due] += receive(np.empty(parts[due].size)).astype(int)


def _never_ends(parts, rank, n_ranks, send, receive):
    step = 0
    while step < n_ranks - 1:
        send(parts[(rank - step) % n_ranks])
        due = (rank - step - 1) % n_ranks
        parts[due] = parts[due] + receive(parts[due])


def _receives_whole_numbers(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        send(parts[(rank - step) % n_ranks])
        due = (rank - step - 1) % n_ranks
        parts[due] = parts[due] + receive(np.empty(parts[due].size, np.int64))


def _for_four(half):
    def answer(parts, rank, n_ranks, send, receive):
        half(parts, rank, min(n_ranks, 4), send, receive)

    return answer


@exercise(
    "15.t1",
    title="reduce-scatter around a ring",
    in_place=True,
    wrong=[
        (always(None), "sends nothing"),
        (_steps(lambda r, s: r - s, lambda r, s: r - s - 1, add=False), "is the sum"),
        (_steps(lambda r, s: r - s, lambda r, s: r - s - 1, lambda n: n), "n_ranks - 1 steps"),
        (_steps(lambda r, s: r - s, lambda r, s: r - s), "don't speak of the same part"),
        (_steps(lambda r, s: r, lambda r, s: r - s - 1), "don't speak of the same part"),
        (_steps(lambda r, s: r - s + 1, lambda r, s: r - s), "part that has the rank's own number"),
        (_steps(lambda r, s: r - s, lambda r, s: r - s - 1, lambda n: n - 2), "steps"),
        (_steps(lambda r, s: r + s, lambda r, s: r + s - 1), "is the sum"),
        (_receives_first, "wait forever"),
        (_everything_around, "one part in each step"),
        (_new_list, "in place"),
        (_sends_only, "never received"),
        (_for_four(_reduce_scatter), "5 ranks"),
        (_then(lambda part: part.astype(np.int32)), "int32 and gives an array of int64"),
        (_then(lambda part: part.astype(float)), "float64 and gives an array of int64"),
        (_then(list), "is a list afterwards"),
        (_forgets_what_it_sent, "is a NoneType afterwards"),
        (_receives_floats, "int64 and gives an array of float64"),
        (_never_ends, "does your loop end?"),
        (_receives_whole_numbers, "float32 and gives an array of int64"),
        (_then(lambda part: part.astype(int)), "int64 and gives an array of float32"),
    ],
)
def reduce_scatter(answer, rng):
    for n_ranks, size, case in _cases(rng):
        given = _numbers(rng, n_ranks, size)
        parts, ring = _run(answer, n_ranks, given, case)
        _assert_frugal(ring, given, case)
        sums = [sum(given[rank][i] for rank in range(n_ranks)) for i in range(n_ranks)]
        unchanged = all(
            np.array_equal(a, b) for mine, was in zip(parts, given, strict=True)
            for a, b in zip(mine, was, strict=True)
        )  # fmt: skip
        assert not unchanged, f"{case}: your function changes nothing: change parts in place"
        for rank in range(n_ranks):
            due = (rank + 1) % n_ranks
            if np.array_equal(parts[rank][due], sums[due]):
                continue
            other = [i for i in range(n_ranks) if np.array_equal(parts[rank][i], sums[i])]
            assert not other, (
                f"{case}: rank {rank} holds the sum of part {other[0]}, and should hold that of "
                f"part {due}: start by sending the part that has the rank's own number"
            )
            raise AssertionError(
                f"{case}: rank {rank} should hold the sum of part {due}, {_shown(sums[due])}, and "
                f"holds {_shown(parts[rank][due])}: what you pass on must be what you have just "
                f"added to, so that after n_ranks - 1 steps it is the sum of all ranks"
            )


def _shown(part):
    return str(np.asarray(part).tolist()[:3]).replace("]", ", ...]" if len(part) > 3 else "]")


# --- the second half ---


def _gather(first, due, n_steps=lambda n: n - 1, add=False):
    return _steps(first, due, n_steps, add)


def _hands_on_its_own(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        send(parts[(rank + 1) % n_ranks])
        due = (rank - step) % n_ranks
        parts[due] = receive(parts[due])


def _gather_receives_first(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        due = (rank - step) % n_ranks
        parts[due] = receive(parts[due])
        send(parts[(rank + 1 - step) % n_ranks])


def _gather_new_list(parts, rank, n_ranks, send, receive):
    parts = list(parts)
    _all_gather(parts, rank, n_ranks, send, receive)


def _gather_adds_in_place(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        send(parts[(rank + 1 - step) % n_ranks])
        due = (rank - step) % n_ranks
        parts[due] += receive(parts[due])


def _gather_floats(parts, rank, n_ranks, send, receive):
    _all_gather(parts, rank, n_ranks, send, receive)
    parts[rank] = parts[rank].astype(float)


def _gather_whole_numbers(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        send(parts[(rank + 1 - step) % n_ranks])
        due = (rank - step) % n_ranks
        parts[due] = receive(np.empty(parts[due].size, np.int64))


def _all_parts_each_step(parts, rank, n_ranks, send, receive):
    for step in range(n_ranks - 1):
        for part in parts:
            send(part)
        come = [receive(part) for part in parts]
        parts[(rank - step) % n_ranks] = come[(rank - step) % n_ranks]


@exercise(
    "15.t2",
    title="all-gather around a ring",
    in_place=True,
    wrong=[
        (always(None), "sends nothing"),
        (_gather(lambda r, s: r + 1 - s, lambda r, s: r - s, add=True), "nobody adds"),
        (_gather(lambda r, s: r - s, lambda r, s: r - s - 1), "complete on rank"),
        (_gather(lambda r, s: r + 1 - s, lambda r, s: r - s, lambda n: n), "n_ranks - 1 steps"),
        (_gather(lambda r, s: r + 1 - s, lambda r, s: r + 1 - s), "the same part"),
        (_gather(lambda r, s: r + 1 - s, lambda r, s: r - s, lambda n: n - 2), "steps"),
        (_gather(lambda r, s: r + 1 + s, lambda r, s: r + s), "what has just come"),
        (_hands_on_its_own, "the same part"),
        (_gather_receives_first, "wait forever"),
        (_gather_new_list, "in place"),
        (_all_parts_each_step, "one part in each"),
        (_for_four(_all_gather), "5 ranks"),
        (_gather_adds_in_place, "nobody adds"),
        (_gather_floats, "an array of its size and type"),
        (_gather_whole_numbers, "float32 and gives an array of int64"),
    ],
)
def all_gather(answer, rng):
    for n_ranks, size, case in _cases(rng):
        sums = _numbers(rng, n_ranks, size)[0]
        given = [
            [sums[i] if i == (rank + 1) % n_ranks else -1 - rank - 0 * sums[i]
             for i in range(n_ranks)]
            for rank in range(n_ranks)
        ]  # fmt: skip
        parts, ring = _run(answer, n_ranks, given, case)
        _assert_frugal(ring, given, case)
        for rank, sent in enumerate(ring.sent):
            complete = (rank + 1) % n_ranks
            assert np.array_equal(sent[0], sums[complete]), (
                f"{case}: the first message of rank {rank} isn't part {complete}, the one that is "
                f"complete on rank {rank}"
            )
        unchanged = all(
            np.array_equal(parts[rank][rank], given[rank][rank]) for rank in range(n_ranks)
        )
        assert not unchanged, f"{case}: your function changes nothing: change parts in place"
        for rank in range(n_ranks):
            for i in range(n_ranks):
                if np.array_equal(parts[rank][i], sums[i]):
                    continue
                added = np.array_equal(parts[rank][i], sums[i] + given[rank][i])
                how = (
                    "what comes is the sum already, so nobody adds anything"
                    if added
                    else "put what comes in its place, and pass on what has just come"
                )
                raise AssertionError(
                    f"{case}: part {i} on rank {rank} should be {_shown(sums[i])}, and is "
                    f"{_shown(parts[rank][i])}: {how}"
                )
