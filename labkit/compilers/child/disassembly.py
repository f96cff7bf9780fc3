"""What ptxas reports of a kernel, and the machine code that it made, as text."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path


def reported(said):
    """The report of `ptxas -v`: registers and bytes of a thread, shared bytes of a block."""
    entry = re.search(r"Compiling entry function '(\S+)'", said)[1]
    properties = said[said.index(f"Function properties for {entry}") :]
    return {
        "registers": figure(r"Used (\d+) registers", properties),
        "shared_bytes": figure(r"(\d+) bytes smem", properties),
        "local_bytes": figure(r"(\d+) bytes stack frame", properties),
        "spill_bytes": figure(r"(\d+) bytes spill stores", properties)
        + figure(r"(\d+) bytes spill loads", properties),
    }


def figure(pattern, said):
    found = re.search(pattern, said)
    return int(found[1]) if found else 0


def disassembled(cubin):
    """The machine code of a file as text with source lines; "" where there is no disassembler."""
    tool = disassembler()
    if tool is None:
        return ""
    return subprocess.run(
        [tool, "-gi", "-c", cubin], capture_output=True, text=True, check=True
    ).stdout


def disassembler():
    """nvdisasm, as Triton's wheel holds it, or as the system has it."""
    found = importlib.util.find_spec("triton")
    inside = found and Path(found.origin).parent / "backends" / "nvidia" / "bin" / "nvdisasm"
    return str(inside) if inside and inside.exists() else shutil.which("nvdisasm")
