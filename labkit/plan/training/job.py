"""What is planned: a model, a cluster, and how the one is split over the other."""

import dataclasses
import math
import numbers

from labkit.plan.amounts import checked
from labkit.plan.training.chips import Accelerator, accelerator

RECOMPUTE = ("none", "selective", "minimal", "full", "offload")
ATTENTION = ("unfused", "flash1", "flash2", "flash3", "xla")
DTYPES = ("fp16", "bf16", "fp8", "nvfp4")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Transformer:
    """The sizes of a decoder: enough to count its parameters and its work.

    ffn              inner width of the dense MLP; `gated` means a third matrix (SwiGLU)
    kv_heads         fewer than `heads` with grouped-query attention
    experts, top_k   of a mixture: each token visits `top_k` of them, of inner width `moe_ffn`
    """

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    gated: bool = False
    tied: bool = True
    experts: int = 0
    top_k: int = 0
    moe_ffn: int = 0

    def __post_init__(self):
        sizes = ("layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "vocab")
        for name in sizes:
            _refuse_size(name, getattr(self, name))
        for name in ("experts", "top_k", "moe_ffn"):
            _refuse_size(name, getattr(self, name), least=0)
        if self.heads % self.kv_heads:
            raise ValueError(
                f"{self.name} has {self.heads} heads, which {self.kv_heads} kv_heads cannot share "
                f"evenly."
            )
        if self.experts and not (1 <= self.top_k <= self.experts and self.moe_ffn):
            raise ValueError(
                f"A mixture of {self.experts} experts needs moe_ffn, their inner width, and a "
                f"top_k from 1 to {self.experts}: got {self.moe_ffn} and {self.top_k}."
            )

    @property
    def query_width(self) -> int:
        """Width of all queries of a layer."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Width of all keys of a layer, and of all values."""
        return self.kv_heads * self.head_dim

    @property
    def attention_parameters(self) -> int:
        """Parameters of one layer's attention: four matrices."""
        return 2 * self.hidden * (self.query_width + self.kv_width)

    @property
    def expert_parameters(self) -> int:
        """Parameters of one expert, 0 without a mixture."""
        return (3 if self.gated else 2) * self.hidden * self.moe_ffn if self.experts else 0

    @property
    def mlp_parameters(self) -> int:
        """Parameters of one layer's dense MLP, 0 where experts take its place."""
        return 0 if self.experts else (3 if self.gated else 2) * self.hidden * self.ffn

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the table of tokens, once."""
        return self.vocab * self.hidden

    @property
    def parameters(self) -> int:
        """All weights of matrices (no norms, biases or positions): the N of 6 N D."""
        layer = self.attention_parameters + self.mlp_parameters
        layer += self.experts * self.expert_parameters
        return self.layers * layer + self.embedding_parameters * (1 if self.tied else 2)

    def flop_per_token(self, seq: int) -> float:
        """Model FLOP of training on one token: 6 a parameter in use, and 12 L H Q T of attention.

        The definition of PaLM (arXiv 2204.02311, appendix B): no recomputation, attention counted
        over the whole square although half of it is masked.
        """
        layer = self.attention_parameters + self.mlp_parameters
        layer += self.top_k * self.expert_parameters
        products = self.layers * layer + self.embedding_parameters
        return 6 * products + 12 * self.layers * self.query_width * seq


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """How a model is spread over chips: tp × pp × cp × dp of them.

    tp, pp, dp, cp, ep   tensor, pipeline, data, context and expert parallel sizes
    vp                   pieces of a stage, for an interleaved pipeline
    micro_batch          sequences that go through together
    zero                 0 to 3: which of optimizer state, gradients and weights are sharded over dp
    overlap_dp, overlap_tp   whether the stack hides those collectives behind arithmetic

    Raises ValueError, a sentence, for nonsense.
    """

    tp: int = 1
    pp: int = 1
    dp: int = 1
    cp: int = 1
    ep: int = 1
    vp: int = 1
    micro_batch: float = 1
    zero: int = 1
    recompute: str = "none"
    sequence_parallel: bool = True
    dtype: str = "bf16"
    attention: str = "flash2"
    overlap_dp: bool = True
    overlap_tp: bool = False

    def __post_init__(self):
        for name in ("tp", "pp", "dp", "cp", "ep", "vp"):
            _refuse_size(name, getattr(self, name))
        if not (_is_number(self.micro_batch) and 0 < self.micro_batch < math.inf):
            raise ValueError(f"micro_batch must be above 0, got {self.micro_batch!r}.")
        if self.zero not in range(4):
            raise ValueError(f"zero is a stage from 0 to 3, got {self.zero!r}.")
        _refuse_unknown("recompute", self.recompute, RECOMPUTE)
        _refuse_unknown("attention", self.attention, ATTENTION)
        _refuse_unknown("dtype", self.dtype, DTYPES)

    @property
    def chips(self) -> int:
        """How many chips the split needs."""
        return self.tp * self.pp * self.cp * self.dp

    @property
    def shards(self) -> int:
        """How many chips hold a copy of the same weights, over which ZeRO shards."""
        return self.dp * self.cp

    @property
    def width_shards(self) -> int:
        """Over how many chips norms and residuals are split: tp with sequence parallelism."""
        return self.tp if self.sequence_parallel else 1

    def __str__(self):
        sizes = {"tp": self.tp, "pp": self.pp, "cp": self.cp, "dp": self.dp, "ep": self.ep}
        text = " × ".join(f"{name} {n}" for name, n in sizes.items() if n > 1) or "one chip"
        pieces = f", {self.vp} pieces a stage" if self.vp > 1 else ""
        again = "" if self.recompute == "none" else f", recompute {self.recompute}"
        return f"{text}{pieces}, micro-batch {self.micro_batch:g}, ZeRO {self.zero}{again}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One training run: a model on a number of chips, split in some way.

    seq, global_batch   length of a sequence in tokens, and sequences a step
    nic_bytes_per_s     line rate of the network, per chip and direction

    Raises ValueError, a sentence, where the parts do not fit together.
    """

    model: Transformer
    chip: str | Accelerator
    split: Split
    seq: int
    global_batch: float
    nic_bytes_per_s: float

    def __post_init__(self):
        if not isinstance(self.chip, Accelerator):
            object.__setattr__(self, "chip", accelerator(self.chip))
        _refuse_size("seq", self.seq)
        for name in ("global_batch", "nic_bytes_per_s"):
            amount = getattr(self, name)
            if not (_is_number(amount) and 0 < amount < math.inf):
                raise ValueError(f"{name} must be above 0, got {amount!r}.")
        checked(nic_bytes_per_s=self.nic_bytes_per_s)
        _refuse_misfit(self.model, self.split)
        if self.seq % self.split.cp:
            raise ValueError(f"cp {self.split.cp} does not divide sequences of {self.seq} tokens.")
        if self.micro_batches < 1:
            raise ValueError(
                f"A batch of {self.global_batch:g} sequences is too small for dp {self.split.dp} × "
                f"micro-batch {self.split.micro_batch:g}: take fewer of either."
            )
        self.chip.speedup(self.split.dtype)  # refuses a format that the chip has not

    @property
    def micro_batches(self) -> float:
        """How many micro-batches go through each pipeline in a step."""
        return self.global_batch / (self.split.dp * self.split.micro_batch)

    @property
    def tokens_per_chip(self) -> float:
        """Tokens of one micro-batch on one chip: context parallelism splits each sequence."""
        return self.split.micro_batch * self.seq / self.split.cp

    @property
    def layers_per_stage(self) -> float:
        return self.model.layers / self.split.pp

    @property
    def dense_parameters_per_chip(self) -> float:
        """Parameters on one chip of an inner stage without its experts, with an embedding's share.

        The first stage holds the table of tokens and the last the output head, so the fullest stage
        has one of them; with a single stage both, unless they are tied.
        """
        model, split = self.model, self.split
        layer = model.attention_parameters + model.mlp_parameters
        tables = 1 if model.tied or split.pp > 1 else 2
        parameters = self.layers_per_stage * layer + tables * model.embedding_parameters
        return parameters / split.tp

    @property
    def expert_parameters_per_chip(self) -> float:
        model, split = self.model, self.split
        return self.layers_per_stage * model.experts / split.ep * model.expert_parameters


def _refuse_misfit(model, split):
    if split.pp > model.layers:
        raise ValueError(
            f"pp {split.pp} leaves stages without a layer: {model.name} has {model.layers}."
        )
    if split.tp > model.heads:
        raise ValueError(
            f"tp {split.tp} splits single heads: {model.name} has {model.heads}. Take a smaller tp."
        )
    if model.heads % split.tp or max(model.kv_heads, split.tp) % min(model.kv_heads, split.tp):
        raise ValueError(
            f"tp {split.tp} does not divide the {model.heads} heads of {model.name}, or not its "
            f"{model.kv_heads} heads of keys and values."
        )
    if split.ep > max(1, model.experts):
        raise ValueError(f"ep {split.ep} is more than the {model.experts} experts of {model.name}.")
    if model.experts % split.ep:
        raise ValueError(f"ep {split.ep} does not divide the {model.experts} experts.")


def _is_number(amount):
    return isinstance(amount, numbers.Real) and not isinstance(amount, bool)


def _refuse_size(name, size, least=1):
    if not (_is_number(size) and isinstance(size, numbers.Integral) and size >= least):
        raise ValueError(f"{name} must be a whole number from {least}, got {size!r}.")


def _refuse_unknown(name, given, known):
    if given not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}; got {given!r}.")
