# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 22 · Future accelerators
# In October 2019 Google's quantum chip Sycamore ran a random circuit a million times in 200
# seconds. The largest supercomputer, [Google
# wrote](https://www.nature.com/articles/s41586-019-1666-5), would need 10,000 years. IBM
# [answered](https://arxiv.org/abs/1910.09534) in the same week: two and a half days, if you use the
# disks as well. By 2022 [512 GPUs had done it in 15 hours](https://arxiv.org/abs/2111.03011), and
# in 2024 [1,432 GPUs did it seven times faster than Sycamore](https://arxiv.org/abs/2406.18889).
# The chip worked as described. What changed was what it was compared with.
#
# **The question of this lesson**: somebody shows you a machine that beats GPUs. Which number do you
# ask for before you believe it?
#
# You'll try five candidates, mostly in simulators; then design a chip.
#
# *{time} Needs lessons [02](02_roofline.ipynb), [12](12_systolic_arrays.ipynb) and
# [20](20_power_and_energy.ipynb). Where a section's library is missing, it says what to install and
# shows a recorded run.*

# %% tags=["collapsed"]
import math

import labkit as lk

h100 = lk.chip("h100-sxm")


def digits(in_order=False):
    """1,797 scanned digits of 8 × 8 pixels: pixels to train on and to test with, then labels."""
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    torch.set_num_threads(1)  # the networks are too small for more
    torch.manual_seed(0)
    pixels, labels = load_digits(return_X_y=True)
    pixels, labels = torch.tensor(pixels / 16, dtype=torch.float32), torch.tensor(labels)
    if in_order:  # other people wrote the last ones, which is harder
        return pixels[:1200], pixels[1200:], labels[:1200], labels[1200:]
    return train_test_split(pixels, labels, test_size=0.3, random_state=0)


def train(network, answer, pixels, labels, epochs=15):
    """Train `network` until `answer(pixels)` names the digits."""
    import torch

    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(pixels)).split(128):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(answer(pixels[batch]), labels[batch]).backward()
            optimiser.step()


def accuracy(votes, labels):
    return float((votes.argmax(1) == labels).float().mean())


# %% [markdown]
# ## Neurons that spike
# In a **neuromorphic** chip a neuron sends nothing but **spikes**. A spike that arrives adds a
# weight to a neuron's voltage, which leaks away in between; when it's high enough, the neuron
# spikes itself and starts over. Where nothing spikes, no weight is read. And a spike needs only an
# addition for each neuron that it reaches, where an ordinary network multiplies and adds. Intel's
# largest such machine, Hala Point, is said to take [100 times less
# energy](https://btw.media/en/intel-develops-the-largest-neuromorphic-computer-system) than GPUs.
#
# We train one network twice, in its ordinary form and with spiking neurons
# ([snntorch](https://snntorch.readthedocs.io)), which look at a digit for 15 steps. In each step a
# pixel spikes with a probability equal to its brightness.


# %% tags=["read"]
def count_spikes(n_steps=15):
    import snntorch
    import torch
    from snntorch import spikegen, surrogate, utils

    train_x, test_x, train_y, test_y = digits()

    def neurons(**options):
        slope = surrogate.fast_sigmoid(25)
        return snntorch.Leaky(0.9, spike_grad=slope, init_hidden=True, **options)

    network = torch.nn.Sequential(
        torch.nn.Linear(64, 128), neurons(), torch.nn.Linear(128, 10), neurons(output=True)
    )
    hidden = []
    network[1].register_forward_hook(
        lambda _, inputs, out: hidden.append(float(out.detach().sum()))
    )

    def votes(pixels):
        utils.reset(network)
        return sum(network(frame)[0] for frame in spikegen.rate(pixels, num_steps=n_steps))

    train(network, votes, train_x, train_y)
    hidden.clear()
    with torch.no_grad():
        right = accuracy(votes(test_x), test_y)
    dense = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    train(dense, dense, train_x, train_y)
    yield {
        "accuracy": right,
        "dense_accuracy": accuracy(dense(test_x), test_y),
        "input_spikes": float(test_x.sum()) * n_steps / len(test_x),
        "hidden_spikes": sum(hidden) / len(test_x),
    }


