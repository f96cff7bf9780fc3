"""Work of a transformer's parts, in the counts of the literature.

Matrix products only. Not counted anywhere here: biases, activation functions, normalisation,
softmax, dropout, embedding look-ups, the optimiser.

Sources: Kaplan et al. 2020, arXiv 2001.08361, section 2.1 (2 N flop a token forward, 6 N with the
backward pass); Chowdhery et al. 2022 (PaLM), arXiv 2204.02311, appendix B (attention adds
12 L H Q T a token in training: L layers, H heads, head size Q, T tokens in a sequence); Dao et
al. 2022 (FlashAttention), arXiv 2205.14135 (attention in tiles; the section was not looked up).
"""

from labkit.workload.kernels import matmul
from labkit.workload.work import Work, counts


def mlp(n_tokens: int, d_model: int, d_ff: int, itemsize: int, gated: bool = False) -> Work:
    """Up to width `d_ff` and down again for `n_tokens` tokens of width `d_model`.

    2 matrices and 4 n d f flop; gated (SwiGLU and the like) 3 matrices and 6 n d f. Each matrix is
    a matmul of its own: the hidden activations are written by the first and read by the last.
    """
    up = matmul(n_tokens, d_ff, d_model, itemsize)
    down = matmul(n_tokens, d_model, d_ff, itemsize)
    return up * (2 if gated else 1) + down


def attention(
    n_sequences: int,
    n_heads: int,
    n_queries: int,
    n_keys: int,
    head_size: int,
    itemsize: int,
    *,
    n_kv_heads: int | None = None,
    score_reads: float = 2,
    score_writes: float = 2,
) -> Work:
    """`softmax(Q @ K.T) @ V` in every head: 4 n_queries n_keys head_size flop, no causal saving.

    Q, K and V are read once and the result is written once. On top, the matrix of scores, which is
    n_queries × n_keys in each head, is written and read `score_writes` and `score_reads` times: 2
    and 2 where product, softmax and product are separate kernels, 0 and 0 where they are fused.
    With `n_kv_heads` below `n_heads` (grouped queries) heads share K and V, each read once.
    """
    kv_heads = n_heads if n_kv_heads is None else n_kv_heads
    sequences, heads, kv_heads, queries, keys, size, reads, writes, itemsize = counts(
        n_sequences=n_sequences, n_heads=n_heads, n_kv_heads=kv_heads, n_queries=n_queries,
        n_keys=n_keys, head_size=head_size, score_reads=score_reads, score_writes=score_writes,
        itemsize=itemsize,
    )  # fmt: skip
    if not kv_heads or heads % kv_heads:
        raise ValueError(f"n_heads must be a multiple of n_kv_heads, got {heads} and {kv_heads}.")
    scores = heads * queries * keys
    each = Work(
        flop=4 * scores * size,
        read_bytes=(heads * queries * size + 2 * kv_heads * keys * size + reads * scores)
        * itemsize,
        write_bytes=(heads * queries * size + writes * scores) * itemsize,
    )
    return each * sequences


def tiled_attention(
    n_sequences: int,
    n_heads: int,
    n_queries: int,
    n_keys: int,
    head_size: int,
    itemsize: int,
    *,
    query_rows: int,
) -> Work:
    """`attention` in tiles of `query_rows` queries: no score ever reaches memory.

    A tile of queries, its sums and the maximum of each row stay on the chip while all of K and V
    passes by. So K and V are read once for each tile; Q is read and the result written once. That
    is the order of loops of FlashAttention-2 (Dao 2023, arXiv 2307.08691; unverified: the paper was
    not opened); the first one kept K and V on the chip instead. Not counted: what a cache saves of
    the repeated reads.
    """
    once = attention(
        n_sequences, n_heads, n_queries, n_keys, head_size, itemsize, score_reads=0, score_writes=0
    )
    (rows,) = counts(query_rows=query_rows)
    if not rows:
        raise ValueError("query_rows must be at least 1: a tile holds at least one query.")
    n_again = max(-(-n_queries // rows) - 1, 0)
    key_bytes = 2 * n_sequences * n_heads * n_keys * head_size * itemsize
    return once + Work(0, n_again * key_bytes, 0)


def rows_on_chip(on_chip_bytes: float, head_size: int, itemsize: int) -> int:
    """How many rows a tile of attention may have: four tiles (Q, K, V, result) share the memory.

    M numbers of on-chip memory hold M / (4 d) rows, so traffic grows as N^2 d^2 / M: our own count,
    of the form that Dao et al. 2022 give (unverified). Raises ValueError where no row fits.
    """
    on_chip_bytes, size, itemsize = counts(
        on_chip_bytes=on_chip_bytes, head_size=head_size, itemsize=itemsize
    )
    row_bytes = 4 * size * itemsize
    if not row_bytes or on_chip_bytes < row_bytes:
        raise ValueError(
            f"{on_chip_bytes} bytes hold no row of four tiles with heads of {size} numbers of "
            f"{itemsize} bytes: at least {max(row_bytes, 1)} bytes and a head size of 1 are needed."
        )
    return on_chip_bytes // row_bytes


def transformer_step(
    n_params: int,
    n_layers: int,
    n_heads: int,
    head_size: int,
    n_sequences: int,
    length: int,
    itemsize: int,
    training: bool = False,
) -> Work:
    """One forward pass over `n_sequences` of `length` tokens, or one step of training.

    Forward 2 N + 4 L H Q T flop a token, training three times that: 6 N + 12 L H Q T, PaLM's count,
    without recomputation and without causal saving (Kaplan's attention term is half of PaLM's, and
    N there leaves the embeddings out). Traffic is the weights only: read once forward; in training
    read twice, their gradients written once. Activations are not counted, so the intensity is the
    highest possible.
    """
    n, layers, heads, size, sequences, length, itemsize = counts(
        n_params=n_params, n_layers=n_layers, n_heads=n_heads, head_size=head_size,
        n_sequences=n_sequences, length=length, itemsize=itemsize,
    )  # fmt: skip
    forward_flop = (2 * n + 4 * layers * heads * size * length) * sequences * length
    weights_bytes = n * itemsize
    if training:
        return Work(3 * forward_flop, 2 * weights_bytes, weights_bytes)
    return Work(forward_flop, weights_bytes, 0)
