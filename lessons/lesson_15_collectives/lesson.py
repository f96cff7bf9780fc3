# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 15 · Collectives
# In 2017 engineers at Uber ran two image networks on 128 GPUs with the standard tools of the day,
# and about half of what those GPUs could do was lost. The GPUs were fine. They waited for each
# other's numbers: after each step, all of them had to add up their gradients, and a few *parameter
# servers* did the adding. Two engineers replaced those servers with an old algorithm in which
# nobody is special. On the same machines, the networks then ran at 88 % of the ideal ([Sergeev and
# Del Balso 2018](https://arxiv.org/abs/1802.05799)).
#
# **The question of this lesson**: *n* machines hold *n* arrays, and each of them needs the sum. Who
# should send what to whom, and how long must it take?
#
# *{time} Needs lesson [02](02_roofline.ipynb). Your ranks are real processes. Where your system
# allows it, Linux gives each a network of its own, behind a virtual cable of 100 Mbit/s; elsewhere
# you see runs that were recorded.*

# %% tags=["collapsed"]
import numpy as np

import labkit as lk
from labkit.cluster.meter import recorded_traces
from labkit.measure import TimesInTurns

LINK_BIT_PER_S = 100e6
link_bytes_per_s = LINK_BIT_PER_S / 8
no_hosts = lk.cluster.why_no_hosts()  # None where hosts can be laid out

# %% [markdown]
# ## Nobody should be special
# A **rank** is one process of a program that runs many times at once; think of one for each GPU. An
# operation in which all ranks take part is a **collective**. The one that Uber needed is the
# **all-reduce**: each rank brings an array, and each gets the sum of all of them.
#
# The obvious way is to send everything to rank 0, which adds it up and sends the sum back. With 64
# ranks, 63 arrays have to come in through the cable of rank 0, while the other cables are idle most
# of the time. A single parameter server does just that. Now imagine the ranks in a ring. Each
# cuts its array into 64 parts and only ever talks to its two neighbours.
#
# **Guess first.** Around a ring of 64, how many times the size of the whole array must pass through
# each cable in each direction? Through rank 0's it would be 63. If the network itself could add,
# each rank would send its array once.

# %%
cable_guess = lk.predict("15.a", ...)

# %%
ring_of_64 = lk.plan.ALL_REDUCES["ring"](64)
cable_guess.against(
    lk.Reading("ring of 64, times the array", lk.plan.busiest_share(ring_of_64), "1", "modelled")
)

# %% [markdown]
# **Play with it.** Each row is the cable of one rank, both directions. Which cable is the busiest,
# and which are idle?


# %%
def who_sends(algorithm, ranks):
    transfers = lk.plan.ALL_REDUCES[algorithm](ranks)
    busiest = lk.plan.busiest_share(transfers)
    return lk.draw.cables(
        transfers, ranks, title=f"All-reduce of {ranks:,} ranks: {algorithm}",
        busiest_words=f"The busiest cable carries {busiest:.3g} times the array one way.",
    )  # fmt: skip


lk.Explorer(who_sends, algorithm=["ring", "tree", "all through one"], ranks=(2, 10, 6))

# %% [markdown]
# > **Takeaway.** What counts is the busiest cable. All through one, it carries *n* − 1 arrays;
# > around a ring every cable carries the same, 2(*n* − 1)/*n* of an array, which never exceeds 2.
#
# ## First half: add up around the ring
# In the first half of the ring algorithm, the **reduce-scatter**, the parts travel around and
# collect everybody's numbers on the way. In each step every rank sends one part to the rank after
# it, receives another from the rank before it, and adds what came to its own. After *n* − 1 steps
# each rank holds *one* part that is complete.
#
# ### Your turn
# `parts` is the list of this rank's *n* arrays. Start by sending the part that has the rank's own
# number, and then always pass on the part that you have just added to. `send(array)` doesn't wait.
# `receive(like)` waits for the neighbour's array; give it your own array of the part that is due,
# so that it knows the size and the type. Change `parts` in place.
#
# With three ranks, in the first step rank 0 sends part 0 to rank 1, rank 1 its part 1 to rank 2,
# and rank 2 its part 2 to rank 0. So which part is due on each? (about 4 lines)


