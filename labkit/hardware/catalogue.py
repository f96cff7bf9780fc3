"""The chip catalogue: every figure with its unit, its source and a mark of how far it is checked.

The master is `data/hardware_facts.csv`, one figure a row. Most sources are second-hand (no vendor
PDF was opened); Epoch AI's "Data on Machine Learning Hardware" (CC BY 4.0) gives the most rows.

Marks: V1 read in the vendor's own text, V2 in a source that cites the vendor, D arithmetic,
EST a third party's estimate, C sources disagree, U unverified.
"""

import csv
import dataclasses
import difflib
import functools
import re
import types
from pathlib import Path

from labkit.reading import NotListedError, Origin, Reading
from labkit.units import GB, GIB, KIB, MIB

FACTS = Path(__file__).parent / "data" / "hardware_facts.csv"
DTYPES = ("fp32", "tf32", "bf16", "fp16", "fp8", "int8")
_ALSO_CALLED = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16", "float8": "fp8"}

# Unit in the file -> factor and unit here. A capacity printed in GB is nearly always GiB.
_UNITS = {
    "": (None, ""),
    "TFLOP/s dense": (1e12, "FLOP/s"),
    "TOP/s dense": (1e12, "OP/s"),
    "GB as the vendor prints it (often GiB)": (GIB, "GiB"),
    "GB/s decimal": (GB, "B/s"),
    "GB/s aggregate per chip, both directions unless noted": (GB, "B/s"),
    "W": (1.0, "W"),
    "mm2": (1.0, "mm2"),
    "1e9 transistors": (1e9, "1"),
    "USD": (1.0, "USD"),
    "multiprocessors": (1.0, "1"),
    "KiB a multiprocessor": (KIB, "KiB"),
    "MiB": (MIB, "MiB"),
    "cycles": (1.0, "cycles"),
}
_NO_FIGURE = {"n/a": "this chip has no such mode", "": "not published"}
_MARK_IN_WORDS = {"EST": "estimate", "C": "sources disagree", "U": "unverified"}


# A chip whose name has one of these is another one without it: an M3 isn't an M3 Max.
_VARIANTS = {"max", "ultra", "npu"}


class ChipNotFound(NotListedError):  # noqa: N818
    """No chip, or more than one, fits the name; the message lists near names."""


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one chip: `value` in base units (text where `unit` is empty, None if unknown).

    `verification` is the mark (V1, V2, D, EST, C, U); `note` says what the figure leaves open.
    """

    value: float | str | None
    unit: str
    source: str
    verification: str
    note: str

    @property
    def remark(self) -> str:
        """Mark and note in words, to be shown beside the figure; empty where all is clear."""
        return _joined(_MARK_IN_WORDS.get(self.verification), self.note, by=": ")

    @property
    def short_source(self) -> str:
        """The source without edition, page and commentary: `Epoch AI`, `docs.cloud.google.com`."""
        if self.source.startswith("unverified"):
            return "no source opened"
        host = re.match(r"https://([^/]+)", self.source)
        return host[1] if host else re.split(r", | \(| @| as printed", self.source)[0]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Chip:
    """One chip of the catalogue; an unknown figure is a Reading of None with the reason.

    figures   field of the catalogue -> Figure, in base units: `chip.figures["price_usd"].value`
    """

    id: str
    name: str
    vendor: str
    kind: str
    year: int
    figures: types.MappingProxyType[str, Figure]

    def peak(self, dtype: str) -> Reading:
        """Dense peak rate in `dtype` (one of DTYPES), in FLOP/s, or in OP/s for int8.

        Raises ValueError for another dtype; a mode that the chip lacks is a Reading of None.
        """
        dtype = _ALSO_CALLED.get(dtype, dtype)
        if dtype not in DTYPES:
            raise ValueError(f"The catalogue has no {dtype!r}. Use one of: {', '.join(DTYPES)}.")
        return self._reading(
            f"peak_{dtype}", f"peak {dtype}", "OP/s" if dtype == "int8" else "FLOP/s"
        )

    @property
    def bandwidth(self) -> Reading:
        """Peak bandwidth of the chip's memory, in B/s."""
        return self._reading("mem_bw_gbs", "bandwidth", "B/s")

    @property
    def memory(self) -> Reading:
        """Capacity of the chip's memory, in bytes; HBM that is printed in GB is taken as GiB."""
        figure = self.figures.get("mem_gb")
        n_bytes = figure.value if figure else None
        printed = None
        if isinstance(n_bytes, float) and figure.unit == "GiB":
            printed = f"printed as {n_bytes / GIB:g} GB, taken as GiB"
        return self._reading("mem_gb", "memory", "GiB", printed)

    @property
    def power(self) -> Reading:
        """Power in W; the note says of which kind: TDP, power limit, measured mean, estimate."""
        kind = self.figures.get("power_kind")
        return self._reading("power_w", "power", "W", kind.value if kind else None)

    def _reading(self, field, label, unit, remark=None):
        name = f"{self.id} {label}"
        figure = self.figures.get(field)
        if figure is None:
            why = "not collected"
            return Reading(name, None, unit, Origin.PUBLISHED, source="chip catalogue", note=why)
        origin = Origin.MODELLED if figure.verification == "D" else Origin.PUBLISHED
        note = _joined(remark, figure.remark)
        return Reading(
            name, figure.value, unit, origin, source=figure.short_source, note=note or None
        )

    def __repr__(self):
        peaks = [self.peak(dtype) for dtype in DTYPES if f"peak_{dtype}" in self.figures]
        readings = [*peaks, self.bandwidth, self.memory, self.power]
        return "\n".join([f"{self.name} ({self.kind}, {self.year})", *map(str, readings)])


