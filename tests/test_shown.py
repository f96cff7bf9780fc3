"""What is shown is HTML made of its text: readable in both themes, with whole words and links."""

import html
import os
import re
import subprocess
import sys
import types

import pytest

from labkit.reading import Origin, Reading
from labkit.teach import predict, show
from labkit.teach.line import GROUNDS, contrast, ink_on, line, say
from labkit.teach.scale_bar import scale_bar

COPY = Reading("copy", 12.3e9, "B/s", "measured", low=12e9, high=12.6e9, note="31 samples")


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_PROGRESS", str(tmp_path / "progress.json"))


@pytest.fixture
def notebook(monkeypatch):
    """A notebook that collects what is displayed in it."""
    import IPython
    import IPython.display

    displayed = []
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: displayed.append(data))
    return displayed


def words(markup):
    """What a reader sees of HTML."""
    return html.unescape(re.sub("<[^>]*>", "", markup))


def test_a_notebook_gets_html_and_the_text_beside_it(notebook, capsys):
    show(COPY, Reading("ridge", 12.5, "FLOP/B", "modelled"))
    (data,) = notebook
    assert set(data) == {"text/plain", "text/html"}
    assert data["text/plain"].splitlines() == [
        "[measured] copy: 12.3 GB/s (95 % interval 12 GB/s to 12.6 GB/s) (31 samples)",
        "[modelled] ridge: 12.5 FLOP/B",
    ]
    assert len(data["text/html"].splitlines()) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("text", [
    str(COPY), "[pass] 05.1: every case agrees (it's a <map>)", "[here] Nothing is lost.",
    "[again] 05.1: a & b", "[recorded] a title: 3 rows (a server, 2026)",
])  # fmt: skip
def test_the_html_says_what_the_text_says(text):
    assert words(line(text).html) == text.replace("[", "", 1).replace("]", "", 1)


@pytest.mark.parametrize("word", GROUNDS)
def test_a_badge_can_be_read_in_every_theme(word):
    assert contrast(GROUNDS[word], ink_on(GROUNDS[word])) >= 4.5
    assert f"background:{GROUNDS[word]};color:{ink_on(GROUNDS[word])}" in line(f"[{word}] x").html


def test_each_origin_has_a_badge_of_its_own():
    assert len({GROUNDS[origin] for origin in Origin}) == len(Origin)


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("source", "address"), [
    ("Jouppi et al. 2017, arXiv 1704.04760, Table 4", "https://arxiv.org/abs/1704.04760"),
    ("NVIDIA ADLR, nv-adlr.github.io/MegatronLMV1, Table 1",
     "https://nv-adlr.github.io/MegatronLMV1"),
    ("see https://example.org/a?b=1&c=2.", "https://example.org/a?b=1&amp;c=2"),
])  # fmt: skip
def test_a_source_is_a_link(source, address):
    reading = Reading("peak", 1.0, "1", "published", source=source)
    assert re.findall('href="([^"]*)"', line(str(reading)).html) == [address]


@pytest.mark.parametrize("whole", ["12.3 GB/s", "95 %", "80 GiB", "1.5 FLOP/B", "up-projection"])
def test_a_number_and_its_unit_are_not_parted(whole):
    assert f'<span style="white-space:nowrap">{whole}</span>' in line(f"[here] a {whole} b").html


@pytest.mark.parametrize("text", [str(COPY), "[here] Words.", "[again] 01.1: a hint"])
def test_no_style_breaks_inside_a_word_and_none_depends_on_the_theme(text):
    markup = line(text).html
    assert "word-break:normal;overflow-wrap:normal" in markup
    assert "<script" not in markup
    inks = re.findall(r"(?<![-\w])color:(#\w+)", markup)
    assert all(f"color:{ink}" in markup.split("background:")[1] for ink in inks)


