# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 22 · Future accelerators: exercises
# Five numbers that you'd ask for before you believe a claim, and a chip of your own. Each check
# tries your function on new numbers, so nothing can be typed in. You need none of the lesson's
# libraries here.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 22.1 How often may a neuron spike?
# An ordinary network does one multiply-add (`mac_j` joules) for each weight, and reads the weight
# once (`read_j`). In a spiking one that runs for `n_steps`, each spike costs an addition (`add_j`)
# and another read of the weight. In what share of the steps may a neuron spike, on average, so that
# the spiking network takes no more energy? (2 lines; no neuron spikes more often than in every
# step)


# %%
def spike_share(mac_j, add_j, read_j, n_steps):
    """The largest share of the steps, 0 to 1, in which a neuron may spike."""
    ### BEGIN SOLUTION
    spikes = (mac_j + read_j) / (add_j + read_j)  # for each weight and answer
    return min(1, spikes / n_steps)
    ### END SOLUTION


# %%
lk.check("22.1", spike_share)

# %% [markdown] tags=["solution"]
# Most people compare `mac_j` with `add_j` and find that five spikes are allowed. But the weight has
# to be read for each spike, and reading is the larger part. As `read_j` grows, the allowed number
# of spikes for each weight goes to one, and over many steps one is very few.

# %% [markdown]
# ## 22.2 How many qubits fit?
# The state of *n* qubits has 2**n* amplitudes of `amplitude_bytes` each. What's the largest *n*
# that fits in `memory_bytes`? (1 to 3 lines; the memory may be exactly full)


# %%
def most_qubits(memory_bytes, amplitude_bytes):
    """The largest number of qubits whose amplitudes fit, a whole number."""
    ### BEGIN SOLUTION
    return (memory_bytes // amplitude_bytes).bit_length() - 1
    ### END SOLUTION


# %%
lk.check("22.2", most_qubits)

# %% [markdown] tags=["solution"]
# `int(math.log2(...))` is right for every memory that exists. Only for far larger ones, one byte
# below a power of two, is the logarithm rounded up, and then the answer is one too many. Whole
# numbers don't round. (And don't take the two logarithms apart before you round: that's only right
# where an amplitude takes 8 or 16 bytes, or another power of two.)

# %% [markdown]
# ## 22.3 A large enough code
# A surface code of distance 7 errs with `error_7` in each cycle, and each step of the distance by
# two divides that by `suppression`. What is the smallest distance (odd, and at least 3) that errs
# at most with `target`, and how many qubits does it take? A code of distance *d* takes 2*d*² − 1.
# (about 5 lines)


# %%
def smallest_code(target, error_7, suppression):
    """Distance and qubits of the smallest code that is good enough."""
    ### BEGIN SOLUTION
    distance = 3
    error = error_7 * suppression**2  # at distance 3, two steps below 7
    while error > target:
        distance += 2
        error /= suppression
    return distance, 2 * distance**2 - 1
    ### END SOLUTION


# %%
lk.check("22.3", smallest_code)

# %% [markdown]
# Google's chip, and one error in a trillion cycles:

# %%
willow = lk.published("willow-surface-code")
measured = willow.rows[0]
try:
    distance, n_qubits = smallest_code(1e-12, measured["error_per_cycle"], measured["suppression"])
except NotImplementedError:
    print("[todo] write smallest_code first")
else:
    lk.show(
        lk.Reading("distance for one error in 1e12 cycles", distance, "1", of=willow),
        lk.Reading("qubits for one logical qubit", n_qubits, "1", of=willow),
    )

# %% [markdown] tags=["solution"]
# The usual wrong turn is to divide once for each step of *one*. Here the distance has to grow by
# two to halve the error, and the number of qubits grows with its square. That's how one logical
# qubit comes to take thousands. Better gates help twice: they lower `error_7`, and they raise
# `suppression`, so that fewer steps are needed.

# %% [markdown]
# ## 22.4 A machine without HBM
# Chips of `memory_bytes` SRAM each, which they read with `bytes_per_s`, are to hold a model of
# `weight_bytes`. The weights are spread evenly. For a token all chips read their own part at the
# same time, and `n_syncs` times all of them wait for each other, for `sync_s` seconds. How many
# chips does it take, and how many tokens per second does one user get at most? (about 4 lines; a
# chip that is alone waits for nobody)


# %%
def sram_machine(weight_bytes, memory_bytes, bytes_per_s, n_syncs, sync_s):
    """Chips, and tokens per second for one user."""
    ### BEGIN SOLUTION
    n_chips = math.ceil(weight_bytes / memory_bytes)
    read_s = weight_bytes / n_chips / bytes_per_s
    wait_s = n_syncs * sync_s if n_chips > 1 else 0
    return n_chips, 1 / (read_s + wait_s)
    ### END SOLUTION


# %%
lk.check("22.4", sram_machine)

# %% [markdown] tags=["solution"]
# Without the waiting, hundreds of chips would make hundreds of thousands of tokens per second, and
# nobody sells that. Once the reads take microseconds, the links decide. So a machine of SRAM is a
# machine of links.

# %% [markdown]
# ## 22.5 Your own chip (a stretch)
# Design a 7 nm chip of 826 mm² and 400 W that makes a token of an 8-billion-parameter model in at
# most 6 ms on *one* chip (the A100 of our model takes 8.01), and reads a prompt of 2,048 tokens in
# at most 130 ms (the A100: 112). It has to be able to train, so give it at least 12 links; to be
# programmed, so keep at least 60 % of the machinery; and to reuse what it has fetched, so give it
# at least 16 MiB of SRAM. The Explorer of the lesson is the place to try.

# %%
### BEGIN SOLUTION
my_chip = {
    "n_macs": 110_000,
    "sram_bytes": 64 * 2**20,
    "hbm_stacks": 7,
    "n_links": 12,
    "machinery": 0.9,
}
### END SOLUTION
lk.check("22.5", my_chip)

# %% [markdown] tags=["solution"]
# A token reads all weights once, so only HBM makes it faster: seven stacks instead of five. They
# take 36 W more, which the MACs lack, and the prompt gets slower. Most designs fail there, and more
# MACs don't help, because it's watts that are short and not area. With less machinery each MAC
# takes fewer of them.

# %% [markdown]
# ## To think about
# 1. Somebody shows you a chip that takes a hundred times less energy than a GPU on a task that you
#    know. Which five things do you ask?
# 2. The estimators agree on large SRAM and differ several times over on small ones. Which designs
#    of this lesson would change their place if the smaller figure were right?

# %% [markdown] tags=["solution"]
# 1. Does it reach the same accuracy? Was the GPU used well: with a large batch, with its small
#    formats, with today's software? Is it the energy at the plug, with memory, converters, host and
#    idle time? Does it hold for tasks that the makers didn't choose? Who measured it?
# 2. Those with small memories beside each unit: spiking chips, and chips without HBM. Their reads
#    would cost an eighth, so the arithmetic would count again. Our spikes would still lose, but
#    with 1.3 times the energy instead of 2.7 times, so a fifth fewer of them would win.
