"""The ledger: what published sources print, held against what is recomputed from their inputs.

`python tests/published/ledger.py` prints it as a Markdown table. A figure that does not come out
stays in it as not reproduced, with the reason.
"""

import dataclasses
import inspect
import math
import sys
from collections.abc import Callable

from labkit.hardware import published
from labkit.plan import Roofline, roofline
from labkit.units import si


@dataclasses.dataclass(frozen=True)
class Entry:
    """One printed column of a published table and the function that recomputes it.

    The function's parameters name the columns that it is given: never the printed one.
    """

    table: str
    column: str
    unit: str
    recompute: Callable
    relation: str = "="  # or "≤": what is printed must not exceed what is recomputed
    not_reproduced: str | None = None  # the reason

    @property
    def inputs(self):
        return tuple(inspect.signature(self.recompute).parameters)

    def lines(self):
        """One line for each row in which the source prints the figure."""
        result = published(self.table)
        tolerance = result.tolerance[self.column]
        for number, row in enumerate(result.rows):
            if self.column in row:
                allowed = tolerance[number] if isinstance(tolerance, list) else tolerance
                recomputed = self.recompute(**{name: row[name] for name in self.inputs})
                yield Line(self, next(iter(row.values())), row[self.column], recomputed, allowed)


@dataclasses.dataclass(frozen=True)
class Line:
    entry: Entry
    row: str
    printed: float
    recomputed: float
    tolerance: float

    @property
    def agrees(self):
        slack = self.tolerance + 1e-9 * abs(self.printed)  # 0.106 - 0.105 exceeds 0.001 in binary
        excess = self.printed - self.recomputed
        return (excess if self.entry.relation == "≤" else abs(excess)) <= slack

    @property
    def verdict(self):
        word = "reproduced" if self.entry.relation == "=" else "holds"
        return word if self.agrees else f"not {word}"


def mac_peak(n_macs, clock_hz):
    return 2 * n_macs * clock_hz


def ridge_in_macs(peak_op_per_s, bandwidth_bytes_per_s):
    roof = Roofline("chip", peak_op_per_s, bandwidth_bytes_per_s, "modelled")
    return roof.ridge_flop_per_byte / 2


def tpu_v1_roof(intensity_mac_per_byte):
    return roofline("tpu-v1", "int8").attainable_flop_per_s(2 * intensity_mac_per_byte)


def rate_of_useful_macs(useful_mac_fraction):
    return useful_mac_fraction * roofline("tpu-v1", "int8").peak_flop_per_s


def cycles_left_for_the_array(weight_stall_fraction, weight_shift_fraction, non_matrix_fraction):
    return 1 - weight_stall_fraction - weight_shift_fraction - non_matrix_fraction


def cycles_spent_on_weights(weight_stall_fraction, weight_shift_fraction):
    return weight_stall_fraction + weight_shift_fraction


def tiles(matrix_size, array_size):
    return math.ceil(matrix_size / array_size) ** 2


def tiles_time(matrix_size, array_size, step_of_256_s):
    return tiles(matrix_size, array_size) * step_of_256_s * (array_size / 256) ** 2


def share_of_maximum(inferences_per_s, maximum_inferences_per_s):
    return inferences_per_s / maximum_inferences_per_s


LEDGER = (
    Entry("tpu-v1-peak", "peak_op_per_s", "OP/s", mac_peak),
    Entry("tpu-v1-ridge", "ridge_mac_per_byte", "MAC/B", ridge_in_macs),
    Entry("tpu-v1-applications", "achieved_op_per_s", "OP/s", tpu_v1_roof, relation="≤"),
    Entry("tpu-v1-applications", "array_active_fraction", "%", cycles_left_for_the_array),
    Entry("tpu-v1-applications", "weight_cycles_fraction", "%", cycles_spent_on_weights),
    Entry(
        "tpu-v1-applications", "achieved_op_per_s", "OP/s", rate_of_useful_macs,
        not_reproduced="hardware counters and production rates disagree in the source itself",
    ),
    Entry("tpu-v1-array-size", "n_steps", "1", tiles),
    Entry("tpu-v1-array-size", "time_s", "s", tiles_time),
    Entry("tpu-v1-latency", "of_maximum_fraction", "%", share_of_maximum),
)  # fmt: skip


_HEADS = [
    "result", "row", "column", "printed", "is", "recomputed", "tolerance", "verdict", "mark",
    "source",
]  # fmt: skip


def markdown():
    """The ledger as a Markdown table, one line a printed figure."""
    rows = [_cells(line) for entry in LEDGER for line in entry.lines()]
    table = [_HEADS, ["---"] * len(_HEADS), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


def _cells(line):
    entry, result = line.entry, published(line.entry.table)
    figures = [si(figure, entry.unit) for figure in (line.printed, line.recomputed, line.tolerance)]
    reason = f": {entry.not_reproduced}" if entry.not_reproduced else ""
    return [
        result.title, str(line.row), f"`{entry.column}`", figures[0], entry.relation, figures[1],
        f"± {figures[2]}", line.verdict + reason, result.mark, result.source,
    ]  # fmt: skip


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # × and ≤ are missing from some terminals' code page
    print(markdown())
