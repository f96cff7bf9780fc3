"""`AssemblyExplorer`: source beside assembly; a line and its instructions show one another."""

import json
import zlib
from typing import TYPE_CHECKING

import traitlets

from labkit.draw.assembly import (
    busiest,
    figures_of,
    note_of,
    rows_of,
    source_beside_assembly,
    source_lines,
)
from labkit.draw.widget import PictureWidget, javascript

if TYPE_CHECKING:
    from labkit.compilers import CompiledKernel
    from labkit.simt import Profile


class AssemblyExplorer(PictureWidget):
    """Source beside assembly: `AssemblyExplorer(lk.compile_for(kernel, ...), chip="h100-sxm")`.

    chip      to begin with; left out, the first that the kernel was compiled for
    profile   of `lk.profile`, for a kernel of the executor: its counters stand behind the lines

    Hovering a line shows its instructions, and an instruction its line; a click or the arrow keys
    choose a line. `line` and `chip` are what is chosen; both can be set from Python. Raises
    TraitError for a line that is not the kernel's and for a chip that it was not compiled for;
    NotListedError for such a chip to begin with.
    """

    _esm = javascript("assembly_explorer.js")
    packed = traitlets.Bytes().tag(sync=True)  # zlib over the JSON of all lines and instructions
    chips = traitlets.List(traitlets.Unicode()).tag(sync=True)
    chip = traitlets.Unicode().tag(sync=True)
    line = traitlets.Int().tag(sync=True)

    def __init__(
        self, found: "CompiledKernel", profile: "Profile | None" = None, chip: str | None = None
    ) -> None:
        self._found, self._profile = found, profile
        chips = list(found)
        chip = chip or chips[0]
        packed = zlib.compress(json.dumps(self._all()).encode())
        super().__init__(packed=packed, chips=chips, chip=chip, line=busiest(found, chip))

    def __repr__(self):
        return f"AssemblyExplorer({self._found.kernel}, {self.chip}, line {self.line})"

    @traitlets.validate("chip")
    def _check_chip(self, proposal):
        if proposal["value"] not in self._found.chips:
            raise traitlets.TraitError(
                f"{self._found.kernel} was not compiled for {proposal['value']!r}; it was for "
                f"{', '.join(self._found)}."
            )
        return proposal["value"]

    @traitlets.validate("line")
    def _check_line(self, proposal):
        known = source_lines(self._found)
        if proposal["value"] not in known:
            raise traitlets.TraitError(
                f"{self._found.kernel} has no line {proposal['value']}: its lines are "
                f"{min(known)} to {max(known)}."
            )
        return proposal["value"]

    def _all(self):
        """What the browser shows: source lines, and for each chip its figures, notes and code."""
        source = source_lines(self._found)
        return {
            "source": list(source.items()),
            "chips": {
                name: {
                    "said": f"[{one.origin}] {figures_of(one)} ({one.source})",
                    "notes": {n: note_of(one, n, self._profile) for n in source},
                    "code": rows_of(one),
                }
                for name, one in self._found.items()
            },
        }

    def _still(self):
        picture = source_beside_assembly(self._found, self.chip, self.line, self._profile)
        return {"text/html": picture._repr_html_()}
