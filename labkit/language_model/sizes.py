"""The shape of a model of Llama's kind, and what one token costs: flop and bytes in closed form."""

import dataclasses

from labkit.workload import Work, attention, matmul

FLOAT_BYTES = 4  # of a number in a vector or in the cache, as the kernels keep them


@dataclasses.dataclass(frozen=True, slots=True)
class Sizes:
    """Of a decoder with RMSNorm, rotary positions, grouped queries and a gated MLP.

    d_model      numbers that stand for one token between the layers
    n_kv_heads   heads that have keys and values of their own; n_heads is a multiple of it
    d_ff         width inside the MLP
    is_tied      whether the output matrix is the embedding
    """

    name: str
    n_layers: int
    d_model: int
    n_heads: int
    n_kv_heads: int
    head_size: int
    d_ff: int
    n_vocabulary: int
    is_tied: bool = True
    rope_base: float = 10_000.0
    epsilon: float = 1e-5

    @property
    def q_width(self) -> int:
        """Numbers in the queries of one token."""
        return self.n_heads * self.head_size

    @property
    def kv_width(self) -> int:
        """Numbers in the keys of one token, and in its values."""
        return self.n_kv_heads * self.head_size

    @property
    def layer_matrices(self) -> dict[str, tuple[int, int]]:
        """Name -> (rows, columns) of the matrices of one layer; each row makes one number."""
        return {
            "qkv": (self.q_width + 2 * self.kv_width, self.d_model),
            "attention_out": (self.d_model, self.q_width),
            "gate_up": (2 * self.d_ff, self.d_model),
            "down": (self.d_model, self.d_ff),
        }

    @property
    def n_multiplied(self) -> int:
        """Weights of all matrices that a token is multiplied by: not the table of embeddings."""
        per_layer = sum(rows * columns for rows, columns in self.layer_matrices.values())
        return self.n_layers * per_layer + self.n_vocabulary * self.d_model

    @property
    def n_params(self) -> int:
        """All weights, the vectors of the norms included."""
        table = 0 if self.is_tied else self.n_vocabulary * self.d_model
        return self.n_multiplied + table + (2 * self.n_layers + 1) * self.d_model

    def kv_bytes(self, n_tokens: int, itemsize: float = FLOAT_BYTES) -> float:
        """Bytes of the keys and values of `n_tokens` in all layers."""
        return 2 * self.n_layers * n_tokens * self.kv_width * itemsize

    def layer_work(self, n_tokens: int, weight_bytes: float = FLOAT_BYTES) -> dict[str, Work]:
        """What one new token costs in one layer: part -> Work.

        n_tokens       whose keys and values are read, the new one included
        weight_bytes   of a weight in a matrix; vectors and cache have 4 bytes a number

        Each kernel reads its inputs once and writes its result once. The flop are those of the
        products alone, 2 for each weight and 4 for each pair of a query's and a key's number, as in
        `workload`. What NumPy does between the kernels is not counted: positions, residual sums,
        and the new token's way into the cache.
        """
        matrices = self.layer_matrices
        products = {
            name: _product(*matrices[name], weight_bytes) for name in ("qkv", "attention_out")
        }
        mlp = _product(*matrices["gate_up"], weight_bytes) + _product(
            *matrices["down"], weight_bytes
        )
        looked = attention(
            1, self.n_heads, 1, n_tokens, self.head_size, FLOAT_BYTES,
            n_kv_heads=self.n_kv_heads, score_reads=0, score_writes=0,
        )  # fmt: skip
        return {
            "attention matrices": products["qkv"] + products["attention_out"],
            "KV cache": looked,
            "MLP matrices": mlp,
            "norms and gate": 2 * self._norm() + _vectors(2 * self.d_ff, self.d_ff),
        }

    def output_work(self, weight_bytes: float = FLOAT_BYTES) -> Work:
        """The last norm and the product that gives a score for each token of the vocabulary."""
        return self._norm() + _product(self.n_vocabulary, self.d_model, weight_bytes)

    def token_work(self, n_tokens: int, weight_bytes: float = FLOAT_BYTES) -> Work:
        """One new token through all layers and the output."""
        layer = sum(self.layer_work(n_tokens, weight_bytes).values(), Work(0, 0, 0))
        return self.n_layers * layer + self.output_work(weight_bytes)

    def _norm(self):
        return _vectors(2 * self.d_model, self.d_model)


def _product(rows, columns, weight_bytes):
    """A matrix by a vector: the vectors in 4 bytes a number, the matrix in `weight_bytes`."""
    whole = matmul(rows, 1, columns, FLOAT_BYTES)
    less = rows * columns * (FLOAT_BYTES - weight_bytes)
    return Work(whole.flop, whole.read_bytes - less, whole.write_bytes)


def _vectors(n_read, n_written):
    return Work(0, n_read * FLOAT_BYTES, n_written * FLOAT_BYTES)


# From the file itself; Touvron et al. 2023, arXiv 2307.09288; Meta's Llama 3.1 model card.
SMOLLM2_135M = Sizes("SmolLM2-135M", 30, 576, 9, 3, 64, 1536, 49_152, rope_base=100_000.0)
LLAMA_2_7B = Sizes("Llama-2-7B", 32, 4096, 32, 32, 128, 11_008, 32_000, is_tied=False)
LLAMA_3_1_8B = Sizes(
    "Llama-3.1-8B", 32, 4096, 32, 8, 128, 14_336, 128_256, is_tied=False, rope_base=500_000.0
)
