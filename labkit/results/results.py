"""Results of others that lessons use, as data: published figures, and recorded measurements."""

import dataclasses
import functools
import json
import types
from pathlib import Path
from typing import ClassVar

from labkit.reading import NotListedError, Origin

_HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Published:
    """One table of figures as its source prints them.

    rows        one mapping a row, column -> value in the base unit that stands in the column's name
    mark        how far it was checked: `read` in the source, `recomputed` by an independent formula
    tolerance   column -> how far a recomputation may be off, in the column's unit, which is mostly
                the rounding of the printed digits; a list has one value a row
    notes       traps: what the figures do not mean
    """

    key: str
    title: str
    source: str
    mark: str
    tolerance: types.MappingProxyType
    notes: tuple[str, ...]
    rows: tuple[types.MappingProxyType, ...]

    origin: ClassVar[Origin] = Origin.PUBLISHED

    def __repr__(self):
        head = f"[{Origin.PUBLISHED}] {self.title}: {len(self.rows)} rows ({self.source})"
        return "\n".join([head, *(f"  {note}" for note in self.notes)])


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Recorded:
    """Measurements that somebody took on a named machine and kept.

    rows     one mapping a row, column -> value in the base unit that stands in the column's name
    machine, date, command   where, when and how; where they can be read is the `provenance`
    notes    traps: what the figures do not mean
    """

    key: str
    title: str
    machine: str
    date: str
    command: str
    provenance: str
    notes: tuple[str, ...]
    rows: tuple[types.MappingProxyType, ...]

    origin: ClassVar[Origin] = Origin.RECORDED

    @property
    def source(self) -> str:
        """Machine and date, as a recorded Reading needs them."""
        return f"{self.machine}, {self.date}"

    def __repr__(self):
        head = f"[{Origin.RECORDED}] {self.title}: {len(self.rows)} rows ({self.source})"
        return "\n".join([head, f"  {self.command}", f"  {self.provenance}", *self.notes])


def published(key: str) -> "Published":
    """The published result of this key: `published("tpu-v1-applications").rows[0]["app"]`.

    Raises KeyError, a sentence with the known keys.
    """
    return _find("published", Published, key)


def recorded(key: str) -> "Recorded":
    """The recorded measurements of this key: `recorded("nersc-sc24-epochs").rows`.

    Raises KeyError, a sentence with the known keys.
    """
    return _find("recorded", Recorded, key)


def training_runs_path(which: str = "training_runs.csv") -> Path:
    """A CSV file of published training runs: one line a run, with its source and commit.

    which   `training_runs.csv`: 609 runs of 29 sources. `nanotron_runs.csv.gz`: 3,326
            configurations that one team tried on H100, with memory, failures included (Apache-2.0)
    """
    return _HERE / "data" / which


def _find(origin, kind, key):
    results = _results(origin, kind)
    if not isinstance(key, str) or key not in results:
        raise NotListedError(f"No {origin} result {key!r}. There are: {', '.join(results)}.")
    return results[key]


@functools.cache
def _results(origin, kind):
    return {
        key: kind(key=key, **_frozen(fields))
        for path in sorted((_HERE / origin).glob("*.json"))
        for key, fields in json.loads(path.read_text(encoding="utf-8")).items()
    }


def _frozen(fields):
    """The fields of one result with nothing in them that can be changed by accident."""
    frozen = {**fields, "notes": tuple(fields["notes"])}
    frozen["rows"] = tuple(map(types.MappingProxyType, fields["rows"]))
    if "tolerance" in fields:
        frozen["tolerance"] = types.MappingProxyType(fields["tolerance"])
    return frozen
