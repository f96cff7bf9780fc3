"""Lesson 19 with the address of a server that somebody else runs, who tells little of itself."""

import pytest
import sources

LESSON = sources.Target(
    next((sources.ROOT / "lessons").glob("lesson_19_*")) / "lesson.py",
    sources.ROOT / "notebooks/19_serving.ipynb",
)
CELLS = ("ADDRESS = None", "def ttft_and_tpot", "QUESTION = ", '"19.a"', "timings = ", "first = ",
         "slo = ", "come = ")  # fmt: skip


def test_the_lesson_measures_whatever_server_its_address_names(scripted, monkeypatch, tmp_path):
    pytest.importorskip("mlperf_loadgen")
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.json"))
    cells = [cell.source for cell in sources.read(LESSON).cells if cell.cell_type == "code"]
    known = {}
    for words in CELLS:
        (cell,) = [source for source in cells if words in source]
        exec(cell.replace("ADDRESS = None", f"ADDRESS = {scripted.url!r}"), known)
    assert known["answer"].ok
    assert known["server"].model == "tiny"
    assert known["read"].value is None  # it has no timings of its own
    assert known["counted"].value is None  # nor a count of what is inside
    assert known["inside"].value > 0
