"""`work/`: the student's copies of the notebooks; bad luck is a sentence and loses nothing."""

import json
import os
import re

import pytest

from tools.copies import copy_lessons, first_lesson, read_record
from tools.environment import LabError


def notebook(source, output="2\n"):
    outputs = [{"output_type": "stream", "name": "stdout", "text": [output]}]
    code = {"cell_type": "code", "id": "c000", "metadata": {}, "execution_count": 1}
    text = {
        "cell_type": "markdown",
        "id": "c001",
        "metadata": {},
        "source": [
            "[exercises](../exercises/02_roofline.ipynb), [lesson](../start/02_roofline.ipynb), "
            "[read](../notebooks/02_roofline.ipynb)"
        ],
    }
    cells = [{**code, "source": [source], "outputs": outputs}, text]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


@pytest.fixture
def lessons(tmp_path):
    for folder in ("start", "exercises"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "02_roofline.ipynb").write_text(notebook("1 + 1"))
    (tmp_path / "start/00_start.ipynb").write_text(notebook("0"))
    copy_lessons(tmp_path)
    return tmp_path


def course_changes(root):
    (root / "start/02_roofline.ipynb").write_text(notebook("1 + 1 + 1"))


def copies(root):
    return sorted(path.name for path in (root / "work").glob("0[1-9]*.ipynb"))


def test_lessons_and_exercises_are_copied_side_by_side(lessons):
    assert copies(lessons) == ["02_roofline.ipynb", "02_roofline_exercises.ipynb"]


def test_a_copy_holds_no_outputs(lessons):
    (code, _) = json.loads((lessons / "work/02_roofline.ipynb").read_text("utf-8"))["cells"]
    assert (code["outputs"], code["execution_count"]) == ([], None)
    assert code["source"] == ["1 + 1"]


def test_links_lead_from_copy_to_copy(lessons):
    (_, text) = json.loads((lessons / "work/02_roofline.ipynb").read_text("utf-8"))["cells"]
    links = re.findall(r"\((.*?)\)", "".join(text["source"]))
    assert links == ["02_roofline_exercises.ipynb", "02_roofline.ipynb", "02_roofline.ipynb"]


def test_a_second_start_touches_nothing(lessons):
    before = {path: path.stat().st_mtime_ns for path in (lessons / "work").glob("*.ipynb")}
    assert copy_lessons(lessons) == []
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_new_outputs_are_no_new_version(lessons):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    (lessons / "start/02_roofline.ipynb").write_text(notebook("1 + 1", "2.0\n"))
    assert copy_lessons(lessons) == []
    assert len(copies(lessons)) == 2


def test_an_untouched_copy_follows_the_course(lessons):
    course_changes(lessons)
    assert copy_lessons(lessons) == []
    assert "1 + 1 + 1" in (lessons / "work/02_roofline.ipynb").read_text("utf-8")


def test_a_touched_copy_is_kept_and_the_new_version_put_beside_it(lessons):
    mine = lessons / "work/02_roofline.ipynb"
    mine.write_text("mine")
    course_changes(lessons)
    (notice,) = copy_lessons(lessons)
    assert "work/02_roofline.ipynb" in notice
    assert "work/02_roofline.new.ipynb" in notice
    assert mine.read_text() == "mine"
    assert "1 + 1 + 1" in (lessons / "work/02_roofline.new.ipynb").read_text("utf-8")
    assert copy_lessons(lessons) == []  # said once


def test_a_new_version_that_the_student_touched_is_kept_too(lessons):
    for source in ("2 + 2", "3 + 3"):
        for path in (lessons / "work").glob("02_roofline*.ipynb"):
            path.write_text(f"mine: {path.name}")
        (lessons / "start/02_roofline.ipynb").write_text(notebook(source))
        copy_lessons(lessons)
    assert (lessons / "work/02_roofline.new.ipynb").read_text() == "mine: 02_roofline.new.ipynb"
    assert "3 + 3" in (lessons / "work/02_roofline.new2.ipynb").read_text("utf-8")


def test_a_new_version_that_the_student_removed_stays_away(lessons):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    course_changes(lessons)
    copy_lessons(lessons)
    (lessons / "work/02_roofline.new.ipynb").unlink()
    assert copy_lessons(lessons) == []
    assert "02_roofline.new.ipynb" not in copies(lessons)