# %%
def reduce_scatter(parts, rank, n_ranks, send, receive):
    """Afterwards parts[(rank + 1) % n_ranks] is the sum over all ranks."""
    ### BEGIN SOLUTION
    for step in range(n_ranks - 1):
        send(parts[(rank - step) % n_ranks])
        due = (rank - step - 1) % n_ranks
        parts[due] = parts[due] + receive(parts[due])
    ### END SOLUTION


reduce_scatter = lk.your_turn("15.t1", reduce_scatter)

# %% [markdown]
# ## Second half: hand the sums on
# Now every part of the sum exists, each on another rank: part (rank + 1) mod *n*. In the
# **all-gather** they travel around once more, and this time nobody adds anything.
#
# ### Your turn
# Send the part that is complete here, and then always what has just come. (about 4 lines)


# %%
def all_gather(parts, rank, n_ranks, send, receive):
    """Hand on complete parts, beginning with number (rank + 1) % n_ranks, until all are here."""
    ### BEGIN SOLUTION
    for step in range(n_ranks - 1):
        send(parts[(rank + 1 - step) % n_ranks])
        due = (rank - step) % n_ranks
        parts[due] = receive(parts[due])
    ### END SOLUTION


all_gather = lk.your_turn("15.t2", all_gather)

# %% [markdown]
# ## Now on real ranks
# Now your two functions run in real processes, and we compare their sums with those of PyTorch's
# own all-reduce. `run_ranks` starts a function as *n* processes, which find each other as they
# would under [`torchrun`](https://docs.pytorch.org/docs/stable/elastic/run.html). `gloo` is the
# library that carries their messages. With a GPU in each rank you would write `nccl`, NVIDIA's, and
# put the arrays on the GPU.


# %% tags=["read"]
def largest_difference(sizes):
    """In each rank: how far our all-reduce is off the library's, relative to the largest sum."""
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    off = {"int64": 0.0, "float32": 0.0}
    with lk.cluster.RingLinks() as links:
        for size in sizes:
            for dtype in off:
                rng = np.random.default_rng(size + links.rank)  # each rank has numbers of its own
                data = (1000 * rng.standard_normal(size)).astype(dtype)
                theirs = torch.from_numpy(data.copy())
                dist.all_reduce(theirs)
                ours = lk.cluster.all_reduce_by(reduce_scatter, all_gather, data, links)
                differs = np.abs(ours - theirs.numpy()).max() / np.abs(theirs.numpy()).max()
                off[dtype] = max(off[dtype], float(differs))
    return off


no_ranks = lk.cluster.why_no_ranks()
if no_ranks:
    print(no_ranks)
for n_ranks in () if no_ranks else (2, 3, 4):
    run = lk.run_ranks(largest_difference, n_ranks, args=([5, 17, 1001],))
    exact = all(off["int64"] == 0 for off in run.returned)
    close = all(off["float32"] <= 1e-6 for off in run.returned)
    print(f"{n_ranks} ranks: integers equal {exact}, float32 within 1e-6 {close}")

# %% [markdown]
# Integers agree to the last bit. Floats may differ in the last digits, because they are rounded
# after each addition, and the ring adds each part in another order. That's one reason why two runs
# on different numbers of GPUs hardly ever give exactly the same loss.
#
# > **Takeaway.** An all-reduce is a reduce-scatter followed by an all-gather. Remember both
# > halves: sharded training (lesson 16) uses each alone.
#
# ## Watch the cables
# Four ranks, each on a host of its own behind a cable of 100 Mbit/s, add up an array of 1 MB.
#
# **Guess first.** How long does your ring take, in ms? One cable needs 84 ms to carry the whole
# array (1 MB is 2²⁰ bytes here) once.

