"""Source beside assembly: as a picture, and as a widget without a browser."""

import dataclasses
import json
import zlib

import machine_code
import numpy as np
import pytest
import traitlets

from labkit import draw
from labkit.draw.assembly import busiest, note_of, rows_of
from labkit.simt import cuda, profile

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(ipywidgets|traitlets)")


@pytest.fixture
def found():
    return machine_code.found()


def without_code(found):
    """The same, as it is where results are recorded."""
    chips = {name: dataclasses.replace(one, assembly=()) for name, one in found.items()}
    return dataclasses.replace(found, chips=chips)


@cuda.jit
def strided(x, y):
    i = cuda.grid(1)
    y[i] = 2 * x[8 * i]


def test_the_line_that_does_the_work_is_shown_first(found):
    assert busiest(found, "h100-sxm") == 13
    picture = draw.source_beside_assembly(found, "h100-sxm")
    assert "FMUL" in picture.svg
    assert "S2R" not in picture.svg
    assert "Line 13, y[i] = a * x[i]: 1 multiply, 1 global loads, 1 global stores" in picture.alt


def test_another_line_shows_its_own_instructions(found):
    picture = draw.source_beside_assembly(found, "h100-sxm", 11)
    assert "S2R" in picture.svg
    assert "FMUL" not in picture.svg


def test_all_lines_of_the_source_are_there(found):
    picture = draw.source_beside_assembly(found, "h100-sxm")
    for n in range(10, 14):
        assert f">{n}</text>" in picture.svg


def test_what_an_executor_counted_stands_behind_its_line(found):
    x, y = np.ones(1024, np.float32), np.zeros(128, np.float32)
    counts = profile(strided[1, 128], x, y)
    shift = strided.py_func.__code__.co_firstlineno + 3 - 13  # to the last line of `found`
    moved = {dataclasses.replace(line, number=line.number - shift): n
             for line, n in counts.lines.items()}  # fmt: skip
    note = note_of(found["h100-sxm"], 13, dataclasses.replace(counts, lines=moved))
    assert note.endswith("; [simulated] 32 sectors per load, 4 sectors per store, 128 FLOP")


def test_where_there_is_no_machine_code_kinds_stand_for_it(found):
    assert rows_of(without_code(found)["t4"], 13) == [
        (13, "1 multiply"), (13, "1 global loads"), (13, "1 global stores"), (13, "1 local moves"),
    ]  # fmt: skip
    assert "1 local moves" in draw.source_beside_assembly(without_code(found), "t4").svg


def test_a_chip_that_was_refused_shows_the_source_and_the_reason(found):
    assert "not compiled, not for it" in draw.source_beside_assembly(found, "mi300x").alt


def test_a_line_or_chip_that_is_not_there_is_a_sentence(found):
    with pytest.raises(ValueError, match=r"scaled has no line 14: its lines are 10 to 13\."):
        draw.source_beside_assembly(found, "t4", 14)
    with pytest.raises(KeyError, match="not for 'b200'"):
        draw.source_beside_assembly(found, "b200")


def test_a_widget_sends_all_chips_once_and_shows_a_still_picture(found):
    widget = draw.AssemblyExplorer(found)
    sent = json.loads(zlib.decompress(widget.packed))
    assert [line for line, _ in sent["source"]] == [10, 11, 12, 13]
    assert len(sent["chips"]["t4"]["code"]) == 7
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == "AssemblyExplorer(scaled, h100-sxm, line 13)"
    assert data["text/html"] == draw.source_beside_assembly(found, "h100-sxm", 13)._repr_html_()


def test_a_widget_begins_with_the_chip_that_it_is_given(found):
    assert repr(draw.AssemblyExplorer(found, chip="t4")) == "AssemblyExplorer(scaled, t4, line 13)"
    with pytest.raises(KeyError, match="not for 'b200'"):
        draw.AssemblyExplorer(found, chip="b200")


def test_a_widget_follows_python_and_refuses_what_is_not_there(found):
    widget = draw.AssemblyExplorer(found)
    widget.chip, widget.line = "t4", 12
    assert repr(widget) == "AssemblyExplorer(scaled, t4, line 12)"
    for name, value in (("line", 9), ("chip", "b200")):
        with pytest.raises(traitlets.TraitError, match=r"scaled (has no line|was not compiled)"):
            setattr(widget, name, value)
    assert repr(widget) == "AssemblyExplorer(scaled, t4, line 12)"
