# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · First kernels
# In 2012 Alex Krizhevsky trained a neural network for five to six days on two graphics cards that
# were made for games ([Krizhevsky, Sutskever and Hinton
# 2012](https://proceedings.neurips.cc/paper_files/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html)).
# Together with a few others like it, it won the ImageNet contest. The right answer wasn't among
# their five best guesses on 15.3 % of the pictures; for the runner-up it was 26.2 %. Since 2025 the
# program, **AlexNet**, can be read at the [Computer History
# Museum](https://github.com/computerhistory/AlexNet-Source-Code). Its GPU functions work on large
# arrays, but in most of those in that archive the loop over the array is missing. (The convolutions
# are in a library of their own.)
#
# **The question of this lesson**: what does a program for a GPU look like, and why is it so
# different from a loop?
#
# You'll write four such functions, and read two of AlexNet's. Without a GPU, the course runs your
# code on the CPU and counts what a GPU would do.
#
# *{time} Needs lesson [04](04_cpu_vs_gpu.ipynb).*

# %%
import math

import numpy as np

import labkit as lk
from labkit import cuda

N = 1000
celsius = np.linspace(-20, 40, N)

# %% [markdown]
# ## A loop without a loop
# To convert 1,000 temperatures from Celsius to Fahrenheit on a CPU, you'd write a loop. A GPU
# doesn't need it. It starts one
# [**thread**](https://modal.com/gpu-glossary/device-software/thread) for each element. All threads
# run the same function, and each begins by asking: *which element is mine?* Such a function is
# called a [**kernel**](https://modal.com/gpu-glossary/device-software/kernel).
#
# Threads come in [**blocks**](https://modal.com/gpu-glossary/device-software/thread-block) of equal
# size, and all blocks together are the **grid**.
#
# **Guess first.** We'll take blocks of 256 threads, and just enough of them. How many threads will
# find no element? (A bus with 50 seats takes 120 people in three trips, with 30 empty seats in the
# last.)
# %%
idle_guess = lk.predict("05.a", ...)

# %% [markdown]
# ### Your turn
# Finish the kernel: `out[i]` becomes 1.8 times `celsius[i]`, plus 32. Its first line gives each
# thread its own *i*, counted from 0 over all blocks. What should a thread do whose *i* lies beyond
# the end? (2 lines)
#
# The last line starts the grid, with the number of blocks and their size in square brackets: a
# **launch**.
# %%
THREADS = 256
blocks = math.ceil(N / THREADS)


@cuda.jit
def fahrenheit(celsius, out):
    i = cuda.grid(1)
    ### BEGIN SOLUTION
    if i < out.size:
        out[i] = 1.8 * celsius[i] + 32
    ### END SOLUTION


fahrenheit = lk.your_turn("05.t1", fahrenheit)

out = np.zeros(N)
fahrenheit[blocks, THREADS](celsius, out)

# %% [markdown]
# Where does *i* come from? The GPU tells each thread the number of its block and its number within
# the block. `cuda.grid(1)`, where 1 stands for one axis, is short for
#
# $$i = \text{blockIdx.x} \times \text{blockDim.x} + \text{threadIdx.x}$$
#
# with `blockDim.x`, the number of threads in a block.
#
# **Play.** How good was your guess? A row is a block, and a box is a thread with its *i*. Can you
# cover 50 elements with no thread to spare? What happens with one block too few?
# %%
assert np.allclose(out, 1.8 * celsius + 32)
idle = blocks * THREADS - N
idle_guess.against(lk.Reading("threads without an element", idle, "1", "modelled"))


def cover(elements, blocks, threads):
    return lk.draw.launch(elements, blocks, threads)


lk.Explorer(cover, elements=(1, 128, 50), blocks=(1, 8, 4), threads=[16, 8, 10, 32])