# %% [markdown]
# **Guess first.** The ordinary network needs 64 × 128 + 128 × 10 = 9,472 multiply-adds for a digit.
# How many additions do the spikes cause? If all 64 pixels spiked in all 15 steps, the 128 neurons
# would make 122,880.

# %%
spikes_guess = lk.predict("22.a", ...)

# %%
spiking = lk.run_or_recorded(
    "digits-spiking", count_spikes, install="snntorch scikit-learn torch", origin="simulated",
    note="sampled",
)  # fmt: skip
row = spiking.rows[0]
n_macs = 64 * 128 + 128 * 10
n_added = row["input_spikes"] * 128 + row["hidden_spikes"] * 10
spikes_guess.against(spiking.reading("additions for a digit", n_added, "1"))
lk.show(
    spiking.reading("right answers, spiking", row["accuracy"], "%"),
    spiking.reading("right answers, ordinary", row["dense_accuracy"], "%"),
    spiking.reading("steps in which a pixel spikes", row["input_spikes"] / 64 / 15, "%"),
)

# %% [markdown]
# ### Your turn
# What do they cost? Each multiply-add takes `mac_j` joules and each addition `add_j`. Both also
# have to fetch a weight from the chip's memory, which takes `read_j`. Return the joules that each
# network takes for a digit. (2 lines)


# %%
def digit_energies_j(n_macs, n_added, mac_j, add_j, read_j):
    """Joules of the ordinary and of the spiking network."""
    ### BEGIN SOLUTION
    ordinary_j = n_macs * (mac_j + read_j)
    return ordinary_j, n_added * (add_j + read_j)
    ### END SOLUTION


digit_energies_j = lk.your_turn("22.t1", digit_energies_j)

# %% tags=["collapsed"]
add_j = lk.results.op_energy("add", "fp32", 45).energy_j
mac_j = add_j + lk.results.op_energy("mul", "fp32", 45).energy_j
read_j = lk.results.op_energy("sram_64b", "8KB", 45).energy_j / 2  # 32 of 64 bits
for name, one_read_j in (("arithmetic alone", 0.0), ("with a weight read each", read_j)):
    ordinary_j, spiking_j = digit_energies_j(n_macs, n_added, mac_j, add_j, one_read_j)
    ratio = lk.Reading(
        f"spiking over ordinary, {name}", spiking_j / ordinary_j, "1", of=spiking, note="sampled"
    )
    lk.show(ratio)
lk.expect(
    ratio, 1, None,
    below="Few spikes: here the spiking network wins even with all reads counted.",
    inside="As soon as the reads are counted, the spiking network costs more.",
)  # fmt: skip

# %% [markdown]
# (Energies of a 45 nm process, [Horowitz](https://doi.org/10.1109/ISSCC.2014.6757323), and none for
# the neurons' voltages.) A spiking network reads each weight several times for one digit, so what
# decides is how *few* spikes there are. An [independent study](https://arxiv.org/abs/2409.08290v4)
# that counts data movement finds that over 5 steps a neuron may spike in 5.7 % of them at most, if
# the ordinary network gets by with numbers of 3 bits. Ours spikes far more, and ordinary chips can
# skip zeros.
#
# > **Takeaway.** Spiking hardware wins where almost nothing happens almost all of the time. Ask how
# > often each weight was read, and whether the reads were counted.
#
# ## Qubits
# Two bits are in one of four states. Two **qubits** can be in all four at once, each with a number,
# its *amplitude*. Every further qubit doubles the list of them, and each step of a quantum computer
# changes the whole list, which a simulator has to store. But reading the qubits gives only *one* of
# the states, with a probability that is its amplitude squared.
#
# **Guess first.** An amplitude takes 16 bytes, so 10 qubits fit in 16 KiB. How many qubits fit in
# an H100's 80 GiB?

# %%
qubits_guess = lk.predict("22.b", ...)


