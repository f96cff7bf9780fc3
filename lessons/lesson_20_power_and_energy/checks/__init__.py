"""Checks of lesson 20: its turns, an integrator, a counter, a lying meter, joules of a job."""

from lessons.lesson_20_power_and_energy.checks import (
    turns,
    integrator,
    counter,
    lying_meter,
    fewest_joules,
    joules_for_an_answer,
)
