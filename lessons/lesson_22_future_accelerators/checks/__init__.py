"""Checks of lesson 22: its two turns, and the exercises."""

from lessons.lesson_22_future_accelerators.checks import (
    turns,
    spike_share,
    most_qubits,
    code_distance,
    sram_machine,
    own_chip,
)
