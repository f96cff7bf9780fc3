"""A plan of a training run as a picture: where a step's time goes, and what fills the memory."""

from labkit.draw.labels import wrapped
from labkit.draw.marks import LINES, ORANGE, VERMILLION
from labkit.draw.picture import Picture
from labkit.draw.sheet import sheet
from labkit.draw.svg import INK, SMALL, TEXT, path, rect, text
from labkit.plan.training import TrainingPlan, usable_bytes
from labkit.units import binary

_WIDTH, _LEFT, _RIGHT, _BAR, _TINT = 760, 118, 744, 26, 0.45
_LEAST_SHARE = 0.005  # smaller parts are left out of the legend
# A colour for each cause; arithmetic has the one that isn't a warning.
_COLORS = dict(
    zip(
        ("arithmetic", "memory bandwidth", "links inside the server", "network", "pipeline bubble",
         "CPU"),
        (LINES[1], LINES[4], ORANGE, LINES[0], LINES[3], VERMILLION),
        strict=True,
    )
)  # fmt: skip
_MEMORY_COLORS = (LINES[2], LINES[0], LINES[1], LINES[4], LINES[3], ORANGE)


def training_plan(plan: TrainingPlan, lines: tuple[str, ...] = ()) -> Picture:
    """Draw a plan: its step by what it waits for, its memory against the chip's, and in words.

    lines   more lines of text below, such as time, energy and cost of a whole run
    """
    job = plan.job
    title = f"{job.model.name} on {job.split.chips:,} {job.chip.name}: {job.split}"
    parts = [*_title(title)]
    y = 24 + 20 * len(wrapped(title, _WIDTH - 24, TEXT))
    shares = {cause: share for cause, share in plan.shares.items() if share > 0}
    parts += _bar(y + 20, "one step", shares, _COLORS, 1.0, "{:.0%}".format)
    parts += _memory(y + 136, plan)
    said = [_sentence(plan.explain()), *(str(reading) for reading in plan.readings()), *lines]
    at = y + 230
    for line in said:
        for row in wrapped(line.removeprefix("[modelled] "), _WIDTH - 24, TEXT):
            parts.append(text(12, at, row, bold=line == said[0]))
            at += 20
    alt = f"{title}. {said[0]}. Memory: {plan.verdict}"
    return sheet(_WIDTH, at - 4, parts, alt)


def broken_plan(title: str, why: str) -> Picture:
    """Draw that a split cannot be, and the sentence that says why."""
    parts = [*_title(title), text(12, 64, "This split cannot be:", bold=True)]
    rows = wrapped(why, _WIDTH - 24, TEXT)
    parts += [text(12, 88 + 20 * n, row) for n, row in enumerate(rows)]
    return sheet(_WIDTH, 100 + 20 * len(rows), parts, f"{title}. This split cannot be: {why}")


def _title(words):
    for n, row in enumerate(wrapped(words, _WIDTH - 24, TEXT)):
        yield text(12, 24 + 20 * n, row, bold=True)


def _bar(y, name, amounts, colors, whole, words):
    """A bar whose length is `whole`, and under it what its parts are."""
    yield text(_LEFT - 10, y + 18, name, "end")
    x, wide = _LEFT, _RIGHT - _LEFT
    for part, amount in amounts.items():
        width = wide * amount / whole
        yield rect(x, y, width, _BAR, fill=colors[part], tint=_TINT)
        yield rect(x, y, width, _BAR, stroke=INK, line=0.6)
        x += width
    at, row = _LEFT, 0
    for part, amount in amounts.items():
        if amount / whole < _LEAST_SHARE:
            continue
        label = f"{part} {words(amount)}"
        room = 34 + 7.2 * len(label)
        if at + room > _RIGHT + 10:
            at, row = _LEFT, row + 1
        yield rect(at, y + 34 + 20 * row, 16, 12, fill=colors[part], tint=_TINT)
        yield text(at + 22, y + 45 + 20 * row, label, size=SMALL, muted=True)
        at += room


def _memory(y, plan):
    """An ordinary stack's memory in its parts, the leanest stack's, and what the chip has."""
    room, need = usable_bytes(plan.job), plan.memory.total_bytes
    whole = 1.08 * max(room, need)
    parts = {part: amount for part, amount in plan.memory.parts_bytes.items() if amount > 0}
    colors = dict(zip(plan.memory.parts_bytes, _MEMORY_COLORS, strict=True))
    yield from _bar(y, "memory", parts, colors, whole, binary)
    for amount, words, dash, up in (
        (room, f"usable {binary(room)}", "6 4", 8),
        (plan.lean_memory.total_bytes, "leanest stack", "2 3", 22),
    ):
        x = _LEFT + (_RIGHT - _LEFT) * amount / whole
        yield path(f"M{x:.1f},{y - 6:.1f}V{y + _BAR + 4:.1f}", line=2, dash=dash)
        anchor = "end" if x > (_LEFT + _RIGHT) / 2 else "start"
        yield text(x, y - up, words, anchor, size=SMALL)


def _sentence(words):
    return words[0].upper() + words[1:]
