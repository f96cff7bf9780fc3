"""Build the notebooks from their sources: `python tools/build.py [NN ...]`.

Every notebook is canonical, and all but those in `start/` are executed: a rebuild differs only in
what was measured, and where nothing else changed the stored measurements stay. `--check` runs
nothing and fails on drift.
"""

import argparse
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
from sources import FOLDERS, ROOT, BuildError, canonical, read, slug, targets

CELL_TIMEOUT_S = 120
BUDGET_S = 60
BUDGET_BYTES = 1.5e9
BUILDER = tuple(
    Path(__file__).with_name(f"{name}.py") for name in ("build", "sources", "stated_time")
)
MADE_FROM = {".py", ".csv", ".json", ".js", ".css"}  # the files of labkit that shape a notebook


@dataclasses.dataclass
class Cost:
    """What a notebook took to run."""

    time_s: float = 0.0
    peak_bytes: int = 0

    def __str__(self):
        over = []
        if self.time_s > BUDGET_S:
            over.append(f"over the budget of {BUDGET_S} s")
        if self.peak_bytes > BUDGET_BYTES:
            over.append(f"over the budget of {BUDGET_BYTES / 1e9:g} GB")
        figures = f"{self.time_s:5.1f} s  {self.peak_bytes / 1e6:5.0f} MB"
        return f"{figures}  WARNING: {', '.join(over)}" if over else figures


