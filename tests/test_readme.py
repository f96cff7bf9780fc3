"""README, CONTRIBUTING and CITATION say what is so."""

import re
import subprocess
import sys
import tomllib

import pytest
import readme
import sources
import validate
import yaml

ROOT = sources.ROOT
README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_the_generated_parts_are_in_step():
    assert readme.out_of_step(ROOT) == []


def test_a_part_without_its_marks_is_a_sentence():
    with pytest.raises(ValueError, match="has no <!-- lessons -->"):
        readme.filled("# A README", {"lessons": "x"})


def test_a_part_is_replaced_and_nothing_else():
    text = "a\n<!-- part -->\nold\nold\n<!-- /part -->\nb\n"
    assert readme.filled(text, {"part": r"new \1"}) == (
        "a\n<!-- part -->\nnew \\1\n<!-- /part -->\nb\n"
    )


@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", README, re.S | re.M))
def test_a_python_block_of_the_readme_runs(block):
    subprocess.run([sys.executable, "-c", block], cwd=ROOT, check=True, timeout=60)


def test_every_lesson_and_room_is_named():
    stems = {path.stem for path in ROOT.glob("notebooks/*.ipynb")}
    rooms = {path.parent.name for path in ROOT.glob("labkit/*/__init__.py")} | {"units", "reading"}
    assert {stem for stem in stems if f"notebooks/{stem}.ipynb" not in README} == set()
    assert {room for room in rooms if f"`{room}`" not in README} == set()


def test_every_lesson_of_the_plan_has_a_row_and_every_source_a_place_in_it():
    planned = [row["lesson"] for row in readme.lessons(ROOT)]
    assert planned == sorted(planned)
    assert [lesson[:2] for lesson in planned] == [f"{n:02}" for n in range(len(planned))]
    assert {target.path.stem for target in sources.targets(ROOT)} <= set(planned)


def test_a_lesson_is_ready_when_it_is_there(tmp_path):
    (tmp_path / "lessons").mkdir()
    for name in ("lessons/lessons.csv", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    n_lessons = len(readme.lessons(ROOT))
    assert readme.lesson_table(tmp_path).count("planned") == n_lessons
    (tmp_path / "lessons/lesson_06_memory").mkdir()
    (tmp_path / "lessons/lesson_06_memory/lesson.py").touch()
    table = readme.lesson_table(tmp_path)
    assert table.count("planned") == n_lessons - 1
    assert "notebooks/06_memory.ipynb" in table


def test_every_repository_named_is_the_one_in_pyproject():
    for name in ("README.md", "CITATION.cff", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text("utf-8")
        for found in re.findall(r"(?:github\.com|/github|/v2/gh)/([\w-]+/[\w-]+)", text):
            assert found == sources.slug(ROOT), name


def test_every_file_that_is_linked_exists():
    for text in (README, CONTRIBUTING):
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
            assert (ROOT / link).exists(), link


def test_every_stage_is_named():
    for stage in validate.STAGES:
        assert f"`{stage.name}`" in CONTRIBUTING


def test_the_citation_has_the_version_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert citation["version"] == project["version"]
    assert citation["cff-version"] == "1.2.0"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_markdown_has_one_sentence_a_line(name):
    text = re.sub(r"^(```.*?^```|\|.*?$)", "", (ROOT / name).read_text("utf-8"), flags=re.S | re.M)
    assert re.findall(r"\w{3,}[.!?] [A-Z].*", text) == []
