"""Record what frameworks hand to XLA: `python tools/record_front_doors.py KIND`.

KIND says in words what sort of machine this is, such as "shared virtual machine". Needs TensorFlow
and torchax beside the course's own packages (`pip install tensorflow-cpu torchax`). Takes the
models from lesson 13 and writes labkit/results/recorded/front_doors.json, which the lesson shows
where a framework is missing, or where its version doesn't fit the others.
"""

import datetime
import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from labkit.teach.source import definition_in
from labkit.tpu import operations

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "labkit/results/recorded/front_doors.json"
LESSON = ROOT / "lessons/lesson_13_xla_and_pallas/lesson.py"
DOORS = {  # the lesson's function -> the packages whose versions count, as far as they're there
    "in_jax": ("jax",),
    "in_tensorflow": ("tensorflow-cpu", "tensorflow"),
    "in_pytorch": ("torch", "torchax", "jax"),
}


def record(kind):
    """Write the operations of the lesson's model in each framework. Raises where one is missing."""
    _stand_in_for_named_tensors()
    rows = [
        {
            "door": door,
            "versions": ", ".join(_installed(packages)),
            "operations": operations(definition_in(LESSON, door)()),
        }
        for door, packages in DOORS.items()
    ]
    kept = {
        "front-doors": {
            "title": "One small model, as three frameworks hand it to XLA",
            "machine": f"{kind}, {platform.machine()}",
            "date": datetime.date.today().isoformat(),
            "command": f'python tools/record_front_doors.py "{kind}"',
            "provenance": "made for this course",
            "notes": ["HLO before any optimisation; operations that only name or shape values "
                      "are left out.",
                      "torchax 0.0.13 names overloads for named tensors, which torch 2.13 no "
                      "longer has: others stood in for them, and the model uses none."],
            "rows": rows,
        }
    }  # fmt: skip
    TARGET.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def _stand_in_for_named_tensors():
    """Let torchax 0.0.13 load: it looks up overloads of named tensors, which torch 2.13 lacks."""
    import torch

    packet = torch._ops.OpOverloadPacket
    find = packet.__getattr__

    def found(self, name):
        is_of_names = "imname" in name or "names" in name
        return find(self, self.overloads()[0] if is_of_names else name)

    packet.__getattr__ = found


def _installed(packages):
    for package in packages:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    record(sys.argv[1])
