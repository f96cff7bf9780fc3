"""Formulas that plan: pure functions of numbers, which never touch a device."""

from labkit.plan.cost import Ownership, Swing, cost_usd, tornado, usd_per_million_tokens
from labkit.plan.cpu_peak import modelled_cpu_peak
from labkit.plan.data import carbon_by_hour, carbon_intensity, carbon_regions, price
from labkit.plan.energy import (
    Decoder,
    carbon_g,
    j_per_token,
    pareto,
    period_energy_j,
    run_energy_j,
    tokens_per_s,
)
from labkit.plan.pipeline import bubble_share
from labkit.plan.roofline import Roofline, roofline
from labkit.plan.scaling import SerialShare, amdahl, fit_amdahl, fit_gustafson, gustafson
from labkit.plan.zero import StateBytes, zero_bytes, zero_sent_bytes

__all__ = [
    "Decoder", "Ownership", "Roofline", "SerialShare", "StateBytes", "Swing", "amdahl",
    "bubble_share", "carbon_by_hour", "carbon_g", "carbon_intensity", "carbon_regions", "cost_usd",
    "fit_amdahl", "fit_gustafson", "gustafson", "j_per_token", "modelled_cpu_peak", "pareto",
    "period_energy_j", "price", "roofline", "run_energy_j", "tokens_per_s", "tornado",
    "usd_per_million_tokens", "zero_bytes", "zero_sent_bytes",
]  # fmt: skip
