"""What `show`, `against`, `check` and `expect` display: whole words at 600 px, in both themes."""

import nbformat
import pytest
from sources import KERNELSPEC

from labkit.reading import Reading
from labkit.teach.line import contrast, line
from labkit.teach.scale_bar import scale_bar

NARROW = {"width": 600, "height": 900}
COPY = Reading("copy bandwidth", 12.3e9, "B/s", "measured", low=11.9e9, high=12.9e9, note="noisy")
QUOTED = Reading(
    "weak scaling on 8 GPUs", 0.796, "%", "published",
    source='NVIDIA ADLR, "Supercharged V1.0", nv-adlr.github.io/MegatronLMV1, Table 1',
)  # fmt: skip
LINES = (
    line(f"{COPY}; you guessed 40 GB/s, 3.3 times too high", below=scale_bar(40e9, COPY)),
    line(str(QUOTED)),
    line("[again] 05.1: give the function itself, without calling it: its name, without brackets"),
    line("[here] This machine can't show it. Recorded: the up-projection of Llama-2-7B, 16-bit"),
)
THEMES = ("JupyterLab Light", "JupyterLab Dark")
BROKEN_WORDS = """() => [...document.querySelectorAll('.lk-line')].flatMap(line => {
  const broken = [], texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const word of texts.currentNode.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      const tops = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
      if (tops.size > 1) broken.push(word[0]);
    }
  }
  return broken;
})"""
COLORS = """() => [...document.querySelectorAll('.lk-line > span:first-child')].map(badge => {
  const style = getComputedStyle(badge);
  return [style.color, style.backgroundColor, getComputedStyle(badge.parentElement).color];
})"""


@pytest.fixture(scope="module")
def shown(new_lab, served):
    """A notebook that nobody has run or trusted, in a narrow window."""
    cell = nbformat.v4.new_code_cell("1")
    data = {
        "text/plain": "\n".join(one.text for one in LINES),
        "text/html": "\n".join(one.html for one in LINES),
    }
    cell.outputs = [nbformat.v4.new_output("display_data", data)]
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": KERNELSPEC})
    nbformat.write(notebook, served / "shown.ipynb")
    lab = new_lab().open_notebook("shown.ipynb")
    lab.page.set_viewport_size(NARROW)
    lab.page.wait_for_selector(".lk-line")
    yield lab
    lab.shut_down()


def use(lab, theme):
    lab.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
    )
    lab.page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
    lab.page.wait_for_selector("#jupyterlab-splash", state="hidden")


@pytest.mark.parametrize("theme", THEMES)
def test_no_word_is_broken_and_each_badge_can_be_read(shown, theme):
    use(shown, theme)
    shown.screenshot(f"shown_{theme.split()[-1].lower()}")
    assert shown.page.evaluate(BROKEN_WORDS) == []
    badges = shown.page.evaluate(COLORS)
    assert len(badges) == len(LINES)
    for ink, ground, _ in badges:
        assert contrast(as_hex(ink), as_hex(ground)) >= 4.5


def test_the_words_follow_the_theme(shown):
    inks = []
    for theme in THEMES:
        use(shown, theme)
        inks.append(as_hex(shown.page.evaluate(COLORS)[0][2]))
    assert contrast(*inks) > 4.5


def test_the_source_is_a_link_and_the_guess_has_a_scale(shown):
    links = shown.page.locator(".lk-line a")
    assert links.first.get_attribute("href") == "https://nv-adlr.github.io/MegatronLMV1"
    assert shown.page.get_by_text("your guess", exact=True).count() == 1
    assert shown.page.get_by_text("40 GB/s", exact=True).count() >= 1


def test_guess_and_result_lie_on_one_scale_although_nobody_trusts_the_notebook(shown):
    dots = [dot.bounding_box() for dot in shown.page.locator(".lk-dot").all()]
    tracks = [
        track.bounding_box() for track in shown.page.locator("div:has(> div > .lk-dot)").all()
    ]
    assert tracks[0]["x"] == tracks[1]["x"]
    assert tracks[0]["width"] == tracks[1]["width"]
    at = [
        (dot["x"] - track["x"]) / (track["width"] - dot["width"])
        for dot, track in zip(dots, tracks, strict=True)
    ]
    assert at == pytest.approx([1, 12.3 / 40], abs=0.02)


def as_hex(color):
    """`rgb(0, 114, 178)` as `#0072b2`."""
    numbers = color[color.index("(") + 1 : color.index(")")].split(",")[:3]
    return "#" + "".join(f"{round(float(number)):02x}" for number in numbers)