@pytest.mark.parametrize(("text", "varies"), [
    ("[measured] a: 1", True), ("[modelled] a: 1 (from measured)", True), ("[here] a", True),
    ("[modelled] a: 1 (from published)", False), ("[pass] 05.1: agrees", False),
    ("[modelled] from measured: 1", True),
])  # fmt: skip
def test_a_line_that_varies_is_marked_for_the_sanitizer(text, varies):
    assert line(text).html.startswith('<div class="lk-line lk-varies"') == varies


def test_a_guess_stands_beside_the_result(notebook):
    predict("00.a", 40, "GB/s").against(COPY)
    markup = notebook[-1]["text/html"]
    assert "your guess" in markup
    assert "40 GB/s" in markup
    assert len(markup.splitlines()) == 1


def places(markup):
    return [float(place) for place in re.findall(r"margin-left:([\d.]+)%;width:0px", markup)]


@pytest.mark.parametrize(("guess", "value", "is_log"), [
    (40, 12.3, False), (0, 12.3, False), (1000, 12.3, True), (0.001, 12.3, True),
])  # fmt: skip
def test_both_have_their_place_on_one_scale(guess, value, is_log):
    markup = scale_bar(guess * 1e9, Reading("copy", value * 1e9, "B/s", "measured"))
    at_guess, at_value = places(markup)
    assert 0 <= at_guess <= 100
    assert 0 <= at_value <= 100
    assert (at_guess < at_value) == (guess < value)
    assert ("each step" in markup) == is_log


@pytest.mark.parametrize("reading", [COPY, Reading("copy", 12.3e9, "B/s", "measured")])
def test_only_the_figure_of_a_prediction_is_bold(notebook, reading):
    predict("x.a", ...).against(reading)
    (shown,) = re.findall("<b>(.*?)</b>", notebook[-1]["text/html"])
    assert words(shown) == "12.3 GB/s"


@pytest.mark.parametrize(("rest", "bold"), [
    ("4.8 TB/s (a data sheet)", "4.8 TB/s"), ("30.8 million h; as printed", "30.8 million h"),
    ("17,094 cycles, 4.2 M weights cross the edges", "17,094 cycles"), ("unknown", "unknown"),
    ("AMD EPYC", "AMD EPYC"), ("12 GB/s (95 % interval 11 GB/s to 13 GB/s) (noisy)", "12 GB/s"),
    ("gradients differ by at most 3e-07", ""), ("128 registers of sums, 244 in all", ""),
    ("and loads beside it, by a warp group of their own", ""), ("", ""),
])  # fmt: skip
def test_a_figure_is_bold_and_a_sentence_is_not(rest, bold):
    markup = line(f"[published] x: {rest}").html
    assert words("".join(re.findall("<b>(.*?)</b>", markup))) == bold


@pytest.mark.parametrize(("guess", "reading"), [
    (3.0, Reading("x", None, "s", "measured")),
    (1e308, Reading("x", float("inf"), "1", "modelled")),
])  # fmt: skip
def test_what_has_no_place_on_a_scale_gets_none(guess, reading):
    assert scale_bar(guess, reading) == ""


@pytest.mark.parametrize("value", [0.0, -3.0, 80 * 2**30])
def test_any_value_has_a_scale(value):
    for unit in ("1", "GiB") if value >= 0 else ("1",):
        assert places(scale_bar(value, Reading("x", value, unit, "modelled")))


def test_nothing_is_shown_for_nothing(capsys):
    say()
    assert capsys.readouterr().out == ""


def test_a_terminal_without_unicode_gets_ascii():
    code = (
        "import labkit as lk; p = lk.predict('00.a', 12, 'us');"
        "p.against(lk.Reading('wait · x', 3e-6, 's', 'measured', note='≥ 3 × “a” 😀'));"
        "lk.show(lk.Reading('wait', 3e-6, 's', 'measured')); lk.check('00.9', 'é')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    shown = run.stdout.decode("ascii")
    assert "[guess] 00.a: 12 us" in shown
    assert '[measured] wait * x: 3 us (>= 3 x "a" ?)' in shown
