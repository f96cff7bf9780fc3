"""Checks of lesson 20: an integrator, a counter, a lying meter, the fewest joules, an answer."""

from lessons.lesson_20_power_and_energy.checks import (
    integrator,
    counter,
    lying_meter,
    fewest_joules,
    joules_for_an_answer,
)