# %% [markdown]
# > **Takeaway.** A kernel is the *body* of a loop. The launch replaces the loop: it starts enough
# > threads to cover the data, and usually a few too many.
#
# ## The threads beyond the end
# They run like all the others, so a kernel has to stop them. The `if` that does this is called a
# **guard**. In 2025 somebody left the guard out of a well-known exercise about guards. The test
# [still passed](https://github.com/modular/mojo-gpu-puzzles/issues/92), and the maintainer replied:
# "Passing the test doesn't mean it's sound!" A GPU hands out memory in larger pieces than you ask
# for, so the stray write often lands in unused space, and nobody notices.
#
# `lk.sanitize` runs a kernel and looks at every access, as NVIDIA's
# [compute-sanitizer](https://docs.nvidia.com/compute-sanitizer/) does on a GPU.
# %%
@cuda.jit
def no_guard(celsius, out):
    i = cuda.grid(1)
    out[i] = 1.8 * celsius[i] + 32


guarded = "with a guard (yours once it has passed, ours until then)"
for name, kernel in {"without a guard": no_guard, guarded: fahrenheit}.items():
    # It stops at the first: a thread has to read celsius[1000] before it can write out[1000].
    findings = lk.sanitize(kernel[blocks, THREADS], celsius, out)
    lk.show(f"[simulated] {name}: {findings[0] if findings else 'nothing found'}")

# %% [markdown]
# > **Takeaway.** Right results don't prove that a kernel is right. Guard every access, and let a
# > sanitizer look.
#
# ## Two axes
# A grid can have two axes. `cuda.grid(2)` gives a thread two numbers, and their order surprises
# most people: *x* comes first, and **x is the column**. It's a choice, made because neighbours in a
# row are neighbours in memory.
#
# On two axes a launch takes pairs, *x* first again: `[(2, 1), (16, 16)]` is two blocks side by
# side, each of 16 by 16 threads.
#
# **Play.** Swap *row* and *col*. Which elements does no thread work on? At which sizes does the bug
# stay hidden?
# %% tags=["collapsed"]
ORDERS = ["col, row = cuda.grid(2)", "row, col = cuda.grid(2)"]


def lay(rows, columns, order):
    return lk.draw.launch_2d(rows, columns, is_swapped=order == ORDERS[1])


lk.Explorer(lay, rows=(1, 24, 3), columns=(1, 40, 20), order=ORDERS)

# %% [markdown]
# ### Your turn
# Fill a multiplication table: `out[row, col]` becomes `left[row]` times `top[col]`. Each axis needs
# its guard. (2 lines)


# %%
@cuda.jit
def times_table(left, top, out):
    col, row = cuda.grid(2)
    ### BEGIN SOLUTION
    if row < out.shape[0] and col < out.shape[1]:
        out[row, col] = left[row] * top[col]
    ### END SOLUTION


times_table = lk.your_turn("05.t2", times_table)

table = np.zeros((3, 20), np.int32)
times_table[(2, 1), (16, 16)](np.arange(1, 4), np.arange(1, 21), table)
print(table)


# %% [markdown]
# > **Takeaway.** A grid has up to three axes, each with its own guard, and *x* is the column.
# > Swapped axes stay hidden where the grid has as many rows of threads as columns, so test on a
# > wide table and a tall one, of several blocks.
#
# ## Inside the chip
# In the hardware, a block has a place: a [**streaming
# multiprocessor**](https://modal.com/gpu-glossary/device-hardware/streaming-multiprocessor) (SM),
# roughly what a core is to a CPU.

# %% tags=["collapsed"]
h100 = lk.chip("h100-sxm").figures["multiprocessors"]
lk.show(f"[published] An H100 has {h100.value:.0f} of them ({h100.short_source}). One is enlarged:")
lk.draw.machine("h100-sxm", highlight="schedulers")


