"""What is served, on what, and to whom: models, chips and the tokens of a request."""

import dataclasses
import functools
from typing import NamedTuple

from labkit.hardware import chip
from labkit.plan.amounts import checked

_MEMORY_SHARE, _RESERVED_BYTES = 0.9, 3e9  # of a chip for weights and cache; contexts and graphs
MOST_TOKENS = 8192  # the most tokens of one step, for which room is kept


class _Shares(NamedTuple):
    """What a generation reaches of its data sheet, and the bandwidth of its links in B/s."""

    flop_16: float
    flop_8: float
    bandwidth: float
    link_bytes_per_s: float


_SHARES = {
    "a100": _Shares(0.80, 0.80, 0.75, 235e9),
    "h100": _Shares(0.76, 0.62, 0.80, 363e9),
    "b200": _Shares(0.76, 0.62, 0.80, 680e9),
}
_GENERATIONS = {"a100": "a100", "h100": "h100", "h200": "h100", "gh200": "h100", "b200": "b200",
                "gb200": "b200"}  # fmt: skip


class Figures(NamedTuple):
    """Of one chip: peaks in FLOP/s, bandwidth in B/s, memory in bytes."""

    flop_16: float
    flop_8: float | None
    bytes_per_s: float
    memory_bytes: float
    shares: _Shares


@functools.cache
def figures_of(chip_name):
    one = chip(chip_name)
    known = _GENERATIONS.get(one.id.split("-")[0])
    figures = (one.peak("bf16").value, one.peak("fp8").value, one.bandwidth.value, one.memory.value)
    if known is None or None in (figures[0], *figures[2:]):
        names = ", ".join(_GENERATIONS)
        raise ValueError(f"How servers do is known for {names}, not for {chip_name}.")
    return Figures(*figures, _SHARES[known])


@dataclasses.dataclass(frozen=True, slots=True)
class ServedModel:
    """The sizes of a dense decoder that its serving depends on; `OPT_13B` is one.

    n_params   all of them, the input embedding included
    """

    name: str
    n_params: float
    n_layers: int
    d_model: int
    n_heads: int
    n_kv_heads: int
    head_size: int
    n_vocabulary: int

    def kv_bytes_per_token(self, itemsize: float = 2) -> float:
        """Keys and values of one token in bytes: 2 × layers × KV heads × head size × itemsize."""
        return 2 * self.n_layers * self.n_kv_heads * self.head_size * itemsize

    @property
    def n_multiplied(self) -> float:
        """Parameters that a token is multiplied by: all but the input embedding."""
        return self.n_params - self.n_vocabulary * self.d_model

    @property
    def d_ff(self) -> float:
        """Width of a gated MLP, from what the other matrices leave."""
        heads = self.d_model * self.head_size * (2 * self.n_heads + 2 * self.n_kv_heads)
        left = self.n_multiplied - self.n_vocabulary * self.d_model - self.n_layers * heads
        return max(left, 0.0) / (3 * self.n_layers * self.d_model)


OPT_13B = ServedModel("OPT-13B", 12_853_473_280, 40, 5120, 40, 40, 128, 50_272)
LLAMA_3_8B = ServedModel("Llama-3.1-8B", 8.03e9, 32, 4096, 32, 8, 128, 128_256)
LLAMA_3_70B = ServedModel("Llama-3.1-70B", 70.6e9, 80, 8192, 64, 8, 128, 128_256)
LLAMA_3_405B = ServedModel("Llama-3.1-405B", 405.9e9, 126, 16384, 128, 8, 128, 128_256)


class _Tokens(NamedTuple):
    prompt: float
    output: float


class Traffic(_Tokens):
    """The tokens of a request: of its prompt, and of its answer.

    Raises ValueError for a prompt that isn't a number from 0, and an answer that isn't above 0.
    """

    __slots__ = ()

    def __new__(cls, prompt: float, output: float) -> "Traffic":
        checked(prompt=prompt, output=output)
        return super().__new__(cls, prompt, output)

    @property
    def mean_context(self) -> float:
        """Tokens of a sequence whose keys are read, on average over its answer."""
        return self.prompt + self.output / 2


@dataclasses.dataclass(frozen=True, slots=True)
class Deployment:
    """One replica: a model on `n_chips` of a kind, split by tensor parallelism.

    weight_bytes, kv_bytes   of a weight, and of a number in the cache: 2, 1, or 0.5 for 4 bits

    Raises ValueError, a sentence, for a chip whose figures or shares are not known, for a number of
    chips that does not divide the model's heads, and for a model that does not fit.
    """

    model: ServedModel
    chip_name: str
    n_chips: int = 1
    weight_bytes: float = 2.0
    kv_bytes: float = 2.0

    def __post_init__(self):
        checked(n_chips=self.n_chips, weight_bytes=self.weight_bytes, kv_bytes=self.kv_bytes)
        if self.model.n_heads % self.n_chips:  # half a chip is no divisor either
            raise ValueError(
                f"{self.model.name} has {self.model.n_heads} heads, which {self.n_chips:g} chips "
                f"cannot share evenly: take a number of chips that divides them."
            )
        figures = figures_of(self.chip_name)  # raises for a chip that is not known
        if figures.flop_8 is None and self.weight_bytes < 2:
            raise ValueError(f"{self.chip_name} has no 8-bit peak: take 2 bytes a weight.")
        if self.cache_bytes <= 0:
            raise ValueError(
                f"{self.model.name} with {self.weight_bytes:g} bytes a weight does not fit on "
                f"{self.n_chips} × {self.chip_name}: take more chips, or fewer bytes."
            )

    @property
    def product_flop_per_s(self) -> float:
        """What products reach, in FLOP/s; 4-bit weights count twice the 8-bit peak."""
        figures = figures_of(self.chip_name)
        if self.weight_bytes >= 2 or figures.flop_8 is None:
            return figures.shares.flop_16 * figures.flop_16
        return figures.shares.flop_8 * figures.flop_8 * (2 if self.weight_bytes < 1 else 1)

    @property
    def cache_bytes(self) -> float:
        """Room for keys and values on each chip, in bytes; negative where the weights don't fit."""
        weights = self.model.n_params * self.weight_bytes / self.n_chips
        activations = MOST_TOKENS * self.model.d_model * 16
        memory = figures_of(self.chip_name).memory_bytes
        return _MEMORY_SHARE * (memory - weights - _RESERVED_BYTES - activations)

    @property
    def cache_shards(self) -> int:
        """Over how many chips the cache is split: where KV heads are fewer, chips keep copies."""
        return min(self.n_chips, self.model.n_kv_heads)

    def most_sequences(self, traffic: "Traffic") -> int:
        """How many requests fit at once, with room for the whole answer of each."""
        per_token = self.model.kv_bytes_per_token(self.kv_bytes) / self.cache_shards
        return int(self.cache_bytes / (per_token * (traffic.prompt + traffic.output)))
