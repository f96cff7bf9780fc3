"""Charts of a server: latency against load, tokens over time, and what a number format brings."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labkit.draw.axis import Axis
from labkit.draw.chart import Chart
from labkit.draw.picture import Picture
from labkit.units import si


def latency_curve(
    kept: Sequence[Mapping[str, Any]], tried: Iterable[tuple[float, float]] = (),
    limit_s: float | None = None,
) -> Picture:  # fmt: skip
    """Latency against the rate of requests.

    kept      rows of a recorded sweep with `rate_per_s` and `latency_p90_s`
    tried     (requests a second, 90th percentile of the latency in s), measured here; NaN, where
              no request was answered, is left out
    limit_s   an objective: it is drawn, and the last recorded rate within it named
    """
    tried = [(rate, latency_s) for rate, latency_s in tried if math.isfinite(latency_s)]
    rates = [row["rate_per_s"] for row in kept]
    latencies = [row["latency_p90_s"] for row in kept]
    chart = Chart(
        Axis("requests a second", "1", 0, max([*rates, *(r for r, _ in tried)])),
        Axis("90 % are answered within", "s", 0.03, log=True),
        title="Latency against load",
    )
    chart.line(rates, latencies, "another machine", origin="recorded")
    for rate, latency_s in tried:
        chart.mark(rate, latency_s, "measured")
    ends = f"{si(latencies[0], 's')} at {rates[0]:g} a second, {si(latencies[-1], 's')} at"
    told = [f"{ends} {rates[-1]:g}"] + [f"tried here: {len(tried)}"] * bool(tried)
    if limit_s is not None:
        chart.line([0, max(rates)], [limit_s, limit_s], "the objective", dash=True)
        within = [rate for rate, one in zip(rates, latencies, strict=True) if one <= limit_s]
        if within:
            told.append(f"up to {max(within):g} a second")
            chart.label(max(within), limit_s, told[-1])
    return chart.picture(f"Latency by the rate of requests: {'; '.join(told)}")


def tokens_over_time(run: Any, title: str) -> Picture:
    """Tokens a second of a run, in half seconds, with its outages shaded.

    run   a `FleetRun`
    """
    points = run.tokens_by_interval(0.5)
    chart = Chart(Axis("time", "s", 0, run.time_s), Axis("tokens a second", "1"), title=title)
    highest = max(rate for _, rate in points) or 1.0
    for outage in run.outages:
        ends = [outage.down_s, min(outage.up_s, run.time_s)]
        if ends[0] < ends[1]:
            chart.band(ends, [0, 0], [highest, highest])
    chart.step([at for at, _ in points], [rate for _, rate in points], "all clients",
               origin="measured")  # fmt: skip
    return chart.picture("Tokens a second while replicas are gone (shaded) and come back")


def format_rates(
    rows: Sequence[Mapping[str, Any]], read_bytes_per_s: float, origin: str
) -> Picture:
    """Decoded tokens a second of each format over its bytes, and what the bandwidth would allow.

    rows   with `format`, `model_bytes` and `decode_tokens_per_s`
    """
    sizes = [row["model_bytes"] for row in rows]
    chart = Chart(
        Axis("bytes of the model", "B", min(sizes) / 1.6, max(sizes) * 1.9, log=True),
        Axis("tokens a second", "1", log=True),
        title="Decoding alone, with one thread",
    )
    ends = [min(sizes), max(sizes)]
    chart.line(ends, [read_bytes_per_s / size for size in ends], "what the bandwidth allows")
    for row in rows:
        chart.mark(row["model_bytes"], row["decode_tokens_per_s"], origin, row["format"])
    return chart.picture("Tokens a second by the size of the model, under a line of bandwidth")
