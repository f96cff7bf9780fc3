"""Serving a model: how fast a replica decodes, how many it takes, and what a token costs.

`step` gives the time of one step of a `Deployment` under `Traffic`, part by part; `plan_serving`
the chips, replicas and batch for a rate of requests; `disaggregated` what separate replicas for
prompts would change. All are pure functions of numbers, held against published runs.
"""

from labkit.plan.inference.deployment import (
    LLAMA_3_8B,
    LLAMA_3_70B,
    LLAMA_3_405B,
    OPT_13B,
    Deployment,
    ServedModel,
    Traffic,
)
from labkit.plan.inference.plan import (
    Disaggregated,
    ServingPlan,
    disaggregated,
    largest_batch,
    offline_tokens_per_s,
    plan_serving,
)
from labkit.plan.inference.step import BAND, TENSORRT_LLM, VLLM, Stack, Step, step

__all__ = [
    "BAND", "LLAMA_3_8B", "LLAMA_3_70B", "LLAMA_3_405B", "OPT_13B", "TENSORRT_LLM", "VLLM",
    "Deployment", "Disaggregated", "ServedModel", "ServingPlan", "Stack", "Step", "Traffic",
    "disaggregated", "largest_batch", "offline_tokens_per_s", "plan_serving", "step",
]  # fmt: skip
