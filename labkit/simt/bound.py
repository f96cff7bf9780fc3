"""The shortest time that a counted launch could take on a chip: modelled, and never graded on.

Each resource gives a bound of its own; the longest is the bottleneck. Two of them are weaker than
the hardware: the number of streaming multiprocessors times the clock is taken from the chip's fp32
peak with 64 fp32 lanes per multiprocessor, the fewest any of them has, and fp64 is taken at half of
fp32 where the catalogue has no figure. So the bound stays a bound, as long as the compiler does
what the source says: one that merges neighbouring loads, or keeps a local array in registers, can
beat it.
"""

from labkit.hardware import chip as chip_of
from labkit.reading import Origin, Reading

LAUNCH_S = 3e-6  # about what a launch costs
FP32_LANES = 64  # of one streaming multiprocessor, at least
ISSUE_PER_CYCLE = 4  # warp instructions that it can issue in a cycle


def time_bound(profile, chip):
    """A Reading in seconds (modelled) whose note names the bottleneck.

    chip   id in the catalogue, or a Chip. A term whose figure the catalogue lacks is left out, and
           the note says so.
    """
    chip = chip_of(chip) if isinstance(chip, str) else chip
    terms, missing = {}, []

    def term(name, amount, rate):
        if amount and rate is None:
            missing.append(name)
        elif amount:
            terms[name] = amount / rate

    fp32 = chip.peak("fp32").value
    fp64 = _known(chip, "fp64") or (fp32 / 2 if fp32 else None)
    cycles = fp32 / (2 * FP32_LANES) if fp32 else None  # multiprocessors x clock, at most
    term("DRAM bandwidth", profile.dram_bytes_lower, chip.bandwidth.value)
    term("fp32 arithmetic", profile.flop.get("float32", 0), fp32)
    term("fp64 arithmetic", profile.flop.get("float64", 0), fp64)
    for dtype, name in {"float16": "fp16", "tf32": "tf32"}.items():
        term(f"{name} tensor cores", profile.matrix_flop.get(dtype, 0), _known(chip, name))
    wavefronts = profile.shared_loads.wavefronts + profile.shared_stores.wavefronts
    term("shared-memory wavefronts", wavefronts, cycles)
    term("instruction issue", profile.instructions, cycles and ISSUE_PER_CYCLE * cycles)
    if not terms:
        why = (
            f"the catalogue has no figure of {chip.name} for {', '.join(missing)}"
            if missing
            else ("nothing was counted")
        )
        return Reading("time bound", None, "s", Origin.MODELLED, note=why)
    bottleneck = max(terms, key=terms.get)
    note = f"lower bound on {chip.name}; bottleneck: {bottleneck}"
    if terms[bottleneck] < LAUNCH_S:
        note += ", though the launch itself costs more"
    if missing:
        note += f"; without {', '.join(missing)}, unknown"
    return Reading("time bound", LAUNCH_S + terms[bottleneck], "s", Origin.MODELLED, note=note)


def _known(chip, dtype):
    try:
        return chip.peak(dtype).value
    except (KeyError, ValueError):
        return None
