"""The sources of the lessons, and the cells that they describe.

lessons/lesson_NN_name/lesson.py     becomes  start/NN_name.ipynb, turns blank and without outputs,
                                     and      notebooks/NN_name.ipynb, solved and executed
lessons/lesson_NN_name/exercises.py  becomes  exercises/NN_name.ipynb, with the solutions blanked,
                                     and      solutions/NN_name.ipynb
"""

import dataclasses
import re
import symtable
import tomllib
from pathlib import Path

import jupytext
import nbformat
from stated_time import PLACEHOLDER, stated_time

ROOT = Path(__file__).resolve().parents[1]
FOLDERS_OF = {"lesson": ("start", "notebooks"), "exercises": ("exercises", "solutions")}
FOLDERS = tuple(folder for folders in FOLDERS_OF.values() for folder in folders)
EXECUTED = FOLDERS[1:]  # what students open, `start`, holds no outputs
ROOM = "lesson_[0-9][0-9]_*"

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
REGION = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION[ \t]*(?:\n|\Z)", re.S | re.M
)
MARK = re.compile(r"### (?:BEGIN|END) SOLUTION")
FOR_THE_FORMATTER = re.compile(r"  # fmt: skip$", re.M)  # says nothing to a student
COLAB = """\
import sys

if "google.colab" in sys.modules:  # on Colab, fetch the course's helpers; elsewhere do nothing
    %pip install -q "labkit @ git+https://github.com/{slug}@main"\
"""


class BuildError(Exception):
    """A sentence that says what is wrong with which lesson, and what to do."""


@dataclasses.dataclass(frozen=True)
class Target:
    """One notebook to build, and the source that it comes from."""

    source: Path
    path: Path

    @property
    def name(self):
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def root(self):
        return self.path.parents[1]

    @property
    def is_blank(self):
        """Does a student find the solutions taken out?"""
        return self.path.parent.name in ("start", "exercises")

    @property
    def is_executed(self):
        """What students open holds no outputs, which would spoil the predictions."""
        return self.path.parent.name in EXECUTED


def targets(root, numbers=()):
    """Every notebook of the course under `root`, or those of the lessons with these numbers."""
    found = []
    for room in sorted((root / "lessons").glob(ROOM)):
        stem = room.name.removeprefix("lesson_")
        if not numbers or stem[:2] in numbers:
            found += [
                Target(room / f"{kind}.py", root / folder / f"{stem}.ipynb")
                for kind, folders in FOLDERS_OF.items()
                for folder in folders
                if (room / f"{kind}.py").exists()
            ]
    unknown = set(numbers) - {target.path.stem[:2] for target in found}
    if unknown:
        raise BuildError(f"There is no lesson {', '.join(sorted(unknown))} in lessons/.")
    return found


def slug(root):
    """`owner/repository`, from the one place that names it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].removeprefix("https://github.com/").strip("/")


# From a source to cells


def read(target):
    """The notebook that a source describes, not yet executed."""
    notebook = nbformat.v4.new_notebook(cells=_cells(target.source, target.is_blank))
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and PLACEHOLDER in cell.source:
            cell.source = cell.source.replace(PLACEHOLDER, str(time_of(target.source.parent)))
    is_code = [cell.cell_type == "code" for cell in notebook.cells]
    first_code = is_code.index(True) if any(is_code) else len(is_code)
    colab = COLAB.format(slug=slug(target.root))
    notebook.cells.insert(first_code, nbformat.v4.new_code_cell(colab))
    return canonical(notebook)


def time_of(room):
    """The StatedTime of the lesson in the folder `room`, as students open it."""
    kinds = (room / f"{kind}.py" for kind in FOLDERS_OF)
    return stated_time(*(_cells(path, True) if path.exists() else [] for path in kinds))


def _cells(source, is_blank):
    """The cells of a source, with its solutions blanked or only their marks removed."""
    # The format is named: left to guess, jupytext takes an indented magic for another format.
    cells = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent").cells
    if is_blank:
        cells = [cell for cell in cells if "solution" not in cell.metadata.get("tags", [])]
    for cell in cells:
        cell.source = FOR_THE_FORMATTER.sub("", _without_marks(cell.source, source, is_blank))
    return [cell for cell in cells if cell.source.strip()]


def _without_marks(text, source, is_blank):
    text = REGION.sub(_blank if is_blank else r"\2", text + "\n").rstrip("\n")
    if MARK.search(text):
        raise BuildError(
            f"{source.parent.name}/{source.name}: a solution region is not closed. "
            f"Each ### BEGIN SOLUTION needs its ### END SOLUTION in the same cell."
        )
    return text


def _blank(region):
    """What stands in an exercise: in a function a line that raises, at cell level `name = ...`."""
    indent, body = region.groups()
    if indent:
        return f"{indent}raise NotImplementedError  # your code here\n"
    names = _names_bound_by(body)
    if not names:
        raise BuildError(
            f"This solution region stands outside a function and binds no name, so nothing can "
            f"stand in its place. Put it in a function, or tag the cell `solution`:\n{body}"
        )
    return "".join(f"{name} = ...  # your code here\n" for name in names)


def _names_bound_by(code):
    scope = symtable.symtable(code, "solution", "exec")
    return [symbol.get_name() for symbol in scope.get_symbols() if symbol.is_assigned()]


def canonical(notebook):
    """Only what a reader needs, with stable ids: the same source gives the same bytes."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"c{number:03d}"
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict(_metadata(tags) if tags else {})
        for output in cell.get("outputs", []):
            if len(output.get("data", {})) > 1:  # a static form stays
                output.data.pop(WIDGET_VIEW, None)
                output.metadata.pop(WIDGET_VIEW, None)
    return notebook


def _metadata(tags):
    """A cell tagged `collapsed` is there to run, not to be read: JupyterLab and Colab fold it."""
    folded = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return {"tags": tags} | (folded if "collapsed" in tags else {})
