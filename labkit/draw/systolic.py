"""The systolic array, cycle by cycle: one picture for each State of `labkit.systolic`."""

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from labkit.draw import svg
from labkit.draw.labels import text_width, wrapped
from labkit.draw.marks import BLUE, GREEN, LAVENDER, MAGENTA, ORANGE, VERMILLION
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, rect

if TYPE_CHECKING:
    from labkit.systolic.state import State

_CELL_W, _CELL_H, _GAP = 96, 70, 10  # pixels
_WAIT_W, _N_WAITING = 34, 5  # what stands in the queue before each row
_RESULT_H = 26
_BARS_H = 44  # the strip that shows how many cells work in each cycle
_TOP, _MARGIN = 70, 14
_EMPTY, _PADDING = 0.12, 0.1  # tints of the ink: an idle cycle, a cell that multiplies padding
# Colours of the rows of the input, as tints, so that one row's way through the array can be seen.
_ROWS, _TINT = (BLUE, ORANGE, GREEN, MAGENTA, LAVENDER, VERMILLION), 0.35
_KEY = "cells at work in each cycle: blue useful, orange on padding, grey bubbles"
_LEGEND = {
    "weights": (
        "Each cell keeps its weight w; next is the weight of the next tile, on its way in.",
        "One colour: one row of the input. Inputs move right, sums move down into the results.",
    ),
    "outputs": (
        "Each cell keeps its sum; out is a finished sum on its way down and out.",
        "One colour: one term of the sums. Inputs move right, weights move down.",
    ),
}


def systolic_frames(states: "Iterable[State]") -> list[Picture]:
    """Draw States of a matrix unit, as `MatrixUnit.watch` gives them: a list of Pictures.

    For arrays and results that fit on a page, up to about 6 × 6 cells. Raises ValueError without
    states.
    """
    states = list(states)
    if not states:
        raise ValueError("There is nothing to draw: the list of states is empty.")
    page = _Page(states)
    return [page.frame(n) for n in range(len(states))]


class _Page:
    """Where things stand; the same in all frames."""

    def __init__(self, states):
        self.states = states
        self.n_rows, self.n_columns = states[0].inputs.shape
        self.m, self.n = states[0].results.shape
        cells = itertools.product(range(self.n_rows), range(self.n_columns))
        self.begins = {  # the frame in which each cell first has work
            at: next(n for n, state in enumerate(states) if state.items[at] >= 0) for at in cells
        }
        self.left = _MARGIN + _N_WAITING * _WAIT_W + _GAP
        self.result_w = max(36, *(_number_width(value) for value in states[-1].results.flat))
        self.results_left = self.left + self.n_columns * _CELL_W + 3 * _GAP
        self.bars_top = _TOP + max(self.n_rows * _CELL_H, self.m * _RESULT_H) + 3 * _GAP
        self.width = max(self.results_left + self.n * self.result_w + _MARGIN, 680)
        self.legend = [
            line for words in (_KEY, *_LEGEND[states[0].stationary])
            for line in wrapped(words, self.width - 2 * _MARGIN, SMALL)
        ]  # fmt: skip
        self.height = self.bars_top + _BARS_H + 26 + 19 * len(self.legend)

    def frame(self, n):
        state, words = self.states[n], _describe(self.states, n)
        parts = [
            _text(_MARGIN, 26, words, size=16, bold=True),
            *self._headings(), *self._queue(n), *self._cells(n), *self._results(state),
            *self._bars(n), *self._legend(),
        ]  # fmt: skip
        return sheet(self.width, self.height, parts, words)

    def _headings(self):
        for x, words in (
            (_MARGIN, "inputs to come"),
            (self.left, "cells"),
            (self.results_left, "results"),
        ):
            yield _text(x, _TOP - 12, words, muted=True)

    def _queue(self, n):
        """What enters each row in the next cycles, taken from the frames to come."""
        for ahead, state in enumerate(self.states[n + 1 : n + 1 + _N_WAITING], 1):
            x = self.left - _GAP - ahead * _WAIT_W
            for row in range(self.n_rows):
                if state.items[row, 0] >= 0:
                    y = _TOP + row * _CELL_H + _CELL_H / 2
                    yield _box(x + 1, y - 14, _WAIT_W - 2, 28, _color(state.items[row, 0]), _TINT)
                    yield _text(x + _WAIT_W / 2, y + 5, state.inputs[row, 0], "middle")

    def _cells(self, n):
        for row in range(self.n_rows):
            for column in range(self.n_columns):
                at = row, column
                x, y = self.left + column * _CELL_W, _TOP + row * _CELL_H
                yield from _cell(self.states[n], at, x, y, has_begun=self.begins[at] <= n)

    def _results(self, state):
        """The results: empty, still growing (grey), complete (black)."""
        untouched = self.states[0].missing
        for row in range(self.m):
            for column in range(self.n):
                x = self.results_left + column * self.result_w
                y = _TOP + row * _RESULT_H
                missing = state.missing[row, column]
                empty = bool(missing == untouched[row, column])
                fill = _color(row) if state.stationary == "weights" and not empty else "none"
                yield _box(x, y, self.result_w - 2, _RESULT_H - 2, fill, _TINT, dash=empty)
                if not empty:
                    yield _text(
                        x + self.result_w / 2 - 1, y + 17, state.results[row, column], "middle",
                        bold=bool(not missing), muted=bool(missing),
                    )  # fmt: skip

    def _bars(self, n):
        """For each cycle, how many cells multiply (blue) and how many of them padding (orange)."""
        wide = (self.width - 2 * _MARGIN) / len(self.states)
        foot, cells = self.bars_top + _BARS_H, self.n_rows * self.n_columns
        for cycle, state in enumerate(self.states):
            x = _MARGIN + cycle * wide
            busy, real = (part.sum() / cells * _BARS_H for part in (state.items >= 0, state.real))
            yield rect(x, foot - _BARS_H, wide - 1, _BARS_H, fill=INK, tint=_EMPTY)
            yield rect(x, foot - busy, wide - 1, busy - real, fill=ORANGE)
            yield rect(x, foot - real, wide - 1, real, fill=BLUE)
        x = _MARGIN + n * wide
        yield rect(x - 1, foot - _BARS_H - 2, wide + 1, _BARS_H + 4, stroke=INK, line=2)

    def _legend(self):
        for row, words in enumerate(self.legend):
            y = self.bars_top + _BARS_H + 22 + 19 * row
            yield _text(_MARGIN, y, words, size=SMALL, muted=True)


