"""Reading HLO, the text of XLA's programs: what they compute, and what devices exchange."""

import collections as counting
import math
import re
from typing import Any, NamedTuple

_KINDS = "all-gather|all-reduce|reduce-scatter|all-to-all|collective-permute"
_NOISE = r", (?:metadata|backend_config|frontend_attributes|sharding)=.*"
_COLLECTIVE = re.compile(rf"^.* = (?P<type>.+?) (?P<kind>{_KINDS})(?P<start>-start)?\(.*$", re.M)
_OPERATION = re.compile(r"^\s*(?:ROOT )?%?[\w.-]+ = (?:\(.*?\)|\S+) ([a-z][a-z-]*)\(", re.M)
_ARRAY = re.compile(r"\b(pred|[a-z]+\d\w*)\[([\d,]*)\]")
_AXIS = re.compile(r"'(\w+)'=(\d+)")
_SUB_AXIS = re.compile(r"'(\w+)'(?::\(\d+\)(\d+))?")  # 'a', or a part of it: 'a':(1)2
_NOTHING_COMPUTED = {  # they name, shape or hand on values
    "bitcast", "broadcast", "call", "constant", "copy", "get-tuple-element", "parameter", "reshape",
    "tuple",
}  # fmt: skip


class Exchange(NamedTuple):
    """One collective of a program, as one device meets it.

    kind         such as `all-reduce`
    n_devices    that take part with this one, itself included
    array_bytes  of the whole array: what an all-reduce adds up, what an all-gather ends with, what
                 a reduce-scatter begins with; of the block that goes on, for a collective-permute
    """

    kind: str
    n_devices: int
    array_bytes: int


def entry(compiled: Any) -> str:
    """The lines of the program's entry, one for each kernel, without names of source files.

    Raises ValueError for a text without one.
    """
    text = compiled.as_text()
    if "\nENTRY " not in text:
        raise ValueError(f"This program has no ENTRY, so it isn't HLO: {text.strip()[:200]!r}")
    body = text[text.index("\nENTRY ") + 1 :]
    return re.sub(_NOISE, "", body[: body.index("\n}") + 2])


def operations(text: str) -> dict[str, int]:
    """How often each operation that computes stands in HLO: `{"dot": 2, "maximum": 1}`.

    text   HLO as any framework prints it, with or without a % before names; a computation that is
           called counts once, however often it is called
    """
    found = counting.Counter(_OPERATION.findall(text))
    return {name: n for name, n in sorted(found.items()) if name not in _NOTHING_COMPUTED}


def collectives(compiled: Any) -> dict[str, int]:
    """How often each collective occurs in the program: `{"all-gather": 2, "all-reduce": 1}`."""
    kinds = [found["kind"] for found in _COLLECTIVE.finditer(compiled.as_text())]
    return dict(sorted(counting.Counter(kinds).items()))


def exchanges(compiled: Any) -> list[Exchange]:
    """Every collective of the program with its bytes, in the order in which it stands there.

    A collective in a loop counts once. Raises ValueError where the text doesn't say which devices
    take part.
    """
    text = compiled.as_text()
    return [_exchange(found, text) for found in _COLLECTIVE.finditer(text)]


def _exchange(found, text):
    kind, n_devices = found["kind"], _n_devices(found[0], text)
    arrays = _ARRAY.findall(found["type"])
    if found["start"] and kind in ("all-gather", "collective-permute"):
        # What starts returns a tuple: its operands, its results, and counters without sides.
        arrays = [array for array in arrays if array != ("u32", "")]
        arrays = arrays[len(arrays) // 2 :]
    n_bytes = sum(_bytes(*array) for array in arrays)
    return Exchange(kind, n_devices, n_bytes * n_devices if kind == "reduce-scatter" else n_bytes)


def _bytes(dtype, sides):
    bits = 8 if dtype == "pred" else int(re.search(r"\d+", dtype)[0])
    return math.ceil(math.prod(int(side) for side in sides.split(",") if side) * bits / 8)


def _n_devices(line, text):
    """Devices in a group: two in `{{0,1},{2,3}}`, `[2,2]<=[4]` and `mesh['a'=2,'b'=2] … {'a'}`."""
    if groups := re.search(r"replica_groups=\{\{([\d,]+)\}", line):
        return groups[1].count(",") + 1
    if groups := re.search(r"replica_groups=\[\d+,(\d+)\]<=", line):
        return int(groups[1])
    if mesh := re.search(r"replica_groups=mesh\[(.*?)\].*?\{(.*?)\}", line):
        sizes = dict(_AXIS.findall(mesh[1]))
        return math.prod(int(part or sizes[axis]) for axis, part in _SUB_AXIS.findall(mesh[2]))
    if pairs := re.search(r"source_target_pairs=\{(\{.*?\})\}", line):
        return pairs[1].count("{")
    if (everybody := re.search(r"num_partitions=(\d+)", text)) and "replica_groups={}" in line:
        return int(everybody[1])
    raise ValueError(f"This collective doesn't say which devices take part: {line.strip()[:200]}")
