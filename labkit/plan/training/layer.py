"""How long one layer and the output head take for one micro-batch on one chip."""

import dataclasses
from collections.abc import Mapping

from labkit.plan.training.job import Job
from labkit.plan.training.kernels import NOTHING, Passes, attention, between, linear, product_s
from labkit.plan.training.links import (
    group_bytes_per_s,
    nic_bytes_per_s,
    ring_s,
    tensor_bytes_per_s,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Tuning:
    """What no data sheet says, and what was fitted to published runs, all of a family together.

    slowdown   family of chips -> how much longer its products take in training than alone: clocks
               fall under load, neighbours share the HBM, small kernels come between
    exposed    family -> which share of the talk that arithmetic could hide is not hidden
    """

    slowdown: Mapping[str, float]
    exposed: Mapping[str, float]


@dataclasses.dataclass(frozen=True, slots=True)
class LayerTime:
    """What one layer's two passes spend on what, in s; recomputation stands by itself."""

    products: Passes
    attention: Passes
    between: Passes
    tensor: Passes
    context: Passes
    expert: Passes
    recompute_s: float
    waiting_s: float

    @property
    def forward_s(self) -> float:
        return sum(part.forward_s for part in self._passes())

    @property
    def backward_s(self) -> float:
        return sum(part.backward_s for part in self._passes()) + self.recompute_s

    @property
    def both_s(self) -> float:
        return self.forward_s + self.backward_s + self.waiting_s

    def _passes(self):
        return (
            self.products, self.attention, self.between, self.tensor, self.context, self.expert,
        )  # fmt: skip


def layer_time(job: Job, tuning: Tuning) -> LayerTime:
    """The time of one layer for one micro-batch, on one chip of the split."""
    products = _products(job).times(tuning.slowdown[job.chip.family])
    scores = _attention(job)
    rest = _between(job)
    tensor = _tensor(job, tuning)
    context, expert = _context(job, tuning), _expert(job, tuning)
    recompute_s = _recompute_s(job, tuning, products, scores, rest, tensor)
    parts = (products, scores, rest, tensor, context, expert)
    busy_s = sum(part.both_s for part in parts) + recompute_s
    waiting_s = max(0.0, _launch_s(job) - busy_s)
    return LayerTime(products, scores, rest, tensor, context, expert, recompute_s, waiting_s)


def head_time(job: Job, tuning: Tuning) -> tuple[Passes, float]:
    """The output head of one micro-batch: its products, and the cross-entropy's time in s."""
    model, split, chip = job.model, job.split, job.chip
    tokens, logits = job.tokens_per_chip, model.vocab / split.tp
    products = linear(chip, tokens, model.hidden, logits, split.dtype)
    loss_s = chip.constant("logit_bytes") * tokens * logits / chip.pointwise_bytes_per_s
    return products.times(tuning.slowdown[chip.family]), loss_s


def _products(job):
    model, split, chip = job.model, job.split, job.chip
    tokens, tp, dtype = job.tokens_per_chip, split.tp, split.dtype
    inputs = (model.query_width + 2 * model.kv_width) / tp
    layer = linear(chip, tokens, model.hidden, inputs, dtype)
    layer += linear(chip, tokens, model.query_width / tp, model.hidden, dtype)
    if model.experts:
        return layer + _expert_products(job)
    widths = 2 if model.gated else 1
    layer += linear(chip, tokens, model.hidden, widths * model.ffn / tp, dtype)
    return layer + linear(chip, tokens, model.ffn / tp, model.hidden, dtype)


def _expert_products(job):
    """Each chip holds experts / ep of them; each of these gets its part of the group's tokens."""
    model, split, chip = job.model, job.split, job.chip
    here = model.experts / split.ep
    tokens = max(1.0, job.tokens_per_chip / split.width_shards * model.top_k / here)
    widths = 2 if model.gated else 1
    up = linear(chip, tokens, model.hidden, widths * model.moe_ffn, split.dtype)
    return (up + linear(chip, tokens, model.moe_ffn, model.hidden, split.dtype)).times(here)


def _attention(job):
    model, split = job.model, job.split
    scores = split.micro_batch * model.heads / split.tp * job.seq**2 / split.cp
    if split.cp == 1 or job.chip.family == "tpu":  # XLA gathers all keys before it begins
        return attention(job.chip, split.attention, scores, job.seq, model.head_dim)
    block = job.seq / split.cp  # in a ring, one chip's keys at a time
    return attention(job.chip, split.attention, scores, block, model.head_dim) + _merge(job)


def _merge(job):
    """A ring adds up what each block of keys gives: results forward, all gradients backward."""
    model, split = job.model, job.split
    one = job.chip.constant("merge_bytes") * split.cp / split.tp
    return _extra(job, one * model.query_width, one * (model.query_width + 2 * model.kv_width))


def _between(job):
    model, split, chip = job.model, job.split, job.chip
    ffn = model.top_k * model.moe_ffn if model.experts else model.ffn
    width = model.hidden / split.width_shards
    time = between(chip, job.tokens_per_chip, width, model.hidden / split.tp, ffn / split.tp)
    return time + _extra(job, *_sorting_bytes(job)) + _extra(job, *_cast_bytes(job, ffn))


def _extra(job, forward_bytes, backward_bytes):
    """More traffic between the products, in bytes a token."""
    time = Passes(forward_bytes, backward_bytes)
    return time.times(job.tokens_per_chip / job.chip.pointwise_bytes_per_s)


def _sorting_bytes(job):
    """Tokens are sorted by expert before they travel, and put back: a read and a write each."""
    width = job.model.hidden / job.split.width_shards
    one = job.chip.constant("sorting_bytes") * job.model.top_k * width
    return (one, 2 * one) if job.model.experts else (0, 0)


def _cast_bytes(job, ffn):
    """What turns values into 8 or 4 bits before each product."""
    model, split = job.model, job.split
    if split.dtype in ("bf16", "fp16"):
        return 0, 0
    widths = 2 if model.gated else 1
    forward = 3 * model.hidden + ffn / split.tp
    split_widths = model.query_width + 2 * model.kv_width + widths * ffn
    backward = split_widths / split.tp + 2 * model.hidden
    one = job.chip.constant("cast_bytes")
    return one * forward, one * backward


def _tensor(job, tuning):
    """Two all-reduces a pass; with sequence parallelism one more gather backward, half hidden.

    Megatron's stacks gather a product's inputs again for the gradient of its weights. PyTorch, with
    which ZeRO 3 goes, keeps them gathered or recomputes them.
    """
    split = job.split
    if split.tp == 1:
        return NOTHING
    moved_bytes = 2 * job.tokens_per_chip * job.model.hidden
    one_s = ring_s(job.chip, split.tp, moved_bytes, tensor_bytes_per_s(job))
    again = 1 if split.sequence_parallel and split.zero != 3 else 0
    shown = tuning.exposed[job.chip.family] if split.overlap_tp else 1
    return Passes(4 * one_s, (4 + again) * one_s).times(shown)


def _context(job, tuning):
    """Keys and values of the whole sequence: gathered forward, and with gradients backward."""
    split = job.split
    if split.cp == 1:
        return NOTHING
    moved_bytes = 4 * job.model.kv_width / split.tp * split.micro_batch * job.seq
    one_s = ring_s(job.chip, split.cp, moved_bytes, group_bytes_per_s(job, split.cp))
    return Passes(one_s, 2 * one_s).times(tuning.exposed[job.chip.family])


def _expert(job, tuning):
    """Tokens travel to their experts and back, in both passes: an all-to-all each."""
    model, split = job.model, job.split
    if split.ep == 1 or not model.experts:
        return NOTHING
    moved_bytes = 2 * job.tokens_per_chip / split.width_shards * model.top_k * model.hidden
    fast = job.chip.server_chips / split.tp
    outside = max(0.0, 1 - fast / split.ep) if split.ep > fast else 0.0
    one_s = moved_bytes * (
        outside / nic_bytes_per_s(job) + (1 - outside) / job.chip.link_bytes_per_s
    ) + job.chip.constant("collective_s")
    shown = tuning.exposed[job.chip.family] if split.overlap_tp else 1
    return Passes(2 * one_s, 2 * one_s).times(shown)


def _recompute_s(job, tuning, products, scores, rest, tensor):
    """What is computed a second time, because it was not kept."""
    split = job.split
    if split.recompute in ("full", "offload"):
        again_s = products.forward_s + scores.forward_s + rest.forward_s + tensor.forward_s
        return again_s - _last_s(job, tuning, tensor) if _stops_early(job) else again_s
    if split.recompute == "minimal":
        return scores.forward_s + rest.forward_s
    if split.recompute == "selective":
        if split.attention == "unfused":
            return scores.forward_s
        if split.zero == 3:  # PyTorch's meaning of the word; fused kernels recompute scores anyway
            # Of the two gathers and two scatters of a pass, what was scattered is kept.
            products_s = job.chip.constant("torch_selective") * products.forward_s
            return products_s + rest.forward_s + tensor.forward_s / 2
    return 0.0


def _stops_early(job):
    """PyTorch and XLA don't recompute a block's last product: nothing backward needs its result."""
    return job.split.zero == 3 or job.chip.family == "tpu"


def _last_s(job, tuning, tensor):
    """A block's last product, and the last of its four collectives, which sums up its results."""
    model, split = job.model, job.split
    if model.experts:
        return 0.0
    one_s = product_s(
        job.chip, job.tokens_per_chip, model.hidden, model.ffn / split.tp, split.dtype
    )
    return one_s * tuning.slowdown[job.chip.family] + tensor.forward_s / 4


def _launch_s(job):
    """How long the CPU takes to launch a layer's kernels, each expert's own among them."""
    constant, model = job.chip.constant, job.model
    if job.chip.family == "tpu":
        return 0.0
    again = 4 / 3 if job.split.recompute == "full" else 1
    experts = model.experts / job.split.ep if model.experts else 0
    return again * (constant("cpu_layer_s") + experts * constant("cpu_expert_s"))
