"""Exercise 06.1: the sectors of fields in records, without a cache and with a perfect one."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_pair, assert_right
from labkit.units import counted

_record_sectors = solution("06.1")
_LANES = range(32)


def _requests(record_bytes, offsets, granule=32):
    return [{(lane * record_bytes + at) // granule for lane in _LANES} for at in offsets]


def _both(requests):
    return sum(map(len, requests)), len(set().union(*requests))


@exercise(
    "06.1",
    title="records",
    wrong=[
        (always((32, 32)), "expected"),
        (lambda size, offsets: _record_sectors(size, offsets)[::-1], "other way round"),
        (lambda size, offsets: (_record_sectors(size, offsets)[1],) * 2, "each request"),
        (lambda size, offsets: (_record_sectors(size, offsets)[0],) * 2, "moves it once"),
        (lambda size, offsets: (32 * len(offsets), 32), "expected"),
        (lambda size, offsets: (4 * len(offsets), 4 * len(offsets)), "aren't side by side"),
        (lambda size, offsets: _both(_requests(size, offsets, granule=128)), "32 bytes"),
        (lambda size, offsets: _both(_requests(size, [0] * len(offsets))), "expected"),
        (lambda size, offsets: _both(_requests(size, offsets[:1])), "expected"),
        (lambda size, offsets: sum(map(len, _requests(size, offsets))), "two numbers"),
        (lambda size, offsets: (len(offsets) * size, size), "expected"),
        (lambda size, offsets: _both(_requests(size, offsets[1:])), "expected"),
        (
            lambda size, offsets: _both(_requests(size, [at - offsets[0] for at in offsets])),
            "expected",
        ),
        (lambda size, offsets: (_record_sectors(size, offsets)[0], size), "that no lane asks for"),
    ],
)
def record_sectors(answer, rng):
    _one(answer, 64, [28, 32])  # neighbours, on both sides of the border between two sectors
    for n_words in (9, 11, 5, 7, 3, 13, 8, 2, rng.randint(16, 64), rng.randint(9, 64)):
        _one(answer, *_records(rng, n_words))


def _records(rng, n_words):
    """(bytes of a record, offsets of some of its fields, in order)."""
    n_fields = rng.randint(2, min(5, n_words))
    return 4 * n_words, sorted(4 * word for word in rng.sample(range(n_words), n_fields))


def _turns(size, offsets):
    """What people arrive at, and what to say to them; the right pair stands there without words."""
    right, n = _record_sectors(size, offsets), len(offsets)
    return {
        _both(_requests(size, offsets[:1])): "count all of the fields",
        _both(_requests(size, [0] * n)): "an offset may push a field into the next sector",
        _both(_requests(size, offsets, granule=128)): "a sector has 32 bytes",
        (4 * n, 4 * n): "the fields of neighbouring lanes aren't side by side",
        (32 * n, 32): "lanes may share a sector",
        (right[0], right[0]): "a cache that keeps a sector moves it once",
        (right[1], right[1]): "without a cache the sectors of each request count",
        (right[0], size): "sectors that no lane asks for don't move",
        right[::-1]: "the two numbers are the other way round",
        right: "",
    }


def _one(answer, size, offsets):
    case = f"records of {counted(size, 'byte')}, fields at {offsets}"
    got, right = answer(size, offsets), _record_sectors(size, offsets)
    assert_pair(got, case, "sectors of all requests and distinct sectors")
    hint = _turns(size, offsets).get(tuple(got), "which sectors does each request touch?")
    assert_right(got[0], right[0], f"{case}: all requests", hint=hint)
    assert_right(got[1], right[1], f"{case}: distinct sectors", hint=hint)
