"""What may be wrong with the lanes that execute a warp intrinsic: by their masks, and who comes."""

import numpy as np

from labkit.simt.lanes.values import is_vector
from labkit.simt.limits import WARP_SIZE

ALL = 0xFFFFFFFF
LANES = np.arange(WARP_SIZE)
ABSENT, STRANGER, MISMATCH, NO_SOURCE = "absent", "stranger", "mismatch", "no source"


def irregular(f, mask, source=None):
    """-> None, or (what, lane, other lane): the first irregularity among the active lanes.

    `ABSENT`     a lane's mask names a live lane that is not here
    `STRANGER`   a lane is here that its own mask does not name
    `MISMATCH`   two lanes that name one another have different masks
    `NO_SOURCE`  a lane reads from one that takes no part, or does not exist

    mask     a number, or one per lane
    source   rows of warps: the lane that each lane reads from; None where none is read
    """
    here = f.mask.bits.reshape(-1, WARP_SIZE)
    live = here if f.batch.is_split else f.batch.live.bits.reshape(-1, WARP_SIZE)
    everybody = not is_vector(mask) and int(mask) & ALL == ALL
    if everybody and f.mask.n == f.batch.live.n and (source is None or f.mask.full):
        return None
    masks = np.broadcast_to(mask, f.batch.n_lanes).reshape(-1, WARP_SIZE).astype(np.int64) & ALL
    suspects = np.flatnonzero(_suspects(here, live, masks, source))
    if not len(suspects):
        return None
    here, live, masks = here[suspects], live[suspects], masks[suspects]
    named = (masks[:, :, None] >> LANES & 1).astype(bool)  # by warp, lane and lane
    wrong = {
        ABSENT: named & (live & ~here)[:, None, :],
        STRANGER: (LANES[:, None] == LANES) & ~named,
        MISMATCH: named & here[:, None, :] & (masks[:, :, None] != masks[:, None, :]),
    }
    if source is not None:
        reads = source[suspects][:, :, None] == LANES
        wrong[NO_SOURCE] = reads & (LANES[:, None] != LANES) & ~(named & here[:, None, :])
    for what, rows in wrong.items():
        found = np.argwhere(rows & here[:, :, None])
        if len(found):
            at, lane, other = found[0].tolist()
            first = int(suspects[at]) * WARP_SIZE
            return what, first + lane, first + other
    return None


def _suspects(here, live, masks, source):
    """Which warps may be irregular: quickly, by one mask of each and the lanes as numbers."""
    here_word, live_word = _words(here), _words(live)
    mask = masks[np.arange(len(masks)), np.argmax(here, axis=1)]
    wrong = ((masks != mask[:, None]) & here).any(axis=1)
    wrong |= (mask & live_word & ~here_word) != 0
    wrong |= (here_word & ~mask) != 0
    if source is not None:
        takes_part = (here_word & mask)[:, None] >> source & 1
        wrong |= (here & (source != LANES) & (takes_part == 0)).any(axis=1)
    return wrong & (here_word != 0)


def _words(rows):
    return np.packbits(rows, axis=1, bitorder="little").view("<u4")[:, 0].astype(np.int64)