# %% tags=["read"]
def entangle(n_qubits, shots=100, noise=None):
    """How often n qubits that were made to agree are read as equal, and the seconds it took."""
    from qiskit import QuantumCircuit
    from qiskit_aer import AerSimulator

    circuit = QuantumCircuit(n_qubits)
    circuit.h(0)  # the first qubit: 0 and 1 at once
    for i in range(n_qubits - 1):
        circuit.cx(i, i + 1)  # flip the next one where this one is 1
    circuit.measure_all()
    simulator = AerSimulator(method="statevector", noise_model=noise, seed_simulator=1)
    with lk.Timer() as timer:
        counts = simulator.run(circuit, shots=shots).result().get_counts()
    agree = (counts.get("0" * n_qubits, 0) + counts.get("1" * n_qubits, 0)) / shots
    return agree, timer.elapsed_s


def quantum_wall():
    entangle(2)  # the first run loads things
    for n in (12, 14, 16, 18, 20, 22):
        yield {"n_qubits": n, "time_s": min(entangle(n)[1] for _ in range(3 if n < 20 else 1))}


def noisy_qubits():
    from qiskit_aer.noise import NoiseModel, depolarizing_error

    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cx"])  # 1 % a step
    for n in (2, 4, 8, 12):
        yield {"n_qubits": n, "agree": entangle(n, 2000, noise)[0]}


# %% tags=["collapsed"]
wall = lk.run_or_recorded("qubits-time", quantum_wall, install="qiskit-aer")
fit = int(math.log2(h100.memory.value / 16))
qubits_guess.against(lk.Reading("qubits in an H100's memory", fit, "1", of=h100.memory))
lk.show((2 * h100.memory / h100.bandwidth).named("one step, which reads and writes all of it"))
chart = lk.draw.Chart(
    lk.draw.Axis("qubits", lo=10, hi=24), lk.draw.Axis("time", "s", log=True),
    title="Simulating n qubits",
)  # fmt: skip
for row in wall:
    chart.mark(row["n_qubits"], row["time_s"], wall.origin)
times_s = dict(zip(wall.column("n_qubits"), wall.column("time_s"), strict=True))
growth = lk.Reading("time, 22 qubits over 20", times_s[22] / times_s[20], "1", of=wall)
lk.expect(
    growth, 2.5, 7,
    below="Two qubits more take less than four times as long: other work hides the doubling.",
    inside="Two qubits more take about four times as long: each of them doubles the time.",
    above="Two qubits more take over four times as long: a full cache, or a busy machine.",
)  # fmt: skip
chart.picture("Time to simulate against the number of qubits", varies=True)

# %% [markdown]
# A GPU with a thousand times the memory gains ten qubits. Google's chip takes [1.1
# µs](https://arxiv.org/abs/2408.13687) even for a whole cycle of the error correction below. That
# exponential wall is why people build the real thing.
#
# Real qubits err, though. Next, each step fails with a probability of 1 %. Does a row of qubits
# still agree?

# %% tags=["collapsed"]
noisy = lk.run_or_recorded(
    "qubits-noisy", noisy_qubits, install="qiskit-aer", origin="simulated", note="sampled"
)
for row in noisy:
    agreement = noisy.reading(f"all agree, {row['n_qubits']} qubits", row["agree"], "%")
    lk.show(agreement)
lk.expect(
    agreement, 0.99**11, None,
    below="That's below 0.99 for each of the 11 steps.",
    inside="That's above 0.99 for each of the 11 steps, because some failures don't show.",
)  # fmt: skip

# %% [markdown]
# A thousand steps would leave nothing. So the qubits of a useful machine must correct one another:
# a **surface code** of distance *d* spreads one *logical* qubit over 2*d*² − 1 real ones and
# measures some of them all the time, and a decoder works out what went wrong. If the real qubits
# are too bad, more of them only bring more errors. Below a **threshold**, more of them help. Where
# is it? [stim](https://github.com/quantumlib/Stim) simulates such codes, here for *d* cycles each,
# and [pymatching](https://pymatching.readthedocs.io) decodes them.


# %%
def logical_errors():
    import pymatching
    import stim

    for p in (0.004, 0.006, 0.008, 0.010, 0.012):
        for distance in (3, 5, 7):
            circuit = stim.Circuit.generated(
                "surface_code:rotated_memory_z", distance=distance, rounds=distance,
                after_clifford_depolarization=p, before_measure_flip_probability=p,
                after_reset_flip_probability=p,
            )  # fmt: skip
            model = circuit.detector_error_model(decompose_errors=True)
            sampler = circuit.compile_detector_sampler(seed=1)
            alarms, flipped = sampler.sample(20_000, separate_observables=True)
            guessed = pymatching.Matching.from_detector_error_model(model).decode_batch(alarms)
            yield {"p": p, "distance": distance, "rate": float((guessed != flipped).mean())}


