"""Pipelines: which rank works on which micro-batch when, on paper and in a real run."""

from collections.abc import Iterable, Mapping, Sequence

from labkit.draw.picture import Picture
from labkit.draw.timeline import timeline

_KINDS = {
    "F": "forward", "B": "backward", "I": "gradient of the input", "W": "gradient of the weights",
}  # fmt: skip
Spans = Sequence[Iterable[tuple[float, float, tuple[str, int, int]]]]


def pipeline(
    runs: Mapping[str, Spans], *, title: str, unit: str = "1", measured: bool = False
) -> Picture:
    """Draw runs of pipelines below one another over one axis of time: a row for each rank.

    runs      name -> for each rank its spans (start, end, (kind, stage, micro-batch)), as
              `labkit.plan.pipeline.play` gives them; the number in a bar is the micro-batch
    unit      of the times; each run begins at 0
    measured  whether a run was measured here

    Raises ValueError without spans.
    """
    rows = {}
    for name, spans in runs.items():
        spans = [list(some) for some in spans]
        begin = min((start for some in spans for start, *_ in some), default=0)
        for rank, some in enumerate(spans):
            rows[f"{name} rank {rank}".strip()] = [
                (start - begin, end - begin, _words(kind, stage // len(spans)), str(batch))
                for start, end, (kind, stage, batch) in some
            ]
    return timeline(rows, title=title, unit=unit, measured=measured)


def _words(kind, chunk):
    """The kind of a task in words; which of a rank's stages it is of, where it has several."""
    later = f", its stage {chunk + 1}" if chunk else ""
    return f"{_KINDS[kind]}{later}"
