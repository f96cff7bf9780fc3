"""Source beside assembly as a student drives it: with the mouse, the keyboard and the list."""

from pathlib import Path

import pytest
from test_widgets_in_browser import ACTIVE_CELL, write_notebook

TESTS = str(Path(__file__).parents[1])
CELL = f"""import sys
sys.path.insert(0, {TESTS!r})
import machine_code
from labkit import draw
a = draw.AssemblyExplorer(machine_code.found())
a"""


@pytest.fixture(scope="module")
def lab(new_lab, served):
    write_notebook(served / "assembly.ipynb", CELL, "")
    lab = new_lab().open_notebook("assembly.ipynb")
    assert lab.run_all() is True
    return lab


@pytest.fixture
def widget(lab):
    lab.page.mouse.move(0, 0)  # away from where the last test left it
    lab.write_cell(1, "a.chip, a.line = 'h100-sxm', 13")
    lab.run_cell(1)
    found = lab.page.locator(".lk-assembly").first
    found.locator(".lk-source .lk-here[data-line='13']").wait_for(timeout=10_000)
    return found


def lit(widget):
    """The instructions that are lit."""
    return widget.locator(".lk-machine .lk-here .lk-words").all_inner_texts()


def wait_for_line(widget, line):
    widget.locator(f".lk-source .lk-here[data-line='{line}']").wait_for(timeout=10_000)


def test_the_chosen_line_and_its_instructions_are_lit(lab, widget):
    assert [words.split()[0] for words in lit(widget)] == ["LDG.E", "FMUL", "STG.E"]
    lab.screenshot("assembly", widget)


def test_hovering_a_line_shows_its_instructions_and_leaving_shows_the_chosen_one(widget):
    widget.locator(".lk-source [data-line='11']").hover()
    wait_for_line(widget, 11)
    assert lit(widget) == ["S2R R0, SR_TID.X"]
    widget.locator("select").hover()
    wait_for_line(widget, 13)


def test_hovering_an_instruction_shows_its_line(widget):
    widget.locator(".lk-machine div", has_text="EXIT").hover()
    wait_for_line(widget, 12)


def test_arrow_keys_step_and_leave_the_cell_selected(lab, widget):
    widget.locator(".lk-source").focus()
    cell = lab.page.evaluate(ACTIVE_CELL)
    lab.page.keyboard.press("ArrowUp")
    wait_for_line(widget, 12)
    lab.page.keyboard.press("Home")
    wait_for_line(widget, 10)
    lab.page.keyboard.press("ArrowUp")
    wait_for_line(widget, 10)
    assert lab.page.evaluate(ACTIVE_CELL) == cell


def test_a_click_chooses_and_python_sees_it(lab, widget):
    widget.locator(".lk-source [data-line='12']").click()
    wait_for_line(widget, 12)
    lab.write_cell(1, "print(a.line)")
    assert "12" in lab.run_cell(1)


def test_another_chip_has_its_own_code(widget):
    widget.locator("select").select_option("t4")
    widget.locator(".lk-machine div", has_text="STL").wait_for(timeout=10_000)
    widget.locator("select").select_option("mi300x")
    widget.locator(".lk-said", has_text="not compiled, not for it").wait_for(timeout=10_000)
    assert widget.locator(".lk-machine div").count() == 0


def test_nothing_went_wrong_in_the_page(lab, widget):
    assert lab.errors == []
