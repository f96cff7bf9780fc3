"""`step`: how long one step of a replica takes, part by part.

One step of a replica makes one token for each sequence of its batch. While it does, it also reads
the prompts of those that join: in the long run `prompt / output` prompt tokens for each sequence
and step. The step's time is a sum of parts, each with its own limit:

- *weights and products*: 2 flop a parameter and token at a share of the peak, or all weights read
  at a share of the bandwidth, whichever is longer
- *KV cache*: keys and values of every token of every sequence, read once
- *prompts*: their attention, which no cache can replace
- *pointwise*: 22 h + (6 h + 4 F) / t bytes a token and layer; *logits* 30 bytes an entry
- *links*: two all-reduces a layer, if the model is split over t chips
- *kernels*: 4 µs each, 10 a layer, 14 where activations are rounded to 8 bits on the way
- *host*: what the serving software does for each sequence on the CPU

Shares, and where they are from: products 0.76 of the peak in 16 bits and 0.80 of the bandwidth on
an H100 (0.80 and 0.75 on an A100; vidur's 20,880 measured kernels each), 0.62 in 8 bits (below
MAMF's best of 0.71); links 363 GB/s inside a Hopper server. 4 µs a kernel and 10 µs an all-reduce
were set by hand, by what a small batch costs. One constant of each stack was fitted: the host's
time for vLLM, and one factor over everything on the GPU for TensorRT-LLM. How well that does on
published runs, each model left out in turn: `tools/bench_plan.py --serving`.
"""

import dataclasses
import math
import numbers

from labkit.plan.inference.deployment import Deployment, Traffic, figures_of

BAND = 1.25  # predictions are given × and ÷ this: nine of ten published runs lie inside
KERNEL_S, ALL_REDUCE_S = 4e-6, 10e-6
KERNELS_PER_LAYER, KERNELS_OF_ROUNDING = 10, 4
_FLASH_SHARE, _FLASH_HALF_TOKENS = 0.57, 600  # FlashAttention 3 of the 16-bit peak, H100


@dataclasses.dataclass(frozen=True, slots=True)
class Stack:
    """A serving software, by its constants.

    host_s_per_sequence   of the CPU, for each sequence and step, during which the GPU waits
    slowdown              over all GPU parts
    graph_sizes           batches that a step may have, if it is filled up to the next of them
    most_sequences        it ever works on at once
    """

    name: str
    host_s_per_sequence: float
    slowdown: float = 1.0
    graph_sizes: tuple[int, ...] = ()
    most_sequences: int = 2048


VLLM = Stack("vLLM", 75e-6)
TENSORRT_LLM = Stack(
    "TensorRT-LLM", 4e-6, 0.90,
    (1, 2, 4, 8, 16, 32, 64, 128, 256, 384, 512, 1024, 2048, 4096, 8192),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """Seconds of one step of a replica, part by part, and the `batch` that it serves."""

    batch: float
    products_s: float
    kv_s: float
    prompts_s: float
    pointwise_s: float
    logits_s: float
    links_s: float
    kernels_s: float
    host_s: float
    bound_by_bandwidth: bool

    @property
    def parts_s(self) -> dict[str, float]:
        """Part -> seconds."""
        weights = "reading weights" if self.bound_by_bandwidth else "products"
        return {
            weights: self.products_s, "KV cache": self.kv_s, "attention of prompts": self.prompts_s,
            "pointwise": self.pointwise_s, "logits": self.logits_s, "links": self.links_s,
            "kernels": self.kernels_s, "host": self.host_s,
        }  # fmt: skip

    @property
    def time_s(self) -> float:
        """Of the whole step, which is the time per output token (TPOT) of each sequence."""
        return sum(self.parts_s.values())

    @property
    def tokens_per_s(self) -> float:
        """Output tokens a second of the replica."""
        return self.batch / self.time_s

    @property
    def bound(self) -> str:
        """The longest part: what a faster replica would have to have more of."""
        return max(self.parts_s, key=self.parts_s.__getitem__)

    @property
    def band_tokens_per_s(self) -> tuple[float, float]:
        """Output tokens a second, ÷ and × BAND."""
        return self.tokens_per_s / BAND, self.tokens_per_s * BAND


def step(
    deployment: Deployment, traffic: Traffic, batch: float, stack: Stack = VLLM,
    *, with_prompts: bool = True,
) -> Step:  # fmt: skip
    """One step of a replica that serves `batch` sequences all the time.

    with_prompts   False where other replicas read the prompts (disaggregated)

    Raises ValueError for a batch that isn't a number above 0.
    """
    if not (isinstance(batch, numbers.Real) and 0 < batch < math.inf):
        raise ValueError(f"A batch is a number above 0, got {batch!r}.")
    model, t, figures = deployment.model, deployment.n_chips, figures_of(deployment.chip_name)
    filled = next((size for size in stack.graph_sizes if size >= batch), batch)
    prompt_tokens = batch * traffic.prompt / traffic.output if with_prompts else 0.0
    tokens = filled + prompt_tokens
    bytes_per_s = figures.shares.bandwidth * figures.bytes_per_s
    compute_s = 2 * model.n_multiplied * tokens / t / deployment.product_flop_per_s
    read_s = model.n_multiplied * deployment.weight_bytes / t / bytes_per_s
    kv_bytes = model.kv_bytes_per_token(deployment.kv_bytes) * traffic.mean_context * batch
    kv_bytes /= deployment.cache_shards
    # Half of all pairs of prompt tokens, 4 flop for each number of a head.
    pairs_flop = 2 * model.n_layers * model.n_heads * model.head_size * traffic.prompt
    flash = _FLASH_SHARE * traffic.prompt / (traffic.prompt + _FLASH_HALF_TOKENS)
    wide = 22 * model.d_model + (6 * model.d_model + 4 * model.d_ff) / t
    kernels = KERNELS_PER_LAYER + KERNELS_OF_ROUNDING * (deployment.weight_bytes < 2)
    return Step(
        batch=batch,
        products_s=stack.slowdown * max(compute_s, read_s),
        kv_s=stack.slowdown * kv_bytes / bytes_per_s,
        prompts_s=stack.slowdown * pairs_flop * prompt_tokens / t / (flash * figures.flop_16)
        if prompt_tokens
        else 0.0,
        pointwise_s=stack.slowdown * wide * tokens * model.n_layers / bytes_per_s,
        logits_s=stack.slowdown * 30 * filled * model.n_vocabulary / t / bytes_per_s,
        links_s=stack.slowdown * _links_s(model, t, tokens, figures.shares.link_bytes_per_s),
        kernels_s=KERNEL_S * kernels * model.n_layers,
        host_s=stack.host_s_per_sequence * batch,
        bound_by_bandwidth=read_s >= compute_s,
    )


def _links_s(model, t, tokens, link_bytes_per_s):
    """Two ring all-reduces a layer, of 16-bit activations."""
    if t == 1:
        return 0.0
    moved = 2 * (t - 1) / t * tokens * model.d_model * 2
    return 2 * model.n_layers * (ALL_REDUCE_S + moved / link_bytes_per_s)
