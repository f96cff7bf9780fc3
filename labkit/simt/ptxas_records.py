"""What NVIDIA's compiler made of the kernels of the course: recorded, for machines without it."""

import ast
import copy
import hashlib

import numpy as np

from labkit.reading import Origin, Reading
from labkit.results import recorded
from labkit.simt.compiler.functions import frozen, source_of

_CONSTANTS = (bool, int, float, complex, str, tuple, np.generic)


def resources(kernel, capability):
    """(registers of a thread as a Reading, static shared bytes of a block) of a kernel.

    The most of them, where the kernel is recorded with several types of arguments. Raises
    ValueError for a kernel that is none of the course's, or was changed, and for an architecture
    that it was not compiled for.
    """
    about = recorded("kernel-registers")
    mark = fingerprint(kernel.py_func)
    rows = [row for row in about.rows if row["fingerprint"] == mark]
    if not rows:
        raise ValueError(
            f"No registers are recorded for {kernel.__name__}: it is not, or no longer, a kernel "
            f"of the course. Give threads, registers and shared bytes as numbers."
        )
    if capability not in rows[0]["registers"]:
        raise ValueError(
            f"{kernel.__name__} was compiled for {', '.join(rows[0]['registers'])} and not for "
            f"{capability}. Give threads, registers and shared bytes as numbers."
        )
    registers, shared_bytes = (
        max(row[figure][capability] for row in rows) for figure in ("registers", "shared_bytes")
    )
    name = f"registers of {kernel.__name__}, compute capability {capability}"
    return Reading(name, registers, "1", Origin.RECORDED, source=about.source), shared_bytes


def fingerprint(function):
    """What tells a kernel from all others: its code, with the constants and functions it names."""
    return hashlib.sha256("\n".join(_parts(function)).encode()).hexdigest()[:16]


def _parts(function):
    tree = copy.copy(source_of(function))
    tree.decorator_list = []
    yield ast.unparse(tree)
    known = frozen(function)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for name in sorted((used & known.keys()).difference(function.__code__.co_varnames)):
        value = known[name]
        inner = getattr(value, "py_func", None)
        if inner is not None and inner.__module__ == function.__module__:
            yield from _parts(inner)
        elif isinstance(value, np.ndarray):
            yield f"{name} = {value.dtype} {value.shape} {value.tobytes().hex()}"
        elif isinstance(value, _CONSTANTS):
            yield f"{name} = {value}"
