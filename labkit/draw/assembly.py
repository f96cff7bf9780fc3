"""Source beside assembly: what a compiler made of each line of a kernel."""

from typing import TYPE_CHECKING

from labkit.compilers.kinds import KINDS
from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, SMALL, path, rect, text
from labkit.reading import Origin
from labkit.simt.watch.counts import Counts

if TYPE_CHECKING:
    from labkit.compilers import Compiled, CompiledKernel
    from labkit.simt import Profile

_TOP, _ROW, _MOST, _GAP = 96, 20, 40, 28  # pixels, but for the number of instructions


def source_beside_assembly(
    found: "CompiledKernel", chip: str, line: int | None = None, profile: "Profile | None" = None
) -> Picture:
    """Draw a kernel's source with the number of instructions of each line, and those of one line.

    line      whose instructions stand on the right; left out, the line that does most of the work.
              Where results are recorded, which holds no machine code, their kinds stand there
    profile   of `lk.profile`, whose counters then stand behind the lines too

    Raises NotListedError for a chip that it was not compiled for, ValueError for a line that is not
    the kernel's.
    """
    one, source = found[chip], source_lines(found)
    line = busiest(found, chip) if line is None else line
    if line not in source:
        raise ValueError(
            f"{found.kernel} has no line {line}: its lines are {min(source)} to {max(source)}."
        )
    notes = {number: note_of(one, number, profile) for number in source}
    right = [_cut(words, 48) for _, words in rows_of(one, line)]
    if len(right) > _MOST:
        right = [*right[:_MOST], f"… and {len(right) - _MOST} more"]
    shown = {number: _cut(words, 76) for number, words in source.items()}
    width = max(map(_code_width, shown.values())) + 64
    middle = width + max(text_width(words, SMALL) for words in notes.values()) + _GAP
    head = f"{found.kernel} on {one.chip}, {one.architecture}"
    title = f"[{one.origin}] {figures_of(one)}"
    parts = [
        text(12, 26, head, size=16, bold=True),
        text(12, 48, title, size=SMALL, muted=True),
        text(12, _TOP - 20, "source line, and its instructions", bold=True),
        text(middle, _TOP - 20, f"instructions of line {line}", bold=True),
    ]
    for row, (number, words) in enumerate(shown.items()):
        y = _TOP + row * _ROW
        if number == line:
            parts.append(rect(4, y - 15, middle - _GAP, _ROW, fill=BLUE, tint=0.25))
        parts.append(text(40, y, number, "end", size=SMALL, muted=True))
        parts += [_code(52, y, words)] if words.strip() else []
        parts += [text(width, y, notes[number], size=SMALL)] if notes[number] else []
    parts += [_code(middle, _TOP + n * _ROW, words) for n, words in enumerate(right)]
    foot = _TOP + max(len(source), len(right)) * _ROW
    parts.append(path(f"M{middle - _GAP / 2:.0f},{_TOP - 36}V{foot - 10}", opacity=GRID))
    wide = max(middle + max(map(_code_width, right), default=0), text_width(title, SMALL) + 24)
    alt = f"{head}: {title}. Line {line}, {source[line].strip()}: {notes[line] or 'none'}"
    return sheet(wide + 16, foot + 4, parts, alt)


def source_lines(found: "CompiledKernel") -> dict[int, str]:
    """Number -> text of each line of a kernel's source."""
    return dict(enumerate(found.text.rstrip().splitlines(), found.first_line))


def busiest(found: "CompiledKernel", chip: str) -> int:
    """The line with most matrix multiplications; where there are none, most of the next kind."""
    lines = found[chip].lines

    def weight(number):
        return [lines.get(number, {}).get(kind, 0) for kind in KINDS]

    return max(source_lines(found), key=weight)


def rows_of(one: "Compiled", line: int | None = None) -> list[tuple[int | None, str]]:
    """(line, words) of each instruction, or of those of one line; kinds where there is no code."""
    if one.assembly:
        rows = [(i.line, i.text) for i in one.assembly]
    else:
        rows = [
            (n, _number(kind, k)) for n, kinds in one.lines.items() for kind, k in kinds.items()
        ]
    return rows if line is None else [row for row in rows if row[0] == line]


def note_of(one: "Compiled", line: int, profile: "Profile | None") -> str:
    """What is to be said of a line: its instructions by kind, and what was counted on it."""
    said = ", ".join(_number(kind, n) for kind, n in one.lines.get(line, {}).items())
    lines = profile.lines.items() if profile else ()
    counted = [
        words for place, counts in lines if place.number == line for words in _counted(counts)
    ]
    return said + f"; [{Origin.SIMULATED}] {', '.join(counted)}" * bool(counted)


def figures_of(one: "Compiled") -> str:
    """The figures of a compiled kernel, in a line."""
    if one.refusal:
        return f"not compiled, {one.refusal}"
    return f"{one.registers} registers, {one.spills} spilled, {one.shared_bytes:,} B shared"


def _counted(counts: Counts):
    """What an executor counted on a line, as far as there is anything."""
    for access in ("load", "store"):
        traffic = getattr(counts, f"global_{access}s")
        if traffic.requests:
            yield f"{traffic.sectors_per_request:.3g} sectors per {access}"
    for access in ("load", "store"):
        traffic = getattr(counts, f"shared_{access}s")
        if traffic.requests:
            yield f"{traffic.ways:.3g}-way shared {access}"
    if sum(counts.flop.values()):
        yield f"{sum(counts.flop.values()):,} FLOP"


def _number(kind, n):
    return f"{n:,} {kind.replace('_', ' ')}"


def _cut(words, most):
    return words if len(words) <= most else words[: most - 1] + "…"


def _code(x, y, words):
    """Text in a face whose letters are all as wide, with its spaces kept."""
    held = words.replace(" ", "\u00a0")
    return text(x, y, held, size=SMALL).replace("<text ", '<text font-family="monospace" ', 1)


def _code_width(words):
    return 0.62 * SMALL * len(words)
