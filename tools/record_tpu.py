"""Record what the TPU compiler says to a lesson: `python tools/record_tpu.py LESSON.py`.

Writes labkit/results/recorded/tpu_compiler.json, for machines without libtpu.
"""

import dataclasses
import datetime
import importlib.metadata
import json
import platform
import runpy
import sys
from pathlib import Path

import labkit.results
from labkit.tpu.compiler import LIVE

_TARGET = Path(labkit.results.__file__).parent / "recorded" / "tpu_compiler.json"


def record(lesson):
    """Run a lesson and write down every TpuProgram that it compiled.

    Raises RuntimeError, and writes nothing, where libtpu compiled none.
    """
    runpy.run_path(str(lesson))
    if not LIVE:
        raise RuntimeError(
            f"{lesson} compiled nothing for a TPU, so nothing was written: is libtpu installed?"
        )
    rows = [_row(program) for program in LIVE.values()]
    result = json.dumps({"tpu-compiler": _about(lesson) | {"rows": []}}, indent=2)
    lines = ",\n".join(f"      {json.dumps(row)}" for row in rows)
    _TARGET.write_text(result.replace('"rows": []', f'"rows": [\n{lines}\n    ]') + "\n", "utf-8")


def _about(lesson):
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("libtpu", "jax"))
    return {
        "title": "What the TPU compiler made of the programs of lesson 13",
        "machine": f"{versions} on a {platform.machine()} CPU without a TPU",
        "date": datetime.date.today().isoformat(),
        "command": f"python tools/record_tpu.py {Path(lesson).as_posix()}",
        "provenance": "made for this course",
        "notes": [
            "Nothing was executed: cycles are the compiler's static estimates for a TPU v5e.",
            "Bytes and collectives are those of one device.",
        ],
    }


def _row(program):
    row = dataclasses.asdict(program)
    del row["source"]
    return row


if __name__ == "__main__":
    record(sys.argv[1])
