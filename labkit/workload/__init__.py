"""Flop and bytes of common kernels, counted from their sizes: `matmul(m, n, k, itemsize).flop`."""

from labkit.workload.kernels import axpy, copy, dot, jacobi, matmul, triad
from labkit.workload.transformer import attention, mlp, transformer_step
from labkit.workload.work import Work

__all__ = [
    "Work", "attention", "axpy", "copy", "dot", "jacobi", "matmul", "mlp", "transformer_step",
    "triad",
]  # fmt: skip