# %% [markdown]
# ### Your turn
# Find the threshold: the error rate at which both distances do equally well. `small` and `large`
# are the logical error rates of the smaller and the larger distance, for the physical error rates
# `ps`, in rising order. Between two points, both curves are straight lines; they may also meet
# exactly at a point. (about 5 lines)


# %%
def crossing(ps, small, large):
    """The physical error rate at which both codes err equally often; math.inf if they never do."""
    # Where does large - small change its sign, and where between those two points is it zero?
    ### BEGIN SOLUTION
    gaps = [b - a for a, b in zip(small, large, strict=True)]
    for i in range(len(ps) - 1):
        if gaps[i] <= 0 < gaps[i + 1]:
            share = gaps[i] / (gaps[i] - gaps[i + 1])
            return ps[i] + share * (ps[i + 1] - ps[i])
    return math.inf
    ### END SOLUTION


crossing = lk.your_turn("22.t2", crossing)

# %% tags=["collapsed"]
codes = lk.run_or_recorded(
    "surface-code", logical_errors, install="stim pymatching", origin="simulated", note="sampled"
)
ps = sorted(set(codes.column("p")))
rates = {d: [row["rate"] for row in codes if row["distance"] == d] for d in (3, 5, 7)}
threshold = crossing(ps, rates[3], rates[7])
chart = lk.draw.Chart(
    lk.draw.Axis("error of one step", "%", log=True, lo=0.0035, hi=0.014),
    lk.draw.Axis("logical error", "%", log=True, lo=0.001, hi=0.2),
    title="More qubits help only below the threshold",
)
for distance, curve in rates.items():
    chart.line(ps, curve, f"d = {distance}, {2 * distance**2 - 1} qubits")
chart.line([threshold] * 2, [0.001, 0.2], color=lk.draw.INK, dash=True)
lk.show(codes.reading("threshold", threshold, "%"))
for small, large in ((3, 5), (5, 7)):  # codes so small don't all cross at one point
    crosses = crossing(ps, rates[small], rates[large])
    lk.show(codes.reading(f"where distances {small} and {large} cross", crosses, "%"))
chart.picture("Logical errors against physical ones for three distances", varies=True)

# %% [markdown]
# In December 2024 Google [went below it](https://arxiv.org/abs/2408.13687) with a chip of a hundred
# qubits: each step of the distance by two divided the logical error by 2.14. It still left 1.4
# errors in a thousand cycles. How large must it be for one in a trillion? (An exercise.) And matrix
# products? Every number would have to be put in, and a reading gives one state.
#
# > **Takeaway.** Nobody knows how to speed up ordinary matrix products with qubits. They need
# > problems with much structure and little data. Ask for logical qubits, not qubits.
#
# ## Weights as conductances
# Put a voltage across a resistor: the current is voltage times conductance, and currents into one
# wire add up. A grid of resistors multiplies a vector by a matrix *where the weights are stored*,
# and no weight is fetched. But conductances are noisy, and few levels can be told apart.
#
# **Guess first.** On digits from other writers, our ordinary network is right about 9 times in 10;
# chance would be 1 in 10. What is left, in percent, if each weight has only 2 bits?

# %%
bits_guess = lk.predict("22.c", ..., "%")


# %% tags=["read"]
def analog_digits():
    import contextlib
    import copy
    import io

    import torch

    with contextlib.redirect_stdout(io.StringIO()):  # it says that there is no triton
        from aihwkit_lightning.nn.conversion import convert_to_analog
    from aihwkit_lightning.simulator import parameters
    from aihwkit_lightning.simulator.configs import TorchInferenceRPUConfig

    train_x, test_x, train_y, test_y = digits(in_order=True)
    network = torch.nn.Sequential(
        torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)
    )
    train(network, network, train_x, train_y)
    yield {"bits": None, "noise": 0.0, "accuracy": accuracy(network(test_x), test_y)}
    for bits in (2, 3, 4, 6):
        for noise in (0.0, 0.1, 0.2, 0.4):  # of the largest weight
            config = TorchInferenceRPUConfig()
            config.modifier.res, config.modifier.std_dev = 2**bits - 2, noise
            config.modifier.quantization_type = parameters.WeightQuantizationType.DISCRETIZE
            config.modifier.noise_type = parameters.WeightNoiseInjectionType.ADD_NORMAL
            analog = convert_to_analog(copy.deepcopy(network), config)  # noisy, as in training
            torch.manual_seed(1)
            chips = [accuracy(analog(test_x), test_y) for _ in range(20)]  # each one is a draw
            yield {
                "bits": bits, "noise": noise, "accuracy": sum(chips) / 20, "worst": min(chips),
                "best": max(chips),
            }  # fmt: skip


