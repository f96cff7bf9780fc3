"""Flop, bytes and numbers of common kernels, from their sizes: `matmul(m, n, k, itemsize).flop`."""

from labkit.workload.block_scales import BlockFormat, block_format
from labkit.workload.kernels import axpy, copy, dot, jacobi, matmul, triad
from labkit.workload.number_formats import NumberFormat, number_format, number_formats
from labkit.workload.tensor_core import TensorCore, tensor_core
from labkit.workload.transformer import (
    attention,
    mlp,
    rows_on_chip,
    tiled_attention,
    transformer_step,
)
from labkit.workload.work import Work

__all__ = [
    "BlockFormat", "NumberFormat", "TensorCore", "Work", "attention", "axpy", "block_format",
    "copy", "dot", "jacobi", "matmul", "mlp", "number_format", "number_formats", "rows_on_chip",
    "tensor_core", "tiled_attention", "transformer_step", "triad",
]  # fmt: skip
