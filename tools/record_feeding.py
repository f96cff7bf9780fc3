"""Record lesson 14's experiments here: `python tools/record_feeding.py KIND`.

KIND says in words what sort of machine this is. Writes labkit/results/recorded/feeding.json: reads
of a disk, which a lesson shows where a machine reads from memory, and an epoch that was killed,
where torchdata is missing. The table of libraries in it is kept as it is: it was made by installing
each into a folder of its own, with `pip install --target`, without what an environment with torch
has already.
"""

import datetime
import json
import sys
from importlib.metadata import version
from pathlib import Path

from record_cpu import machine_in_words

import labkit.results
from lessons.lesson_14_feeding_the_chips.resuming import rows_of_kills
from lessons.lesson_14_feeding_the_chips.storage import read_times

TARGET = Path(labkit.results.__file__).parent / "recorded" / "feeding.json"
KEPT = 9


def main():
    """Write the file; an error if this machine cannot show what a disk does."""
    if len(sys.argv) != 2:
        return __doc__.splitlines()[0]
    made = {
        "machine": machine_in_words(sys.argv[1]),
        "date": datetime.date.today().isoformat(),
        "command": f"python tools/record_feeding.py {sys.argv[1]!r}",
    }
    reads = read_times(n_rounds=5 * KEPT)
    if reads.cannot:
        return f"Nothing was recorded. {reads.cannot}"
    tables = json.loads(TARGET.read_text(encoding="utf-8"))
    tables["storage-reads"] = {
        "title": "Reading a MiB from a disk in five ways",
        **made,
        "provenance": "made for this course",
        "notes": [
            f"Seconds for a MiB. {5 * KEPT} rounds in turns; of each way the fastest {KEPT} are "
            "kept, because other programs shared the machine.",
            "The system was asked to drop the files before each round, and did.",
        ],
        "rows": [
            {"read": way, "samples_s": [round(time_s, 9) for time_s in sorted(samples)[:KEPT]]}
            for way, samples in reads.times.samples_s.items()
        ],
    }
    tables["loader-kills"] = {
        "title": "An epoch that is killed in step 12 of 25, without and with the loader's state",
        **made,
        "provenance": f"torch {version('torch')}, torchdata {version('torchdata')}",
        "notes": [
            "Batches of 16, a checkpoint every 10 steps, SIGKILL to the process that trains."
        ],
        "rows": rows_of_kills(),
    }
    TARGET.write_text(json.dumps(tables, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