# %% tags=["collapsed"]
analog = lk.run_or_recorded(
    "digits-analog", analog_digits, install="--no-deps aihwkit-lightning scikit-learn torch",
    origin="simulated", note="sampled",
)  # fmt: skip
at = {(row["bits"], row["noise"]): row["accuracy"] for row in analog}
(noisiest,) = [row for row in analog if (row["bits"], row["noise"]) == (4, 0.4)]
bits_guess.against(analog.reading("right answers with 2 bits", at[2, 0.0], "%"))
lk.show(
    analog.reading("right answers with exact weights", at[None, 0.0], "%"),
    analog.reading("4 bits, 40 % noise, the best of 20 chips", noisiest["best"], "%"),
    analog.reading("the worst of them", noisiest["worst"], "%"),
)
noises = sorted({row["noise"] for row in analog})
chart = lk.draw.Chart(
    lk.draw.Axis("noise, of the largest weight", "%"),
    lk.draw.Axis("right answers", "%", lo=0.5, hi=1.0),
    title="Digits on analog weights",
)
for bits in (2, 3, 4, 6):
    chart.line(noises, [at[bits, noise] for noise in noises], f"{bits} bits")
chart.picture("Right answers against noise, for 2 to 6 bits", varies=True)

# %% [markdown]
# Four bits are enough, and a little noise is forgiven, because a sum over many weights averages it
# out. With much noise, no two chips are equally good. And every input is converted to analog, every
# output back, and the arithmetic in between stays digital. IBM's chip with 35 million such cells
# [reached up to 12.4 TOP/s a watt](https://www.nature.com/articles/s41586-023-06337-5), converters
# included, though not the arithmetic between its layers. And the H100, with its memory?

# %% tags=["collapsed"]
FP8_FLOP_PER_J = h100.peak("fp8").value / h100.power.value
lk.show(lk.Reading("H100, 8 bits (a joule is a W s)", FP8_FLOP_PER_J, "FLOP/J", of=h100.power))

# %% [markdown]
# > **Takeaway.** Analog memory saves the fetch, not the conversion. It wins if weights stay put for
# > a long time and few bits are enough. Ask for joules of the whole chip, converters included.
#
# ## Light
# Beams of light pass through each other, and no wire has to be charged. In an *interferometer* two
# beams meet and add or cancel: a 2 × 2 matrix times a vector. A mesh of *n* columns of them does
# *n* × *n*. At its purest, two single photons meet at a half-silvered mirror with a detector on
# either side. [Perceval](https://perceval.quandela.net) computes how often *both* click.


# %%
def photons():
    import perceval as pcvl

    def probabilities(mesh, n, **noise):
        processor = pcvl.Processor("SLOS", mesh, noise=pcvl.NoiseModel(**noise))
        processor.with_input(pcvl.BasicState([1] * n + [0] * (mesh.m - n)))
        processor.min_detected_photons_filter(0)
        return processor.probs()["results"]

    for alike in (0.0, 0.5, 1.0):  # how equal the photons are
        both = probabilities(pcvl.BS(), 2, indistinguishability=alike)[pcvl.BasicState([1, 1])]
        yield {"alike": alike, "n": 2, "probability": float(both)}
    for n in (1, 2, 4):  # 9 in 10 photons get through
        mesh = pcvl.Unitary(pcvl.Matrix.random_unitary(2 * n))
        arrived = probabilities(mesh, n, transmittance=0.9)
        whole = sum(float(p) for state, p in arrived.items() if state.n == n)
        yield {"alike": None, "n": n, "probability": whole}


