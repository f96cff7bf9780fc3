"""Record what Triton makes of the tile kernels of the course, for machines without it.

    python tools/record_compilers.py            compile, and compare with what is recorded
    python tools/record_compilers.py --write    keep it in labkit/results/recorded

Needs requirements-compilers.txt. Lessons and solutions run, and each `lk.compile_for` in them is
kept: counts only, no machine code. `tools/compile_kernels.py` records the `@cuda.jit` kernels.
"""

import argparse
import contextlib
import datetime
import io
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "labkit" / "results" / "recorded" / "tile_kernels.json"
FIGURES = (
    "registers", "spill_bytes", "spilled_registers", "local_bytes", "shared_bytes", "threads",
    "instructions", "lines", "error", "line",
)  # fmt: skip
NOTES = (
    "Figures by architecture, as labkit.compilers.Compiled names them; nothing was executed.",
    "The mark is that of source, types, constants and options: a changed kernel has no record.",
)


def sources():
    """The lessons and exercises that compile a kernel of Triton's."""
    paths = sorted((ROOT / "lessons").glob("lesson_*/[el]*.py"))
    return [path for path in paths if "@triton.jit" in path.read_text(encoding="utf-8")]


def compiled(path):
    """Run a lesson -> [(job, architecture -> figures)] of what it compiles."""
    from labkit.compilers import compile as room

    room.LIVE.clear()
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, {"__name__": path.stem})
    return [(job, found) for job, found in room.LIVE if job["with"] == "triton"]


def rows():
    """(versions as words, the rows of the record)."""
    from labkit.compilers.records import mark_of

    found, versions = {}, {}
    for path in sources():
        for job, figures in compiled(path):
            source = path.relative_to(ROOT).as_posix()
            row = found.setdefault(mark_of(job), row_of(job, source))
            for architecture, one in figures.items():
                versions |= dict.fromkeys(one["versions"].items())
                kept = {name: one[name] for name in FIGURES if one.get(name) is not None}
                row["figures"][architecture] = kept
    words = ", ".join(f"{name} {version}" for name, version in sorted(versions, reverse=True))
    return words, [{**row, "mark": mark} for mark, row in found.items()]


def row_of(job, source):
    from labkit.compilers.records import call_of

    return {
        "source": source, "kernel": job["name"], "call": call_of(job), "mark": "", "figures": {},
    }  # fmt: skip


def written(versions, found):
    """The record as text, a row a line."""
    about = {
        "title": "What Triton made of the tile kernels of the course",
        "machine": versions,
        "date": datetime.date.today().isoformat(),
        "command": "python tools/record_compilers.py --write",
        "provenance": "made for this course",
        "notes": NOTES,
    }
    text = json.dumps({"tile-kernels": {**about, "rows": []}}, indent=2)
    lines = ",\n".join(f"      {json.dumps(row)}" for row in found)
    return (
        text.replace('"rows": []', f'"rows": [\n{lines}\n    ]' if found else '"rows": []') + "\n"
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"into {TARGET.relative_to(ROOT)}")
    write = parser.parse_args(arguments).write
    from labkit.compilers.children import missing
    from labkit.results import recorded

    if why := missing("triton"):
        return f"Nothing was compiled: {why}."
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LABKIT_PROGRESS"] = str(Path(folder) / "progress.json")
        os.environ["LABKIT_CUDA"] = "simt"
        versions, found = rows()
    for row in found:
        print(f"{row['kernel']}({row['call']}): {', '.join(row['figures'])}")
    if write:
        TARGET.write_text(written(versions, found), encoding="utf-8")
        return None
    kept = {row["mark"]: row["figures"] for row in recorded("tile-kernels").rows}
    changed = [row["kernel"] for row in found if kept.get(row["mark"]) != row["figures"]]
    return f"Not as recorded: {', '.join(changed)}." if changed else None


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
