"""Warp intrinsics: shuffles, votes and matches. A vector is a matrix with one row per warp.

A lane takes part if it is active and its own mask names it. What a shuffle reads from a lane that
takes no part is undefined on a GPU; here it is the reader's own value, and a finding.
"""

import numpy as np

from labkit.simt.lanes.values import cast, dtype_of, is_vector, need, truth
from labkit.simt.language.intrinsics import SHUFFLED, WHOLE, WORDS
from labkit.simt.language.registry import intrinsic
from labkit.simt.limits import WARP_SIZE
from labkit.simt.meetings import merged

ALL = 0xFFFFFFFF
LANES = np.arange(WARP_SIZE)


def _rows(f, value):
    if not is_vector(value):
        value = np.full(f.batch.n_lanes, value, dtype_of(value))
    return value.reshape(-1, WARP_SIZE)


def _named(f, mask):
    """Row by row, a lane's mask as 32 bools: whom it names."""
    words = _rows(f, mask).astype(np.int64)
    return (words[:, :, None] >> LANES & 1).astype(bool)


def _members(f, mask):
    """The active lanes that their own masks name, a row per warp."""
    active = f.mask.bits.reshape(-1, WARP_SIZE)
    if not is_vector(mask) and int(mask) & ALL == ALL:
        return active
    return active & (_rows(f, mask).astype(np.int64) >> LANES & 1).astype(bool)


def together(f, name, mask, *values):
    """Those who execute an intrinsic together -> (a frame of them, their masks, values)."""
    if not f.batch.is_split:
        return f, mask, values

    def met(warp):
        if name == "syncwarp":
            f.watch.syncwarp(warp, warp.mask.bits)

    words = mask[f.mask.lanes].astype(np.int64) if is_vector(mask) else np.int64(mask)
    word = int(np.bitwise_or.reduce(np.atleast_1d(words))) & ALL
    key, meetings = (int(f.batch.lanes[0]) // WARP_SIZE,), f.batch.scheduler.meetings
    here = meetings.meet(f, key, name, met, word, (mask, *values))
    mask, *values = (merged(here, number) for number in range(1 + len(values)))
    return meetings.frame(key, here), mask, values


@intrinsic(counts=False)
def syncwarp(f, mask=ALL):
    warp, mask, _ = together(f, "syncwarp", mask)
    f.watch.warp(warp, f.location, "syncwarp", mask)
    if warp is f:
        f.watch.syncwarp(f, _members(f, mask).reshape(-1))


def _shuffle(name, source_of):
    """The value of another lane of the warp, or one's own where the source is outside 0 to 31."""

    def run(f, mask, value, number):
        need("a shuffle", value, *SHUFFLED)
        need("the lane of a shuffle", number, *WORDS)
        need("the mask of a shuffle", mask, *WORDS)
        location = f.location
        f, mask, (value, number) = together(f, name, mask, value, number)
        source = source_of(LANES, _rows(f, number).astype(np.int64) % WARP_SIZE)  # its last 5 bits
        source = np.where((source >= 0) & (source < WARP_SIZE), source, LANES)
        members = _members(f, mask)
        f.watch.warp(f, location, name, mask, source)
        if not members.all():
            source = np.where(np.take_along_axis(members, source, axis=1), source, LANES)
        return np.take_along_axis(_rows(f, value), source, axis=1).reshape(-1)

    return run


for _name, _source in {
    "shfl_sync": lambda lane, number: number,
    "shfl_up_sync": lambda lane, number: lane - number,
    "shfl_down_sync": lambda lane, number: lane + number,
    "shfl_xor_sync": lambda lane, number: lane ^ number,
}.items():
    intrinsic(_shuffle(_name, _source), name=_name)


def _gathered(f, name, mask, value):
    """-> (a frame, who takes part with whom, the values): rows of warps.

    The second is bool by warp, lane and lane: whom each lane votes or matches with.
    """
    need("the mask of a vote or match", mask, *WORDS)
    location = f.location
    f, mask, (value,) = together(f, name, mask, value)
    f.watch.warp(f, location, name, mask)
    members = _members(f, mask)
    if is_vector(mask):
        return members[:, None, :] & _named(f, mask), _rows(f, value)
    return members[:, None, :], _rows(f, value)


def _words(rows):
    """Rows of bool as 32-bit numbers, one per warp."""
    return np.packbits(rows, axis=-1, bitorder="little").view("<u4")[..., 0].astype(np.uint32)


def _spread(rows):
    """One number per lane, from one per warp or one per lane of a warp."""
    return np.broadcast_to(rows, (len(rows), WARP_SIZE)).reshape(-1).copy()


def _vote(name, decide):
    """What the members of a warp decide together, given to every lane."""

    def run(f, mask, predicate):
        need("a vote", predicate, "bool", *WHOLE)
        peers, rows = _gathered(f, name, mask, truth(predicate))
        return _spread(decide(peers, peers & rows[:, None, :]))

    return run


for _name, _decide in {
    "ballot_sync": lambda peers, yes: _words(yes),
    "all_sync": lambda peers, yes: (peers == yes).all(axis=2),
    "any_sync": lambda peers, yes: yes.any(axis=2),
    "eq_sync": lambda peers, yes: (peers == yes).all(axis=2) | ~yes.any(axis=2),
}.items():
    intrinsic(_vote(_name, _decide), name=_name)


def _matches(f, name, mask, value):
    need("a match", value, "bool", "uint64", *SHUFFLED)
    if dtype_of(value) == np.uint64:
        value = cast(value, np.dtype(np.float64))  # the only one of numba's matches that takes it
    peers, rows = _gathered(f, name, mask, value)
    rows = rows.view(f"u{rows.itemsize}")  # bits: NaN matches NaN, and -0.0 does not match 0.0
    return peers, (rows[:, :, None] == rows[:, None, :]) & peers


@intrinsic
def match_any_sync(f, mask, value):
    return _spread(_words(_matches(f, "match_any_sync", mask, value)[1]))


@intrinsic
def match_all_sync(f, mask, value):
    peers, same = _matches(f, "match_all_sync", mask, value)
    agree = (same == peers).all(axis=2)
    return _spread(np.where(agree, _words(peers), 0).astype(np.uint32)), _spread(agree)


@intrinsic
def activemask(f):
    return np.repeat(f.mask.words, WARP_SIZE)


@intrinsic
def lanemask_lt(f):
    return ((np.uint64(1) << f.batch.geometry.lane_of_warp.astype(np.uint64)) - 1).astype(np.uint32)
