"""`lk.profile` of a Triton kernel, where Triton is installed: bytes, sectors and products."""

import pytest

from labkit.compilers import tl, triton  # before anything else imports Triton
from labkit.compilers.tile_language import is_installed
from labkit.simt import cuda, profile

torch = pytest.importorskip("torch")
if not is_installed() or torch.cuda.is_available():
    pytest.skip("Triton isn't here, or a GPU runs its kernels", allow_module_level=True)

N = 128


@triton.jit
def matmul(a, b, c, n, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr):
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    steps = tl.arange(0, DEPTH)
    sums = tl.zeros((ROWS, COLUMNS), tl.float32)
    for first in range(0, n, DEPTH):
        tile_a = tl.load(a + rows[:, None] * n + (first + steps)[None, :])
        tile_b = tl.load(b + (first + steps)[:, None] * n + columns[None, :])
        sums = tl.dot(tile_a, tile_b, sums)
    tl.store(c + rows[:, None] * n + columns[None, :], sums)


@triton.jit
def double(x, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + at, 2 * tl.load(x + at, mask=at < n), mask=at < n)


def test_a_tiled_product_moves_what_its_tiles_say():
    a, b = (torch.ones(N, N, dtype=torch.float16) for _ in range(2))
    c = torch.zeros(N, N)
    counts = profile(matmul[(2, 4)], a, b, c, N, ROWS=64, COLUMNS=32, DEPTH=32)
    assert (c == N).all()
    assert counts.global_loads.bytes_requested == 8 * (64 + 32) * N * 2
    assert counts.global_loads.sectors == 8 * (64 * N * 2 // 32 + N * 32 * 2 // 32)
    assert counts.matrix_flop == {"fp16": 2 * N**3}
    assert counts.dram_bytes_lower == 2 * N * N * 2 + 4 * N * N
    assert counts.line("tl.dot").matrix_flop["fp16"] == 2 * N**3
    assert counts.line("tile_b = ").global_loads.requests == 8 * N // 32


def test_masked_elements_are_not_counted():
    x, out = torch.arange(100.0), torch.zeros(100)
    counts = profile(double[(4,)], x, out, 100, BLOCK=32)
    assert out.tolist() == (2 * x).tolist()
    assert counts.global_loads.bytes_requested == counts.global_stores.bytes_requested == 400
    assert counts.global_stores.sectors in (13, 14)  # by where torch put it


def test_a_launch_of_a_cuda_kernel_has_no_options():
    @cuda.jit
    def one(out):
        out[0] = 1

    with pytest.raises(TypeError, match="A launch of one has no options, and got num_warps"):
        profile(one[1, 1], torch.zeros(1).numpy(), num_warps=4)