# %% [markdown]
# The GPU gives each block to one SM, where it stays until its threads are done. You don't decide
# which SM, or when, so no block may rely on another being finished, and the same launch runs on any
# chip.
#
# Inside the SM, each block is cut into groups of 32 threads with neighbouring numbers (on two axes
# *x* counts first, so 16 by 16 gives two rows a warp). Such a group is called a
# [**warp**](https://modal.com/gpu-glossary/device-software/warp) and each place in it is a
# **lane**. In every clock cycle, each of the SM's four **warp schedulers** picks a warp that is
# ready, if there is one, and issues *one* instruction (a step such as an addition or a load) for
# all of its lanes. When a warp has to wait for memory, the scheduler picks another. That's how a
# GPU hides its long waits ([lesson 04](04_cpu_vs_gpu.ipynb)). Switching costs nothing, because
# every warp keeps its own registers (the variables of its threads).
#
# Why 32? The lanes share the cost of fetching and decoding an instruction. A wider warp would share
# it among more, and lose more whenever its lanes want different things. NVIDIA's warps have always
# had 32 lanes; on AMD's data-centre GPUs they have 64.
#
# > **Takeaway.** A block stays on one SM. Inside it, 32 neighbouring threads form a warp, and a
# > warp executes one instruction at a time for all of its lanes.
#
# ## When lanes disagree
# What if some lanes want to go one way at an `if`, and some the other? A warp has only one
# instruction at a time, so it walks *both* ways, while the lanes that don't belong there are
# switched off. The warp **diverges**. (Since Volta, in 2017, the hardware may alternate between the
# two ways, so never rely on which goes first.)
#
# `lk.profile` runs a launch and counts what its warps do. We show the last picture of its film: a
# row for each branch that the warp met, a column for each lane.
# %%
@cuda.jit
def odd_even(x, out):
    i = cuda.grid(1)
    if i < out.size:
        if i % 2 == 0:
            out[i] = x[i] + 1
        else:
            out[i] = x[i] - 1


split = lk.profile(odd_even[1, 32], np.zeros(20), np.zeros(20))
lk.draw.film(split)[-1]

# %% tags=["collapsed"]
guard, parting = split.film
stay, one, other = (lanes.bit_count() for lanes in (guard.taken, parting.taken, parting.not_taken))
n_off = 32 - max(one, other)
lk.show(
    f"[simulated] At the guard, the {32 - stay} lanes without an element drop out. At the second "
    f"if, {one} go one way, and then {other} the other, so that on each way {n_off} of 32 lanes "
    f"are idle. Behind the if, they walk on together."
)

# %% [markdown]
# A loop can do worse, because a lane that is done waits for the last one. Take a number. If it's
# even, halve it; otherwise triple it and add one. Repeat until you arrive at 1. Nobody has proved
# that you always will ([Collatz](https://en.wikipedia.org/wiki/Collatz_conjecture)), and the number
# of steps looks random.
#
# ### Your turn
# Each thread counts the steps of one number `n`. 1 takes no step, 3 takes seven.
# Divide with `//`, so that `n` stays a whole number. (6 lines)


# %%
@cuda.jit
def collatz(numbers, steps):
    i = cuda.grid(1)
    if i < numbers.size:
        n = numbers[i]
        count = 0
        ### BEGIN SOLUTION
        while n != 1:
            if n % 2 == 0:
                n //= 2
            else:
                n = 3 * n + 1
            count += 1
        ### END SOLUTION
        steps[i] = count


collatz = lk.your_turn("05.t3", collatz)

numbers, steps = np.arange(1, 21), np.zeros(20, np.int32)
counts = lk.profile(collatz[1, 32], numbers, steps)
print(f"steps of 1 to 20: {steps}")
print(f"the longest: {steps.max()}, the mean: {steps.mean():.1f}")

# %% [markdown]
# **Guess first.** One warp just did this for the numbers 1 to 20. Averaged over the instructions
# that the warp executed, how many of its 32 lanes were at work? It would be a little over 20 if all
# threads did the same (all 32 meet the guard), and hardly more than 1 if each had to run
# alone.
# %%
lanes_guess = lk.predict("05.b", ...)

# %% [markdown]
# **Play.** Step through the branches. Which lane leaves the loop first? Which lanes keep the whole
# warp waiting? In which rows does the warp walk both ways?
# %%
at_work = lk.Reading("lanes at work", counts.threads_per_instruction, "1", "simulated")
lanes_guess.against(at_work)
lk.Player(lk.draw.film(counts))

