"""`tools/build.py`: canonical, executed notebooks; drift and leaks are found without running."""

import json
import shutil

import build
import nbformat
import pytest
import sources
from sources import BuildError, Target

from labkit.teach.line import line


def stored(root, name):
    return nbformat.read(root / f"{name}.ipynb", as_version=4)


def store(root, name, notebook):
    nbformat.write(notebook, root / f"{name}.ipynb")


def code_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def outputs_of(notebook):
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def read_text(tmp_path, text, folder="exercises"):
    """The cells of a source, as they would stand in `folder`."""
    source = tmp_path / "lessons/lesson_03_x/exercises.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text, "utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nurls.Repository = "https://github.com/an-org/a-repo"'
    )
    return sources.read(Target(source, tmp_path / folder / "03_x.ipynb"))


# From a source to cells


def test_a_lesson_becomes_two_notebooks_and_so_do_its_exercises(toy_sources):
    names = [target.name for target in sources.targets(toy_sources)]
    assert names == ["start/07_toy", "notebooks/07_toy", "exercises/07_toy", "solutions/07_toy"]


def test_an_unknown_number_is_a_sentence(toy_sources):
    with pytest.raises(BuildError, match="There is no lesson 08 in lessons/"):
        sources.targets(toy_sources, ["08"])


def test_the_first_code_cell_fetches_the_course_on_colab(tmp_path):
    cell = code_of(read_text(tmp_path, "# %%\nx = 1\n"))[0]
    guard, install = cell.splitlines()[-2:]
    assert guard.startswith('if "google.colab" in sys.modules:')
    assert install == '    %pip install -q "labkit @ git+https://github.com/an-org/a-repo@main"'


def test_the_words_of_the_lesson_stay_above_the_colab_cell(tmp_path):
    notebook = read_text(tmp_path, "# %% [markdown]\n# # Title\n\n# %%\nx = 1\n")
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code"]


def test_a_blank_in_a_function_raises_when_called(toy_sources):
    *_, exercise, solution = sources.targets(toy_sources)
    blank = code_of(sources.read(exercise))[2]
    assert blank.endswith('"""Six."""\n    raise NotImplementedError  # your code here')
    assert code_of(sources.read(solution))[2].endswith('"""Six."""\n    return 2 * 3')


def test_a_blank_at_cell_level_is_an_ellipsis_for_each_name(toy_sources):
    *_, exercise, solution = sources.targets(toy_sources)
    assert code_of(sources.read(exercise))[4] == (
        "guess_s = ...  # your code here\nrate = ...  # your code here"
    )
    assert code_of(sources.read(solution))[4].startswith("guess_s, rate = 1.5")


def test_cells_tagged_solution_are_not_in_the_exercise(toy_sources):
    *_, exercise, solution = sources.targets(toy_sources)
    assert "Two times three." not in [cell.source for cell in sources.read(exercise).cells]
    assert "Two times three." in [cell.source for cell in sources.read(solution).cells]


def test_two_regions_of_one_cell_leave_what_stands_between(tmp_path):
    text = (
        "# %%\ndef f():\n    ### BEGIN SOLUTION\n    a = 1\n    ### END SOLUTION\n    b = 2\n"
        "    ### BEGIN SOLUTION\n    return a\n    ### END SOLUTION\n"
    )
    cell = code_of(read_text(tmp_path, text))[1]
    assert cell.splitlines()[2] == "    b = 2"
    assert cell.count("raise NotImplementedError") == 2


def test_what_is_meant_for_the_formatter_stays_in_the_source(tmp_path):
    built = read_text(tmp_path, "# %%\na = [\n    1, 2,\n]  # fmt: skip\nprint('# fmt: skip')\n")
    assert code_of(built)[-1] == "a = [\n    1, 2,\n]\nprint('# fmt: skip')"


@pytest.mark.parametrize("folder", ["exercises", "solutions"])
@pytest.mark.parametrize("region", ["### BEGIN SOLUTION\nx = 1", "x = 1\n### END SOLUTION"])
def test_an_open_region_is_refused(region, folder, tmp_path):
    with pytest.raises(BuildError, match=r"lesson_03_x/exercises.py: .* is not closed"):
        read_text(tmp_path, f"# %%\n{region}\n", folder)


