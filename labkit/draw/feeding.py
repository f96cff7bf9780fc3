"""How an accelerator is fed: who loads which batch when, and when the accelerator waits."""

import dataclasses
import statistics
from collections.abc import Sequence

from labkit.draw.picture import Picture
from labkit.draw.timeline import timeline
from labkit.plan.feed import Loader, play


def feeding(
    loader: Loader, decode_times_s: Sequence[float] | None = None, *, n_steps: int = 12
) -> Picture:
    """Draw the first steps of a planned loader: a row for each worker, and the accelerator's.

    decode_times_s   CPU time for each of the `n_steps` batches, where they differ

    The title says who is waited for in the mean, and how much of the time of these steps the
    accelerator computes. Raises ValueError for fewer than 3 steps, and for other numbers of
    times.
    """
    played = play(loader, n_steps, decode_times_s)
    steps = played.rows["accelerator"]
    waits, before_s = [], 0.0
    for start, end, *_ in steps:
        if start > before_s:
            waits.append((before_s, start, "wait"))
        before_s = end
    rows = {name: list(spans) for name, spans in played.rows.items()}
    rows["accelerator"] = [*steps, *waits]
    busy = sum(end - start for start, end, kind, _ in steps if kind == "compute") / before_s
    if decode_times_s is not None:
        decode_s = statistics.fmean(decode_times_s) / loader.batch
        loader = dataclasses.replace(loader, decode_s=decode_s)
    waited_for = f"Waiting for: {loader.bottleneck}" if loader.workers else "Nobody loads ahead"
    title = f"{waited_for}. The accelerator computes {busy:.0%} of the time"
    return timeline({name: spans for name, spans in rows.items() if spans}, title=title)
