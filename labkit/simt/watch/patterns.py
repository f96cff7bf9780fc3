"""What one access costs: sectors of global memory, wavefronts of shared memory (SIMT counting
rules).

Most warps of a batch access memory alike, only further on: then one warp is worked out, once, and
remembered by its pattern. The rest is vectorised over the warps.
"""

import functools

import numpy as np

from labkit.simt.limits import BANK_BYTES, BANKS, SECTOR_BYTES, WARP_SIZE

LINE_BYTES = BANKS * BANK_BYTES
FEW_KINDS = 4  # of warps: more are quicker worked out all at once


def sectors(address, mask, start, pitch, itemsize):
    """Sectors of one global access -> (how many in all, which: an index into sectors).

    start   byte address of offset 0, below 32: the sectors come out relative to its sector
    """
    if address.start is not None and mask.run is not None and pitch == itemsize:
        return _sectors_of_run(address, mask, start, itemsize)
    rows, pattern = address.index_range.by_warp
    warps = mask.warp_numbers
    kinds = None
    if pattern is not None:
        first = rows[warps, 0] * pitch + start
        # Warps with the same active lanes and alignment touch the same sectors, relatively.
        kind = mask.words[warps].astype(np.int64) * SECTOR_BYTES + first % SECTOR_BYTES
        kinds = np.unique(kind).tolist()
    if kinds is None or len(kinds) > FEW_KINDS:
        rows, lanes = rows[warps], mask.bits.reshape(-1, WARP_SIZE)[warps]
        return _sectors_of_rows(rows * pitch + start, lanes, itemsize)
    total, touched = 0, []
    for this in kinds:
        found = _sectors_of_warp(pattern, *divmod(this, SECTOR_BYTES), pitch, itemsize)
        like = first[kind == this] // SECTOR_BYTES
        total += len(like) * len(found)
        touched.append((like[:, None] + found).ravel())
    return total, touched[0] if len(touched) == 1 else np.concatenate(touched)


def _sectors_of_run(address, mask, start, itemsize):
    """Consecutive lanes at consecutive addresses: each warp touches all between its first and
    last."""
    run = slice(0, len(mask.bits)) if mask.full else mask.run
    begin = np.arange(run.start // WARP_SIZE * WARP_SIZE, run.stop, WARP_SIZE)
    first = start + (address.start + np.maximum(begin, run.start)) * itemsize
    last = start + (address.start + np.minimum(begin + WARP_SIZE, run.stop)) * itemsize - 1
    first, last = first // SECTOR_BYTES, last // SECTOR_BYTES
    return int((last - first).sum()) + len(begin), slice(int(first[0]), int(last[-1]) + 1)


@functools.lru_cache(maxsize=4096)
def _lanes_of(word):
    """The lanes of a warp that a 32-bit number names, as a row of bool."""
    return (word >> np.arange(WARP_SIZE) & 1).astype(bool)


@functools.lru_cache(maxsize=4096)
def _sectors_of_warp(pattern, word, phase, pitch, itemsize):
    """The distinct sectors of one warp, relative to that of its first lane."""
    address = np.frombuffer(pattern, np.int64)[_lanes_of(word)] * pitch + phase
    return np.unique([address // SECTOR_BYTES, (address + itemsize - 1) // SECTOR_BYTES])


def _sectors_of_rows(address, lanes, itemsize):
    found = address // SECTOR_BYTES
    if (address % SECTOR_BYTES + itemsize > SECTOR_BYTES).any():  # an element across two sectors
        found = np.concatenate([found, (address + itemsize - 1) // SECTOR_BYTES], axis=1)
        lanes = np.tile(lanes, (1, 2))
    found, first = _distinct(found, lanes)
    return int(first.sum()), found[first]


def _distinct(rows, lanes):
    """Rows sorted -> (rows, whether an entry is the first of its kind); inactive lanes copy an
    active
    one."""
    if not lanes.all():
        active = rows[np.arange(len(rows)), lanes.argmax(axis=1)]
        rows = np.where(lanes, rows, active[:, None])
    rows = np.sort(rows, axis=1)
    first = np.ones(rows.shape, bool)
    np.not_equal(rows[:, 1:], rows[:, :-1], out=first[:, 1:])
    return rows, first


def wavefronts(address, mask, start, pitch, itemsize):
    """Wavefronts of one shared access -> (how many in all, how few they could be).

    start   byte address of offset 0 in the block's window
    """
    rows, pattern = address.index_range.by_warp
    warps = mask.warp_numbers
    if pattern is None or pitch % BANK_BYTES:
        rows, lanes = rows[warps], mask.bits.reshape(-1, WARP_SIZE)[warps]
        return _wavefronts_of_rows(rows * pitch + start, lanes, itemsize)
    # Moving all lanes by whole words only rotates the banks.
    phase, total, ideal = start % BANK_BYTES, 0, 0
    for word, n in mask.kinds_of_warps:
        found = _wavefronts_of_warp(pattern, word, phase, pitch, itemsize)
        total, ideal = total + n * found[0], ideal + n * found[1]
    return total, ideal


@functools.lru_cache(maxsize=4096)
def _wavefronts_of_warp(pattern, word, phase, pitch, itemsize):
    address = np.frombuffer(pattern, np.int64)[None] * pitch + phase
    return _wavefronts_of_rows(address, _lanes_of(word)[None], itemsize)


def _wavefronts_of_rows(address, lanes, itemsize):
    """4-byte items go by warp, 8-byte items by half-warp, 16-byte items by quarter-warp."""
    unit = max(itemsize, BANK_BYTES)
    banks = LINE_BYTES // unit
    words, active = (address // unit).reshape(-1, banks), lanes.reshape(-1, banks)
    groups = active.any(axis=1)
    words, active = words[groups], active[groups]
    words, first = _distinct(words, active)
    slot = (np.arange(len(words))[:, None] * banks + words % banks)[first]
    per_bank = np.bincount(slot, minlength=len(words) * banks).reshape(-1, banks)
    return int(per_bank.max(axis=1).sum()), len(words)
