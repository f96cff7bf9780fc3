"""Exercise 02.2: the bytes that really move, where each line is read before it's written."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_moved = solution("02.2")
_NAMES = "abcdefghijklmnopqrstuvwxyz"


def _reads_once_more(reads, writes, array_bytes):
    return (len(set(reads)) + 2 * len(set(writes))) * array_bytes


def _first_in_place(reads, writes, array_bytes):
    """Looks only at the first array that is written."""
    in_place = bool(writes) and writes[0] in reads
    return (len(set(reads)) + 2 * len(set(writes)) - in_place) * array_bytes


def _never_twice(reads, writes, array_bytes):
    return 2 * len(set(reads) | set(writes)) * array_bytes


@exercise(
    "02.2",
    title="bytes that the loop doesn't show",
    wrong=[
        (always(3 * 2**20), "expected"),
        (lambda r, w, n: (len(set(r)) + len(set(w))) * n, "hidden reads are missing"),
        (lambda r, w, n: len(set(r) | set(w)) * n, "read and written"),
        (_reads_once_more, "has been read already"),
        (lambda r, w, n: (len(r) + 2 * len(w)) * n, "has been read already"),
        (lambda r, w, n: (len(set(r) | set(w)) + len(w)) * n, "more than once"),
        (lambda r, w, n: _moved(r, w, 1), "bytes, not arrays"),
        (_never_twice, "only read"),
        (lambda r, w, n: _moved(r, w, n) if r else len(w) * n, "hidden reads are missing"),
        (lambda r, w, n: _moved(r, w, n) if w else 0, "writes nothing"),
        (_first_in_place, "expected"),
    ],
)
def moved_bytes(answer, rng):
    for _ in range(5):
        names = rng.sample(_NAMES, 9)
        only_read, both, only_written = names[: rng.randint(2, 4)], names[4:6], names[6:8]
        for n_both in (1, 2):
            reads, writes = [*only_read, *both[:n_both]], [*both[:n_both], *only_written]
            reads, writes = (rng.sample(some, len(some)) for some in (reads, writes))
            _one(answer, rng, reads, writes, "works partly in place")
        _one(answer, rng, only_read, only_written, "reads some arrays and writes others")
        _one(answer, rng, both, both, "works in place")
        often = [*only_read, only_read[0], only_read[0]]
        _one(answer, rng, often, only_written, "names an array more than once")
        _one(answer, rng, only_read, only_written * 2, "names an array more than once")
        _one(answer, rng, [], only_written, "reads nothing in its loop")
        _one(answer, rng, only_read, [], "writes nothing")


def _one(answer, rng, reads, writes, what):
    array_bytes = 8 * rng.randint(10**6, 10**8)
    r, w = set(reads), set(writes)
    suspects = [
        (len(r) + len(w), "the hidden reads are missing: a line that's written is read before"),
        (len(r | w), "an array that's written is read and written, so it moves twice"),
        (len(r) + 2 * len(w), "an array that stands in both has been read already, once is enough"),
        (2 * len(r | w), "an array that's only read moves once"),
    ]
    words = f"this loop {what}"
    if len(reads) + len(writes) > len(r) + len(w):
        suspects, words = [], "a name that stands there more than once is still one array"
    right = _moved(reads, writes, array_bytes)
    hints = [(n * array_bytes, text) for n, text in suspects if n * array_bytes != right]
    hints.append((right / array_bytes, "return bytes, not arrays"))
    case = f"reads {reads}, writes {writes}, {array_bytes:,} bytes each"
    got = answer(reads, writes, array_bytes)
    assert_right(got, right, case, hints, words)
