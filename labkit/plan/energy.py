"""Energy and carbon of a run, and joules per token: pure functions of numbers, all modelled.

Sources: Patterson et al. 2021, arXiv 2104.10350, section 2 (energy = chips × power × time × PUE,
carbon = energy × intensity); the roofline for the time of prefill and decode.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, NamedTuple

from labkit.plan.amounts import checked
from labkit.plan.roofline import Roofline
from labkit.workload import Work, attention, transformer_step

J_PER_KWH = 3.6e6
S_PER_HOUR = 3600.0


def run_energy_j(n_chips: int, power_w: float, time_s: float, *, pue: float) -> float:
    """Energy of a run in J: chips × mean power of one × time × PUE.

    power_w   what one chip draws on average, with its share of host and network if the figure holds
              them; a TDP isn't measured power
    pue       facility energy over computer energy, at least 1; 1 leaves cooling out

    Source: Patterson et al. 2021, arXiv 2104.10350. Raises ValueError for nonsense.
    """
    n_chips, power_w, time_s, pue = checked(
        n_chips=n_chips, power_w=power_w, time_s=time_s, pue=pue
    )
    return n_chips * power_w * time_s * pue


def carbon_g(energy_j: float, *, intensity_g_per_kwh: float, pue: float = 1.0) -> float:
    """Carbon of an energy in g CO2e: J / 3.6e6 × intensity × PUE.

    intensity_g_per_kwh   of the electricity, from `carbon_intensity(region)` or your own: there is
                          no default country
    pue                   1 where `energy_j` is already that of the facility: it multiplies once

    Raises ValueError for nonsense.
    """
    energy_j, intensity, pue = checked(
        energy_j=energy_j, intensity_g_per_kwh=intensity_g_per_kwh, pue=pue
    )
    return energy_j / J_PER_KWH * intensity * pue


def period_energy_j(
    period_s: float, busy_s: float, busy_power_w: float, idle_power_w: float
) -> float:
    """Energy in J of a period in which a machine works for `busy_s` and idles for the rest.

    Racing to idle pays where busy_s falls by more than busy_power_w rises, counted above idle.
    Raises ValueError where the work does not fit into the period.
    """
    period_s, busy_s, busy_power_w, idle_power_w = checked(
        period_s=period_s, busy_s=busy_s, busy_power_w=busy_power_w, idle_power_w=idle_power_w
    )
    if busy_s > period_s:
        raise ValueError(f"Work of {busy_s:g} s does not fit into a period of {period_s:g} s.")
    return busy_s * busy_power_w + (period_s - busy_s) * idle_power_w


def pareto(points: Iterable[tuple]) -> list:
    """The points (time, energy, ...) that no other beats in both, sorted by time.

    Only the first two items of a point are compared, less is better; the rest is carried along.
    Raises ValueError for a point whose first two items aren't numbers.
    """
    points, front = list(points), []
    for point in points:
        both = point[:2]
        if len(both) < 2 or not all(isinstance(x, Real) and not math.isnan(x) for x in both):
            raise ValueError(f"A point begins with a time and an energy, two numbers: got {point}.")
    for point in sorted(points, key=lambda point: point[:2]):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front


class Setting(NamedTuple):
    """What a training run to a target accuracy takes, and at which batch and power limit."""

    time_s: float
    energy_j: float
    batch: int
    cap_w: float


def settings_to_target(rows: Iterable[Mapping[str, Any]]) -> list[Setting]:
    """The settings of a trace: epochs to the target × time of an epoch × mean power.

    rows   one a batch, with the columns of `recorded("zeus-v100")`: batch_size, epochs_to_target
           (one figure a run, None where it never got there), and for each of power_limits_w the
           time_per_epoch_s and the power_w

    The mean is that of the runs that got there. A batch with which fewer than half of them did is
    left out. Source: You et al., NSDI 2023, arXiv 2208.06102.
    """
    found = []
    for row in rows:
        reached = [n for n in row["epochs_to_target"] if n is not None]
        if not reached or 2 * len(reached) < len(row["epochs_to_target"]):
            continue
        epochs = sum(reached) / len(reached)
        columns = (row[name] for name in ("power_limits_w", "time_per_epoch_s", "power_w"))
        for cap_w, epoch_s, power_w in zip(*columns, strict=True):
            time_s = epochs * epoch_s
            found.append(Setting(time_s, time_s * power_w, row["batch_size"], cap_w))
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Decoder:
    """The sizes of a decoder-only transformer that its inference depends on.

    n_kv_heads   heads that have keys and values of their own (grouped queries)
    itemsize     bytes of a weight and of a number in the cache
    """

    name: str
    n_params: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head_size: int
    itemsize: int = 2

    def prefill(self, n_sequences: int, n_tokens: int) -> Work:
        """Work of reading prompts of `n_tokens`: weights read once, 2 N + attention a token."""
        return transformer_step(
            self.n_params, self.n_layers, self.n_heads, self.head_size, n_sequences, n_tokens,
            self.itemsize,
        )  # fmt: skip

    def decode(self, n_sequences: int, n_context: int) -> Work:
        """Work of one more token for each sequence: all weights, and each sequence's KV cache.

        2 N flop a token and attention over `n_context` tokens; not counted: activations, sampling.
        """
        weights = transformer_step(
            self.n_params, 0, self.n_heads, self.head_size, n_sequences, 1, self.itemsize
        )
        scores = attention(
            n_sequences, self.n_heads, 1, n_context, self.head_size, self.itemsize,
            n_kv_heads=self.n_kv_heads, score_reads=0, score_writes=0,
        )  # fmt: skip
        return weights + self.n_layers * scores


def tokens_per_s(work: Work, n_tokens: float, roof: Roofline, n_chips: int = 1) -> float:
    """The most tokens per second: `n_tokens` over the roofline's time of their work.

    roof      a Roofline of one chip; the work is split evenly, and links cost nothing

    An upper bound, which served models stay below. Raises ValueError for nonsense.
    """
    n_tokens, n_chips = checked(n_tokens=n_tokens, n_chips=n_chips)
    time_s = roof.time_s(work)
    if not time_s:
        raise ValueError("This work is nothing at all, so no rate of tokens follows from it.")
    return n_tokens * n_chips / time_s


def j_per_token(
    power_w: float, tokens_per_s: float, *, n_chips: int = 1, pue: float = 1.0
) -> float:
    """Energy per token in J: the power of all chips × PUE over the tokens of a second.

    With a measured power and a measured rate it is the truth; with a TDP and a roofline's rate it
    is a model that may err on either side. Raises ValueError for nonsense.
    """
    power_w, rate, n_chips, pue = checked(
        power_w=power_w, tokens_per_s=tokens_per_s, n_chips=n_chips, pue=pue
    )
    return n_chips * power_w * pue / rate
