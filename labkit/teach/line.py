"""A line as it is shown: a text, and the same as HTML.

The text is what a plain terminal, GitHub and the test of stored outputs see; the HTML is made of
it, so the two cannot say different things. It has inline styles only and the page's own ink on the
page's own ground, so that it looks right in any notebook, light or dark, trusted or not.
"""

import html
import re
import sys
from typing import NamedTuple

from labkit.draw.marks import MARKS
from labkit.reading import Origin

# A ground of its own for each first word; the words on it are black or white, whichever is clearer.
GROUNDS = {
    **{str(origin): mark.color for origin, mark in MARKS.items()},
    "pass": "#1a7f37",
    "again": "#9a6700",
    "error": "#b3261e",
    "todo": "#616161",
    "guess": "#616161",
    "here": "#616161",
}
# One line of HTML is one line of text, so that the sanitizer can blank a line that varies.
_LINE = re.compile(r"\[(?P<word>\w+)\] (?P<name>[^:]*): (?P<rest>.*)", re.S)
# A figure has at most three words, before its interval and what is said of it; more is a sentence.
_FIGURE = re.compile(r" *(?:\S+ ){0,2}?\S+?(?= \(|[,;] |$)|")
_SENTENCE = re.compile(r"\[(?P<word>\w+)\] (?P<rest>.*)", re.S)
_VARIES = re.compile(
    r"\[(measured|here)\]|\[modelled\].*\bfrom measured\b|\[(simulated|modelled)\].*\bsampled\b",
    re.S,
)
_STYLE = (
    "margin:2px 0;max-width:60em;line-height:1.5;"
    "white-space:normal;word-break:normal;overflow-wrap:normal"
)
_BADGE = "padding:1px 7px;border-radius:9px;font-size:12px;white-space:nowrap"
_SI_UNIT = r"[fpnµmkMGTPEZ]?(?:B|FLOP|OP|MAC|s|J|W|Wh|Hz)"
# What a browser may break although it is one word: a number and its unit, `GPU-hour`, `GB/s`.
_TOGETHER = re.compile(
    rf"-?\d[\d.,]*(?:e[+-]?\d+)? (?:%|[KMGTP]iB|{_SI_UNIT})(?:/\w+)?(?!\w)"
    r"|(?<!\S)(?=\S{3,40}(?!\S))\S*\w[-/]\w\S*"
)
_LINK = re.compile(
    r"(?P<url>https?://[^\s<>]*[\w/])"
    r"|\barXiv[: ](?P<arxiv>\d{4}\.\d{4,5})"
    r"|(?P<bare>\b(?:[\w-]+\.)+(?:org|com|io|dev|net|edu|gov|ai)/[^\s<>,;)]*[\w/])"
)
_ASCII = str.maketrans({
    "µ": "u", "μ": "u", "·": "*", "×": "x", "±": "+-", "°": " deg ", "²": "^2", "–": "-", "—": "-",
    "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "≥": ">=", "≤": "<=", "→": "->",
})  # fmt: skip


class Line(NamedTuple):
    """What is shown of one thing, on one line of text and one line of HTML."""

    text: str
    html: str


def line(text: str, below: str = "") -> Line:
    """The Line for a text that begins with a word in brackets, `[measured] copy: 12.3 GB/s`.

    below   HTML that stands under it
    """
    match = _LINE.match(text) or _SENTENCE.match(text)
    if match is None:
        return Line(text, _div("lk-line", _words(text) + below))
    word, rest = match["word"], match["rest"]
    name = f"{_words(match['name'])}: " if "name" in match.groupdict() else ""
    if word in set(Origin) and name:
        figure = _FIGURE.match(rest)[0]
        bold = f"<b>{_words(figure)}</b>" if figure else ""
        rest = f"{bold}{_words(rest.removeprefix(figure))}"
    else:
        rest = _words(rest)
    varies = "lk-line lk-varies" if _VARIES.match(text) else "lk-line"
    return Line(text, _div(varies, f"{_badge(word)} {name}{rest}{below}"))


def say(*lines: Line) -> None:
    """Show lines: as HTML with its text in a notebook, as text everywhere else."""
    text = "\n".join(line.text for line in lines)
    if not lines:
        return
    if _in_notebook():
        from IPython.display import display

        display({"text/plain": text, "text/html": "\n".join(line.html for line in lines)}, raw=True)
    else:
        _print(text)


def ink_on(ground: str) -> str:
    """Black or white, whichever has more contrast with a ground (`#rrggbb`)."""
    return max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, ground))


def contrast(a: str, b: str) -> float:
    """The contrast of two colours (`#rrggbb`), 1 to 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted((_luminance(a), _luminance(b)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color):
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _div(classes, content):
    return f'<div class="{classes}" style="{_STYLE}">{content}</div>'.replace("\n", "<br>")


def _badge(word):
    ground = GROUNDS.get(word, GROUNDS["here"])
    return f'<span style="{_BADGE};background:{ground};color:{ink_on(ground)}">{word}</span>'


def _words(text):
    """Text as HTML: addresses become links, a number and its unit stay on one line."""
    parts, at = [], 0
    for match in _LINK.finditer(text):
        parts += [_plain(text[at : match.start()]), _link(match)]
        at = match.end()
    return "".join([*parts, _plain(text[at:])])


def _link(match):
    if match["arxiv"]:
        address = f"https://arxiv.org/abs/{match['arxiv']}"
    else:
        address = match["url"] or f"https://{match['bare']}"
    kept = "white-space:nowrap" if len(match[0]) <= 60 else "overflow-wrap:anywhere"
    return f'<a href="{html.escape(address)}" style="{kept}">{html.escape(match[0])}</a>'


def _plain(text):
    kept = '<span style="white-space:nowrap">{}</span>'
    return _TOGETHER.sub(lambda match: kept.format(match[0]), html.escape(text))


def _in_notebook():
    if "IPython" not in sys.modules:
        return False
    return getattr(sys.modules["IPython"].get_ipython(), "kernel", None) is not None


def _print(text):
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:  # a terminal that has few signs
        text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    print(text)
