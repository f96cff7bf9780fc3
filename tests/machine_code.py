"""A compiled kernel that no compiler made, for tests of what shows one."""

from labkit.compilers import Compiled, CompiledKernel, Instruction
from labkit.compilers.assembly import by_line, counted
from labkit.reading import Origin

TEXT = "def scaled(a, x, y):\n    i = cuda.grid(1)\n    if i < x.size:\n        y[i] = a * x[i]\n"
FIRST_LINE = 10
H100 = (
    Instruction("S2R R0, SR_TID.X", "other", 11, "k.py"),
    Instruction("@P0 EXIT", "other", 12, "k.py"),
    Instruction("LDG.E R2, desc[UR4][R2.64]", "global_loads", 13, "k.py"),
    Instruction("FMUL R5, R2, UR6", "multiply", 13, "k.py"),
    Instruction("STG.E desc[UR4][R4.64], R5", "global_stores", 13, "k.py"),
    Instruction("BRA 0x100", "other", None, ""),
)
T4 = (*H100[:2], Instruction("STL [R1], R5", "local_moves", 13, "k.py"), *H100[2:])


def _compiled(chip, architecture, assembly, **more):
    return Compiled(
        "scaled", chip, architecture, Origin.MEASURED, "ptxas 99.0",
        instructions=counted(one.kind for one in assembly), lines=by_line(assembly, "k.py"),
        registers=12, spill_bytes=0, local_bytes=0, shared_bytes=0, assembly=assembly, **more,
    )  # fmt: skip


def found() -> CompiledKernel:
    """A kernel for two chips; and a third, which it isn't compiled for."""
    chips = {
        "h100-sxm": _compiled("h100-sxm", "sm_90", H100),
        "t4": _compiled("t4", "sm_75", T4),
        "mi300x": Compiled("scaled", "mi300x", "gfx942", Origin.MEASURED, "", refusal="not for it"),
    }
    return CompiledKernel("scaled", chips, FIRST_LINE, TEXT)
