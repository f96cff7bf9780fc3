"""Player and Explorer without a browser: what Python and a stored notebook see."""

import base64
import io
import json
import time
import zlib

import pytest
import traitlets

from labkit.draw import Dot, Explorer, Picture, Player, Slider, roofline
from labkit.plan import Roofline

# ipywidgets 7, which Colab has, warns of itself where traitlets and ipykernel are newer.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(ipywidgets|traitlets)")

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def card(words):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>{words}</text></svg>'
    )


def bundle(widget):
    """What goes out when the widget is the last value of a cell: {MIME type: data}."""
    data, _ = widget._repr_mimebundle_()
    return data


def svg_of(widget):
    return base64.b64decode(widget.src.partition("base64,")[2]).decode()


@pytest.fixture
def explorer():
    return Explorer(lambda n, dtype: card(f"{n} {dtype}"), n=(1, 50, 5), dtype=["fp32", "bf16"])


def test_an_explorer_draws_at_once(explorer):
    assert svg_of(explorer) == card("5 fp32")
    assert explorer.alt == repr(explorer) == "Explorer(n=5, dtype=fp32)"


def test_values_set_from_python_move_picture_and_alt(explorer):
    explorer.values = {"n": 7}
    assert explorer.values == {"n": 7, "dtype": "fp32"}
    assert svg_of(explorer) == card("7 fp32")
    assert explorer.alt == "Explorer(n=7, dtype=fp32)"


def test_values_from_the_browser_move_the_picture(explorer):
    explorer.set_state({"values": {"n": 8, "dtype": "bf16"}})
    assert svg_of(explorer) == card("8 bf16")


@pytest.mark.parametrize(("values", "words"), [
    ({"n": 51}, "n = 51 is outside its slider: give a number from 1 to 50"),
    ({"n": 1.5}, "isn't a whole number"),
    ({"n": "7"}, "n = '7' is outside its slider"),
    ({"dtype": "int8"}, "use one of 'fp32', 'bf16'"),
    ({"m": 1}, "no slider 'm'. It has: n, dtype"),
])  # fmt: skip
def test_a_value_that_no_slider_has_is_refused_and_nothing_moves(explorer, values, words):
    with pytest.raises(traitlets.TraitError, match=words):
        explorer.values = values
    assert explorer.values == {"n": 5, "dtype": "fp32"}


@pytest.mark.parametrize(("sliders", "words"), [
    ({}, "at least one slider"),
    ({"n": (1, 5)}, "makes no control"),
    ({"n": []}, "makes no control"),
    ({"n": 3}, "makes no control"),
    ({"n": (5, 1, 3)}, "lowest < highest"),
    ({"n": (1, 5, 9)}, "a start between"),
    ({"n": (1, 5, "3")}, "between finite numbers"),
    ({"n": Slider(1, 2, 1), "m": (0, float("inf"), 1)}, "between finite numbers"),
])  # fmt: skip
def test_a_slider_that_cannot_be_is_refused_with_a_sentence(sliders, words):
    with pytest.raises(ValueError, match=words):
        Explorer(lambda **_: card("x"), **sliders)


def test_a_log_slider_stays_above_zero():
    with pytest.raises(ValueError, match="must stay above 0"):
        Slider(0, 1, 1, log=True)


def test_a_slider_of_whole_numbers_gives_int_and_others_give_float():
    seen = []
    explorer = Explorer(
        lambda **values: seen.append(values) or card("x"), n=(1, 9, 2), x=(0, 1.0, 0)
    )
    explorer.set_state({"values": {"n": 3, "x": 1}})  # JSON knows no difference
    assert [(type(values["n"]), type(values["x"])) for values in seen] == [(int, float)] * 2


def test_the_alt_writes_values_with_their_units():
    peak = Slider(1e12, 1e15, 1e14, unit="FLOP/s", log=True)
    assert Explorer(lambda peak: card("x"), peak=peak).alt == "Explorer(peak=100 TFLOP/s)"


def test_counts_have_their_commas_in_sliders_and_lists():
    explorer = Explorer(lambda **_: card("x"), m=(1, 4096, 2048), n=[16_384, 8], kind=["a"])
    assert explorer.alt == "Explorer(m=2,048, n=16,384, kind=a)"
    assert explorer.sliders[1]["written"] == ["16,384", "8"]


def test_the_alt_of_a_picture_is_kept_and_says_where_the_sliders_stand():
    explorer = Explorer(lambda n: Picture(card(n), "a card", measured=True), n=(1, 9, 2))
    assert explorer.alt == "[measured] a card (n=2)"


@pytest.mark.filterwarnings("default")  # Matplotlib's own, of whatever version is installed
def test_a_figure_goes_out_as_png_and_is_closed():
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")

    def draw(n):
        figure, axes = pyplot.subplots(figsize=(1, 1))
        axes.plot([0, n])
        return figure

    explorer = Explorer(draw, n=(1, 9, 2))
    data = bundle(explorer)
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert explorer.src == f"data:image/png;base64,{data['image/png']}"
    assert "text/html" not in data
    assert pyplot.get_fignums() == []


