"""A model's answer as it grows: its tokens, and the bytes that each layer moved for the last."""

from collections.abc import Mapping, Sequence

from labkit.draw.labels import text_width
from labkit.draw.marks import LINES
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import GRID, INK, SMALL, TEXT, path, rect, text
from labkit.units import si

_WIDTH, _LEFT = 760, 84  # pixels
_LINE, _LINES = 32, 2  # of tokens
_TOP, _FOOT = 218, 368  # of the bars
_TINT = 0.5


def answer(
    pieces: Sequence[str], n_prompt: int, n_expected: int, layers: Sequence[Mapping[str, float]],
    outcome: str = "", measured: bool = False,
) -> Picture:  # fmt: skip
    """Draw the tokens of a text so far, over a bar for each layer: a Picture.

    pieces      the text of each token, the prompt's `n_prompt` first
    n_expected  tokens that there will be in the end: a bar shows how far it is
    layers      part -> bytes that the last token moved there, the output layer last
    outcome     more about this run, behind the title
    measured    whether `outcome` was measured here

    Raises ValueError without pieces or layers.
    """
    if not pieces or not layers:
        raise ValueError("There is nothing to draw: give at least one piece and one layer.")
    names = list(dict.fromkeys(part for layer in layers for part in layer))
    colors = {part: LINES[n % len(LINES)] for n, part in enumerate(names)}
    title = f"Token {len(pieces)} of {n_expected}"
    drawn = [
        text(12, 26, title, size=16, bold=True),
        text(30 + 1.12 * text_width(title, 16), 26, outcome, muted=True),
        rect(12, 38, _WIDTH - 24, 8, stroke=INK, line=0.6, radius=4),
        rect(12, 38, (_WIDTH - 24) * min(1, len(pieces) / n_expected), 8, fill=INK, tint=0.6,
             radius=4),
        *_tokens(pieces, n_prompt),
        *_legend(layers, colors),
        *_bars(layers, colors),
    ]  # fmt: skip
    total = si(_sum(layers), "B")
    alt = f"The answer so far: {title.lower()}, {''.join(pieces)!r}; the last one moved {total}"
    picture = sheet(_WIDTH, _FOOT + 48, drawn, alt)
    return Picture(picture.svg, picture.alt, measured)


def _tokens(pieces, n_prompt):
    """The tokens in boxes, the last lines of them; those of the prompt have a thin frame alone."""
    lines, x = [[]], 12.0
    for n, piece in enumerate(pieces):
        words = piece.strip(" ").replace("\n", "↵") or "␣"
        words = words if len(words) <= 60 else words[:60] + "…"
        width = text_width(words, TEXT) + 14
        if lines[-1] and x + width > _WIDTH - 12:
            lines.append([])
            x = 12.0
        lines[-1].append((x, width, words, n < n_prompt))
        x += width + 6
    for row, line in enumerate(lines[-_LINES:]):
        y = 60 + row * _LINE
        for x, width, words, is_prompt in line:
            fill = {} if is_prompt else {"fill": LINES[0], "tint": 0.25}
            yield rect(x, y, width, 25, stroke=INK, line=0.8, radius=4, dash=is_prompt, **fill)
            yield text(x + width / 2, y + 17, words, "middle", bold=not is_prompt)


def _legend(layers, colors):
    """Each part with its colour, and its bytes in all layers; two lines where one is too short."""
    x, y = 12.0, 146
    for part, color in colors.items():
        words = f"{part} {si(sum(layer.get(part, 0) for layer in layers), 'B')}"
        width = 40 + text_width(words, TEXT)
        if x + width > _WIDTH:
            x, y = 12.0, y + 24
        yield rect(x, y, 20, 13, fill=color, tint=_TINT, stroke=INK, line=0.6)
        yield text(x + 26, y + 12, words)
        x += width + 8


def _bars(layers, colors):
    most = max(sum(layer.values()) for layer in layers) or 1.0
    step = (_WIDTH - _LEFT - 12) / len(layers)
    height = (_FOOT - _TOP) / most
    for share in (0, 0.5, 1):
        y = _FOOT - share * (_FOOT - _TOP)
        yield path(f"M{_LEFT},{y:.1f}H{_WIDTH - 12}", opacity=GRID)
        yield text(_LEFT - 8, y + 5, si(share * most, "B"), "end", size=SMALL)
    for n, layer in enumerate(layers):
        x, y = _LEFT + n * step + 0.1 * step, float(_FOOT)
        for part, n_bytes in layer.items():
            y -= n_bytes * height
            yield rect(x, y, 0.8 * step, n_bytes * height, fill=colors[part], tint=_TINT)
        yield rect(x, y, 0.8 * step, _FOOT - y, stroke=INK, line=0.6)
        is_output = n == len(layers) - 1
        is_near_output = len(layers) - 3 <= n < len(layers) - 1 and n > 0
        if is_output or n == 0 or ((n + 1) % 5 == 0 and not is_near_output):
            words = "output" if is_output else n + 1
            anchor = "end" if is_output else "middle"
            at = _WIDTH - 10 if is_output else x + 0.4 * step
            yield text(at, _FOOT + 19, words, anchor, size=SMALL)
    middle = _LEFT + (_WIDTH - _LEFT) / 2
    yield text(middle, _FOOT + 40, "layer, and the bytes it moved", "middle", muted=True)


def _sum(layers):
    return sum(sum(layer.values()) for layer in layers)
