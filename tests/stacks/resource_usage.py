"""`labkit/compilers/child/compile_jobs.py`, which also tells what cuobjdump reads in machine code.

python resource_usage.py jobs.pickle results.json
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "labkit" / "compilers" / "child"))
import compile_jobs

USAGE = []  # of what was disassembled in this process


def telling(disassembled):
    """Disassembly that remembers the use of resources."""

    def both(cubin, tool):
        command = [Path(tool).with_name("cuobjdump"), "--dump-resource-usage", cubin]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        USAGE[:] = [said]
        return disassembled(cubin, tool)

    return both


def attempt(task, attempt=compile_jobs.attempt):
    USAGE.clear()
    for name in ("numba_jobs", "triton_jobs"):
        module = sys.modules.get(name)
        if module and module.disassembled.__name__ != "both":
            module.disassembled = telling(module.disassembled)
    return {**attempt(task), "usage": "".join(USAGE)}


if __name__ == "__main__":
    compile_jobs.attempt = attempt
    compile_jobs.main(*sys.argv[1:])