# %%
ring_time_guess = lk.predict("15.b", ..., "ms")

# %% tags=["nbval-ignore-output"]
N_BYTES, HOSTS = 2**20, 4
around = lk.cluster.watch_links(
    HOSTS, N_BYTES, (reduce_scatter, all_gather), link_bit_per_s=LINK_BIT_PER_S,
    recorded="cluster-links-ring",
)  # fmt: skip
through = lk.cluster.watch_links(
    HOSTS, N_BYTES, link_bit_per_s=LINK_BIT_PER_S, recorded="cluster-links-through-one"
)
ring_time_guess.against(around.time_s)

# %% [markdown]
# The operating system counts the bytes that leave each host, and we read its counters every 4 ms.


# %% tags=["collapsed"]
def sent_over_time(traces, title):
    chart = lk.draw.Chart(
        lk.draw.Axis("time", "s", 0, 0.75), lk.draw.Axis("sent", "B", 0, 3.6e6), title=title,
        height=300,
    )  # fmt: skip
    for rank, trace in enumerate(traces.by_rank):
        chart.line(trace.times_s, trace.sent_bytes, f"rank {rank}", origin=traces.origin)
    return chart.picture(f"[measured] bytes that each host has sent over time: {title}")


# %% tags=["collapsed"]
sent_over_time(around, "Around the ring")

# %% tags=["collapsed"]
sent_over_time(through, "All through rank 0")

# %% tags=["collapsed", "nbval-ignore-output"]
full_speed_s = lk.plan.bus_factor(HOSTS) * N_BYTES / link_bytes_per_s
lk.expect(
    around.time_s, 0.98 * full_speed_s, 2 * full_speed_s,
    below="That's faster than the cables allow, so the meter missed the beginning. Run it again.",
    inside=f"A cable needs {1e3 * full_speed_s:.0f} ms for its bytes. The rest are pauses, where "
    "the lines are flat: a rank can only pass a part on when all of it has come and its neighbour "
    "has said that it's ready.",
    above=f"A cable needs {1e3 * full_speed_s:.0f} ms for its bytes, and pauses between the parts "
    "make it longer. But so long means that the ranks waited for a core as well: the machine is "
    "busy, and a ring is as slow as its slowest rank.",
    cannot=no_hosts, recorded=recorded_traces("cluster-links-ring").time_s,
)  # fmt: skip

# %% [markdown]
# A line is flat where its rank waits, in the ring for a whole part. The ends are counted, headers
# included: around the ring each host sends one and a half arrays. Through rank 0 three hosts send
# one each, all into one cable; then rank 0 sends three.
#
# > **Takeaway.** An all-reduce of *B* bytes can't take less than 2(*n* − 1)/*n* × *B* / bandwidth,
# > whatever the algorithm, as long as the ranks do the adding. A ring comes close for large arrays.
#
# ## What a message costs: alpha and beta
# Sending also has a price that doesn't depend on the size: system calls, switches, and the time
# that light takes. The usual model has two numbers. **Alpha** is the time before the first byte,
# and **beta** the bytes per second after that (papers often call its inverse beta):
#
# $$T(B) = \alpha + B / \beta$$
#
# We time the library's all-reduce on two hosts, for several sizes. A ring of two sends two messages
# in a row, so our alpha is that of both. We fit alpha and beta to the times of *one* run, and
# predict *another*, because a model that only fits its own data has told us nothing.

# %% tags=["nbval-ignore-output"]
SIZES = [1024, 4096, 16384, 65536, 262144, 1048576]
two_hosts = {"hosts": 2, "link_bit_per_s": LINK_BIT_PER_S, "sizes": SIZES, "rounds": 6}
first = lk.cluster.time_all_reduces(2, **two_hosts, recorded="cluster-all-reduce-first")
again = lk.cluster.time_all_reduces(2, **two_hosts, recorded="cluster-all-reduce-again")
link = lk.plan.fit_alpha_beta(first.samples_s)
alpha = lk.Reading(
    "alpha", link.alpha_s, "s", low=link.alpha_low_s, high=link.alpha_high_s, of=first
)
beta = lk.Reading(
    "beta", link.bytes_per_s, "B/s", low=link.bytes_per_s_low, high=link.bytes_per_s_high, of=first
)
lk.show(alpha, beta, (alpha * beta).named("bytes in the time of alpha"))

