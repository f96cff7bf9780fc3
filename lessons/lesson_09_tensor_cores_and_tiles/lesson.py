# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 · Tensor cores and tiles
# In July 2024 the authors of FlashAttention wrote that on NVIDIA's H100 their second version of it
# reached 35 % of the chip's arithmetic ([Shah and others
# 2024](https://arxiv.org/abs/2407.08608)). So whoever had bought three H100s for it had paid for
# almost two that stood idle. Nothing was wrong with the algorithm. But the kernel multiplied with
# the instructions of the chip before, and did one after another what an H100 can do at once.
#
# **The question of this lesson**: your matmul ladder ([lesson 08](08_matmul_ladder.ipynb)) ended
# where the CUDA cores end. An H100 multiplies fifteen times faster than that. How do you reach the
# other fourteen?
#
# You'll multiply matrices with all 32 lanes of a warp at once, and let the real compilers of eight
# chips show you what they make of a tile. None of it needs a GPU.
#
# *{time} Needs lesson [08](08_matmul_ladder.ipynb).*

# %%
import numpy as np

import labkit as lk
from labkit import cuda, mma_sync
from labkit.compilers import tl, triton

rng = np.random.default_rng(9)

# %% [markdown]
# ## Two multipliers in one chip
# Each multiprocessor of a GPU has its CUDA cores, which is where all your kernels have run so far.
# Beside them it has a few [**tensor
# cores**](https://modal.com/gpu-glossary/device-hardware/tensor-core), which can do just one thing:
# multiply two small matrices and add a third. (AMD calls them matrix cores.) The data sheets say
# how much that's worth.

# %% tags=["collapsed"]
for name in ("v100-sxm2-32", "t4", "a100-sxm-80", "h100-sxm", "b200", "mi300x"):
    chip = lk.chip(name)
    ratio = chip.peak("fp16") / chip.peak("fp32")
    lk.show(ratio.named(f"{chip.name}, fp16 tensor cores over fp32 CUDA cores"))

# %% [markdown]
# You reach them with one instruction. In NVIDIA's assembly it's called
# [`mma.sync`](https://docs.nvidia.com/cuda/parallel-thread-execution/#warp-level-matrix-instructions-mma),
# and the shape that we'll use most is **m16n8k16**: all the lanes of a warp together multiply a
# matrix A of 16 × 16 by a B of 16 × 8, both in fp16, and add the result to a C of 16 × 8 in fp32.
#
# **Guess first.** When a warp executes an ordinary multiply-add, each of its 32 lanes does two
# operations. How many times as many does the warp do with one m16n8k16? (It would be 8 if the
# matrices were 8 × 4 and 4 × 8.)

# %%
flop_guess = lk.predict("09.a", ...)

# %%
shape = lk.mma_shape("m16n8k16")
multiply_add = lk.Reading("operations of a multiply-add, by a warp", 32 * 2, "FLOP", "modelled")
one_mma = lk.Reading("operations of one m16n8k16", shape.flop, "FLOP", "modelled")
lk.show(multiply_add, one_mma)
flop_guess.against((one_mma / multiply_add).named("times as many"))

# %% [markdown]
# Fetching an instruction, decoding it and finding its operands costs about the same for both. A
# tensor core spreads that cost over many more operations, and that's the whole idea.
#
# > **Takeaway.** A tensor core multiplies small matrices, with one instruction for a whole warp.
# > Per instruction it does dozens of times the work of the CUDA cores.
#
# ## Who holds what
# Where are the matrices while they're multiplied? In registers, spread over the warp: each lane
# holds a **fragment** of A, B and C. Which elements it holds is fixed, and [printed as
# formulas](https://docs.nvidia.com/cuda/parallel-thread-execution/#warp-level-matrix-fragment-mma-16816-float).
#
# **Play.** Step through the lanes. A number in a cell is the lane that holds it. Four neighbouring
# lanes are a **group**, and each is a **member** of it. What does the group decide in A, and what
# does the member? And in B?

# %%
lk.Player(lk.draw.fragment_frames("m16n8k16"), ms=700)

# %% [markdown]
# ### Your turn
# Write it down for A, whose upper left corner is the element (`top`, `left`) of a larger matrix:
# the row and the column, in that matrix, of the element `a0` to `a7` that a lane holds. Group and
# member are there already. (2 to 4 lines)


