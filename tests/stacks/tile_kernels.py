"""Tile kernels for tests of the compilers; they are written with stand-ins, and never run."""

import ast

from labkit.compilers import tile_language

triton, tl = tile_language._stand_ins()
SCALE = tl.constexpr(2.0)


def kernel_of(source, name):
    """A kernel of the lesson in the file `source`; the rest of the lesson does not run."""
    tree = ast.parse(source.read_text("utf-8"))
    tree.body = [
        node for node in tree.body
        if isinstance(node, ast.FunctionDef) and "@triton.jit" in ast.unparse(node)
    ]  # fmt: skip
    space = {"triton": triton, "tl": tl}
    exec(compile(tree, str(source), "exec"), space)
    return space[name]


@triton.jit
def doubled(x):
    return x * SCALE


@triton.jit
def softmax(x, out, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    values = doubled(tl.load(x + row * n + at, mask=at < n, other=-float("inf")))
    powers = tl.exp(values - tl.max(values, axis=0))
    tl.store(out + row * n + at, powers / tl.sum(powers, axis=0), mask=at < n)


@triton.jit
def matmul(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    columns = tl.program_id(1) * BN + tl.arange(0, BN)
    steps = tl.arange(0, BK)
    sums = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        x = tl.load(a + rows[:, None] * K + (k + steps)[None, :])
        y = tl.load(b + (k + steps)[:, None] * N + columns[None, :])
        sums = tl.dot(x, y, sums)
    tl.store(c + rows[:, None] * N + columns[None, :], sums)


@triton.jit
def wrong(x, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(x + at, tl.no_such_function(at))