def execute(notebook, root, name):
    """Run all cells in `root`, with no progress of any student. Returns the Cost."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        coalesce_streams=True,  # else a pause between two prints shows in the file
        resources={"metadata": {"path": str(root)}},
    )
    with tempfile.TemporaryDirectory() as folder, _watched() as cost:
        env = {**os.environ, "LABKIT_PROGRESS": str(Path(folder) / "progress.json")}
        try:
            client.execute(env=env)
        except (CellExecutionError, CellTimeoutError) as error:
            said = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # without colours
            raise BuildError(f"{name}: a cell failed, so nothing was written.\n{said}") from None
    canonical(notebook)
    return cost


@contextlib.contextmanager
def _watched(interval_s=0.5):
    """Measure the time, and the peak of the memory of all child processes."""
    cost, start, done = Cost(), time.perf_counter(), threading.Event()

    def watch():
        while not done.wait(interval_s):
            cost.peak_bytes = max(cost.peak_bytes, _children_bytes())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield cost
    finally:
        done.set()
        watcher.join()
        cost.time_s = time.perf_counter() - start


def _children_bytes():
    """Sum of the proportional set sizes (where there are none, resident set sizes)."""
    import psutil

    total = 0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            info = child.memory_full_info()
            total += getattr(info, "pss", info.rss)
    return total


# Comparison with what is stored


def sanitizer(root):
    """The function that blanks what was measured, by the very rules that nbval is given."""
    text = (root / "tests" / "sanitize.cfg").read_text(encoding="ascii")
    rules = re.findall(r"^regex: (.*)\n^replace: (.*)$", text, re.M)

    def sanitize(value):
        if isinstance(value, str):
            for pattern, replacement in rules:
                value = re.sub(pattern, replacement, value)
        return value

    return sanitize


def shown(cell, sanitize):
    """The outputs of a cell as nbval compares them; bitmaps too, unless it is tagged `measured`."""
    is_measured = "measured" in cell.metadata.get("tags", [])
    return [
        {
            "type": output.output_type,
            "text": sanitize(output.get("text")),
            "error": (output.get("ename"), sanitize(output.get("evalue"))),
            "data": {
                mime: sanitize(value)
                for mime, value in output.get("data", {}).items()
                if not (is_measured and mime.startswith("image/"))
            },
        }
        for output in cell.get("outputs", [])
    ]


def keep_old(notebook, old, sanitize):
    """Keep the stored outputs where only a measurement moved: that is no reason to rewrite."""
    if len(notebook.cells) != len(old.cells):
        return
    for cell, was in zip(notebook.cells, old.cells, strict=True):
        same = cell.source == was.source and cell.cell_type == was.cell_type == "code"
        if same and shown(cell, sanitize) == shown(was, sanitize):
            cell.outputs = was.outputs


# Building and checking


def problems(target):
    """What is wrong with a stored notebook, as sentences. Runs nothing."""
    rebuild = f"Run python tools/build.py {target.path.stem[:2]}"
    if not target.path.exists():
        return [f"{target.name}: there is no notebook. {rebuild}"]
    stored, expected = read_stored(target.path), read(target)
    if stored is None:
        return [f"{target.name}: is damaged. {rebuild}"]
    found = []
    if [_source_of(cell) for cell in stored.cells] != [_source_of(cell) for cell in expected.cells]:
        source = target.source.relative_to(target.root).as_posix()
        found.append(f"{target.name}: differs from {source}. {rebuild}")
    text = target.path.read_text(encoding="utf-8")
    if nbformat.writes(canonical(read_stored(target.path))) + "\n" != text:
        found.append(f"{target.name}: is not as the builder writes it. {rebuild}")
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    if not target.is_executed:
        if any(cell.execution_count or cell.outputs for cell in code):
            found.append(f"{target.name}: holds outputs, which spoil the predictions. {rebuild}")
    elif not all(cell.execution_count for cell in code):
        found.append(f"{target.name}: a cell was never executed. {rebuild}")
    if any(_failed(cell) for cell in code):
        found.append(f"{target.name}: a cell stores an error. Mend the lesson; {rebuild}")
    if target.is_blank and any(_leaks(cell) for cell in stored.cells):
        found.append(f"{target.name}: holds solution text. {rebuild}")
    return found


def read_stored(path):
    """A stored notebook, or None for one that cannot be read."""
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except Exception:  # each way to be damaged has its own
        return None
    return notebook


def _source_of(cell):
    return cell.cell_type, cell.source, cell.metadata.get("tags", [])


def _failed(cell):
    has_error = any(output.output_type == "error" for output in cell.outputs)
    return has_error and "raises-exception" not in cell.metadata.get("tags", [])


def _leaks(cell):
    return "SOLUTION" in json.dumps(cell) or "solution" in cell.metadata.get("tags", [])


def orphans(root):
    """Stored notebooks that no source describes."""
    known = {target.path for target in targets(root)}
    stored = [path for folder in FOLDERS for path in sorted((root / folder).glob("*.ipynb"))]
    return [
        f"{path.parent.name}/{path.stem}: has no source in lessons/. Remove it."
        for path in stored
        if path not in known
    ]


def fingerprint(target):
    """Changes when anything changes that the notebook is made from: its own room, and labkit."""
    parts = (target.source.parent, target.root / "labkit")
    files = [path for part in parts for path in part.rglob("*") if path.suffix in MADE_FROM]
    digest = hashlib.sha256(slug(target.root).encode())
    for path in (*BUILDER, *sorted(files)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def build(target, fresh=False):
    """Write one notebook, executed where its folder asks for that, and return its Cost."""
    notebook, cost = read(target), Cost()
    if target.is_executed:
        cost = execute(notebook, target.root, target.name)
        old = None if fresh else read_stored(target.path)
        if old is not None:
            keep_old(notebook, old, sanitizer(target.root))
    target.path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, target.path)
    return cost


def build_changed(root, numbers=(), fresh=False):
    """Build what changed since it was last built on this machine; with `fresh`, everything."""
    cache = root / ".cache" / "build.json"
    built = read_cache(cache)
    for target in targets(root, numbers):
        wanted = fingerprint(target)
        if built.get(target.name) == wanted and not problems(target) and not fresh:
            print(f"{target.name:36}  unchanged")
            continue
        cost = build(target, fresh)
        print(f"{target.name:36}  {cost}", flush=True)
        built[target.name] = wanted
        cache.parent.mkdir(exist_ok=True)
        cache.write_text(json.dumps(built, indent=1, sort_keys=True))


def read_cache(path):
    """What was built last, as {notebook: fingerprint}; a damaged cache costs time alone."""
    try:
        built = json.loads(path.read_bytes())
        if isinstance(built, dict):
            return built
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        pass
    print(f"{path} is damaged: all notebooks are built again.")
    return {}


def check(root, numbers=()):
    """All sentences about notebooks that are out of step, not executed, or lost."""
    found = [problem for target in targets(root, numbers) for problem in problems(target)]
    return found + ([] if numbers else orphans(root))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", metavar="NN", help="lessons, such as 02; else all")
    parser.add_argument("--check", action="store_true", help="run nothing; fail on any drift")
    parser.add_argument("--fresh", action="store_true", help="renew stored measurements too")
    options = parser.parse_args(arguments)
    try:
        if not options.check:
            build_changed(ROOT, options.numbers, options.fresh)
        found = check(ROOT, options.numbers)
    except BuildError as error:
        sys.exit(str(error))
    if found:
        sys.exit("\n".join(found))
    n_notebooks = len(targets(ROOT, options.numbers))
    print(f"{n_notebooks} notebooks are in step with lessons/.")


if __name__ == "__main__":
    main()
