"""How long single operations take on one chip: matrix products, attention, and what lies between.

All times are modelled, in seconds. Constants and their sources are in `constants.csv`.
"""

import math
from typing import NamedTuple

from labkit.plan.training.chips import Accelerator

TILE = 128  # rows and columns of a product that one multiprocessor computes at a time


class Passes(NamedTuple):
    """The time of the forward and of the backward pass, in s."""

    forward_s: float
    backward_s: float

    def __add__(self, other):
        return Passes(self.forward_s + other.forward_s, self.backward_s + other.backward_s)

    def times(self, factor: float) -> "Passes":
        """Both passes, this many times as long."""
        return Passes(self.forward_s * factor, self.backward_s * factor)

    @property
    def both_s(self) -> float:
        return self.forward_s + self.backward_s


NOTHING = Passes(0.0, 0.0)


def product_s(chip: Accelerator, rows: float, columns: float, inner: float, dtype: str) -> float:
    """Time of one matrix product, rows × inner times inner × columns: arithmetic or HBM.

    The arithmetic is done in tiles of 128 × 128, each on one multiprocessor, so fewer tiles than
    multiprocessors take as long as one for each; a tile has a prologue, the last wave is not full.
    """
    tiles = math.ceil(rows / TILE) * math.ceil(columns / TILE)
    waves = max(1.0, tiles / chip.constant("multiprocessors")) + chip.constant("wave_tail")
    if chip.family == "tpu":
        flop = 2 * rows * columns * inner
    else:
        per_wave = chip.constant("multiprocessors") * TILE * TILE
        flop = 2 * waves * per_wave * (inner + chip.constant("gemm_prologue"))
    reached = chip.constant("gemm_share") * chip.peak_flop_per_s * chip.speedup(dtype)
    moved_bytes = 2 * (rows * columns + columns * inner + rows * inner)
    return max(flop / reached, moved_bytes / chip.stream_bytes_per_s)


def linear(chip: Accelerator, tokens: float, inputs: float, outputs: float, dtype: str) -> Passes:
    """A linear layer: one product forward, two of the same size backward."""
    return Passes(
        product_s(chip, tokens, outputs, inputs, dtype),
        product_s(chip, tokens, inputs, outputs, dtype)
        + product_s(chip, outputs, inputs, tokens, dtype),
    )


def attention(chip: Accelerator, kind: str, scores: float, seq: float, head_dim: int) -> Passes:
    """Attention between its projections, for this many scores (sequences × heads × seq × seq).

    Unfused, the scores travel to HBM and back, and masked ones are computed too. A fused kernel
    computes the lower half only, and twice and a half that backward.

    seq   how many keys a kernel meets at a time: all, or in a ring those of one chip
    """
    if kind == "unfused":
        arithmetic_s = 4 * scores * head_dim / (chip.constant("attention_unfused") * _peak(chip))
        stream = chip.stream_bytes_per_s
        return Passes(
            arithmetic_s + chip.constant("score_forward_bytes") * scores / stream,
            2 * arithmetic_s + chip.constant("score_backward_bytes") * scores / stream,
        )
    share = (
        chip.constant(f"attention_{kind}") * seq / (seq + chip.constant("attention_half_length"))
    )
    if head_dim <= TILE // 2:
        share *= chip.constant("narrow_head")
    forward_s = 2 * scores * head_dim / (share * _peak(chip))
    return Passes(forward_s, 2.5 * forward_s)


def between(chip: Accelerator, tokens: float, whole: float, split: float, mlp: float) -> Passes:
    """Norms, residuals, activation functions: what moves bytes and hardly computes.

    whole, split, mlp   widths: of what every tensor-parallel chip does, of what is split among
                        them, and of the MLP's inside
    """
    forward, backward = (
        chip.constant(f"activation_{way}_bytes") * whole
        + chip.constant(f"inner_{way}_bytes") * split
        + chip.constant(f"mlp_{way}_bytes") * mlp
        for way in ("forward", "backward")
    )
    return Passes(forward, backward).times(tokens / chip.pointwise_bytes_per_s)


def _peak(chip):
    return chip.peak_flop_per_s
