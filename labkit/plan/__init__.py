"""Formulas that plan: pure functions of numbers, which never touch a device."""

from labkit.plan.cpu_peak import modelled_cpu_peak
from labkit.plan.roofline import Roofline, roofline

__all__ = ["Roofline", "modelled_cpu_peak", "roofline"]