# %% tags=["collapsed"]
light = lk.run_or_recorded("photons", photons, install="perceval-quandela", origin="simulated")
for row in light:
    what = (
        f"{row['n']} of {row['n']} photons arrive" if row["alike"] is None
        else f"both click, photons {100 * row['alike']:.0f} % alike"
    )  # fmt: skip
    lk.show(light.reading(what, row["probability"], "%"))

# %% [markdown]
# Equal photons leave *together*: "both pass" and "both bounce" cancel. That's computing by
# interference, for no energy. But if four photons get through with 90 % each, all four arrive with
# only 0.9⁴.
#
# **Guess first.** A bright beam only gets weaker. Say that each column of a mesh takes 4.5 % of it.
# How many times more laser light does a mesh of 64 columns need for the same signal?

# %%
loss_guess = lk.predict("22.d", ...)

# %%
loss_guess.against(lk.Reading("times more laser light", 10 ** (0.2 * 64 / 10), "1", "modelled"))

# %% [markdown]
# In 2025 [Lightmatter showed](https://lightmatter.co/blog/a-new-kind-of-computer) a photonic
# processor: 65.5 TOP/s of 16 bits for 78 W of electricity and 1.6 W of light. That's 0.8 TOP/s a
# watt, and an H100's data sheet says 1.4. "Today," its makers write, "the problem to solve is
# interconnecting millions of chips". There light wins, because a wire takes more energy the longer
# it is.
#
# > **Takeaway.** Interference is free; lasers, modulators and detectors aren't, and loss grows with
# > the depth of the mesh. Ask for the power at the plug.
#
# ## All memory on the chip
# Groq, Graphcore and Cerebras leave HBM out and put SRAM in its place. To make a token, a language
# model reads all its weights once. So where weights fill the memory, the time in which a machine
# reads *all of it once* bounds a user's tokens per second.
#
# **Guess first.** An H100 reads its memory in 26 ms. Groq's is some 370 times smaller, so it would
# be done 370 times sooner if it were no faster. How many times sooner is it, being SRAM?

# %%
sweep_guess = lk.predict("22.e", ...)

# %% tags=["collapsed"]
sweep = {chip.id: chip.memory / chip.bandwidth for chip in lk.chips() if chip.bandwidth.value}
sweep_guess.against((sweep["h100-sxm"] / sweep["groq-lpu1"]).named("times sooner"))
SHOWN = ("h100-sxm", "tpu-v7", "trn2", "gaudi2", "apple-m4-npu", "ipu-gc200", "groq-lpu1", "wse2")
print("[modelled] from published figures (16 bits, the NPU's 8; Cerebras prints no dense peak)")
print(f"  {'':32} {'peak':>14} {'memory':>9} {'read in':>8} {'ridge':>8}")
for chip in map(lk.chip, SHOWN):
    peaks = [chip.peak(dtype) for dtype in ("bf16", "fp16", "int8")]
    peak = next((one for one in peaks if one.value), peaks[0])
    memory = lk.units.binary(chip.memory.value)
    time, ridge = lk.units.si(sweep[chip.id].value, "s"), (peak / chip.bandwidth).value
    print(f"  {chip.name:32} {peak.as_text(peak.value):>14} {memory:>9} {time:>8}"
          f" {lk.units.si(ridge, '1'):>8}")  # fmt: skip

# %% [markdown]
# The ridge falls from hundreds of operations a byte to a few, so even one user's tokens keep a good
# part of the arithmetic busy. Can the matrix unit keep up? In [lesson
# 12](12_systolic_arrays.ipynb)'s array a tile of weights comes in row by row, before its inputs:

# %%
a100 = lk.chip("a100-sxm-80")
from_hbm = round((a100.peak("bf16") / a100.bandwidth).value)  # cycles a tile: the ridge
for name, load_cycles in {"from the A100's HBM": from_hbm, "a row a cycle": 128}.items():
    count = lk.systolic.MatrixUnit(128, 128, load_cycles=load_cycles).count(m=8, k=4096, n=4096)
    lk.show(
        f"[modelled] batch 8, weights {name}: a tile loads for {load_cycles} cycles while the one "
        f"before is used for 8: {count.utilisation:.1%} of the array works"
    )