# %% tags=["collapsed"]
chart = lk.draw.Chart(
    lk.draw.Axis("size of the array", "B", log=True), lk.draw.Axis("time", "s", log=True),
    title="Predicted from one run, measured in another",
)  # fmt: skip
chart.line(SIZES, [link.time_s(n) for n in SIZES], "alpha + B / beta", origin="modelled")
for n, time_s in again.medians_s.items():
    chart.mark(n, time_s, again.origin)
chart.picture("[measured] time of an all-reduce by size, predicted and measured")


# %% tags=["collapsed", "nbval-ignore-output"]
def mean_error(name, fitted, predicted):
    """How far alpha and beta of one run are off the times of another, on average."""
    link = lk.plan.fit_alpha_beta(fitted.samples_s)
    errors = [abs(link.time_s(n) / time_s - 1) for n, time_s in predicted.medians_s.items()]
    return lk.Reading(name, float(np.mean(errors)), "%", of=predicted)


def kept(network):
    """The two recorded runs on a network."""
    return (lk.recorded_times(f"cluster-{network}-{run}", "n_bytes") for run in ("first", "again"))


NAME = "mean error of the prediction"
off = mean_error(NAME, first, again)
spread = max(again.medians_s.values()) / min(again.medians_s.values())
lk.show(off)
lk.expect(
    off, 0, 0.2,
    inside=f"Two numbers predict times that differ by a factor of {spread:.0f}.",
    above="The two runs differ by more than that, so the machine is busy with something else. No "
    "model of the cables can know about that.",
    cannot=no_hosts, recorded=mean_error(NAME, *kept("all-reduce")),
)  # fmt: skip

# %% [markdown]
# Does the model hold without the slow cables? On the loopback a message never leaves the memory of
# your machine.

# %% tags=["collapsed"]
loopback = [
    lk.cluster.time_all_reduces(2, sizes=SIZES, recorded=f"cluster-loopback-{run}")
    for run in ("first", "again")
]
NAME, busy = "mean error on the loopback", None
recorded_misfit = mean_error(NAME, *kept("loopback"))
try:
    misfit = mean_error(NAME, *loopback)
except ValueError as error:
    busy, misfit = f"This machine is too busy to show it. {error}", recorded_misfit
