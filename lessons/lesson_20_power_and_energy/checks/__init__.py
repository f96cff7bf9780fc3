"""Checks of lesson 17: an integrator, a counter, a lying meter, the fewest joules, an answer."""

from labkit.teach.checks.lesson_17 import (
    integrator,
    counter,
    lying_meter,
    fewest_joules,
    joules_for_an_answer,
)