def test_an_exception_in_draw_is_told_and_the_last_picture_kept():
    def draw(n):
        if n > 5:
            raise ValueError("n must be at most 5.")
        return card(n)

    explorer = Explorer(draw, n=(1, 9, 3))
    explorer.values = {"n": 8}
    assert explorer.error == "n must be at most 5."
    assert svg_of(explorer) == card(3)
    assert explorer.alt == "Explorer(n=3)"
    assert repr(explorer) == "Explorer(n=8) [error] n must be at most 5."
    explorer.values = {"n": 4}
    assert explorer.error == ""
    assert svg_of(explorer) == card(4)


def test_an_exception_without_words_is_told_by_its_type():
    explorer = Explorer(lambda n: card(1 // n), n=(0, 9, 3))
    explorer._draw = lambda n: (_ for _ in ()).throw(KeyError())
    explorer.values = {"n": 4}
    assert explorer.error == "KeyError"


def test_the_first_picture_must_succeed():
    with pytest.raises(ZeroDivisionError):
        Explorer(lambda n: card(1 // n), n=(0, 9, 0))


def test_draw_must_return_a_picture():
    with pytest.raises(TypeError, match="draw returned NoneType: it must return SVG text"):
        Explorer(lambda n: None, n=(0, 9, 1))


def test_an_explorer_of_a_roofline_redraws_within_20_ms():
    """CPU time of the kernel's side, the least of ten."""
    peak = Slider(1e12, 1e15, 1e14, unit="FLOP/s", log=True)
    dots = [Dot(f"kernel {n}", 2.0**n, 1e11 * 1.5**n, "modelled") for n in range(10)]
    explorer = Explorer(
        lambda peak: roofline([Roofline("sketch", peak, 1e12, "modelled")], dots), peak=peak
    )
    costs_s = []
    for n in range(10):
        start = time.process_time()
        explorer.values = {"peak": 1e13 * (n + 1)}
        costs_s.append(time.process_time() - start)
    print(f"kernel side: {1e3 * min(costs_s):.1f} ms")
    assert min(costs_s) < 0.020


@pytest.fixture
def player():
    return Player([card("a"), card("b"), Picture(card("c"), "the last")], ms=100, alt="letters")


def test_a_player_packs_its_frames_with_their_alts(player):
    assert json.loads(zlib.decompress(player.packed)) == [
        [card("a"), "letters, step 1 of 3"],
        [card("b"), "letters, step 2 of 3"],
        [card("c"), "the last"],
    ]


def test_many_frames_make_a_small_payload():
    frames = [card(f"{'<rect/>' * 500}{n}") for n in range(300)]
    assert len(Player(frames, alt="many").packed) < sum(map(len, frames)) / 50


def test_the_still_picture_of_a_player_is_its_present_frame(player):
    player.i = 2
    assert bundle(player)["text/html"] == Picture(card("c"), "the last")._repr_html_()
    assert bundle(player)["text/plain"] == repr(player) == "Player(3 frames)"


@pytest.mark.parametrize(("trait", "value", "words"), [
    ("i", 3, "no frame 3: its frames are 0 to 2"),
    ("i", -1, "no frame -1"),
    ("ms", 0, "at least 1 ms"),
])  # fmt: skip
def test_a_player_refuses_what_is_out_of_range(player, trait, value, words):
    with pytest.raises(traitlets.TraitError, match=words):
        setattr(player, trait, value)


@pytest.mark.parametrize(("frames", "alt", "words"), [
    ([], "letters", "at least one frame"),
    ([card("a")], "", "needs an alt text"),
    (["a"], "letters", "begins with <svg"),
])  # fmt: skip
def test_a_player_needs_frames_and_an_alt(frames, alt, words):
    with pytest.raises(ValueError, match=words):
        Player(frames, alt=alt)


@pytest.mark.parametrize("name", ["explorer", "player"])
def test_a_widget_leaves_a_still_picture_beside_its_view(name, request):
    """Whatever ipywidgets is installed: 7 would bypass the bundle by `_ipython_display_`."""
    widget = request.getfixturevalue(name)
    data = bundle(widget)
    assert set(data) == {"text/plain", "text/html", WIDGET_VIEW}
    assert data["text/html"].startswith("<img alt=")
    assert widget._ipython_display_ is None


@pytest.mark.parametrize("name", ["explorer", "player"])
def test_the_browser_gets_script_and_style(name, request):
    widget = request.getfixturevalue(name)
    state = widget.get_state()
    assert "export default { render }" in state["_esm"]
    assert ".lk-widget" in state["_css"]


@pytest.mark.filterwarnings("default")  # Matplotlib's own, of whatever version is installed
def test_a_figure_has_no_ground_and_an_ink_that_suits_both_themes():
    from matplotlib import image, pyplot

    pyplot.switch_backend("Agg")

    def draw(n):
        figure, axes = pyplot.subplots(figsize=(2, 2))
        axes.set_title("title")
        axes.plot([0, n], color="red")
        return figure

    png = base64.b64decode(Explorer(draw, n=(1, 9, 2)).src.partition(",")[2])
    pixels = image.imread(io.BytesIO(png))
    assert pixels[0, 0, 3] == 0
    opaque = pixels[pixels[..., 3] == 1][:, :3]
    assert not (opaque < 0.2).all(axis=1).any(), "black ink"
    assert (abs(opaque - 0x77 / 255) < 0.01).all(axis=1).any(), "no grey ink"