def _cell(state, at, x, y, has_begun):
    """One cell: what it keeps, what it multiplied in this cycle, and its sum."""
    works, real = bool(state.items[at] >= 0), bool(state.real[at])
    fill = _color(state.items[at]) if real else INK if works else "none"
    yield _box(x, y, _CELL_W - 3, _CELL_H - 3, fill, _TINT if real else _PADDING, dash=not works)
    if state.stationary == "weights" and has_begun:
        yield _text(x + 6, y + 17, f"w {state.weights[at]}", bold=True)
    if state.holds[at]:
        word = "next" if state.stationary == "weights" else "out"
        spare = f"{word} {state.spare[at]}"
        yield _text(x + _CELL_W - 9, y + 17, spare, "end", size=SMALL, muted=True)
    if works:
        middle = x + _CELL_W / 2 - 1.5
        product = f"+ {state.inputs[at]} × {state.weights[at]}".replace("-", "−")
        yield _text(middle, y + 39, product, "middle", muted=not real)
        yield _text(middle, y + 58, f"= {state.sums[at]}", "middle", muted=not real, bold=real)


def _describe(states, n):
    state = states[n]
    busy, real = int((state.items >= 0).sum()), int(state.real.sum())
    padding = f", {busy - real} on padding" if busy > real else ""
    return (
        f"Cycle {state.cycle} of {len(states)}: {busy} of {state.items.size} cells multiply"
        f"{padding}; {int((state.missing == 0).sum())} of {state.missing.size} results complete"
    )


def _color(item):
    return _ROWS[int(item) % len(_ROWS)]


def _number_width(value):
    return text_width(str(value), svg.TEXT) + 14


def _box(x, y, width, height, fill, tint, dash=False):
    return rect(
        x, y, width, height,
        fill=fill, tint=tint, stroke=INK, line=0.8, stroke_opacity=0.6, dash=dash, radius=3,
    )  # fmt: skip


def _text(x, y, words, *args, **style):
    """As `text`, with the sign of a number as wide as the others."""
    return svg.text(x, y, str(words).replace("-", "−"), *args, **style)
