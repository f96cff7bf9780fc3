"""Chips, replicas and batch for an objective, and what a token then costs."""

import dataclasses
import math

from labkit.plan.amounts import checked
from labkit.plan.inference.deployment import MOST_TOKENS, Deployment, Traffic
from labkit.plan.inference.step import TENSORRT_LLM, VLLM, Stack, Step, step


def offline_tokens_per_s(
    deployment: Deployment, traffic: Traffic, n_requests: int, stack: Stack = TENSORRT_LLM
) -> float:
    """Output tokens a second when `n_requests` wait from the start.

    The batch is what fits. All requests are alike, so they come and go in waves, and the last wave
    may be small. Raises ValueError where not one fits, and for nonsense.
    """
    (n_requests,) = checked(n_requests=n_requests)
    batch = min(deployment.most_sequences(traffic), stack.most_sequences, n_requests)
    if batch < 1:
        raise ValueError("Not even one request fits into the memory that the weights leave.")
    n_waves, rest = divmod(n_requests, batch)
    time_s = n_waves * step(deployment, traffic, batch, stack).time_s
    if rest:
        time_s += step(deployment, traffic, rest, stack).time_s
    return n_requests / time_s


def largest_batch(
    deployment: Deployment, traffic: Traffic, tpot_s: float, stack: Stack = VLLM,
    *, with_prompts: bool = True,
) -> int:  # fmt: skip
    """The most sequences whose tokens come every `tpot_s` or sooner, and that fit; 0 for none.

    Raises ValueError for a time that isn't above 0.
    """
    (tpot_s,) = checked(tpot_s=tpot_s)
    low, high = 0, min(deployment.most_sequences(traffic), stack.most_sequences)
    while low < high:
        middle = (low + high + 1) // 2
        one = step(deployment, traffic, middle, stack, with_prompts=with_prompts)
        low, high = (middle, high) if one.time_s <= tpot_s else (low, middle - 1)
    return low


@dataclasses.dataclass(frozen=True, slots=True)
class ServingPlan:
    """What it takes to serve a rate of requests within an objective.

    step        of one replica at its batch
    n_replicas  of n_chips each, spares included
    """

    step: Step
    n_replicas: int
    n_chips: int
    tokens_per_s: float
    usd_per_million_tokens: float
    j_per_million_tokens: float

    @property
    def bound(self) -> str:
        """The longest part of a step."""
        return self.step.bound


def plan_serving(
    deployment: Deployment, traffic: Traffic, requests_per_s: float, *, tpot_s: float,
    usd_per_chip_hour: float, power_w: float, stack: Stack = VLLM, headroom: float = 0.7,
    n_spares: int = 1,
) -> ServingPlan:  # fmt: skip
    """Chips, replicas and batch for a rate of requests, and dollars and joules a million tokens.

    tpot_s     the time per output token that has to be kept to
    headroom   share of a replica's tokens that is planned for: near 1 the waiting explodes
    power_w    of a chip with its share of the host
    n_spares   replicas more than the load needs, because some are always being repaired

    Raises ValueError, a sentence, where no batch keeps to `tpot_s`, and for nonsense.
    """
    rate, price, power_w, headroom, n_spares = checked(
        requests_per_s=requests_per_s, usd_per_chip_hour=usd_per_chip_hour, power_w=power_w,
        headroom=headroom, n_spares=n_spares,
    )  # fmt: skip
    batch = largest_batch(deployment, traffic, tpot_s, stack)
    if not batch:
        fastest = step(deployment, traffic, 1, stack)
        raise ValueError(
            f"No batch keeps to {1e3 * tpot_s:.3g} ms a token: a single sequence takes "
            f"{1e3 * fastest.time_s:.3g} ms ({fastest.bound}). Split the model over more chips, "
            f"take fewer bytes a weight, or allow more time."
        )
    one = step(deployment, traffic, batch, stack)
    wanted = rate * traffic.output
    n_replicas = math.ceil(wanted / (headroom * one.tokens_per_s)) + n_spares
    n_chips = n_replicas * deployment.n_chips
    hours = n_chips / 3600 / wanted * 1e6  # chip-hours a million tokens
    return ServingPlan(
        one, n_replicas, n_chips, wanted, hours * price, hours * 3600 * power_w
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Disaggregated:
    """A what-if: some replicas only read prompts, the others only decode.

    prefill_per_decode   replicas that read prompts for each that decodes
    tokens_per_s         of all replicas, over their number
    tpot_s, together_tpot_s   time per output token, apart and together, at the same batch
    transfer_s           of a prompt's keys and values, over a link of the given bandwidth
    """

    prefill_per_decode: float
    tokens_per_s: float
    tpot_s: float
    together_tpot_s: float
    together_tokens_per_s: float
    transfer_s: float


def disaggregated(
    deployment: Deployment, traffic: Traffic, batch: float, stack: Stack = VLLM, *,
    link_bytes_per_s: float = 50e9,
) -> Disaggregated:  # fmt: skip
    """What separate replicas for prompts and for decoding would give, beside doing both in one.

    link_bytes_per_s   between replicas; 50 GB/s is a 400 Gbit network card

    Raises ValueError for nonsense.
    """
    (link_bytes_per_s,) = checked(link_bytes_per_s=link_bytes_per_s)
    most = deployment.most_sequences(traffic)
    if batch > most:
        raise ValueError(f"A batch of {batch:g} does not fit: there is room for {most} sequences.")
    together = step(deployment, traffic, batch, stack)
    apart = step(deployment, traffic, batch, stack, with_prompts=False)
    prompts_s = max(_prompts_s(deployment, traffic, batch, stack), 0.0)
    ratio = prompts_s / apart.time_s
    kv = deployment.model.kv_bytes_per_token(deployment.kv_bytes) * traffic.prompt
    return Disaggregated(
        ratio, apart.tokens_per_s / (1 + ratio), apart.time_s, together.time_s,
        together.tokens_per_s, kv / link_bytes_per_s,
    )  # fmt: skip


def _prompts_s(deployment, traffic, batch, stack):
    """Seconds that a replica of prompts alone needs for those of one step of `batch` sequences."""
    tokens = batch * traffic.prompt / traffic.output
    if not tokens:
        return 0.0
    reading = Traffic(traffic.prompt, traffic.prompt)  # one prompt token a decoded one
    full = step(deployment, reading, MOST_TOKENS, stack)
    alone = step(deployment, reading, MOST_TOKENS, stack, with_prompts=False)
    gpu_s = full.time_s - alone.time_s
    return gpu_s * tokens / MOST_TOKENS
