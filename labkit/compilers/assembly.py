"""Machine code as text becomes instructions, each with its source line."""

import collections
import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from labkit.compilers.kinds import KINDS, kind_of

_SASS = re.compile(r"\s+/\*[0-9a-f]{4,}\*/\s+(.*?) *;")
_SASS_LINE = re.compile(r'\s*//## File "([^"]*)", line (\d+)')
_AMD = re.compile(r"\t([a-z]\w*_\w+(?:[ \t].*)?)$")
_AMD_LINE = re.compile(r"\t\.loc\t")
_PLACE = re.compile(r"([^\s\[\]]*):(\d+):\d+")  # `file.py:12:5 @[ kernel.py:7:3 ]`
_PADDING = re.compile(r"(?:NOP|s_nop|s_code_end)\b")


@dataclasses.dataclass(frozen=True, slots=True)
class Instruction:
    """One machine instruction; `line` is None where the compiler names no source line.

    kind   one of KINDS
    file   of the line, as the compiler names it
    """

    text: str
    kind: str
    line: int | None
    file: str = ""


def instructions(assembly: str) -> tuple[Instruction, ...]:
    """The instructions of `nvdisasm -gi -c`, or of AMD's assembly, without padding.

    Code that was inlined has the line of the kernel that called for it.
    """
    return tuple(_amd(assembly) if ".amdgcn_target" in assembly else _sass(assembly))


def moved(found: tuple[Instruction, ...], file: str, n_lines: int) -> tuple[Instruction, ...]:
    """The instructions with the lines of a file so many lines further down."""
    return tuple(
        dataclasses.replace(one, line=one.line + n_lines)
        if one.line and Path(one.file).name == file
        else one
        for one in found
    )


def by_line(found: tuple[Instruction, ...], file: str) -> dict[int | None, dict[str, int]]:
    """Line of a file -> kind -> number of instructions; None for those of no line of it."""
    lines = collections.defaultdict(collections.Counter)
    for one in found:
        lines[one.line if Path(one.file).name == file else None][one.kind] += 1
    return {line: counted(lines[line]) for line in sorted(lines, key=lambda n: (n is None, n))}


def counted(kinds: Iterable[str] | Mapping[str, int]) -> dict[str, int]:
    """kind -> how often it occurs, in the order of KINDS and without zeros."""
    numbers = collections.Counter(kinds)
    return {kind: numbers[kind] for kind in KINDS if numbers[kind]}


def _sass(assembly):
    file, line = "", None
    for row in assembly.splitlines():
        if place := _SASS_LINE.match(row):  # of several in a row, the last is the kernel's
            file, line = place[1], int(place[2])
        elif (found := _SASS.match(row)) and not _PADDING.match(found[1]):
            yield Instruction(found[1], kind_of(found[1]), line, file)


def _amd(assembly):
    file, line = "", None
    for row in assembly.splitlines():
        if _AMD_LINE.match(row):
            *_, place = _PLACE.findall(row.partition(";")[2]) or [("", "0")]
            file, line = place[0], int(place[1]) or None
        elif found := _AMD.match(row):
            text = " ".join(found[1].partition(";")[0].split())
            if not _PADDING.match(text):
                yield Instruction(text, kind_of(text), line, file)
