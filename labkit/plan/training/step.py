"""How long one training step takes, and where its time goes."""

import dataclasses

from labkit.plan.training.job import Job
from labkit.plan.training.layer import Tuning, head_time, layer_time
from labkit.plan.training.links import data_bytes_per_s, nic_bytes_per_s, ring_s


@dataclasses.dataclass(frozen=True, slots=True)
class StepTime:
    """One step on its slowest chip, in s, by what it waits for. The parts add up to the step.

    products_s    matrix products that the model needs, without those computed twice
    attention_s   scores and their softmax
    between_s     norms, residuals, activation functions, cross-entropy: the traffic to HBM
    recompute_s   what is computed a second time to save memory
    tensor_s, context_s, expert_s, pipeline_s, data_s   talk of those groups that nothing hides
    bubble_s      stages of the pipeline that have no work yet, or no work left
    launch_s      chips that wait for the CPU to launch kernels
    optimizer_s   the update of the weights
    """

    products_s: float
    attention_s: float
    between_s: float
    recompute_s: float
    tensor_s: float
    context_s: float
    expert_s: float
    pipeline_s: float
    data_s: float
    bubble_s: float
    launch_s: float
    optimizer_s: float

    @property
    def total_s(self) -> float:
        return sum(self.parts_s.values())

    @property
    def parts_s(self) -> dict[str, float]:
        """Each part's name without `_s`, and its seconds."""
        return {
            field.name.removesuffix("_s"): getattr(self, field.name)
            for field in dataclasses.fields(self)
        }


def step_time(job: Job, tuning: Tuning) -> StepTime:
    """The time of one step of this job.

    A pipeline is as fast as its slowest stage, which is the last: it also has the output head. The
    bubble is (p - 1) / v times a stage's micro-batch (Narayanan et al. 2021, arXiv 2104.04473).
    """
    layer = layer_time(job, tuning)
    head, loss_s = head_time(job, tuning)
    split, layers, m = job.split, job.layers_per_stage, job.micro_batches
    stage_s = layers * layer.both_s + (head.both_s + loss_s) / split.pp
    calls = m * layers
    return StepTime(
        products_s=calls * layer.products.both_s + m * head.both_s,
        attention_s=calls * layer.attention.both_s,
        between_s=calls * layer.between.both_s + m * loss_s,
        recompute_s=calls * layer.recompute_s,
        tensor_s=calls * layer.tensor.both_s,
        context_s=calls * layer.context.both_s,
        expert_s=calls * layer.expert.both_s,
        pipeline_s=_pipeline_s(job, tuning),
        data_s=_data_s(job, tuning, layers * layer.forward_s, layers * layer.backward_s),
        bubble_s=(split.pp - 1) / split.vp * stage_s,
        launch_s=calls * layer.waiting_s,
        optimizer_s=_optimizer_s(job),
    )


def _pipeline_s(job, tuning):
    """Activations to the next stage and gradients back, for each piece of a stage."""
    split, chip = job.split, job.chip
    if split.pp == 1:
        return 0.0
    inside = split.chips <= chip.server_chips
    bytes_per_s = chip.link_bytes_per_s if inside else nic_bytes_per_s(job)
    sent_bytes = 2 * job.tokens_per_chip * job.model.hidden / split.tp
    one_s = 2 * split.vp * (sent_bytes / bytes_per_s + chip.constant("message_s"))
    shown = tuning.exposed[job.chip.family] if split.overlap_tp and split.vp > 1 else 1
    return shown * one_s * (job.micro_batches + (split.pp - 1) / split.vp)


def _data_s(job, tuning, forward_s, backward_s):
    """Gradients and weights over all copies: what is not hidden behind one micro-batch's passes."""
    split = job.split
    if split.shards == 1:
        return 0.0
    if split.zero == 3:
        return _sharded_s(job, tuning, forward_s, backward_s) + _between_slices_s(job, tuning)
    gradient_bytes, weight_bytes = _wire_bytes(split)
    parameters = job.dense_parameters_per_chip
    bytes_per_s = data_bytes_per_s(job)
    # What is to be hidden goes out in buckets, as soon as each is full.
    buckets = gradient_bytes * parameters / _bucket_bytes(job)
    calls = max(1, buckets) if split.overlap_dp else 1
    scatter_s = ring_s(
        job.chip, split.shards, gradient_bytes * parameters, bytes_per_s, calls=calls
    )
    gather_s = ring_s(job.chip, split.shards, weight_bytes * parameters, bytes_per_s, calls=calls)
    expert_s = _expert_gradients_s(job, gradient_bytes + weight_bytes)
    if not split.overlap_dp:
        return scatter_s + gather_s + expert_s
    if split.zero:  # weights are gathered layer by layer during the next forward pass
        hidden = [(scatter_s + expert_s, backward_s), (gather_s, forward_s)]
    else:
        hidden = [(scatter_s + gather_s + expert_s, backward_s)]
    exposed = tuning.exposed[job.chip.family]
    return sum(_shown_s(talk_s, work_s, exposed) for talk_s, work_s in hidden)


def _bucket_bytes(job):
    """Buckets grow with the ring, so that its many hops don't take longer than the bytes."""
    constant = job.chip.constant
    return max(constant("bucket_bytes"), constant("bucket_rank_bytes") * job.split.shards)


def _sharded_s(job, tuning, forward_s, backward_s):
    """ZeRO 3: each micro-batch gathers the weights for both of its passes, and scatters gradients.

    Gradients can't wait for the last micro-batch: no chip has room for those of all weights.
    """
    split, parameters = job.split, job.dense_parameters_per_chip
    parameters += job.expert_parameters_per_chip
    one_s = ring_s(
        job.chip, split.shards, 2 * parameters, data_bytes_per_s(job), calls=job.model.layers
    )
    exposed = tuning.exposed[job.chip.family]
    forward = _shown_s(one_s, forward_s, exposed)
    return job.micro_batches * (forward + _shown_s(2 * one_s, backward_s, exposed))


def _between_slices_s(job, tuning):
    """TPU slices are joined by the data-centre network, over which gradients are summed."""
    chip = job.chip
    if chip.family != "tpu" or job.split.shards <= chip.server_chips:
        return 0.0
    slices = job.split.shards / chip.server_chips
    moved_bytes = 2 * job.dense_parameters_per_chip / chip.server_chips
    talk_s = 2 * (slices - 1) / slices * moved_bytes / nic_bytes_per_s(job)
    return tuning.exposed[chip.family] * talk_s


def _expert_gradients_s(job, wire_bytes):
    """Each expert has only shards / ep copies."""
    copies = job.split.shards / job.split.ep
    if not job.model.experts or copies <= 1:
        return 0.0
    moved_bytes = wire_bytes * job.expert_parameters_per_chip
    return ring_s(job.chip, copies, moved_bytes, nic_bytes_per_s(job))


def _wire_bytes(split):
    """Bytes a parameter of the gradients that are reduced, and of what is gathered after it."""
    gradient = 2 if split.dtype == "fp16" else 4
    return gradient, 2 if split.zero else gradient


def _shown_s(talk_s, work_s, exposed):
    hidden_s = min(talk_s, work_s)
    return talk_s - hidden_s + exposed * hidden_s


def _optimizer_s(job):
    split, shards = job.split, job.split.shards
    parameters = job.dense_parameters_per_chip / (shards if split.zero else 1)
    expert_copies = max(1.0, shards / split.ep) if split.zero else 1
    parameters += job.expert_parameters_per_chip / expert_copies
    return job.chip.constant("optimizer_bytes") * parameters / job.chip.stream_bytes_per_s
