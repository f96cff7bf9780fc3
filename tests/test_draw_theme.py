"""Every kind of drawing follows the theme: ink of the page, no ground, colours that can be told."""

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from gallery import drawings

from labkit.draw import LINES, MARKS, Picture
from labkit.draw import marks as palette
from labkit.draw.svg import MUTED

LESSONS = Path(__file__).parents[1] / "lessons"
SVG = "{http://www.w3.org/2000/svg}"
LIGHT, DARK = "#ffffff", "#111111"
COLORS = {value for value in vars(palette).values() if isinstance(value, str) and value[:1] == "#"}
ON_COLOR = {"#ffffff", "#000000"}  # text on a cell that is filled with a colour

PICTURES = drawings()
each_picture = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)


def linear(color):
    """The three parts of a colour such as `#0072b2`, as amounts of light."""
    parts = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    lights = sorted(float(linear(color) @ (0.2126, 0.7152, 0.0722)) for color in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def mixed(ink, ground, opacity):
    parts = [
        round(opacity * int(ink[at : at + 2], 16) + (1 - opacity) * int(ground[at : at + 2], 16))
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


@pytest.mark.parametrize("color", sorted(COLORS - {palette.NEUTRAL}))
@pytest.mark.parametrize("ground", [LIGHT, DARK])
def test_a_colour_stands_out_from_both_grounds(color, ground):
    assert contrast(color, ground) >= 3


@pytest.mark.parametrize(("ink", "ground"), [("#1f1f1f", LIGHT), ("#e6e6e6", DARK)])
def test_muted_text_can_be_read_on_both_grounds(ink, ground):
    assert contrast(mixed(ink, ground, MUTED), ground) >= 4.5


def test_the_grey_of_pixel_pictures_can_be_read_on_both_grounds():
    assert min(contrast(palette.NEUTRAL, ground) for ground in (LIGHT, DARK)) > 4


def test_lines_have_other_colours_than_origins():
    assert not set(LINES) & {mark.color for mark in MARKS.values()}


# How the three kinds of dichromats see: Machado, Oliveira and Fernandes 2009, severity 1.
SEEN_BY = {
    "all": np.eye(3),
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                  [-0.003882, -0.048116, 1.051998]],
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                    [-0.011820, 0.042940, 0.968881]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                  [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
) / np.array([[0.95047], [1], [1.08883]])


def lab(color, eyes):
    """CIELAB of a colour as these eyes see it."""
    xyz = TO_XYZ @ np.clip(np.array(SEEN_BY[eyes]) @ linear(color), 0, 1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_two_lines_differ_for_all_eyes(eyes):
    """2.3 is a difference that can just be seen."""
    for one, other in itertools.combinations(LINES, 2):
        assert np.linalg.norm(lab(one, eyes) - lab(other, eyes)) > 20, (one, other)


@each_picture
def test_all_colours_are_ink_or_of_the_palette(picture):
    used = set(re.findall(r'(?:fill|stroke)="([^"]+)"', picture.svg))
    assert used <= COLORS | ON_COLOR | {"none", "currentColor"}
    fills = set(re.findall(r'<rect[^>]*fill="([^"]+)"', picture.svg))
    assert not fills & ON_COLOR, "a slab"


@each_picture
def test_text_is_12_pixels_at_least_where_the_drawing_is_narrowest(picture):
    root = ET.fromstring(picture.svg)
    narrowest = int(re.search(r"min-width:(\d+)px", root.get("style"))[1])
    smallest = min(float(text.get("font-size")) for text in root.iter(f"{SVG}text"))
    assert smallest * narrowest / float(root.get("width")) >= 12


@each_picture
def test_a_drawing_is_whole_on_a_page_of_900_pixels(picture):
    """780 pixels remain for an output in JupyterLab."""
    narrowest = int(re.search(r"min-width:(\d+)px", picture.svg)[1])
    assert narrowest <= 780


@each_picture
def test_no_text_leaves_the_drawing(picture):
    from labkit.draw.labels import text_width

    root = ET.fromstring(picture.svg)
    for text in root.iter(f"{SVG}text"):
        if text.get("transform") or any(text in list(g) for g in root.iter(f"{SVG}g")):
            continue
        width = text_width(text.text, float(text.get("font-size")))
        left = float(text.get("x")) - width * {"middle": 0.5, "end": 1}.get(
            text.get("text-anchor"), 0
        )
        assert left >= 0, text.text
        assert left + width <= float(root.get("width")) + 1, text.text


@each_picture
def test_as_an_image_it_asks_for_the_theme_and_on_a_page_it_takes_the_pages(picture):
    style = ET.fromstring(picture.svg).find(f"{SVG}style").text
    assert "svg.lk-drawing:root{color:#1f1f1f}" in style
    assert "@media(prefers-color-scheme:dark){svg.lk-drawing:root{color:#e6e6e6}}" in style
    assert "@media print{svg.lk-drawing{color:#000}}" in style
    assert picture.svg.count("<style>") == 1


def test_the_image_is_as_wide_as_the_drawing_may_be():
    html = PICTURES["roofline"]._repr_html_()
    assert 'style="width:100%;min-width:480px;max-width:750px"><script>' in html
    assert "style" not in Picture("<svg></svg>", "bare")._repr_html_().split("<script>")[0]


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_there_is_an_alt_text_and_no_id(picture):
    root = ET.fromstring(picture.svg)
    assert root.get("aria-label")
    assert not [element for element in root.iter() if element.get("id")]


@pytest.mark.parametrize("lesson", sorted(LESSONS.glob("*/lesson.py")), ids=lambda p: p.parent.name)
def test_a_lesson_has_no_colour_of_its_own(lesson):
    """It takes them from `lk.draw`, whose colours can be read in both themes."""
    assert re.findall(r"""["']#[0-9a-fA-F]{6}["']""", lesson.read_text("utf-8")) == []
