"""The systolic array, cycle by cycle: one picture for each State of `labkit.systolic`."""

import itertools

from labkit.draw.labels import text_width
from labkit.draw.marks import BLUE, GRID, INK, MUTED, ORANGE
from labkit.draw.sheet import sheet, text

_CELL_W, _CELL_H, _GAP = 76, 62, 10  # pixels
_WAIT_W, _N_WAITING = 30, 5  # what stands in the queue before each row
_RESULT_H = 24
_BARS_H = 44  # the strip that shows how many cells work in each cycle
_TOP, _MARGIN = 62, 14
# Tints of the rows of the input, so that one row's way through the array can be seen.
_TINTS = ("#cfe3f3", "#fbe3b5", "#cdebdd", "#f3d5e5", "#e4e0f5", "#f9d9c6")
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


def systolic_frames(states):
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
        self.width = max(self.results_left + self.n * self.result_w + _MARGIN, 620)
        self.height = self.bars_top + _BARS_H + 70

    def frame(self, n):
        state, words = self.states[n], _describe(self.states, n)
        parts = [
            _text(_MARGIN, 24, words, size=15, bold=True),
            *self._headings(), *self._queue(n), *self._cells(n), *self._results(state),
            *self._bars(n), *self._legend(state),
        ]  # fmt: skip
        return sheet(self.width, self.height, parts, words)

    def _headings(self):
        for x, words in (
            (_MARGIN, "inputs to come"),
            (self.left, "cells"),
            (self.results_left, "results"),
        ):
            yield _text(x, _TOP - 12, words, fill=MUTED)

    def _queue(self, n):
        """What enters each row in the next cycles, taken from the frames to come."""
        for ahead, state in enumerate(self.states[n + 1 : n + 1 + _N_WAITING], 1):
            x = self.left - _GAP - ahead * _WAIT_W
            for row in range(self.n_rows):
                if state.items[row, 0] >= 0:
                    y = _TOP + row * _CELL_H + _CELL_H / 2
                    yield _box(x + 1, y - 13, _WAIT_W - 2, 26, _tint(state.items[row, 0]))
                    yield _text(x + _WAIT_W / 2, y + 4.5, state.inputs[row, 0], "middle")

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
                fill = _tint(row) if state.stationary == "weights" and not empty else "#ffffff"
                yield _box(x, y, self.result_w - 2, _RESULT_H - 2, fill, dash=empty)
                if not empty:
                    yield _text(
                        x + self.result_w / 2 - 1, y + 16, state.results[row, column], "middle",
                        bold=bool(not missing), fill=MUTED if missing else INK,
                    )  # fmt: skip

    def _bars(self, n):
        """For each cycle, how many cells multiply (blue) and how many of them padding (orange)."""
        wide = (self.width - 2 * _MARGIN) / len(self.states)
        foot, cells = self.bars_top + _BARS_H, self.n_rows * self.n_columns
        for cycle, state in enumerate(self.states):
            x = _MARGIN + cycle * wide
            busy, real = (part.sum() / cells * _BARS_H for part in (state.items >= 0, state.real))
            yield _bar(x, foot - _BARS_H, wide - 1, _BARS_H, GRID)
            yield _bar(x, foot - busy, wide - 1, busy - real, ORANGE)
            yield _bar(x, foot - real, wide - 1, real, BLUE)
        x = _MARGIN + n * wide
        yield (
            f'<rect x="{x - 1:.1f}" y="{foot - _BARS_H - 2:.1f}" width="{wide + 1:.1f}" '
            f'height="{_BARS_H + 4}" fill="none" stroke="{INK}" stroke-width="2"/>'
        )

    def _legend(self, state):
        y = self.bars_top + _BARS_H + 18
        key = "cells at work in each cycle: blue useful, orange on padding, grey bubbles"
        for line, words in enumerate((key, *_LEGEND[state.stationary])):
            yield _text(_MARGIN, y + 18 * line, words, fill=MUTED)


def _cell(state, at, x, y, has_begun):
    """One cell: what it keeps, what it multiplied in this cycle, and its sum."""
    works, real = bool(state.items[at] >= 0), bool(state.real[at])
    fill = _tint(state.items[at]) if real else "#ececec" if works else "#ffffff"
    yield _box(x, y, _CELL_W - 3, _CELL_H - 3, fill, dash=not works)
    if state.stationary == "weights" and has_begun:
        yield _text(x + 5, y + 15, f"w {state.weights[at]}", bold=True)
    if state.holds[at]:
        word = "next" if state.stationary == "weights" else "out"
        yield _text(
            x + _CELL_W - 7, y + 14, f"{word} {state.spare[at]}", "end", size=10.5, fill=MUTED
        )
    if works:
        ink = INK if real else MUTED
        middle = x + _CELL_W / 2 - 1.5
        product = f"+ {state.inputs[at]} × {state.weights[at]}".replace("-", "−")
        yield _text(middle, y + 34, product, "middle", fill=ink)
        yield _text(middle, y + 51, f"= {state.sums[at]}", "middle", fill=ink, bold=real)


def _describe(states, n):
    state = states[n]
    busy, real = int((state.items >= 0).sum()), int(state.real.sum())
    padding = f", {busy - real} on padding" if busy > real else ""
    return (
        f"Cycle {state.cycle} of {len(states)}: {busy} of {state.items.size} cells multiply"
        f"{padding}; {int((state.missing == 0).sum())} of {state.missing.size} results complete"
    )


def _tint(item):
    return _TINTS[int(item) % len(_TINTS)]


def _number_width(value):
    return text_width(str(value), 13) + 14


def _box(x, y, width, height, fill, dash=False):
    dashes = ' stroke-dasharray="3 3"' * dash
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" '
        f'fill="{fill}" stroke="{MUTED}" stroke-width="0.8"{dashes}/>'
    )


def _bar(x, y, width, height, fill):
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'
    )


def _text(x, y, words, *args, **style):
    """As `text`, with the sign of a number as wide as the others."""
    return text(x, y, str(words).replace("-", "−"), *args, **style)
