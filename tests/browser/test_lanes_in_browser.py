"""The pictures of lessons 05 and 06 as a student moves them: a warp stepped, an index typed."""

import pytest


def widget_of(lab, text):
    """The first widget of the cell that holds `text`."""
    cell = lab.page.locator(".jp-Notebook .jp-Cell").nth(lab.find_cell(text))
    widget = cell.locator(".lk-widget")
    widget.scroll_into_view_if_needed()
    return widget


@pytest.fixture(scope="module")
def index_explorer(ran):
    lab = ran("start/06_memory.ipynb")
    return lab, widget_of(lab, "lk.draw.IndexExplorer")


def says(explorer, words):
    """Wait until the alt text of the picture holds the words."""
    explorer.get_by_role("img", name=words).wait_for(timeout=10_000)


def test_a_typed_index_shows_its_sectors_and_its_banks(index_explorer):
    lab, explorer = index_explorer
    field = explorer.locator("input[name=index]")
    field.fill("")
    field.press_sequentially("33 * i")
    says(explorer, "index 33 * i, 4-byte items: global memory: 32 sectors")
    says(explorer, "shared memory: 1 wavefront, no bank conflict")
    lab.screenshot("index_explorer", explorer)
    explorer.locator("select").select_option("8")
    says(explorer, "index 33 * i, 8-byte items")
    assert lab.errors == []


def test_a_wrong_index_gets_a_sentence_and_keeps_the_picture(index_explorer):
    lab, explorer = index_explorer
    field, problem = explorer.locator("input[name=index]"), explorer.locator(".lk-error")
    field.fill("2 * i")
    says(explorer, "index 2 * i")
    field.fill("i / 2")
    problem.filter(has_text="divide with // and not with /").wait_for(timeout=10_000)
    says(explorer, "index 2 * i")
    field.fill("i // 2")
    says(explorer, "index i // 2")
    assert problem.is_hidden()
    assert lab.errors == []


def test_typing_does_not_reach_the_notebook(index_explorer):
    """Keys that are commands of JupyterLab, such as `a` and `dd`, are letters here."""
    lab, explorer = index_explorer
    cells = "window.jupyterapp.shell.currentWidget.content.widgets.length"
    before = lab.page.evaluate(cells)
    explorer.locator("input[name=index]").press_sequentially("abddx")
    assert lab.page.evaluate(cells) == before


def test_the_warp_is_stepped(ran):
    lab = ran("start/05_first_kernels.ipynb")
    player = widget_of(lab, "lk.Player(lk.draw.film")
    says(player, "branch 1 of 42")
    says(player, "20 find it true, 12 false")
    player.get_by_role("button", name="Step forward").click()
    says(player, "branch 2 of 42")
    player.locator("input[type=range]").fill("41")
    says(player, "branch 42 of 42")
    lab.screenshot("warp_player", player)
    assert lab.errors == []
