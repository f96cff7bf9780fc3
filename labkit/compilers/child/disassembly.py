"""What ptxas reports of a kernel, and the machine code that it made, as text."""

import re
import subprocess


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


def without_shifted_lines(ptx):
    """PTX whose inline assembly has the source line before it.

    LLVM gives each further line of inline assembly a further source line, which is not its own.
    """

    def unplaced(block):
        return re.sub(r"^\s*\.loc\b.*\n", "", block[0], flags=re.MULTILINE)

    return re.sub(r"// begin inline asm.*?// end inline asm", unplaced, ptx, flags=re.DOTALL)


def disassembled(cubin, tool):
    """The machine code of a file as text, with a source line and where that was inlined."""
    command = [tool, "-gi", "-c", cubin]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
