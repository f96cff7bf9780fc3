"""Atomic operations. Lanes that meet at one address take turns, in the order of their numbers."""

import numpy as np

from labkit.simt.compiler import views
from labkit.simt.errors import refuse
from labkit.simt.lanes.arrays import Array
from labkit.simt.lanes.memory import differs
from labkit.simt.lanes.values import cast, is_vector, need, strong
from labkit.simt.language.registry import Intrinsic

# What the hardware has, as numba declares it.
UNSIGNED = ("uint32", "uint64")
WHOLE = ("int32", "int64", *UNSIGNED)
NUMBERS = (*WHOLE, "float32", "float64")
_INT64 = np.dtype(np.int64)


def _point(f, array, index):
    """-> (array, address, shift) of the element that an atomic works on."""
    if not isinstance(array, Array):
        refuse("an atomic takes an array, an index and then its values")
    if array.ndim == 1 and not isinstance(index, tuple):
        index = (index,)
    elif array.ndim == 1 or not isinstance(index, tuple):
        refuse("an atomic takes a number as the index of one axis, and a tuple for several")
    whole = [cast(i, _INT64) for i in index]
    return views.view(f, f.location, array, [(i, 0) if is_vector(i) else (None, i) for i in whole])


def _spread_out(f, *values):
    """The values of the active lanes, as vectors."""
    for value in values:
        need("an atomic", value, "bool", "int8", "int16", "uint8", "uint16", "float16", *NUMBERS)
    lanes = f.mask.lanes
    return [v[lanes] if is_vector(v) else np.full(len(lanes), strong(v)) for v in values]


def _aim(f, array, index, dtypes):
    """-> (array, offset of every active lane's element), the access being seen by the watcher."""
    array, address, shift = _point(f, array, index)
    if address is None or array.dtype.name not in dtypes:
        refuse(f"this atomic takes elements of {', '.join(dtypes)}; {array.name} has {array.dtype}")
    f.watch.access("atomic", f, f.location, array, address, shift)
    where = np.full(f.mask.n, shift) if address.base is None else address.pick(f.mask) + shift
    if array.allocation.unfilled is not None:
        array.allocation.unfilled.fill(array.store, where)
    return array, where


def _operate(f, array, index, values, step, dtypes):
    """Apply `step(old, *values) -> new` to one element per lane -> the old values."""
    array, where = _aim(f, array, index, dtypes)
    before = array.store[where] if f.batch.turn is not None else None
    old = _in_turn(array.store, where, _spread_out(f, *values), step)
    if before is not None:
        changed = differs(before, array.store[where])
        f.batch.wrote(array, where, before, changed, is_read=True)
    result = np.zeros(f.batch.n_lanes, array.dtype)
    result[f.mask.lanes] = old
    return result


def _in_turn(store, where, values, step):
    """Every lane takes its turn at its address -> the value each one found there."""
    order = np.argsort(where, kind="stable")
    ordered = where[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    counts = np.diff(np.r_[first, len(where)])
    old = np.empty(len(where), store.dtype)
    if isinstance(step, np.ufunc) and len(first) < counts.max():
        _by_address(
            store, where, cast(values[0][order], store.dtype), step, (order, first, counts), old
        )
    else:
        _by_rank(store, where, values, step, (order, first, counts), old)
    return old


def _by_address(store, where, value, step, groups, old):
    """One address at a time: its lanes one after the other, as `accumulate` does it."""
    order, first, counts = groups
    for begin, count in zip(first, counts, strict=True):
        at = where[order[begin]]
        found = step.accumulate(
            np.r_[store[at : at + 1], value[begin : begin + count]], dtype=store.dtype
        )
        old[order[begin : begin + count]], store[at] = found[:-1], found[-1]


def _by_rank(store, where, values, step, groups, old):
    """All first comers at once, then all second ones, ...; until nothing can change any more."""
    order, first, counts = groups
    alike = all((value == value[0]).all() for value in values)
    for rank in range(counts.max()):
        turn = order[first[counts > rank] + rank]
        old[turn] = store[where[turn]]
        new = step(old[turn], *[value[turn] for value in values])
        if alike and not differs(old[turn], new):
            rest = np.concatenate(
                [order[b + rank : b + n] for b, n in zip(first, counts, strict=True)]
            )
            old[rest] = store[where[rest]]
            return
        store[where[turn]] = new


def _as_it_is(value):
    return value


def _returning(step, dtypes, prepare=_as_it_is):
    return lambda f, ary, idx, val: _operate(f, ary, idx, [prepare(val)], step, dtypes)


def _forgetting(ufunc, dtypes, prepare=_as_it_is):
    """The same for a statement that throws the old value away: quicker."""

    def run(f, array, index, value):
        array, where = _aim(f, array, index, dtypes)
        (value,) = _spread_out(f, prepare(value))
        before = array.store[where] if f.batch.turn is not None else None
        ufunc.at(array.store, where, cast(value, array.dtype))
        if before is not None:
            f.batch.wrote(array, where, before, differs(before, array.store[where]))

    return run


def _instead_of_nan(worst):
    """For max and min, where a NaN never wins."""

    def prepare(value):
        value = strong(value)
        return np.where(np.isnan(value), worst, value)[()] if value.dtype.kind == "f" else value

    return prepare


def _cas(f, array, index, old, value):
    def step(now, expected, new):
        return np.where(now == cast(expected, now.dtype), cast(new, now.dtype), now)

    return _operate(f, array, index, [old, value], step, WHOLE)


def _compare_and_swap(f, array, old, value):
    return _cas(f, array, 0, old, value)


UFUNCS = {
    "add": (np.add, NUMBERS),
    "sub": (np.subtract, NUMBERS),
    "and_": (np.bitwise_and, WHOLE),
    "or_": (np.bitwise_or, WHOLE),
    "xor": (np.bitwise_xor, WHOLE),
    "max": (np.maximum, NUMBERS, _instead_of_nan(-np.inf)),
    "min": (np.minimum, NUMBERS, _instead_of_nan(np.inf)),
    "nanmax": (np.fmax, NUMBERS),
    "nanmin": (np.fmin, NUMBERS),
}
STEPS = {
    "exch": (lambda old, value: value, WHOLE),
    "inc": (lambda old, limit: np.where(old >= limit, 0, old + 1), UNSIGNED),
    "dec": (lambda old, limit: np.where((old == 0) | (old > limit), limit, old - 1), UNSIGNED),
}
ATOMICS = {
    name: Intrinsic(f"atomic.{name}", _returning(*how), statement=_forgetting(*how))
    for name, how in UFUNCS.items()
}
ATOMICS |= {name: Intrinsic(f"atomic.{name}", _returning(*how)) for name, how in STEPS.items()}
ATOMICS["cas"] = Intrinsic("atomic.cas", _cas)
ATOMICS["compare_and_swap"] = Intrinsic("atomic.compare_and_swap", _compare_and_swap)