def test_a_new_version_that_took_the_old_name_is_no_news(lessons):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    course_changes(lessons)
    copy_lessons(lessons)
    (lessons / "work/02_roofline.new.ipynb").replace(lessons / "work/02_roofline.ipynb")
    assert copy_lessons(lessons) == []


def test_a_removed_copy_comes_back(lessons):
    (lessons / "work/02_roofline.ipynb").unlink()
    assert copy_lessons(lessons) == []
    assert "02_roofline.ipynb" in copies(lessons)


@pytest.mark.parametrize("damage", [
    b"", b"{", b"[]", b"3", b"\xff\xfe", b"[" * 100_000, b'{"02_roofline": ',
    b'{"02_roofline": 3}', b'{"02_roofline": {"02_roofline.ipynb": null}}',
    b'{"02_roofline": {"02_roofline.ipynb": {}}}', b'{"02_roofline": ["02_roofline.ipynb"]}',
])  # fmt: skip
def test_a_damaged_record_costs_the_student_nothing(lessons, damage):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    (lessons / "work/.copies.json").write_bytes(damage)
    (notice,) = copy_lessons(lessons)
    aside = re.search(r"it is now work/(\S+),", notice).group(1)
    assert (lessons / "work" / aside).read_bytes() == damage
    assert (lessons / "work/02_roofline.ipynb").read_text() == "mine"
    record, notices = read_record(lessons / "work")
    assert set(record) == {"00_start", "02_roofline", "02_roofline_exercises"}
    assert notices == copy_lessons(lessons) == []


def test_a_lost_record_counts_every_copy_as_the_students(lessons):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    (lessons / "work/.copies.json").unlink()
    assert copy_lessons(lessons) == []
    assert (lessons / "work/02_roofline.ipynb").read_text() == "mine"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
@pytest.mark.parametrize("name", [".copies.json", "02_roofline.ipynb"])
def test_what_is_no_file_is_left_alone_and_no_start_hangs(lessons, name, make):
    path = lessons / "work" / name
    path.unlink()
    make(path)
    course_changes(lessons)
    copy_lessons(lessons)
    kept = [each for each in (lessons / "work").iterdir() if not each.is_file()]
    assert len(kept) == 1  # where it was, or set aside
    assert copy_lessons(lessons) == []


def test_a_link_to_nowhere_is_the_students(lessons):
    path = lessons / "work/02_roofline.ipynb"
    path.unlink()
    path.symlink_to("elsewhere.ipynb")
    course_changes(lessons)
    copy_lessons(lessons)
    assert os.readlink(path) == "elsewhere.ipynb"


@pytest.mark.parametrize("damage", [
    b"", b"{", b"[]", b"3", b"null", b"\xff\xfe", b"[" * 100_000, b"{}", b'{"cells": 3}',
    b'{"cells": [3]}', b'{"cells": [{}]}', b'{"cells": [{"cell_type": "markdown"}]}',
    b'{"cells": [{"cell_type": "markdown", "source": 3}]}',
    b'{"cells": [{"cell_type": "code", "source": [3]}]}',
])  # fmt: skip
def test_a_damaged_notebook_of_the_course_is_said_and_the_others_are_copied(lessons, damage):
    (lessons / "work/02_roofline.ipynb").write_text("mine")
    (lessons / "start/02_roofline.ipynb").write_bytes(damage)
    (lessons / "start/03_other.ipynb").write_text(notebook("3"))
    (notice,) = copy_lessons(lessons)
    assert "start/02_roofline.ipynb is damaged" in notice
    assert "git checkout start/02_roofline.ipynb" in notice
    assert (lessons / "work/02_roofline.ipynb").read_text() == "mine"
    assert "03_other.ipynb" in copies(lessons)


def test_a_course_without_lessons_is_a_sentence(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/00_start_here.ipynb").write_text(notebook("1"))
    with pytest.raises(LabError, match=r"holds no start/00\*\.ipynb. Fetch it again"):
        copy_lessons(tmp_path)


def test_the_course_opens_with_its_own_first_lesson(lessons):
    (lessons / "work/00 my notes.ipynb").write_text("mine")
    assert first_lesson(lessons) == "work/00_start.ipynb"


def test_where_the_first_lesson_is_damaged_its_folder_opens(lessons):
    (lessons / "work/00_start.ipynb").unlink()
    (lessons / "start/00_start.ipynb").write_text("{")
    copy_lessons(lessons)
    assert first_lesson(lessons) == "work"
