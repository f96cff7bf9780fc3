"""The roofline: at a given arithmetic intensity, what rate peak and bandwidth allow.

Source: Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009.
"""

import dataclasses
import math
import numbers

from labkit.hardware import Chip, chip
from labkit.reading import Origin, Reading
from labkit.workload import Work


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Roofline:
    """Two limits of one machine: `Roofline("my laptop", 150e9, 20e9, "measured")`.

    peak_flop_per_s, peak_bytes_per_s   in FLOP/s (or OP/s, with intensities in OP/B) and B/s
    origin, source                      as for a Reading: published and recorded need a source
    unit                                of the peak: FLOP/s, or OP/s for integers

    Raises ValueError for a limit that is not positive.
    """

    name: str
    peak_flop_per_s: float
    peak_bytes_per_s: float
    origin: Origin
    source: str | None = None
    unit: str = "FLOP/s"

    def __post_init__(self):
        for what, limit in (("peak", self.peak_flop_per_s), ("bandwidth", self.peak_bytes_per_s)):
            if not isinstance(limit, numbers.Real) or not 0 < limit < math.inf:
                raise ValueError(
                    f"The {what} of {self.name} must be a positive number, got {limit!r}."
                )
        if self.unit not in ("FLOP/s", "OP/s"):
            raise ValueError(f"A peak is in FLOP/s or, for integers, in OP/s: got {self.unit!r}.")
        object.__setattr__(self, "origin", self.peak.origin)  # checks name, origin and source

    @property
    def peak(self) -> Reading:
        """The flat part, as a Reading in FLOP/s or OP/s."""
        return self._reading("peak", self.peak_flop_per_s, self.unit)

    @property
    def bandwidth(self) -> Reading:
        """The slope, as a Reading in B/s."""
        return self._reading("bandwidth", self.peak_bytes_per_s, "B/s")

    @property
    def ridge_flop_per_byte(self) -> float:
        """Ridge point in FLOP/B: the least intensity at which the peak can be reached."""
        return self.peak_flop_per_s / self.peak_bytes_per_s

    def attainable_flop_per_s(self, intensity_flop_per_byte: float) -> float:
        """The roof above an intensity in FLOP/B: min(peak, intensity × bandwidth), in FLOP/s."""
        _refuse_negative(intensity_flop_per_byte)
        return min(self.peak_flop_per_s, intensity_flop_per_byte * self.peak_bytes_per_s)

    def bound_by(self, intensity_flop_per_byte: float) -> str:
        """`"memory"` left of the ridge point, `"compute"` from there on."""
        _refuse_negative(intensity_flop_per_byte)
        return "memory" if intensity_flop_per_byte < self.ridge_flop_per_byte else "compute"

    def time_s(self, work: Work) -> float:
        """Least time for a `Work` in s, where arithmetic and traffic overlap wholly."""
        return max(work.flop / self.peak_flop_per_s, work.bytes / self.peak_bytes_per_s)

    def _reading(self, what, value, unit):
        return Reading(f"{self.name} {what}", value, unit, self.origin, source=self.source)

    def __repr__(self):
        ridge = (self.peak / self.bandwidth).named(f"{self.name} ridge point")
        return "\n".join(map(str, (self.peak, self.bandwidth, ridge)))


def roofline(chip_or_name: Chip | str, dtype: str) -> "Roofline":
    """The published roofline of a chip of the catalogue: `roofline("h100-sxm", "bf16")`.

    Modelled where a figure is arithmetic. Remarks on the figures go into the source.
    Raises ChipNotFound for an unknown chip, ValueError where a figure is unknown.
    """
    the_chip = chip_or_name if isinstance(chip_or_name, Chip) else chip(chip_or_name)
    peak, bandwidth = the_chip.peak(dtype), the_chip.bandwidth
    for reading in (peak, bandwidth):
        if reading.value is None:
            raise ValueError(f"No roofline: {reading.name} is {reading.figure}.{_has(the_chip)}")
    origins = {peak.origin, bandwidth.origin}
    return Roofline(
        name=f"{the_chip.id} {dtype}",
        peak_flop_per_s=peak.value,
        peak_bytes_per_s=bandwidth.value,
        origin=Origin.MODELLED if Origin.MODELLED in origins else Origin.PUBLISHED,
        source=f"peak: {_remarks(peak)}; bandwidth: {_remarks(bandwidth)}",
        unit=peak.unit,
    )


def _remarks(reading):
    return ", ".join(filter(None, (reading.source, reading.note)))


def _has(chip):
    dtypes = [
        field.removeprefix("peak_")
        for field, figure in chip.figures.items()
        if field.startswith("peak_") and figure.value is not None
    ]
    return f" {chip.id} has a peak for {', '.join(dtypes)}." if dtypes else ""


def _refuse_negative(intensity_flop_per_byte):
    is_number = isinstance(intensity_flop_per_byte, numbers.Real)
    if not (is_number and intensity_flop_per_byte >= 0):  # also catches NaN
        raise ValueError(
            f"An arithmetic intensity is a number from 0 in FLOP/B, got {intensity_flop_per_byte}."
        )
