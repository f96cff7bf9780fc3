"""Formulas that plan: pure functions of numbers, which never touch a device."""

from labkit.plan import feed, inference, training
from labkit.plan.chip_design import (
    ChipDesign,
    Run,
    Technology,
    a100_design,
    a100_technology,
)
from labkit.plan.collectives import (
    ALL_REDUCES,
    AlphaBeta,
    bus_factor,
    busiest_share,
    fit_alpha_beta,
    hierarchical_all_reduce_s,
    ring_all_reduce_s,
    tree_all_reduce_s,
)
from labkit.plan.cost import Ownership, Swing, cost_usd, tornado, usd_per_million_tokens
from labkit.plan.cpu_peak import modelled_cpu_peak
from labkit.plan.data import carbon_by_hour, carbon_intensity, carbon_regions, price
from labkit.plan.energy import (
    Decoder,
    Setting,
    carbon_g,
    j_per_token,
    pareto,
    period_energy_j,
    run_energy_j,
    settings_to_target,
    tokens_per_s,
)
from labkit.plan.pipeline import bubble_share
from labkit.plan.reliability import (
    RunTime,
    availability,
    chance_of_any,
    daly_interval_s,
    fleet_mttf_s,
    goodput,
    run_through,
    young_interval_s,
)
from labkit.plan.roofline import Roofline, roofline
from labkit.plan.scaling import SerialShare, amdahl, fit_amdahl, fit_gustafson, gustafson
from labkit.plan.zero import StateBytes, zero_bytes, zero_sent_bytes

__all__ = [
    "ALL_REDUCES", "AlphaBeta", "ChipDesign", "Decoder", "Ownership", "Roofline", "Run", "RunTime",
    "SerialShare", "Setting", "StateBytes", "Swing", "Technology", "a100_design", "a100_technology",
    "amdahl", "availability", "bubble_share", "bus_factor", "busiest_share", "carbon_by_hour",
    "carbon_g", "carbon_intensity", "carbon_regions", "chance_of_any", "cost_usd",
    "daly_interval_s", "feed", "fit_alpha_beta", "fit_amdahl", "fit_gustafson", "fleet_mttf_s",
    "goodput", "gustafson", "hierarchical_all_reduce_s", "inference", "j_per_token",
    "modelled_cpu_peak", "pareto", "period_energy_j", "price", "ring_all_reduce_s", "roofline",
    "run_energy_j", "run_through", "settings_to_target", "tokens_per_s", "tornado", "training",
    "tree_all_reduce_s", "usd_per_million_tokens", "young_interval_s", "zero_bytes",
    "zero_sent_bytes",
]  # fmt: skip