# %%
def place_in_a(lane, i, top, left):
    """(row, column) of element i, 0 to 7, that a lane holds of A, 16 × 16 from (top, left) on."""
    group, member = lane // 4, lane % 4
    ### BEGIN SOLUTION
    row = top + group + 8 * (i // 2 % 2)
    column = left + 2 * member + i % 2 + 8 * (i // 4)
    return row, column
    ### END SOLUTION


place_in_a = lk.your_turn("09.t1", place_in_a)

# %% [markdown]
# Two elements that stand side by side are a pair of halves in one 32-bit register, so A takes four
# registers of each lane, B takes two, and C, in fp32, takes four.
#
# In our kernels the instruction is `mma_sync(a, b, c)`, with a tuple for each fragment. It returns
# the fragment of A B + C. On a GPU numba compiles it to `mma.sync`; here the executor moves the
# elements between the lanes as the formulas say.
#
# ### Your turn
# Multiply! `held_a` is there; it's your formula, written out. Gather the four elements of B, let
# the warp multiply, and store the four elements of the result. (7 to 9 lines)


# %%
@cuda.jit
def warp_product(a, b, d):
    """d = a b for one 16 × 16 and one 16 × 8 matrix, by one warp."""
    group, member = cuda.laneid // 4, cuda.laneid % 4
    left, low, right = 2 * member, group + 8, 2 * member + 8
    held_a = (
        a[group, left], a[group, left + 1], a[low, left], a[low, left + 1],
        a[group, right], a[group, right + 1], a[low, right], a[low, right + 1],
    )  # fmt: skip
    zero = cuda.float32(0)
    ### BEGIN SOLUTION
    held_b = (b[left, group], b[left + 1, group], b[right, group], b[right + 1, group])
    sums = mma_sync(held_a, held_b, (zero, zero, zero, zero))
    d[group, left] = sums[0]
    d[group, left + 1] = sums[1]
    d[low, left] = sums[2]
    d[low, left + 1] = sums[3]
    ### END SOLUTION


warp_product = lk.your_turn("09.t2", warp_product)

a, b = (rng.standard_normal(size).astype(np.float16) for size in ((16, 16), (16, 8)))
d = np.zeros((16, 8), np.float32)
counts = lk.profile(warp_product[1, 32], a, b, d)
print("largest difference from NumPy's product:", f"{abs(d - a.astype(float) @ b).max():.1g}")
lk.show(
    lk.Reading("matrix instructions", counts.matrix_instructions, "1", "simulated"),
    lk.Reading("operations in them", counts.matrix_flop["float16"], "FLOP", "simulated"),
    lk.Reading("requests to load", counts.global_loads.requests, "1", "simulated"),
)


# %% [markdown]
# All 32 lanes have to be there, because each of them brings a part of the matrices. What if half of
# them took another way?
# %%
@cuda.jit
def half_a_warp(a, b, d):
    if cuda.laneid < 16:
        two, zero = (a[0, 0], a[0, 1]), cuda.float32(0)
        sums = mma_sync((*two, *two), two, (zero, zero, zero, zero))  # m16n8k8, the smaller shape
        d[0, 0] = sums[0]


lk.show(*(f"[simulated] {finding}" for finding in lk.sanitize(half_a_warp[1, 32], a, b, d)))

# %% [markdown]
# > **Takeaway.** The elements of a small matrix product lie in the registers of all 32 lanes, each
# > in its fixed place. A program for tensor cores is mostly about bringing them there.
#
# ## Why the tile must grow
# Your kernel made twelve requests to load for a single multiplication. Can memory keep up with
# that? Take the nearest one, shared memory ([lesson 06](06_memory.ipynb)): it gives each
# multiprocessor 32 banks × 4 bytes in a cycle.

# %% tags=["collapsed"]
h100 = next(r for r in lk.published("nvidia-matrix-peaks").rows if r["chip"] == "H100")
flop_per_cycle = 2 * h100["n_macs_each"]
need = flop_per_cycle / (32 * 4)
got = shape.flop / shape.operand_bytes
lk.show(
    f"[published] A multiprocessor of an H100: {flop_per_cycle:,} FLOP a cycle, in fp16",
    f"[modelled] So it needs {need:.0f} FLOP for each byte that comes from shared memory",
    f"[modelled] m16n8k16: {shape.operand_bytes} bytes of A and B",
)

# %% [markdown]
# **Guess first.** Say each warp fetches A and B from shared memory for every single m16n8k16. Which
# share of the tensor cores' rate can it reach? (If it reached all of it, this lesson would end
# here.)
# %%
share_guess = lk.predict("09.b", ..., "%")

# %%
share_guess.against(lk.Reading("share of the tensor cores' rate", got / need, "%", "modelled"))


# %% [markdown]
# The cure is that of the register tile in [lesson 08](08_matmul_ladder.ipynb): use what you've
# fetched more than once. A warp that keeps a tile of `rows` × `columns` sums fetches a column of A
# and a row of B for each step, so each byte serves
#
# $$\frac{\text{rows} \times \text{columns}}{\text{rows} + \text{columns}} \text{ operations in
# fp16.}$$
#
# But the sums live in registers, and a lane has 255.
#
# **Play.** Find the smallest tile that feeds the tensor cores. How many registers of each lane do
# its sums take? Is there a tile that feeds them and is too large?
# %% tags=["collapsed"]
SIDES = [16, 32, 64, 128, 256]


def feed(rows, columns):
    served, sums = rows * columns / (rows + columns), rows * columns // 32
    share = min(1, served / need)
    chart = lk.draw.Chart(
        lk.draw.Axis("", names=["share of the tensor cores' rate", "of a lane's 255 registers"]),
        lk.draw.Axis("", "%", lo=0, hi=max(1.2, 1.2 * sums / 255)),
        title=f"A tile of {rows} × {columns} a warp",
    )
    chart.bar(0, share, "modelled", f"{share:.0%}: {served:.1f} FLOP a byte")
    chart.bar(1, sums / 255, "modelled", f"{sums} registers of sums")
    verdict = "too large" if sums > 255 else "it feeds them" if share == 1 else "it starves them"
    return chart.picture(f"{rows} × {columns}: {verdict}, {share:.0%}, {sums} registers of sums")


lk.Explorer(feed, rows=SIDES, columns=SIDES)

# %% [markdown]
# It's 64 × 64, whose sums take half of a lane's registers, and it only just suffices. That's why
# later chips moved the matrices out. On Hopper, four warps multiply together, and fetch A and B
# [straight from shared
# memory](https://docs.nvidia.com/cuda/parallel-thread-execution/#asynchronous-warpgroup-level-matrix-instructions)
# (`wgmma`); on Blackwell the sums have [a memory of their
# own](https://docs.nvidia.com/cuda/parallel-thread-execution/#tensor-memory).
#
# > **Takeaway.** Tensor cores are so fast that even shared memory starves them, unless every byte
# > is used dozens of times. So a warp needs a large tile, and registers say how large it can be.
#
# ## Programs about tiles
# Nobody wants to write fragments for each chip anew. In
# [Triton](https://triton-lang.org/main/programming-guide/chapter-1/introduction.html) you write
# what a *block* does with whole tiles; there are no threads in the program. The compiler deals the
# elements out to lanes, chooses the instructions, and copies ahead. Here's a matrix product, for
# sizes that the tiles divide:


# %% tags=["read"]
@triton.jit
def matmul(a, b, c, m, n, k, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr):
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    steps = tl.arange(0, DEPTH)
    sums = tl.zeros((ROWS, COLUMNS), tl.float32)
    for first in range(0, k, DEPTH):
        tile_a = tl.load(a + rows[:, None] * k + (first + steps)[None, :])
        tile_b = tl.load(b + (first + steps)[:, None] * n + columns[None, :])
        sums = tl.dot(tile_a, tile_b, sums)
    tl.store(c + rows[:, None] * n + columns[None, :], sums.to(tl.float16))


# %% tags=["collapsed"]
def run_matmul(n=64):
    """How far its product is off, and what it moves; without a GPU, Triton interprets it."""
    import torch

    where = "cuda" if torch.cuda.is_available() else "cpu"
    a, b = (torch.from_numpy(rng.standard_normal((n, n)).astype(np.float16)) for _ in range(2))
    c = torch.zeros(n, n, dtype=torch.float16, device=where)
    launch, args = matmul[(2, 2)], (a.to(where), b.to(where), c, n, n, n)
    tile = {"ROWS": n // 2, "COLUMNS": n // 2, "DEPTH": 16}
    if where == "cuda":
        launch(*args, **tile)
        moved = "a GPU ran it, so nothing was counted"
    else:
        counts = lk.profile(launch, *args, **tile)
        moved = f"its four programs load {counts.global_loads.bytes_requested:,} bytes"
    off = (c.cpu().float() - a.float() @ b.float()).abs().max()
    return f"It ran: the product is at most {float(off):.1g} off, and {moved}."


try:
    lk.show(f"[here] {run_matmul()}")
except ModuleNotFoundError as missing:
    lk.show(f"[here] {missing}")

# %% [markdown]
# Triton needs a GPU to *run* it quickly, but not to compile it. `lk.compile_for` hands a kernel to
# the real compilers and counts what comes out, for one chip of each architecture. (Without the
# compilers you see what was recorded.)

# %%
# three pointers to fp16, and three sizes that 16 divides
TYPES = "*fp16", "*fp16", "*fp16", "i32:16", "i32:16", "i32:16"
TILE = {"ROWS": 128, "COLUMNS": 128, "DEPTH": 32}
compiled = lk.compile_for(matmul, *TYPES, **TILE, num_warps=4, num_stages=3)
compiled

# %% [markdown]
# Triton doesn't use the T4's tensor cores: there it multiplies on the CUDA cores.
#
# **Play.** Choose a line of the program, and a chip. What does `tl.dot` become? Which line makes
# most of the instructions?

# %% tags=["collapsed"]
lk.draw.AssemblyExplorer(compiled, chip="a100-sxm-80")

# %% [markdown]
# On the A100 the store has the most instructions, but it runs once. Each of a block's four warps
# executes the A100's instructions; on the H100 the four execute one together.
#
# **Guess first.** How many times as many operations does an instruction of the H100 do? (It would
# be 4 if the four warps just did theirs side by side.)
# %%
wgmma_guess = lk.predict("09.c", ...)

# %%
step_flop = 2 * TILE["ROWS"] * TILE["COLUMNS"] * TILE["DEPTH"]
a100, h100 = compiled["a100-sxm-80"], compiled["h100-sxm"]
of_a_warp = step_flop / (4 * a100.instructions["matrix_multiply"])
of_four_warps = step_flop / h100.instructions["matrix_multiply"]
lk.show(lk.Reading("operations of one instruction of the A100", of_a_warp, "FLOP", "modelled"))
wgmma_guess.against(lk.Reading("times as many", of_four_warps / of_a_warp, "1", "modelled"))

# %% [markdown]
# So the A100's is your m16n8k16, and the H100's m64n128k16.
#
# > **Takeaway.** A tile program says what happens to whole tiles. The compiler turns it into
# > fragments, and into the matrix instructions that suit the chip and the tile.
#
# ## The tile that spills
# So let's make the tiles larger.
#
# ### Your turn
# The sums of a block's tile are spread evenly over the lanes of its warps, one fp32 sum in a
# register. How many registers of each lane do they take? (1 line)


# %%
def registers_of_sums(rows, columns, warps):
    """Registers of each lane that hold the sums of a block's tile of rows × columns."""
    ### BEGIN SOLUTION
    return rows * columns // (32 * warps)
    ### END SOLUTION


registers_of_sums = lk.your_turn("09.t3", registers_of_sums)

# %% [markdown]
# A lane has at most 255 registers. What doesn't fit is **spilled**: kept in memory, to be stored
# and loaded again in each round. Before you run the cell, say which of these tiles will spill.
# %%
TILES = [(64, 64, 4), (128, 128, 4), (128, 256, 4), (128, 256, 8)]
for rows, columns, warps in TILES:
    tile = {"ROWS": rows, "COLUMNS": columns, "DEPTH": 32, "num_warps": warps, "num_stages": 3}
    found = lk.compile_for(matmul, *TYPES, **tile, chips="a100-sxm-80")["a100-sxm-80"]
    moves = found.instructions.get("local_moves", 0)
    lk.show(
        f"[{found.origin}] {rows} × {columns} by {warps} warps, A100: "
        f"{registers_of_sums(rows, columns, warps)} registers of sums, {found.registers} in all, "
        f"{found.spill_bytes:,} bytes spilled, {moves} moves of them"
    )

# %% [markdown]
# With four warps, the sums of 128 × 256 would take every register and one more, so they go through
# memory. Eight warps have twice the registers, and the same tile
# fits.
#
# > **Takeaway.** The largest tile that doesn't spill is the one to beat. Its sums alone may take
# > half of all registers; more warps to a tile share them out.
#
# ## Fetching ahead
# Tensor cores mustn't wait for a tile that is still on its way. So the loop runs in **stages**:
# while it multiplies one tile, the next ones are being copied to shared memory, by copies that run
# asynchronously. That costs shared memory, because tiles on their way need a place.
# %% tags=["collapsed"]
for stages in (1, 2, 3, 4):
    tile = {**TILE, "num_warps": 4, "num_stages": stages}
    found = lk.compile_for(matmul, *TYPES, **tile, chips="a100-sxm-80")["a100-sxm-80"]
    counts = found.instructions
    copies, loads = counts.get("async_copies", 0), counts.get("global_loads", 0)
    lk.show(
        f"[{found.origin}] {stages} stage{'s' * (stages > 1)}, A100: {copies} asynchronous copies, "
        f"{loads} loads to registers, {found.shared_bytes // 1024} KiB of shared memory"
    )

# %% [markdown]
# With one stage there's nothing to overlap: the loads go to registers, and the warp waits. With
# more, eight asynchronous copies stand in the loop, and eight for each tile that's requested before
# the loop begins. (The tile in work is in registers by then, so shared memory holds one tile fewer
# than there are stages.) This is called **software pipelining**.
#
# > **Takeaway.** Keep tensor cores busy by copying the next tiles while they multiply. The price is
# > shared memory.
#
# ## What the sums lose
# Are the sums of a tensor core right? Each product of two fp16 numbers is exact. But the adder is
# a cheap one: it aligns the products of a step and the sum so far with the largest of them, and
# cuts off what lies too low. How many bits it keeps isn't in any manual; [Khattak and
# Mikaitis](https://arxiv.org/abs/2512.07004) found it out, chip by chip, to the last bit. For fp8
# Hopper keeps only 13 bits below the largest.
#
# **Guess first.** Multiply a row of 100,000 ones by a column of ones, in fp8 on an H100. What's the
# sum? (In fp16 it's right.)
# %%
sum_guess = lk.predict("09.d", ...)

# %%
ones = np.ones(100_000)
in_fp8 = lk.workload.tensor_core("h100", "fp8_e4m3").add(ones, ones)
in_fp16 = lk.workload.tensor_core("h100", "fp16").add(ones, ones)
lk.show(lk.Reading("100,000 ones times ones, fp16", float(in_fp16), "1", "simulated"))
sum_guess.against(lk.Reading("100,000 ones times ones, fp8", float(in_fp8), "1", "simulated"))

# %% [markdown]
# From there on, each 1 lies below the last bit that's kept. DeepSeek met this when they trained V3
# in fp8, and moved the sums to the CUDA cores after every 128 products ([section
# 3.3.2](https://arxiv.org/abs/2412.19437)). With a cure like that:
# %% tags=["collapsed"]
parts = lk.workload.tensor_core("h100", "fp8_e4m3").add(np.ones((1000, 100)), np.ones((1000, 100)))
lk.show(lk.Reading("the same in parts of 100, added in fp32", float(parts.sum()), "1", "simulated"))

# %% [markdown]
# Blackwell goes down to 4 bits, which leave eight magnitudes. So neighbours share a **block
# scale**, by which the tensor core multiplies: 32 of them a power of two
# ([MX](https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf)), or
# 16 of them a scale in fp8 (NVFP4).

# %% tags=["collapsed"]
x = rng.standard_normal((100, 256)).astype(np.float32)
for name in ("mxfp8_e4m3", "mxfp4", "nvfp4"):
    form = lk.workload.block_format(name)
    off = np.sqrt(((form.round(x) - x) ** 2).mean() / (x**2).mean())
    label = f"error of normal numbers in {name}, {form.bits:g} bits each, as a share of them"
    lk.show(lk.Reading(label, float(off), "%", "simulated"))

# %% [markdown]
# > **Takeaway.** Tensor cores multiply exactly and add carelessly. In fp16 you'll hardly notice. In
# > fp8, take the sums out of them now and then.
#
# ## The other fourteen
# Somebody climbed this ladder on an H100, in bf16, and [published the rate of each
# rung](https://github.com/pranjalssh/fast.cu). It begins where yours ended.
# %% tags=["collapsed"]
ladder = lk.published("matmul-h100")
rungs = sorted(ladder.rows, key=lambda row: row["flop_per_s"])
peak = lk.chip("h100-sxm").peak("bf16").value
for row in rungs:
    rate = row["flop_per_s"]
    lk.show(
        f"[published] {row['kernel']}: {rate / 1e12:.1f} TFLOP/s, {rate / peak:.0%} of the peak"
    )
first, second = (row["flop_per_s"] for row in rungs[:2])
lk.show(lk.Reading("the first step, times faster", second / first, "1", of=ladder))

# %% [markdown]
# (*wgmma* is the H100's matrix instruction, and TMA its unit that copies whole tiles. cuBLAS is
# NVIDIA's own library.) The rest of the ladder is mostly what you've met here:
# larger tiles, and copies that run beside the multiplication.
#
# That's also what the authors of FlashAttention did. Their new version uses the H100's own
# instructions, lets some warps only copy while others multiply, and works out the softmax of one
# tile during the product of the next. In fp16 it reaches 740 TFLOP/s, 75 % of the chip.
#
# So how do you reach the other fourteen? Hand the product to the tensor cores in large tiles, keep
# their sums in registers without spilling, and have the next tiles there before they're needed.
#
# **Next**: in the [exercises](../exercises/09_tensor_cores_and_tiles.ipynb) you'll write
# FlashAttention on tensor cores. [Lesson 10](10_attention_and_precision.ipynb) asks how to move
# fewer bytes.
