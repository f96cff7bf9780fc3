"""`run_or_recorded`: an experiment with a library that may be missing, or the run that was kept."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from labkit.reading import Origin, Reading
from labkit.results import recorded
from labkit.teach.line import line, say


@dataclasses.dataclass(frozen=True, slots=True)
class Rows:
    """What an experiment gave: `rows` of values in base units, and where they come from.

    origin, source   `measured` or `simulated` here, or `recorded` with machine and day
    note             what its readings say besides, such as `sampled`
    """

    rows: tuple[Mapping[str, Any], ...]
    origin: Origin
    source: str | None = None
    note: str | None = None

    def __iter__(self):
        return iter(self.rows)

    def column(self, name: str) -> list[Any]:
        """The values of one column, in the order of the rows."""
        return [row[name] for row in self.rows]

    def reading(self, name: str, value: float | None, unit: str, **more: Any) -> Reading:
        """A Reading of one of the values, with the origin, source and note of these rows."""
        more = {"source": self.source, "note": self.note} | more
        return Reading(name, value, unit, self.origin, **more)


def run_or_recorded(
    key: str,
    run: Callable[[], Iterable[Mapping[str, Any]]],
    *,
    install: str,
    origin: Origin | str = Origin.MEASURED,
    note: str | None = None,
) -> Rows:
    """The rows of `run()`; where a library that it imports is missing, those that were recorded.

    key      of the recorded run, whose rows have the same columns: `lk.recorded(key)`
    run      takes nothing, imports what it needs and returns rows; it is called once
    install  what to install, such as `stim pymatching`
    origin   of what `run` gives here: `measured`, or `simulated`
    note     what its readings say besides; `sampled` for what was drawn at random by a library
             that may draw otherwise on another machine: then the test of stored outputs compares
             names only

    A missing library gives one line that says which and how to install it, and never stops the
    lesson. Raises KeyError for a key that there is not, and whatever else `run` raises.
    """
    kept = recorded(key)
    try:
        return Rows(tuple(run()), Origin(origin), note=note)
    except ImportError as error:
        missing = error.name or install
        say(line(
            f"[recorded] {missing}: not installed here, so you see the run that was recorded "
            f"({kept.source}). To run it yourself: pip install {install}, then restart the kernel"
        ))  # fmt: skip
    return Rows(kept.rows, Origin.RECORDED, kept.source, note)