lk.show(misfit)
lk.expect(
    misfit, 0, 0.2,
    inside="It holds here, too. That isn't certain: nothing waits for a cable now, so what counts "
    "is when the operating system gives each rank a core.",
    above="Two numbers aren't enough here. Nothing waits for a cable now. What counts is when the "
    "operating system gives each rank a core, and whether the array fits in a cache: neither is a "
    "straight line in the bytes.",
    cannot=busy, recorded=recorded_misfit,
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** Below alpha × beta bytes a message costs mostly alpha, above that its bytes. So
# > send few large messages: libraries collect gradients in buckets of megabytes first.
#
# ## A ring is long
# Alpha is why a ring isn't always best: its messages come one after the other, 2(*n* − 1) of them.
# A **tree** needs only 2 log₂ *n* steps, but each carries the whole array. So a ring costs
# 2(*n* − 1)(α + *B*/*nβ*), and a simple tree 2 log₂ *n* (α + *B*/*β*).
#
# **Guess first.** 1,024 ranks, alpha 10 µs, beta 50 GB/s (a fast network of today). From which size
# on is the ring faster? In MB; a layer's gradient may have 100.

# %%
crossover_guess = lk.predict("15.c", ..., "MB")

# %% tags=["collapsed"]
fast = lk.plan.AlphaBeta(10e-6, 50e9)
sizes = np.geomspace(1e7, 1e8, 10_000)
ring_wins = next(
    n for n in sizes
    if lk.plan.ring_all_reduce_s(n, 1024, fast) < lk.plan.tree_all_reduce_s(n, 1024, fast)
)  # fmt: skip
crossover_guess.against(lk.Reading("ring beats tree from", float(ring_wins), "B", "modelled"))


# %%
def ring_or_tree(ranks, alpha):
    one = lk.plan.AlphaBeta(alpha, 50e9)
    xs = [float(n) for n in np.geomspace(1e3, 1e10, 60)]
    chart = lk.draw.Chart(
        lk.draw.Axis("size of the array", "B", log=True),
        lk.draw.Axis("time", "s", 1e-6, 10, log=True),
        title=f"All-reduce of {ranks:,} ranks, modelled",
    )
    for words, time_s in (
        ("ring", lk.plan.ring_all_reduce_s), ("tree", lk.plan.tree_all_reduce_s),
    ):  # fmt: skip
        chart.line(xs, [time_s(n, ranks, one) for n in xs], words, origin="modelled")
    return chart.picture(f"Time by size for {ranks} ranks, ring and tree")


lk.Explorer(
    ring_or_tree, ranks=lk.draw.Slider(2, 4096, 1024, log=True),
    alpha=lk.draw.Slider(1e-6, 1e-3, 1e-5, unit="s", log=True),
)  # fmt: skip

# %% [markdown]
# NVIDIA's library [NCCL](https://docs.nvidia.com/deeplearning/nccl/) has both, and chooses by size
# and number of ranks. Its trees cut the array into pieces that follow one another, and use two
# trees at once, so that a cable that idles in one is busy in the other. MPI libraries also halve
# the array in each step, which takes few steps *and* few bytes
# ([Thakur et al. 2005](https://doi.org/10.1177/1094342005051521)).
#
# A ring can also be made shorter. Inside a server, GPUs talk over faster links (here 3 µs and 370
# GB/s). So reduce-scatter *inside* each server first. Then GPU number *i* of each server
# all-reduces its part with the other GPUs number *i*, over a network cable of its own, and an
# all-gather inside ends it. That's a **hierarchical** all-reduce. For 128 servers of 8 GPUs:

# %% tags=["collapsed"]
inside, between = lk.plan.AlphaBeta(3e-6, 370e9), fast
for name, n in {"1 MB": 1e6, "10 GB": 1e10}.items():
    flat = lk.plan.ring_all_reduce_s(n, 1024, between)
    rings = lk.plan.hierarchical_all_reduce_s(n, 128, 8, inside, between)
    lk.show(
        lk.Reading(f"one ring of 1,024, {name}", flat, "s", "modelled"),
        lk.Reading(f"rings in rings, {name}", rings, "s", "modelled"),
    )

# %% [markdown]
# The small array gains because far fewer messages follow one another; the large one because
# eight cables leave each server, and one ring uses only one.
#
# > **Takeaway.** Rings save bytes, trees save steps, and hierarchies do both where some links are
# > faster.
#
# ## Which bandwidth do they mean?
# In 2024 somebody measured 250 GB/s for an all-reduce on H100s and asked NVIDIA why, when 450 GB/s
# were promised ([nccl-tests, issue 212](https://github.com/NVIDIA/nccl-tests/issues/212)).
# Part of the answer is that there are two bandwidths. **Algorithm bandwidth** is the size of the
# array over the time. **Bus bandwidth** is what each cable must have carried: algorithm bandwidth ×
# 2(*n* − 1)/*n*. Only that can be compared with a data sheet. On our own cables:

# %% tags=["collapsed", "nbval-ignore-output"]
times_s = {2: again.medians_s[N_BYTES]}
times_s[4] = lk.cluster.time_all_reduces(
    4, sizes=[N_BYTES], hosts=4, link_bit_per_s=LINK_BIT_PER_S, recorded="cluster-all-reduce-four"
).medians_s[N_BYTES]
bandwidths = []
for n, time_s in times_s.items():
    algorithm = lk.Reading(f"algorithm bandwidth, {n} ranks", N_BYTES / time_s, "B/s", of=again)
    bus = (algorithm * lk.plan.bus_factor(n)).named(f"bus bandwidth, {n} ranks")
    bandwidths += [algorithm, bus]
lk.show(*bandwidths, lk.Reading("one cable", link_bytes_per_s, "B/s", "modelled"))

_, kept_two = kept("all-reduce")
kept_four = lk.recorded_times("cluster-all-reduce-four", "n_bytes")
NAME = "bus bandwidth of 4 ranks over that of 2"
kept_bus = lk.Reading(
    NAME, lk.plan.bus_factor(4) * kept_two.medians_s[N_BYTES] / kept_four.medians_s[N_BYTES], "1",
    of=(kept_two, kept_four),
)  # fmt: skip

# %% tags=["collapsed", "nbval-ignore-output"]
lk.expect(
    (bandwidths[3] / bandwidths[1]).named(NAME), 0.85, 1.15,
    below="Four ranks reached less of their cables than two did: here they also wait for a core. "
    "So their algorithm bandwidth fell by more than the third that the formula says.",
    inside="The cables are as busy with four ranks as with two, but each has to carry half as "
    "much again: so algorithm bandwidth fell by about a third, and bus bandwidth hardly changed.",
    above="Two ranks reached less of their cables than four did, so their run was disturbed. Run "
    "it again.",
    cannot=no_hosts, recorded=kept_bus,
)  # fmt: skip

# %% [markdown]
# **Guess first.** An author of NCCL replied that eight H100 should reach an algorithm bandwidth of
# 275 GB/s. What bus bandwidth is that? A GPU's links carry 450 GB/s each way, and about 370 after
# the protocol has taken its share.

# %%
bus_guess = lk.predict("15.d", ..., "GB/s")

# %% tags=["collapsed"]
h100 = lk.published("nccl-h100-all-reduce")
row = h100.rows[0]
bus_guess.against(
    lk.Reading(
        "bus bandwidth of 8 H100", row["algorithm_bytes_per_s"] * lk.plan.bus_factor(row["n_gpus"]),
        "B/s", of=h100,
    )
)  # fmt: skip
print("bus bandwidth that somebody with H100s reported, rounded, and recomputed")
for row in h100.rows[1:]:
    bus = row["algorithm_bytes_per_s"] * lk.plan.bus_factor(row["n_gpus"])
    printed = row["bus_bytes_per_s"] / 1e9
    print(f"{row['n_gpus']} GPUs: {printed:.0f} GB/s (published), {bus / 1e9:.0f} GB/s (modelled)")

# %% [markdown]
# That's more than the links can carry! The factor
# 2(*n* − 1)/*n* counts what ranks must send when *ranks* do the adding, and in these servers the
# switches do it (NVLink SHARP). Then each GPU sends about one array instead of nearly two, and "bus
# bandwidth" is no longer what's on any bus. With `NCCL_ALGO=RING` the same GPUs show 365 to 370
# ([NCCL, issue 1455](https://github.com/NVIDIA/nccl/issues/1455)).
#
# > **Takeaway.** Ask which bandwidth, of how many ranks, by which algorithm. Bus bandwidth above a
# > link's rate means that something other than the ranks did some of the adding.
#
# ## The fastest all-reduce is the one you don't wait for
# Gradients of the last layer are ready first, while the backward pass still works on the others. So
# start their all-reduce at once, and go on computing. With `async_op=True` the library returns a
# handle; you wait for it when you need the sum.
#
# Our four layers "compute" by sleeping 30 ms, so that computing takes no core from the messages.


# %%
def backward(rounds, overlapping):
    """In each rank: the times of some backward passes through four layers, in s."""
    import time

    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    layers, times_s = [torch.zeros(2**16) for _ in range(4)], []  # 256 kB of gradients each
    for _ in range(rounds):
        dist.barrier()
        began, handles = time.perf_counter(), []
        for gradient in layers:
            time.sleep(0.03)
            handle = dist.all_reduce(gradient, async_op=True)
            handles.append(handle) if overlapping else handle.wait()
        for handle in handles:
            handle.wait()
        times_s.append(time.perf_counter() - began)
    return times_s


# %% [markdown]
# **Guess first.** Computing takes 4 × 30 ms, and each all-reduce about 21 ms. How long does a
# backward pass take with overlap, in ms? Without, it would be 204.

# %%
overlap_guess = lk.predict("15.e", ..., "ms")


# %% tags=["collapsed", "nbval-ignore-output"]
def timed(overlapping, key):
    if no_hosts:
        return lk.recorded_times(key, "rank")
    run = lk.run_ranks(
        backward, 2, args=(7, overlapping), hosts=2, link_bit_per_s=LINK_BIT_PER_S, show=False
    )
    return TimesInTurns({0: tuple(run.returned[0])})


waiting = timed(False, "cluster-backward-waiting")
overlapped = timed(True, "cluster-backward-overlapping")
passes = {
    name: lk.Reading(f"backward pass, {name}", run.medians_s[0], "s", run.origin, run.source)
    for name, run in (("waiting", waiting), ("overlapping", overlapped))
}
lk.show(passes["waiting"])
overlap_guess.against(passes["overlapping"])


# %% tags=["collapsed", "nbval-ignore-output"]
def share_hidden(waiting, overlapped):
    hidden = 1 - (overlapped.medians_s[0] - 0.12) / (waiting.medians_s[0] - 0.12)
    name = "share of the waiting that overlap hides"
    return lk.Reading(name, hidden, "%", of=(waiting, overlapped))


kept_passes = (
    lk.recorded_times(f"cluster-backward-{how}", "rank") for how in ("waiting", "overlapping")
)
lk.expect(
    share_hidden(waiting, overlapped), 0.5, 0.95,
    below="Less than half is hidden here: the ranks wait for a core as well, and that can't be "
    "hidden behind computing.",
    inside="Three of the four all-reduces hide behind the computing. Nothing is left to compute "
    "while the last one runs, so that one shows.",
    above="Nearly everything was hidden, more than the last all-reduce allows: the run without "
    "overlap was disturbed. Run it again.",
    cannot=no_hosts, recorded=share_hidden(*kept_passes),
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** Overlap hides the smaller of computing and communicating behind the larger, except
# > at the two ends. If communication is the larger one, only fewer bytes or better cables help.
#
# ## Back to the 128 GPUs
# Uber's benchmark ran on 32 servers with networks of 25 Gbit/s. ResNet-101 has 44.5 million
# parameters. Suppose that each server adds up inside first, and that a message costs 50 µs. How
# long do the cables then need?

# %% tags=["collapsed"]
gradient_bytes, uber = 4 * 44.5e6, lk.plan.AlphaBeta(50e-6, 25e9 / 8)
through_one_s = 2 * 31 * gradient_bytes / uber.bytes_per_s  # in, and out again
ring_s = lk.plan.ring_all_reduce_s(gradient_bytes, 32, uber)
lk.show(
    lk.Reading("all through one server", through_one_s, "s", "modelled"),
    lk.Reading("around a ring of 32 servers", ring_s, "s", "modelled"),
)

# %% [markdown]
# A training step took a few tenths of a second (our estimate). One server in the middle would have
# made it ten times longer; Uber's several servers shared that load, and still half was lost. A ring
# needs about a tenth of a second on the same cables, and much of that hides behind the backward
# pass. The question was only who sends what to whom.
#
# **Next**: the [exercises](../exercises/15_collectives.ipynb), then [sharding and
# pipelines](16_sharding_and_pipelines.ipynb).
