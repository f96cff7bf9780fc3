"""Checks of lesson 16: its three turns, and the exercises."""

from lessons.lesson_16_sharding_and_pipelines.checks import (
    state,
    matrices,
    schedule,
    sent,
    gpus,
    attention,
    experts,
    micro_batches,
)