def test_a_region_that_binds_nothing_is_refused_at_cell_level(tmp_path):
    with pytest.raises(BuildError, match="binds no name"):
        read_text(tmp_path, "# %%\n### BEGIN SOLUTION\nprint(6)\n### END SOLUTION\n")


# What is stored


def test_only_what_a_reader_needs_is_stored(toy):
    for target in sources.targets(toy):
        notebook = stored(toy, target.name)
        assert notebook.metadata == {"kernelspec": sources.KERNELSPEC}
        assert [cell.id for cell in notebook.cells] == [
            f"c{n:03d}" for n in range(len(notebook.cells))
        ]
        assert {key for cell in notebook.cells for key in cell.metadata} <= {"tags"}


def test_prints_with_a_pause_between_are_one_output(toy):
    assert [output.text for output in outputs_of(stored(toy, "notebooks/07_toy"))[1]] == [
        "first\nsecond\n"
    ]


def test_a_rebuild_changes_no_byte(toy):
    """The measured line did move, but nothing else did: the stored one stays."""
    for target in sources.targets(toy, ["07"]):
        before = target.path.read_bytes()
        build.build(target)
        assert target.path.read_bytes() == before


def test_fresh_renews_what_was_measured(toy):
    target = sources.targets(toy)[1]
    before = outputs_of(stored(toy, target.name))
    build.build(target, fresh=True)
    after = outputs_of(stored(toy, target.name))
    before_s, after_s = (outputs[2][0].data["text/plain"] for outputs in (before, after))
    assert before_s.splitlines()[0] != after_s.splitlines()[0]
    assert before[1] == after[1]


def test_a_cell_that_raises_stops_the_build_and_writes_nothing(toy):
    target = sources.targets(toy)[1]
    target.source.write_text("# %%\nundefined_name\n")
    before = target.path.read_bytes()
    with pytest.raises(BuildError, match=r"(?s)notebooks/07_toy: a cell failed.*undefined_name"):
        build.build(target)
    assert target.path.read_bytes() == before


def test_a_widget_view_is_dropped_where_there_is_a_static_form():
    view = {sources.WIDGET_VIEW: {"model_id": "random"}}
    cells = [
        nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", data)])
        for data in ({**view, "text/html": "<img>"}, view)
    ]
    notebook = sources.canonical(nbformat.v4.new_notebook(cells=cells))
    kept = [list(cell.outputs[0].data) for cell in notebook.cells]
    assert kept == [["text/html"], [sources.WIDGET_VIEW]]


def test_only_what_changed_is_built(toy_sources, monkeypatch, capsys):
    built = []

    def pretend(target, fresh=False):
        built.append(target.name)
        target.path.parent.mkdir(exist_ok=True)
        target.path.touch()
        return build.Cost()

    monkeypatch.setattr(build, "build", pretend)
    monkeypatch.setattr(build, "problems", lambda target: [])
    build.build_changed(toy_sources)
    assert len(built) == 4
    build.build_changed(toy_sources)
    assert len(built) == 4
    (toy_sources / "lessons/lesson_07_toy/lesson.py").write_text("# %%\nx = 1\n")
    build.build_changed(toy_sources)
    assert built[4:] == built[:4]
    (toy_sources / "labkit/room.py").write_text("")
    build.build_changed(toy_sources)
    assert len(built) == 12
    assert "notebooks/07_toy" in capsys.readouterr().out


def test_a_lesson_over_its_budget_is_said():
    assert "WARNING: over the budget of 60 s" in str(build.Cost(61, 10**9))
    assert "WARNING: over the budget of 1.5 GB" in str(build.Cost(1, 2 * 10**9))
    assert "WARNING" not in str(build.Cost(59, 10**9))


# Sanitising

