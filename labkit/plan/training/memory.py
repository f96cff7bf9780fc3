"""How much memory the fullest chip needs."""

import dataclasses

from labkit.plan.training.job import Job


@dataclasses.dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes on the fullest chip, by what they hold."""

    weights_bytes: float
    gradients_bytes: float
    optimizer_bytes: float
    activations_bytes: float
    logits_bytes: float
    context_bytes: float

    @property
    def total_bytes(self) -> float:
        return sum(self.parts_bytes.values())

    @property
    def parts_bytes(self) -> dict[str, float]:
        """Each part's name without `_bytes`, and its bytes."""
        return {
            field.name.removesuffix("_bytes"): getattr(self, field.name)
            for field in dataclasses.fields(self)
        }


def memory_use(job: Job, *, lean: bool = False) -> MemoryUse:
    """The memory of the fuller of the first stage and the last.

    lean   False: a stack that keeps what PyTorch keeps by itself, with fp32 sums of gradients.
           True: one whose fused kernels keep the least they can. Real stacks lie between

    The first keeps the activations of up to pp micro-batches, the last those of one, but its logits
    as well. Source of the counts: ZeRO (arXiv 1910.02054) for the state, Korthikanti et al. 2022
    (arXiv 2205.05198) for what a layer keeps.
    """
    first = _stage(job, lean, in_flight=_in_flight(job), last=job.split.pp == 1)
    last = _stage(job, lean, in_flight=1, last=True)
    return max(first, last, key=lambda use: use.total_bytes)


def usable_bytes(job: Job) -> float:
    """What of a chip's memory a job can fill before it fails."""
    return job.chip.constant("usable_share") * job.chip.memory_bytes


def _stage(job, lean, *, in_flight, last):
    constant, split = _bytes_of(job, lean), job.split
    state = {
        what: constant(what) * _parameters(job, split.zero >= stage)
        for what, stage in (("weight", 3), ("gradient", 2), ("state", 1))
    }
    logits = job.tokens_per_chip * job.model.vocab / split.tp if last else 0
    return MemoryUse(
        weights_bytes=state["weight"],
        gradients_bytes=state["gradient"],
        optimizer_bytes=state["state"],
        activations_bytes=in_flight * job.layers_per_stage * _kept_bytes(job, lean)
        + _working_bytes(job, lean),
        logits_bytes=constant("logit") * logits,
        context_bytes=constant("context"),
    )


def _bytes_of(job, lean):
    """What one of something takes: `of("gradient")`, by the stack that is meant."""
    constant = job.chip.constant
    ours = {
        "weight": "weight_bytes",
        "state": "state_bytes",
        "gradient": "lean_gradient_bytes" if lean else "gradient_bytes",
        "context": "lean_context_bytes" if lean else "context_bytes",
        "logit": "lean_logit_bytes" if lean else "saved_logit_bytes",
        "width": "lean_width_bytes" if lean else "saved_width_bytes",
        "mlp": "lean_mlp_bytes" if lean else "saved_mlp_bytes",
    }
    return lambda what: constant(ours[what])


def _parameters(job, sharded):
    shards = job.split.shards
    dense, experts = job.dense_parameters_per_chip, job.expert_parameters_per_chip
    if not sharded:
        return dense + experts
    return dense / shards + experts / max(1, shards / job.split.ep)


def _in_flight(job):
    """Micro-batches whose activations the first stage keeps: pp, a little more if interleaved."""
    split = job.split
    kept = min(job.micro_batches, split.pp)
    return kept * (1 + (split.pp - 1) / (split.pp * split.vp)) if split.vp > 1 else kept


def _kept_bytes(job, lean):
    """What one layer keeps of one micro-batch for its backward pass."""
    model, split = job.model, job.split
    if split.recompute == "offload":  # inputs go to the host's memory
        return 0.0
    if split.recompute == "full":
        return 2 * job.tokens_per_chip * model.hidden / split.width_shards
    kept = _all_bytes(job, lean, scores=split.recompute == "none")
    half = split.recompute == "minimal" or (
        split.recompute == "selective" and split.attention != "unfused" and split.zero == 3
    )
    return kept / 2 if half else kept


def _working_bytes(job, lean):
    """One layer is rebuilt at a time where its activations were not kept."""
    return _all_bytes(job, lean, scores=True) if job.split.recompute in ("full", "offload") else 0.0


def _all_bytes(job, lean, *, scores):
    model, split, constant = job.model, job.split, _bytes_of(job, lean)
    ffn = model.top_k * model.moe_ffn if model.experts else model.ffn
    mlp = constant("mlp") * (2 if model.gated else 1) * ffn
    inner = 4 * (model.query_width + model.kv_width)
    a_token = constant("width") * model.hidden / split.width_shards + (inner + mlp) / split.tp
    if scores and split.attention == "unfused":
        a_token += job.chip.constant("saved_score_bytes") * model.heads / split.tp * job.seq
    return job.tokens_per_chip * a_token
