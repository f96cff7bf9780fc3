"""What the compilers made of the course's kernels: recorded, for machines without them.

Counts only: no machine code is kept. `tools/compile_kernels.py` records `@cuda.jit` kernels,
`tools/record_compilers.py` those of Triton.
"""

import ast
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from labkit.results import Recorded, recorded

CUDA, TILES = "kernel-registers", "tile-kernels"


def recorded_figures(job: dict) -> tuple[Recorded, dict[str, dict]]:
    """What was recorded of a job: (its table, architecture -> figures or nothing).

    Figures have `instructions` and `lines`, counted from the line of the kernel's `def`.
    """
    if job["with"] == "triton":
        about, mark = recorded(TILES), mark_of(job)
        found = (row["figures"] for row in about.rows if row["mark"] == mark)
        return about, next(found, {})
    about = recorded(CUDA)
    if "fastmath" in job or "max_registers" in job:
        return about, {}
    wanted = job["fingerprint"], ", ".join(job["spelled"])
    rows = [row for row in about.rows if (row["fingerprint"], row["arguments"]) == wanted]
    return about, _by_architecture(rows[0]) if rows else {}


def figures_of_namesake(job: dict) -> dict[str, dict]:
    """What was recorded of the course's tile kernel of this name, called alike, or nothing.

    For a kernel that somebody edited. Lines are left out: they would stand beside others.
    """
    if job["with"] != "triton":
        return {}
    alike = (job["name"], call_of(job))
    rows = (row for row in recorded(TILES).rows if (row["kernel"], row["call"]) == alike)
    found = next(rows, {"figures": {}})["figures"]
    return {
        architecture: {key: value for key, value in figures.items() if key != "lines"}
        for architecture, figures in found.items()
    }


def call_of(job: dict) -> str:
    """How a tile kernel is called, in words: types, constants and options."""
    types = job["signature"].items()
    arguments = [f"{name}: {kind}" for name, kind in types if kind != "constexpr"]
    constants = [f"{name}={value[-1]}" for name, value in job["constants"].items()]
    options = [f"{name}={value}" for name, value in sorted(job["options"].items())]
    return ", ".join([*arguments, *constants, *options])


def _by_architecture(row: Mapping[str, Any]) -> dict[str, dict]:
    """The columns of a row, each capability -> figure, as architecture -> column -> figure."""
    columns = {name: value for name, value in row.items() if isinstance(value, dict)}
    return {
        "sm_" + one.replace(".", ""): {name: column[one] for name, column in columns.items()}
        for one in columns["registers"]
    }


def mark_of(job: dict) -> str:
    """What tells a job of Triton's from all others: source, constants, types and options."""
    parts = [*_parts(job["kernel"])]
    parts += [job[key] for key in ("signature", "constants", "divisible_by_16")]
    parts.append(dict(sorted(job["options"].items())))
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _parts(packed):
    yield ast.unparse(ast.parse(packed["text"]))
    for name, (kind, *rest) in sorted(packed["names"].items()):
        if kind == "function":
            yield from _parts(*rest)
        else:
            yield name, kind, *rest
