"""Memory: what the lanes load from an address, and what they store there."""

import numpy as np

from labkit.simt.errors import refuse
from labkit.simt.lanes.arrays import CONST
from labkit.simt.lanes.values import cast, is_vector, plain
from labkit.simt.limits import WARP_SIZE


def load(f, location, array, address, shift):
    """The value at an address, in all lanes; inactive lanes may read rubbish."""
    f.watch.access("load", f, location, array, address, shift)
    store = array.store
    if f.batch.turn is not None and f.batch.turn.room > 0:
        where, _ = _target(f.mask, address, shift, None)
        f.batch.turn.keep(array, where, store[where], True)
    if address.base is None:
        return plain(store[shift])
    if address.start is not None:
        start, n = address.start + shift, len(address.base)
        if start >= 0 and start + n <= len(store):
            return store[start : start + n].copy()
        if (run := f.mask.run) is not None:
            value = np.empty(n, store.dtype)
            value[run] = store[start + run.start : start + run.stop]
            return value
    if array.pitch != store.itemsize:  # a field of records: `take` would copy it whole
        return store[np.clip(address.base + shift, 0, len(store) - 1)]
    if (rows := address.rows()) is not None and store.flags.c_contiguous:
        value = _even_rows(store, address, shift, *rows)
        if value is not None:
            return value
    if shift >= 0 <= address.low and shift < len(store):
        return (store[shift:] if shift else store).take(address.base, mode="clip")
    return store.take(address.base + shift, mode="clip")


def _even_rows(store, address, shift, start, step):
    """What all lanes load, copied warp by warp; None where an inactive lane is outside."""
    if address.low + shift < 0 or address.index_range.high + shift >= len(store):
        return None
    size = store.itemsize
    shape, strides = (len(address.base) // WARP_SIZE, WARP_SIZE), (step * size, size)
    return np.ndarray(shape, store.dtype, store, (start + shift) * size, strides).flatten()


def save(f, location, array, address, shift, value):
    """Store a value in the active lanes; where lanes collide, the last one wins."""
    if array.allocation.space == CONST:
        refuse(f"{array.name} is constant and cannot be stored to")
    if value is None:
        refuse(f"what is stored to {array.name} is None: a function that returns nothing?")
    if array.dtype.kind != "c" == getattr(getattr(value, "dtype", None), "kind", None):
        refuse(f"{array.name} is real, and what is stored to it is complex")
    if not is_vector(value):
        value = cast(value, array.dtype) if array.dtype.kind in "biufc" else value
    elif value.dtype.kind == "f" and array.dtype.kind in "iu":
        value = cast(value, array.dtype)
    f.watch.access("store", f, location, array, address, shift, value)
    where, value = _target(f.mask, address, shift, value)
    if f.batch.turn is not None:
        before = array.store[where]
        f.batch.wrote(array, where, before, differs(before, value))
    array.store[where] = value
    if array.allocation.unfilled is not None:
        array.allocation.unfilled.fill(array.store, where)


def _target(mask, address, shift, value):
    """Where the active lanes store, as an index into the store, and what."""
    if address.base is None:
        return shift, value[mask.lanes[-1]] if is_vector(value) else value
    run = slice(0, len(mask.bits)) if mask.full else mask.run
    if address.start is not None and run is not None:
        start = address.start + shift
        where = slice(start + run.start, start + run.stop)
        return where, value[run] if is_vector(value) else value
    where = address.pick(mask)
    if is_vector(value) and not mask.full:
        value = value[mask.lanes]
    return where + shift if shift else where, value


def differs(old, value):
    """Whether storing a value over `old` changes a bit."""
    new = np.empty_like(old)
    new[...] = value
    return old.tobytes() != new.tobytes()