# %% [markdown]
# It can't. An array that keeps its weights still wants a large batch, however fast the memory is.
# So these chips need another **dataflow**: the weights stream past, or each core has a small unit
# beside its own SRAM. With 70 billion weights, Groq [claimed 10 to 100 times the speed of
# others](https://moorinsightsstrategy.com/research-notes/groqs-record-breaking-language-processor-hits-100-tokens-per-second-on-a-massive-ai-model/);
# a competitor [measured](https://github.com/ray-project/llmperf-leaderboard) 185 tokens per second,
# and 66 on its own GPUs. The price is capacity, and with it links:

# %% tags=["collapsed"]
groq = lk.chip("groq-lpu1").memory
n_chips = math.ceil(70e9 / groq.value)
lk.show(lk.Reading("Groq chips for 70 billion weights of a byte", n_chips, "1", of=groq))

# %% [markdown]
# > **Takeaway.** SRAM buys time per token and pays with chips. Ask for dollars and joules a token
# > at the same latency, on the same model.
#
# ## Design a chip
# `lk.plan.ChipDesign` splits a 7 nm die and its power over multiply-accumulate units (MACs), SRAM,
# HBM and links. Its constants come from the A100: what memory and links leave of its area and power
# is the price of its MACs.
#
# Can such constants predict the *next* chip? The A100 does 312 TFLOP/s. The H100 packs 1.5 times
# the transistors in a mm², on 0.99 times the area, and its clock is 1.3 times faster. So they
# predict some 600 TFLOP/s.
#
# **Guess first.** How many times that does its data sheet say? 1 would be perfect.

# %%
h100_guess = lk.predict("22.f", ...)

# %% tags=["collapsed"]
by_key = {row["chip"]: row for row in lk.published("nvidia-matrix-peaks").rows}
more = h100.figures["transistors_b"].value / a100.figures["transistors_b"].value
faster = by_key["H100"]["clock_hz"] / by_key["A100"]["clock_hz"]
predicted = lk.Reading("H100, predicted", 312e12 * more * faster, "FLOP/s", of=a100.peak("bf16"))
h100_guess.against((h100.peak("bf16") / predicted).named("H100, printed over predicted"))
constants = lk.plan.a100_technology()
over_bare = constants.mac_mm2 / constants.bare_mac_mm2
kernels = lk.published("h100-from-a100").rows[0]
reached = kernels["a100_reached_flop_per_s"] / kernels["a100_peak_flop_per_s"]
lk.show(
    predicted,
    h100.peak("bf16"),
    lk.Reading(
        "what kernels reach on it, predicted", kernels["peak_flop_per_s"] * reached, "FLOP/s",
        of=h100.peak("bf16"),
    ),
    lk.Reading(
        "what they reach", kernels["reached_flop_per_s"], "FLOP/s", "published",
        source=lk.published("h100-from-a100").source,
    ),
    lk.Reading("area of an A100's MAC over a bare one", over_bare, "1", of=a100.peak("bf16")),
)  # fmt: skip

# %% [markdown]
# Too low, by far: NVIDIA gave matrix units a larger share of the die, and no constant knows that.
# The share of the printed peak that software *reaches* carries over better.
#
# **Play.** You start with the A100. Its MACs are so much larger than bare ones because machinery
# surrounds them: schedulers, registers, other arithmetic. Can you make a token faster at the same
# power? And without HBM? And with only a third of the machinery?

# %% tags=["read"]
llama = lk.plan.Decoder("Llama 3 8B", 8_030_000_000, 32, 32, 8, 128)
WEIGHTS, TRAINED = 2 * llama.n_params, 16 * llama.n_params  # bytes; training keeps states too
CACHES = 64 * 2048 * 2 * 32 * 8 * 128 * 2  # bytes of keys and values for 64 users
STEP = lk.workload.transformer_step(llama.n_params, 32, 32, 128, 8, 2048, 2, training=True)


