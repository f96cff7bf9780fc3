"""What a CPU's matrix units could reach at the clock that the system reports."""

from numbers import Integral
from typing import Any

from labkit.reading import Origin, Reading
from labkit.units import si

_BITS = {"fp32": 32, "fp64": 64}


def modelled_cpu_peak(machine: Any, dtype: str = "fp32", n_fma_units: int | None = None) -> Reading:
    """Peak of a CPU in FLOP/s: cores × lanes × FMA units × 2 × clock, as a modelled Reading.

    n_fma_units   vector FMA units of a core. By default 2 where the CPU has AVX2 or AVX-512, which
                  most such cores have and none so far exceeds; a core with one reaches half of
                  it. ARM cores have 1 to 4, so there it must be given.

    No limit where the clock is one that turbo may pass, as on most virtual machines: the note says
    which clock it is. Value None, with the reason, where the system does not tell what is needed.
    Raises ValueError for a dtype other than fp32 and fp64, and for units that aren't a whole
    number.
    """
    if dtype not in _BITS:
        raise ValueError(f"The CPU's peak is modelled for fp32 and fp64 only, not for {dtype!r}.")
    if n_fma_units is not None and not (isinstance(n_fma_units, Integral) and n_fma_units >= 1):
        raise ValueError(f"A core has a whole number of FMA units from 1, got {n_fma_units!r}.")
    if n_fma_units is None and machine.simd in ("AVX2", "AVX-512"):
        n_fma_units = 2
    n_cores = _cores(machine)
    missing = _missing(machine, n_cores, n_fma_units)
    if missing:
        return Reading(f"CPU peak {dtype}", None, "FLOP/s", note=missing, of=Origin.MEASURED)
    n_lanes = machine.simd_bits // _BITS[dtype]
    note = (
        f"{n_cores:g} cores × {n_lanes} lanes × {n_fma_units} FMA units × 2 × "
        f"{si(machine.clock_hz, 'Hz')}, clock {machine.clock_kind}"
    )
    peak = n_cores * n_lanes * n_fma_units * 2 * machine.clock_hz
    return Reading(f"CPU peak {dtype}", peak, "FLOP/s", note=note, of=Origin.MEASURED)


def _cores(machine):
    """Usable cores, at most the physical ones: threads of one core share its FMA units."""
    limits = (machine.cpu_count_usable, machine.n_physical_cores)
    return min(filter(None, limits), default=None)


def _missing(machine, n_cores, n_fma_units):
    if not n_cores:
        return machine.why["n_logical_cores"]
    for field in ("simd", "simd_bits", "clock_hz"):
        if getattr(machine, field) is None:
            return f"{field} is {machine.why[field]}"
    if not machine.has_fma:
        return f"the CPU has {machine.simd} but no fused multiply-add"
    if n_fma_units is None:
        return f"cores with {machine.simd} have 1 to 4 FMA units, pass n_fma_units"
    return None