# %% tags=["collapsed"]
first, slow = steps.argmin(), np.flatnonzero(steps == steps.max())
alone = steps.size * steps.mean() / steps.max()
lk.show(
    f"[simulated] Lane {first}, the number {numbers[first]}, leaves at once. Lanes "
    f"{' and '.join(map(str, slow))}, the numbers {' and '.join(map(str, numbers[slow]))}, hold "
    f"the warp for {steps.max()} steps. It walks both ways in each if row with two colours; in a "
    f"while row, orange lanes only wait from then on.",
    f"[modelled] For the loop alone, {steps.size} lanes × {steps.mean():.1f} / {steps.max()} steps "
    f"= {alone:.1f} would be at work; with the two ways of the if it's {at_work.value:.2f}.",
)

# %% [markdown]
# > **Takeaway.** A warp walks every way that at least one of its lanes takes, and it's finished
# > when its *slowest* lane is.
#
# ## Who shares a warp?
# Neighbouring threads share a warp, and they work on neighbouring elements. So the *order of the
# data* decides who waits for whom. We take the numbers 1 to 4,096, first as they come.
# %%
numbers = np.arange(1, 4097)
steps = np.zeros(numbers.size, np.int32)
as_they_come = lk.profile(collatz[16, 256], numbers, steps)

at_work = lk.Reading(
    "lanes at work, as they come", as_they_come.threads_per_instruction, "1", "simulated"
)
# At most: what we'd gain if all 32 lanes were always at work.
lk.show(at_work, (32 / at_work).named("times fewer instructions, at most"))

# %% [markdown]
# **Guess first.** Now we'll sort the numbers by their steps. How many times fewer instructions will
# the warps execute? It would be 1 if the order didn't matter.
# %%
sorted_guess = lk.predict("05.c", ...)

# %%
sorted_steps = np.zeros_like(steps)
in_order = lk.profile(collatz[16, 256], numbers[np.argsort(steps)], sorted_steps)
assert in_order.lanes == as_they_come.lanes  # the threads did exactly the same work

before = lk.Reading("instructions, as they come", as_they_come.instructions, "1", "simulated")
after = lk.Reading("instructions, sorted", in_order.instructions, "1", "simulated")
lk.show(before, after)
sorted_guess.against((before / after).named("times fewer instructions"))


# %% tags=["collapsed"]
def waiting(steps):
    rounds = steps.reshape(-1, 32)  # of the loop: a row for each warp
    return 1 - rounds.sum() / (32 * rounds.max(axis=1)).sum()


lk.show(
    f"[simulated] While a warp is in the loop, its lanes spend {100 * waiting(steps):.0f} % of the "
    f"rounds waiting for the slowest; sorted, it's {100 * waiting(sorted_steps):.1f} %."
)


# %% [markdown]
# The threads did exactly the same work; only their company changed. The gain stays below the limit,
# because lanes with equally many steps still disagree about odd and even. (These counts aren't
# times: sorting takes time, too, and a compiler may turn a short `if` into code that doesn't
# branch.)
#
# > **Takeaway.** Divergence costs something only *within* a warp. Give neighbouring threads work of
# > the same kind and the same length.
#
# ## A grid of any size
# You can also start only as many threads as the chip can hold, and let each do several elements.
# Such a kernel is right on any grid. The elements are dealt out as four players get 52 cards: the
# first gets cards 0, 4, 8 and so on. That's a [**grid-stride
# loop**](https://developer.nvidia.com/blog/cuda-pro-tip-write-flexible-kernels-grid-stride-loops/).
#
# ### Your turn
# Deal the elements out like cards: `out[i]` becomes `a` times `x[i]`, plus `y[i]`, however many
# threads there are, and each is stored only once. `cuda.gridsize(1)` is the number of threads in
# the whole grid. (2 lines with `range(start, stop, step)`, whose `stop` is the guard)
# %%
@cuda.jit
def scale_add(a, x, y, out):
    ### BEGIN SOLUTION
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = a * x[i] + y[i]
    ### END SOLUTION