SAME = [
    ("[modelled] energy, mean power: 13 W", "[measured] energy, mean power: unknown"),
    ("[measured] copy bandwidth: 12.3 GB/s", "[measured] copy bandwidth: 9 GB/s (noisy)"),
    ("[modelled] share: 2 % (from measured)", "[modelled] share: 3 % (from measured; busy)"),
    ("[here] Almost nothing is lost.", "[here] This machine can't show it."),
    (line("[measured] copy: 1 s").html, line("[measured] copy: 2 s (noisy)", "<div/>").html),
    (line("[here] Slow.").html, line("[here] Fast.").html),
    ('<img alt="[measured] roofline: 7" src="data:a">', '<img alt="[measured] roofline" src="b">'),
    ("<object at 0x7f0a1b2c>", "<object at 0x7fffffff>"),
    ("/tmp/ipykernel_12/34.py:1: Warning", "/tmp/ipykernel_5/6.py:1: Warning"),
    (" 10%|#         | 1/10", "100%|##########| 10/10"),
]
DIFFERENT = [
    ("[measured] copy bandwidth: 1 GB/s", "[measured] read bandwidth: 1 GB/s"),
    ("[modelled] time: 1 ms", "[modelled] time: 2 ms"),
    ("[modelled] share: 2 % (from published)", "[modelled] share: 3 % (from published)"),
    ("[modelled] share: 2 % (from measured)", "[modelled] part: 2 % (from measured)"),
    (line("[modelled] time: 1 ms").html, line("[modelled] time: 2 ms").html),
    (line("[again] 05.1: more").html, line("[again] 05.1: less").html),
    ("as in [measured] copy: 1", "as in [measured] copy: 2"),
    ('<img alt="[measured] roofline" src="a">', '<img alt="[measured] ladder" src="a">'),
    ('<img alt="[simulated] warp" src="a">', '<img alt="[simulated] warp" src="b">'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_is_measured_is_blanked(one, other):
    sanitize = build.sanitizer(sources.ROOT)
    assert sanitize(f"before\n{one}\nafter") == sanitize(f"before\n{other}\nafter")


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_is_not_measured_is_compared(one, other):
    sanitize = build.sanitizer(sources.ROOT)
    assert sanitize(one) != sanitize(other)


def test_the_rules_are_those_that_nbval_reads():
    """Each rule of the file is used, and nbval's own reading of it gives the same result."""
    from nbval.plugin import get_sanitize_patterns

    text = (sources.ROOT / "tests/sanitize.cfg").read_text("ascii")
    assert len(get_sanitize_patterns(text)) == text.count("regex: ") <= len(SAME)


def test_a_bitmap_that_changed_is_renewed_unless_it_is_measured():
    """nbval compares no bitmap; one that a formula drew must follow the formula all the same."""

    def cell(png, tags):
        output = nbformat.v4.new_output("display_data", {"image/png": png, "text/plain": "figure"})
        return nbformat.v4.new_code_cell("draw()", outputs=[output], metadata={"tags": tags})

    for tags, kept in ([], "new"), (["measured"], "old"):
        new, old = (nbformat.v4.new_notebook(cells=[cell(png, tags)]) for png in ("new", "old"))
        build.keep_old(new, old, build.sanitizer(sources.ROOT))
        assert new.cells[0].outputs[0].data["image/png"] == kept


# --check


def test_a_built_course_has_no_problems(toy):
    assert build.check(toy) == []


def test_a_missing_notebook_is_found(toy):
    (toy / "solutions/07_toy.ipynb").unlink()
    (problem,) = build.check(toy)
    assert problem == "solutions/07_toy: there is no notebook. Run python tools/build.py 07"


DAMAGE = [b"", b"{", b"3", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"{}", b'{"cells": 3}',
          b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [3]}',
          b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}']  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_notebook_is_a_sentence(toy, damage):
    (toy / "notebooks/07_toy.ipynb").write_bytes(damage)
    (problem,) = build.check(toy)
    assert problem == "notebooks/07_toy: is damaged. Run python tools/build.py 07"


def test_a_damaged_notebook_is_built_anew(toy):
    path = toy / "start/07_toy.ipynb"
    before = path.read_bytes()
    path.write_text("{")
    build.build_changed(toy)
    assert path.read_bytes() == before
    assert build.check(toy) == []


@pytest.mark.parametrize("damage", DAMAGE[:3])
def test_a_damaged_cache_costs_time_alone(toy, monkeypatch, capsys, damage):
    monkeypatch.setattr(build, "build", lambda target, fresh: build.Cost())
    (toy / ".cache").mkdir(exist_ok=True)
    (toy / ".cache/build.json").write_bytes(damage)
    build.build_changed(toy)
    assert "build.json is damaged: all notebooks are built again." in capsys.readouterr().out
    build.build_changed(toy)
    assert capsys.readouterr().out.count("unchanged") == 4


def test_an_orphan_is_found(toy):
    shutil.copy(toy / "solutions/07_toy.ipynb", toy / "solutions/08_lost.ipynb")
    assert build.check(toy) == ["solutions/08_lost: has no source in lessons/. Remove it."]


def test_a_changed_source_is_found(toy):
    source = toy / "lessons/lesson_07_toy/lesson.py"
    source.write_text(source.read_text("utf-8").replace("Toy", "Game"), "utf-8")
    found = build.check(toy)
    assert [problem.partition(".py.")[0] for problem in found] == [
        f"{folder}/07_toy: differs from lessons/lesson_07_toy/lesson"
        for folder in ("start", "notebooks")
    ]


def test_a_hand_edited_notebook_is_found(toy):
    notebook = stored(toy, "notebooks/07_toy")
    notebook.cells[-2].source += "\nprint('by hand')"
    store(toy, "notebooks/07_toy", notebook)
    assert "differs from" in build.check(toy)[0]


def test_a_cell_that_was_never_executed_is_found(toy):
    """nbval passes it without a word."""
    notebook = stored(toy, "notebooks/07_toy")
    notebook.cells[-2].update(execution_count=None, outputs=[])
    store(toy, "notebooks/07_toy", notebook)
    assert "notebooks/07_toy: a cell was never executed" in build.check(toy)[0]


def test_a_stored_error_is_found(toy):
    source = toy / "lessons/lesson_07_toy/lesson.py"
    source.write_text(source.read_text("utf-8").replace(' tags=["raises-exception"]', ""), "utf-8")
    notebook = stored(toy, "notebooks/07_toy")
    notebook.cells[-1].metadata = {}
    store(toy, "notebooks/07_toy", notebook)
    assert any("notebooks/07_toy: a cell stores an error" in found for found in build.check(toy))


def test_what_an_editor_adds_is_found(toy):
    notebook = stored(toy, "notebooks/07_toy")
    notebook.metadata["widgets"] = {}
    store(toy, "notebooks/07_toy", notebook)
    (problem,) = build.check(toy)
    assert "is not as the builder writes it" in problem


def test_solution_text_in_an_exercise_is_found(toy):
    notebook = stored(toy, "exercises/07_toy")
    notebook.cells[3].outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="### BEGIN SOLUTION\n")
    ]
    store(toy, "exercises/07_toy", notebook)
    (problem,) = build.check(toy)
    assert problem.startswith("exercises/07_toy: holds solution text.")


def test_the_command_fails_on_a_problem(toy, monkeypatch):
    monkeypatch.setattr(build, "ROOT", toy)
    build.main(["--check"])
    (toy / "notebooks/07_toy.ipynb").unlink()
    with pytest.raises(SystemExit, match="there is no notebook"):
        build.main(["--check"])


def test_no_progress_of_a_student_reaches_a_build(toy_sources, monkeypatch):
    """Each notebook starts with a progress file of its own, which is gone afterwards."""
    monkeypatch.setenv("LABKIT_PROGRESS", "the student's own")
    target = sources.targets(toy_sources)[1]
    target.source.write_text('# %%\nimport os\nprint(os.environ["LABKIT_PROGRESS"])\n')
    build.build(target)
    (path,) = [output.text.strip() for output in outputs_of(stored(toy_sources, target.name))[1]]
    assert path != "the student's own"
    assert not (toy_sources / path).parent.exists()
    assert json.loads(target.path.read_text("utf-8"))["cells"]
