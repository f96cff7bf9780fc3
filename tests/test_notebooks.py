"""The stored notebooks say what the sources say, and a wrong number in one of them is caught."""

import ast
import subprocess
import sys

import build
import nbformat
import pytest
import sources
import validate

TARGETS = sources.targets(sources.ROOT)
LESSONS = sorted({target.path.stem for target in TARGETS})


def code_cells(path):
    return code_of(nbformat.read(path, as_version=4))


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def checks_of(cell):
    """How many times a cell calls `check` or `your_turn`."""
    tree = ast.parse(cell.source.replace("%pip", "pass  #"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [getattr(f, "attr", getattr(f, "id", "")) for f in calls]
    return sum(name in ("check", "your_turn") for name in names)


def verdicts_of(cell):
    """The verdicts that the stored output of a cell shows, such as `["todo"]`."""
    text = "\n".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )
    lines = [line for line in text.splitlines() if line.startswith("[")]
    return [line[1:].split("]")[0] for line in lines]


def verdicts(root, folder, stem):
    return verdicts_in(code_cells(root / folder / f"{stem}.ipynb"))


def verdicts_in(cells):
    """For each check of a notebook: its verdict. Each cell shows as many as it calls."""
    found = []
    for cell in cells:
        if checks_of(cell):
            shown = [v for v in verdicts_of(cell) if v in ("todo", "again", "error", "pass")]
            assert len(shown) == checks_of(cell), cell.source
            found += shown
    return found


def test_the_course_has_lessons():
    assert LESSONS


def test_the_notebooks_are_in_step_and_executed():
    assert build.check(sources.ROOT) == []


@pytest.mark.parametrize("stem", LESSONS)
def test_every_lesson_has_its_three_notebooks(stem):
    names = {target.name for target in TARGETS if target.path.stem == stem}
    assert names == {f"{folder}/{stem}" for folder in sources.FOLDERS}


@pytest.mark.parametrize("stem", LESSONS)
def test_every_blank_says_what_to_do_and_passes_nothing(stem):
    found = verdicts(sources.ROOT, "exercises", stem)
    assert found
    assert set(found) == {"todo"}


@pytest.mark.parametrize("stem", LESSONS)
def test_every_solution_passes(stem):
    found = verdicts(sources.ROOT, "solutions", stem)
    assert len(found) == len(verdicts(sources.ROOT, "exercises", stem))
    assert set(found) == {"pass"}


@pytest.mark.parametrize("stem", LESSONS)
def test_every_turn_of_a_lesson_passes_where_it_is_solved(stem):
    assert set(verdicts(sources.ROOT, "notebooks", stem)) <= {"pass"}


@pytest.mark.parametrize("stem", LESSONS)
def test_every_turn_is_blank_where_students_start(stem):
    """Cell by cell, a turn in start/ is not the solved one of notebooks/."""
    blank, solved = (
        turns(sources.ROOT / folder / f"{stem}.ipynb") for folder in ("start", "notebooks")
    )
    assert len(blank) == len(solved)
    assert not set(blank) & set(solved)


def turns(path):
    return [cell.source for cell in code_cells(path) if "lk.your_turn(" in cell.source]


@pytest.mark.parametrize("stem", LESSONS)
def test_no_solution_stands_in_an_exercise(stem):
    text = (sources.ROOT / "exercises" / f"{stem}.ipynb").read_text("utf-8")
    assert "SOLUTION" not in text


# That the net catches: the toy course under nbval, with something planted


def test_the_toy_shows_both_verdicts(toy):
    assert verdicts(toy, "exercises", "07_toy") == ["todo"]
    assert verdicts(toy, "solutions", "07_toy") == ["pass"]


def nbval(root):
    """Run nbval's full mode as the course is validated; returns the finished process."""
    command = [sys.executable, "-m", "pytest", "-q", *validate.NBVAL, "notebooks"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)


def plant(root, changes):
    """Change stored outputs of the toy lesson; each of `changes` meets exactly one."""
    path = root / "notebooks/07_toy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    outputs += [output["data"] for output in outputs if "data" in output]
    for key, old, new in changes:
        (output,) = [output for output in outputs if old in output.get(key, "")]
        output[key] = output[key].replace(old, new)
    nbformat.write(notebook, path)


def test_nbval_passes_the_toy_although_its_measurement_moved(toy):
    done = nbval(toy)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


@pytest.mark.parametrize(
    "changes",
    [
        [
            ("text/plain", "[modelled] answer: 42", "[modelled] answer: 43"),
            ("text", "second", "third"),
            ("ename", "ZeroDivisionError", "ValueError"),
        ],
        [("text/html", "<b>42</b>", "<b>43</b>")],
        [("text/plain", "[measured] now", "[measured] then")],
        [("text/plain", "[modelled] twice the", "[modelled] thrice the")],
    ],
)
def test_nbval_catches_what_is_planted(toy, changes):
    plant(toy, changes)
    done = nbval(toy)
    assert done.returncode == 1, done.stdout
    assert f"{len(changes)} failed, {4 - len(changes)} passed" in done.stdout
