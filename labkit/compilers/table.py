"""A compiled kernel as an HTML table, a row for each chip, in the page's own ink."""

import html
from typing import TYPE_CHECKING

from labkit.compilers.kinds import KINDS
from labkit.units import binary

if TYPE_CHECKING:
    from labkit.compilers.result import CompiledKernel

_CELL = "padding:2px 6px;text-align:right;white-space:nowrap"
_HEAD = "padding:2px 6px;text-align:right;vertical-align:bottom"  # its words may stand in two lines


def table(found: "CompiledKernel") -> str:
    """The table; kinds of which no chip has an instruction are left out."""
    rows = list(found.values())
    kinds = [kind for kind in KINDS if any(kind in row.instructions for row in rows)]
    heads = [
        "chip", "architecture", *(kind.replace("_", " ") for kind in kinds), "registers",
        "spilled", "shared", "occupancy",
    ]  # fmt: skip
    body = "\n".join(_row(row, kinds, len(heads)) for row in rows)
    origins = " and ".join(dict.fromkeys(str(row.origin) for row in rows))
    sources = "; ".join(dict.fromkeys(row.source for row in rows if row.source))
    foot = html.escape(f"[{origins}] Instructions of {found.kernel}, not executed. {sources}.")
    notice = f"<br>{html.escape(found.notice)}" if found.notice else ""
    head = "".join(_cell(name, "th", _HEAD) for name in heads)
    return (
        f'<table class="lk-compiled"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n'
        f'<caption style="caption-side:bottom;text-align:left">{foot}{notice}</caption></table>'
    )


def _row(row, kinds, width):
    if row.refusal:
        said = f'<td colspan="{width - 2}" style="text-align:left">{html.escape(row.refusal)}</td>'
        return f"<tr>{_cell(row.chip, 'th')}{_cell(row.architecture)}{said}</tr>"
    cells = [
        row.architecture, *(f"{row.instructions.get(kind, 0):,}" for kind in kinds),
        row.registers, row.spills, binary(row.shared_bytes),
        row.residence.removeprefix("occupancy ") if row.occupancy else "–",
    ]  # fmt: skip
    return f"<tr>{_cell(row.chip, 'th')}{''.join(map(_cell, cells))}</tr>"


def _cell(value, tag="td", style=_CELL):
    return f'<{tag} style="{style}">{html.escape(str(value))}</{tag}>'
