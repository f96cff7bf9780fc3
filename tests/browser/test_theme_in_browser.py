"""Drawings in JupyterLab's light and dark theme: axe judges the page, we judge the drawings.

axe leaves the text of SVG out, so its contrast is worked out here from the colours as rendered.
"""

import pytest

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright",
    reason="no axe: pip install -r requirements-dev.txt",
)

TESTS = "import sys; sys.path.insert(0, {tests!r})\nfrom gallery import drawings\nd = drawings()\n"
WIDGETS = (
    "import labkit as lk\n"
    "lk.Player([d['film'], d['systolic']], alt='frames')",
    "lk.Explorer(lambda n: d['lines'], n=(1, 9, 2))",
    "lk.draw.IndexExplorer('2 * i')",
)  # fmt: skip
THEMES = {"JupyterLab Light": "white", "JupyterLab Dark": "#111"}  # name -> ground
SET_THEME = "name => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })"

# Every text of every drawing in the notebook: its words, its size on the screen, its contrast with
# what lies under it: the page, or the filled boxes around it, one over the other.
LOOK = """
() => {
  const parts = css => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = css;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b], ground, a) => [r, g, b].map((c, i) => a * c + (1 - a) * ground[i]);
  const light = rgb => rgb.map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const page = element => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a] = parts(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const seen = [];
  for (const svg of document.querySelectorAll(".jp-OutputArea-output svg.lk-drawing")) {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const shapes = [...svg.querySelectorAll("rect, polygon")];
    for (const text of svg.querySelectorAll("text")) {
      const style = getComputedStyle(text), box = text.getBoundingClientRect();
      const x = box.x + box.width / 2, y = box.y + box.height / 2;
      let ground = page(svg.parentElement);
      for (const shape of shapes) {
        if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
        const under = shape.getBoundingClientRect(), fill = getComputedStyle(shape);
        const covers = under.left <= x && x <= under.right && under.top <= y && y <= under.bottom;
        if (!covers || fill.fill === "none" || shape.tagName === "polygon") continue;
        ground = over(parts(fill.fill), ground, +fill.fillOpacity);
      }
      const ink = over(parts(style.fill), ground, +style.fillOpacity);
      const [darker, lighter] = [light(ink), light(ground)].sort((a, b) => a - b);
      seen.push({
        words: text.textContent, drawing: svg.getAttribute("aria-label").slice(0, 40),
        size: parseFloat(style.fontSize) * scale, contrast: (lighter + 0.05) / (darker + 0.05),
      });
    }
  }
  return seen;
}
"""


@pytest.fixture(scope="module")
def shown(new_lab, served):
    """A notebook that shows every kind of drawing, run once."""
    from pathlib import Path

    from gallery import drawings
    from test_widgets_in_browser import write_notebook

    tests = str(Path(__file__).parents[1])
    cells = [f"d[{name!r}]" for name in drawings()]
    write_notebook(served / "theme.ipynb", TESTS.format(tests=tests), *cells, *WIDGETS)
    lab = new_lab().open_notebook("theme.ipynb")
    lab.show_whole()
    assert lab.run_all() is True, lab.raised()
    lab.show_whole()
    lab.page.wait_for_function(
        "n => document.querySelectorAll('.jp-OutputArea-output svg.lk-drawing').length === n",
        arg=len(cells) + len(WIDGETS),
    )
    return lab


def wear(lab, theme):
    """Change the theme, and wait until the page has its colours."""
    lab.page.evaluate(SET_THEME, theme)
    lab.page.wait_for_function(
        "([theme, ground]) => document.body.dataset.jpThemeName === theme &&"
        " getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').includes(ground)",
        arg=[theme, THEMES[theme]],
    )


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [1280, 900, 600])
def test_text_of_drawings_can_be_read(shown, theme, width):
    wear(shown, theme)
    shown.page.set_viewport_size({"width": width, "height": shown.page.viewport_size["height"]})
    shown.page.wait_for_timeout(300)
    texts = shown.page.evaluate(LOOK)
    shown.screenshot(f"theme_{theme.split()[-1].lower()}_{width}")
    assert len(texts) > 500
    assert [one for one in texts if one["size"] < 11.99] == []
    assert [one for one in texts if one["contrast"] < 4.5] == []


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_wrong_with_outputs_and_widgets(shown, theme):
    wear(shown, theme)
    report = axe.Axe().run(
        shown.page,
        context=".jp-OutputArea-output",
        options={"runOnly": ["color-contrast", "svg-img-alt", "image-alt", "label", "button-name",
                             "select-name", "role-img-alt"]},
    )  # fmt: skip
    assert report.violations_count == 0, report.generate_report()


@pytest.mark.parametrize("theme", THEMES)
def test_a_drawing_has_no_ground_of_its_own(shown, theme):
    """The corner of each drawing has the colour of the page."""
    wear(shown, theme)
    grounds = shown.page.evaluate(
        "() => [...document.querySelectorAll('svg.lk-drawing')]"
        ".map(svg => getComputedStyle(svg).backgroundColor)"
    )
    assert set(grounds) == {"rgba(0, 0, 0, 0)"}


def test_a_dark_page_is_printed_in_black_ink(shown):
    wear(shown, "JupyterLab Dark")
    shown.page.emulate_media(media="print")
    inks = shown.page.evaluate(
        "() => [...document.querySelectorAll('svg.lk-drawing')]"
        ".map(svg => getComputedStyle(svg).color)"
    )
    shown.page.emulate_media(media="screen")
    assert set(inks) == {"rgb(0, 0, 0)"}


@pytest.mark.parametrize(
    ("scheme", "ink"), [("light", "rgb(31, 31, 31)"), ("dark", "rgb(230, 230, 230)")]
)
def test_an_image_of_a_drawing_asks_for_the_theme(browser, scheme, ink):
    """As on GitHub, where the README's picture is an image that inherits nothing."""
    from conftest import COURSE

    page = browser.new_page(color_scheme=scheme)
    page.goto((COURSE / "docs" / "picture.svg").as_uri())
    assert page.evaluate("getComputedStyle(document.documentElement).color") == ink
    page.close()


def test_a_stored_drawing_follows_the_theme_before_it_is_trusted(lab, served):
    """Pixels of the image: light ink in the dark theme, dark ink in the light one."""
    import nbformat
    from gallery import drawings
    from test_widgets_in_browser import write_notebook

    picture = drawings()["bars"]
    data = {"text/plain": repr(picture), "text/html": picture._repr_html_()}
    stored = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    write_notebook(served / "stored_theme.ipynb", ("pass", [stored]))
    lab.open_notebook("stored_theme.ipynb")
    image = lab.page.locator(".jp-OutputArea img[alt='bars']")
    image.wait_for()
    inks = {}
    for theme in THEMES:
        wear(lab, theme)
        lab.page.wait_for_timeout(300)
        lab.screenshot(f"stored_{theme.split()[-1].lower()}", image)
        inks[theme] = image.evaluate("""image => getComputedStyle(image).colorScheme""")
    assert inks == {"JupyterLab Light": "light", "JupyterLab Dark": "dark"}