def chip(name: str) -> Chip:
    """The chip of this name: `chip("h100-sxm")`, or words that fit one chip only (`"h100 sxm"`).

    Raises ChipNotFound (a KeyError), which lists near names.
    """
    catalogue = _catalogue()
    fitting = [c for c in catalogue.values() if _words(name) in (_words(c.id), _words(c.name))]
    fitting = fitting or [chip for chip in catalogue.values() if _fits(name, chip)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        several = ", ".join(repr(chip.id) for chip in fitting)
        raise ChipNotFound(f"{name!r} fits {len(fitting)} chips. Choose one of: {several}.")
    near = _near(name, catalogue)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ChipNotFound(f"The catalogue has no chip {name!r}. {hint}lk.chips() lists all.")


def chips(kind: str | None = None) -> list[Chip]:
    """All chips, in the catalogue's order; `kind` keeps gpu, tpu, asic, wafer, soc or cpu.

    Raises ValueError for an unknown kind.
    """
    catalogue = list(_catalogue().values())
    kinds = list(dict.fromkeys(chip.kind for chip in catalogue))
    if kind is not None and kind not in kinds:
        raise ValueError(f"There are no chips of kind {kind!r}. Use one of: {', '.join(kinds)}.")
    return [chip for chip in catalogue if kind in (None, chip.kind)]


@functools.cache
def _catalogue():
    by_id = {}
    with FACTS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_id.setdefault(row["id"], []).append(row)
    return {id_: _chip(rows) for id_, rows in by_id.items()}


def _chip(rows):
    first = rows[0]
    figures = types.MappingProxyType({row["field"]: _figure(row) for row in rows})
    year = int(figures["year"].value)
    return Chip(first["id"], first["name"], first["vendor"], first["kind"], year, figures)


def _figure(row):
    factor, unit = _UNITS[row["unit"]]
    why = _NO_FIGURE.get(row["value"])
    value = None if why else row["value"] if factor is None else float(row["value"]) * factor
    note = _joined(why, re.sub(r"\bU\b", "unverified", row["note"]))
    return Figure(value, unit, row["source"], row["verification"], note)


def _joined(first, second, by="; "):
    """Both remarks, or the one there is; a second that begins with the first says it already."""
    if first and second and second.startswith(first):
        return second
    return by.join(filter(None, (first, second)))


def _words(name):
    return re.findall(r"[a-z0-9]+", str(name).lower())


def _fits(name, chip):
    """Whether each whole word is one of the chip's: an L40 is not an L40S, nor an A10 an A10G."""
    memory_type = chip.figures["mem_type"].value or ""
    words = set(_words(name)) - {"tesla"}  # drivers still say "Tesla T4"
    named = {*_words(chip.id), *_words(chip.name)}
    if not words <= {*named, *_words(memory_type)}:
        return False
    # A maker, a memory or a number alone names no chip, and so leaves no variant out.
    names_a_chip = any(not word.isdigit() for word in words & _model_words(chip))
    return bool(words) and not (names_a_chip and named & _VARIANTS - words)


def _near(name, catalogue):
    """Up to three ids that look like `name`, or have a word that looks like one of its words."""
    ids_of = {}
    makers = {word for chip in catalogue.values() for word in _words(chip.vendor)}
    for chip in catalogue.values():
        for alias in (chip.id, chip.name.lower(), *sorted(_model_words(chip))):
            ids_of.setdefault(alias, []).append(chip.id)
    words = [word for word in _words(name) if word not in makers]
    wanted = ("-".join(words), *words)
    same = [word for word in words if word in ids_of and re.search(r"\d", word)]
    close = [near for word in wanted for near in difflib.get_close_matches(word, ids_of, 3, 0.7)]
    return list(dict.fromkeys(id_ for alias in (*same, *close) for id_ in ids_of[alias]))[:3]


def _model_words(chip):
    """The words of a chip's name that aren't those of its maker."""
    return {*_words(chip.id), *_words(chip.name)} - {*_words(chip.vendor)}
