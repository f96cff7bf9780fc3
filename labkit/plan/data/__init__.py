"""Dated data that cost and carbon depend on: prices, and the carbon intensity of electricity.

Each figure names its source and its date, because all of them grow old. Nothing has a default:
no country, no provider, no price.
"""

import csv
import dataclasses
import functools
from pathlib import Path

from labkit.reading import Origin, Reading

_HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True, slots=True)
class Day:
    """The carbon intensity of one grid, hour by hour of one local day, from 0 to 23 o'clock.

    g_per_kwh   24 means in grams of CO2 equivalent per kWh, over the life cycle of the plants
    """

    grid: str
    date: str
    g_per_kwh: tuple[float, ...]
    source: str


def price(key: str) -> Reading:
    """A price of a provider or an authority: `price("h100-hour-on-demand").value` in USD/h.

    A published Reading whose note says what was priced, and when. Raises ValueError with the known
    keys for any other.
    """
    row = _find("price", key, _rows("prices.csv"), "key")
    note = "; ".join(filter(None, (row["what"], row["date"], row["note"])))
    return Reading(
        row["key"], float(row["value"]), row["unit"], Origin.PUBLISHED, row["source"], note
    )


def carbon_intensity(region: str) -> Reading:
    """Mean carbon intensity of a country's electricity in g CO2e/kWh: `carbon_intensity("France")`.

    A published Reading over a year and the life cycle of the plants. By name or three-letter code;
    raises ValueError with the known regions for any other. There is no default region.
    """
    row = _find("carbon intensity for", region, _rows("carbon_intensity.csv"), "region", "code")
    name, source = f"electricity of {row['region']}", f"{row['source']}, {row['year']}"
    return Reading(name, float(row["g_per_kwh"]), "g/kWh", Origin.PUBLISHED, source)


def carbon_regions() -> list[str]:
    """The regions that `carbon_intensity` knows, cleanest first."""
    rows = _rows("carbon_intensity.csv")
    return [row["region"] for row in sorted(rows, key=lambda row: float(row["g_per_kwh"]))]


def carbon_by_hour(grid: str) -> Day:
    """One published Day of a grid, hour by hour: `carbon_by_hour("California").g_per_kwh[12]`.

    Raises ValueError with the known grids for any other.
    """
    rows = _rows("carbon_by_hour.csv")
    first = _find("hourly carbon intensity for", grid, rows, "grid")
    hours = tuple(float(row["g_per_kwh"]) for row in rows if row["grid"] == first["grid"])
    return Day(first["grid"], first["date"], hours, first["source"])


def serving_runs() -> tuple[dict[str, str], ...]:
    """Published runs of servers, one a row, as text: model, chips, lengths, batch, tokens a second.

    All of TensorRT-LLM's table for Llama in 8 bits, and a few points of ML.ENERGY's leaderboard,
    whose repository states no licence. The column `read_in` names the source. Prompts of 200 tokens
    are assumed for the latter, which does not state them; an empty batch is whatever fits.
    """
    return _rows("serving_runs.csv")


@functools.cache
def _rows(name):
    with (_HERE / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _find(what, wanted, rows, *columns):
    """The first row that has `wanted` in one of its columns, whatever the case."""
    for row in rows:
        if str(wanted).casefold() in {row[column].casefold() for column in columns}:
            return row
    known = ", ".join(dict.fromkeys(row[columns[0]] for row in rows))
    raise ValueError(
        f"There is no {what} {wanted!r}. There are: {known}. Or pass a number of your own."
    )