scale_add = lk.your_turn("05.t4", scale_add)

# On the device already, so that no launch has to copy them there and back (lesson 04).
x, y = cuda.to_device(np.arange(100_000.0)), cuda.to_device(np.ones(100_000))
total = cuda.device_array_like(x)
scale_add[2, 64](2.0, x, y, total)  # 128 threads
by_few = total.copy_to_host()
scale_add.forall(total.size)(2.0, x, y, total)  # numba chooses the blocks
assert (total.copy_to_host() == by_few).all()

# %% [markdown]
# How many threads should a block have? At most 1,024 are allowed. A warp never reaches across
# blocks, so a block of 33 threads needs two warps, and the second has one lane at work.
# %% tags=["collapsed"]
lk.show(f"[simulated] {N:,} temperatures again:")
print("threads in a block   blocks   warps   lanes at work")
for threads in (16, 32, 33, 48, 256):
    blocks = math.ceil(N / threads)
    at_work = lk.profile(fahrenheit[blocks, threads], celsius, out).threads_per_instruction
    warps = blocks * math.ceil(threads / 32)
    print(f"{threads:18}   {blocks:6}   {warps:5}   {at_work:13.1f}")

# %% [markdown]
# > **Takeaway.** Make the block a multiple of 32 threads. 128 to 256 is a [good
# > start](https://docs.nvidia.com/cuda/cuda-c-best-practices-guide/#thread-and-block-heuristics):
# > enough warps for the schedulers to choose from, in blocks small enough to spread evenly.
#
# ## Back to AlexNet
# Now read two of AlexNet's functions (shortened; © 2011 Alex Krizhevsky, [BSD
# licence](https://github.com/computerhistory/AlexNet-Source-Code/blob/2f8b81f76470bf873c865754ad8f4a5e0dbbeb7b/src/layer_kernels.cu#L1)).
# [kEltwiseMaxGrad](https://github.com/computerhistory/AlexNet-Source-Code/blob/2f8b81f76470bf873c865754ad8f4a5e0dbbeb7b/src/layer_kernels.cu#L501)
# is your grid-stride loop. `B_X`, the size of a block, is 128, and `gridDim.x` is the number of
# blocks, so `B_X * gridDim.x` is your `cuda.gridsize(1)`. (A second version, which adds, is left
# out.)
#
# ```c
# for (int i = B_X * blockIdx.x + threadIdx.x;
#      i < numElements;
#      i += B_X * gridDim.x) {
#     target[i] = actGrad[i] * (output[i] == input[i]);
# }
# ```
#
# AlexNet starts a block for every 128 elements, so its loop runs only once.
# [kSoftmaxGrad](https://github.com/computerhistory/AlexNet-Source-Code/blob/2f8b81f76470bf873c865754ad8f4a5e0dbbeb7b/src/layer_kernels.cu#L480)
# is your table, one column for each picture and one row for each class, with its two guards:
#
# ```c
# const int tx = blockIdx.x * LOGREG_GRAD_THREADS_X + threadIdx.x;
# const int ty = blockIdx.y * LOGREG_GRAD_THREADS_Y + threadIdx.y;
# if (ty < numOut && tx < numCases) {
#     ...  // the gradient of one class for one picture
# }
# ```
#
# So what does a program for a GPU look like, and why is it so different from a loop? It's the body
# of the loop, with a guard. A loop says *one after the other*, and nothing about the temperatures
# asks for an order. Without it, the hardware may spread the blocks over all SMs, run 32 threads on
# one instruction, and turn to another warp whenever one waits. That's what two gaming cards did for
# five to six days in 2012.
#
# **Next**: in the [exercises](../exercises/05_first_kernels.ipynb) you'll write AlexNet's pooling.
# In [lesson 06](06_memory.ipynb) all lanes are at work, and most of the bytes that move are wasted.
