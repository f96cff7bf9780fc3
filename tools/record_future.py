"""Record the experiments of lesson 22: `python tools/record_future.py KIND`.

KIND says in words what sort of machine this is, such as "shared virtual machine". Runs the lesson
with all of its libraries and keeps the rows of each experiment in
labkit/results/recorded/future_accelerators.json, which the lesson shows where a library is missing.
"""

import datetime
import json
import platform
import runpy
import sys
from importlib.metadata import version
from pathlib import Path

import labkit as lk
from labkit.reading import Origin
from labkit.teach import Rows

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "labkit/results/recorded/future_accelerators.json"
LESSON = ROOT / "lessons/lesson_22_future_accelerators/lesson.py"
TITLES = {
    "digits-spiking": ("A network of spiking neurons and an ordinary one learn digits", "snntorch"),
    "qubits-time": ("The time to simulate n qubits", "qiskit-aer"),
    "qubits-noisy": ("n noisy qubits that were made to agree", "qiskit-aer"),
    "surface-code": ("Logical errors of the surface code, by physical ones", "stim"),
    "digits-analog": ("Digits on analog weights, by bits and noise", "aihwkit-lightning"),
    "photons": ("Two photons on a half-silvered mirror; photons that arrive", "perceval-quandela"),
}  # fmt: skip


def main(kind):
    kept = {}

    def record(key, run, *, install, origin="measured", note=None):
        rows = [
            {name: round(x, 7) if isinstance(x, float) else x for name, x in row.items()}
            for row in run()
        ]
        title, package = TITLES[key]
        kept[key] = {
            "title": title,
            "machine": f"{kind}, {platform.machine()}",
            "date": datetime.date.today().isoformat(),
            "command": f'python tools/record_future.py "{kind}"',
            "provenance": f"made for this course, with {package} {version(package)}",
            "notes": [],
            "rows": rows,
        }
        return Rows(tuple(rows), Origin(origin), note=note)

    lk.run_or_recorded = record
    runpy.run_path(str(LESSON))
    text = ",\n".join(f"{json.dumps(key)}: {_text(result)}" for key, result in kept.items())
    TARGET.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


def _text(result):
    """One field a line, and one row a line, so that differences are small."""
    rows = ",\n    ".join(json.dumps(row) for row in result["rows"])
    fields = [
        f'  "{name}": {json.dumps(value)}' for name, value in result.items() if name != "rows"
    ]
    fields.append(f'  "rows": [\n    {rows}\n  ]')
    return "{\n" + ",\n".join(fields) + "\n}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