def design(kilomacs, sram_mib, hbm_stacks, links, machinery):
    parts = 1000 * kilomacs, sram_mib * 2**20, hbm_stacks, links
    mine = lk.plan.ChipDesign("your chip", *parts, machinery)
    runs = {
        "matmul 4,096³": mine.run(lk.workload.matmul(4096, 4096, 4096, 2), 3 * 2 * 4096**2),
        "prompt, 2,048": mine.run(llama.prefill(1, 2048), WEIGHTS, n_syncs=64),
        "one token": mine.run(llama.decode(1, 2048), WEIGHTS, n_syncs=64),
        "64 users' token": mine.run(llama.decode(64, 2048), WEIGHTS + CACHES, n_syncs=64),
        "training step": mine.run(STEP, TRAINED, link_bytes=4 * WEIGHTS),
    }
    peak = lk.units.si(mine.peak_flop_per_s, "FLOP/s")
    rates = [lk.units.si(rate, "B/s") for rate in (mine.hbm_bytes_per_s, mine.sram_bytes_per_s)]
    return lk.draw.floorplan(mine, runs, f"{peak}, HBM {rates[0]}, SRAM {rates[1]}")


lk.Explorer(
    design,
    kilomacs=lk.draw.Slider(10, 400, 110, label="thousand MACs"),
    sram_mib=lk.draw.Slider(16, 1024, 87, label="SRAM (MiB)"),
    hbm_stacks=lk.draw.Slider(0, 8, 5, label="HBM stacks"),
    links=(0, 24, 12),
    machinery=lk.draw.Slider(0.1, 1.0, 1.0, unit="%"),
)

# %% [markdown]
# Should you trust these joules? An estimator,
# [HWComponents](https://github.com/Accelergy-Project/hwcomponents), says at 7 nm:

# %% tags=["collapsed"]
estimated = lk.recorded("estimator-energies")
NAMES = {"add": "add", "mul": "multiply", "sram_64b": "64 bits of SRAM,", "dram_64b": "64 bits of"}
for row in estimated.rows:
    ours = lk.results.op_energy(row["op"], row["kind"], 7)
    if row["node_nm"] == 7 and ours.low_j:
        name, theirs = f"{NAMES[row['op']]} {row['kind']}", lk.units.si(row["energy_j"], "J")
        print(
            f"[recorded] {name}: {theirs} estimated, {ours.figure.split(' per ')[0]} in our table"
        )

# %% [markdown]
# They agree within a third on arithmetic, large SRAM and HBM. On a *small* SRAM they differ four to
# eight times.
#
# > **Takeaway.** A budget of area and watts says what a choice costs, not what somebody will
# > choose. Don't believe a design that wins by less than its estimator errs.
#
# ## Which number?
# What the makers print, in one unit:


# %% tags=["collapsed"]
def data_sheet_j(name, dtype):
    chip = lk.chip(name)
    return chip.power.value / chip.peak(dtype).value


CLAIMS = {  # joules for one operation
    "A100, 8 bit": (data_sheet_j("a100-sxm-80", "int8"), "modelled"),
    "Groq, 8 bit": (data_sheet_j("groq-lpu1", "int8"), "modelled"),
    "H100, 8 bit": (1 / FP8_FLOP_PER_J, "modelled"),
    "Lightmatter, 16 bit": ((78 + 1.6) / 65.5e12, "modelled"),
    "IBM, analog": (1 / 12.4e12, "published"),
    "Hala Point, 8 bit": (1 / 15e12, "published"),
}
chart = lk.draw.Chart(
    lk.draw.Axis("", names=list(CLAIMS)), lk.draw.Axis("energy of one operation", "J", log=True),
    title="Energy of one operation, from what the makers print", width=860,
)  # fmt: skip
for place, (energy_j, origin) in enumerate(CLAIMS.values()):
    chart.mark(place, energy_j, origin)
chart.picture("Energy of one operation: from a picojoule to a fifteenth of one")

# %% [markdown]
# They lie closer together than "a hundred times" suggests, and don't even say the same thing: some
# include HBM, some converters, and [Hala
# Point's](https://newsroom.intel.com/artificial-intelligence/intel-builds-worlds-largest-neuromorphic-system-to-enable-more-sustainable-ai)
# is for an ordinary network. Sycamore's 10,000 years were such a number: true for the one algorithm
# that it had been compared with.
#
# > **Takeaway.** Ask for the same problem, to the same accuracy, measured at the plug, against the
# > best that others can do *today*; and then ask again in a year.
#
# **Next**: the [exercises](../exercises/22_future_accelerators.ipynb), then the capstone.
