# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 15 · Collectives: exercises
# Four small tools for planning how ranks talk to each other. Each check tries your function on new
# numbers.

# %%
import labkit as lk

# %% [markdown]
# ## 15.1 What was on the bus?
# A benchmark prints how many bytes an operation was about and how long it took. Return the bus
# bandwidth, in bytes per second, so that it can be compared with the rate of one rank's link.
# `collective` is `"all-reduce"`, `"reduce-scatter"`, `"all-gather"` or `"broadcast"`, and `n_bytes`
# is the whole array: what an all-gather ends with, and what a reduce-scatter begins with. In a
# broadcast one rank's array goes to all: around a ring, each rank hands it on to the next. (about 4
# lines; an all-reduce is a reduce-scatter and an all-gather)


# %%
def bus_bandwidth(n_bytes, time_s, n_ranks, collective):
    """Bytes per second that each rank's link has carried."""
    ### BEGIN SOLUTION
    half = (n_ranks - 1) / n_ranks
    times = {"all-reduce": 2 * half, "reduce-scatter": half, "all-gather": half, "broadcast": 1}
    return n_bytes / time_s * times[collective]
    ### END SOLUTION


# %%
lk.check("15.1", bus_bandwidth)

# %% [markdown] tags=["solution"]
# Many use the factor of an all-reduce for everything, and report twice what the links did. In a
# broadcast, all bytes leave the first rank once, whatever the number of ranks: its factor is 1.

# %% [markdown]
# ## 15.2 Tree or ring?
# An all-reduce of `n_bytes` on `n_ranks` ranks. A message of *B* bytes takes
# `alpha_s + B / bytes_per_s`. The ring sends 2(*n* − 1) messages of an *n*th of the array, one
# after the other; the tree 2 ⌈log₂ *n*⌉ messages of all of it. Return `"ring"` or `"tree"`,
# whichever takes less time, and `"ring"` if both take the same. (about 6 lines;
# `(n - 1).bit_length()` is ⌈log₂ *n*⌉)


# %%
def faster(n_bytes, n_ranks, alpha_s, bytes_per_s):
    """Which all-reduce takes less time: "ring" or "tree"."""
    ### BEGIN SOLUTION
    ring_s = 2 * (n_ranks - 1) * (alpha_s + n_bytes / n_ranks / bytes_per_s)
    tree_s = 2 * (n_ranks - 1).bit_length() * (alpha_s + n_bytes / bytes_per_s)
    return "ring" if ring_s <= tree_s else "tree"
    ### END SOLUTION


# %%
lk.check("15.2", faster)

# %% [markdown] tags=["solution"]
# The usual slip is to send the whole array around the ring in each step. The ring is good *because*
# its messages are parts, so their bytes add up to less than two arrays. Its weakness is their
# number, which is why the tree wins for small arrays.

# %% [markdown]
# ## 15.3 Rings in rings
# `n_hosts` hosts hold `n_per_host` ranks each. Inside a host a message takes `inside = (alpha_s,
# bytes_per_s)`, between hosts `between`. First comes a reduce-scatter ring inside each host. Then
# each rank all-reduces its part, around a ring, with the ranks of its own number on the other
# hosts; all these rings run at the same time, each over network links of its own. An all-gather
# ring inside each host ends it. How long does that take, in seconds? (about 6 lines)


# %%
def hierarchical_s(n_bytes, n_hosts, n_per_host, inside, between):
    """Seconds of a hierarchical all-reduce."""
    ### BEGIN SOLUTION
    (alpha_in, beta_in), (alpha_out, beta_out) = inside, between
    part = n_bytes / n_per_host
    half_inside = (n_per_host - 1) * (alpha_in + part / beta_in)
    outside = 2 * (n_hosts - 1) * (alpha_out + part / n_hosts / beta_out)
    return half_inside + outside + half_inside
    ### END SOLUTION


# %%
lk.check("15.3", hierarchical_s)

# %% [markdown] tags=["solution"]
# The wrong turn is to all-reduce the *whole* array between the hosts. After the reduce-scatter
# inside, each rank is responsible for one part only, so that an eighth of the bytes (with eight
# ranks a host) goes over each network link. That's where the gain comes from.

# %% [markdown]
# ## 15.4 What overlap can't hide (a stretch)
# A backward pass goes through `layers`, a list of `(compute_s, gradient_bytes)` in the order in
# which they are computed. As soon as a layer is done, the all-reduce of its gradients may start,
# while the next layers are computed. The network does one all-reduce at a time, in that order, and
# each takes `alpha_s + gradient_bytes / bytes_per_s`. When is everything done, in seconds from the
# start? (about 6 lines)


# %%
def backward_s(layers, alpha_s, bytes_per_s):
    """Seconds from the start until the last all-reduce is done."""
    ### BEGIN SOLUTION
    computed_s = reduced_s = 0.0
    for compute_s, gradient_bytes in layers:
        computed_s += compute_s
        reduced_s = max(computed_s, reduced_s) + alpha_s + gradient_bytes / bytes_per_s
    return reduced_s
    ### END SOLUTION


# %%
lk.check("15.4", backward_s)

# %% [markdown] tags=["solution"]
# `max(all computing, all communicating)` is what most people write. It forgets that communication
# can't begin before the first layer is done, and that the last all-reduce begins when nothing is
# left to compute. Small first and last buckets shorten both ends, which is why libraries let you
# choose the size of a bucket.

# %% [markdown]
# ## To think about
# 1. A cluster doubles its ranks from 512 to 1,024 and keeps its network. By how much does a ring's
#    all-reduce of 10 GB get slower, and one of 10 kB? (Alpha 10 µs, beta 50 GB/s.)
# 2. In a ring every rank waits for its neighbour in each step. One rank of 1,024 gets half of the
#    bandwidth of the others. How much slower is the all-reduce of a large array?
# 3. Why can't integers that are summed in another order differ, and floats can?

# %% [markdown] tags=["solution"]
# 1. 10 GB: hardly at all. Bytes take 2(*n* − 1)/*n* × 0.2 s, nearly 0.4 s in both cases, and alpha
#    adds 10 ms more. 10 kB: twice as long, because it's almost nothing but alpha: 10 ms and 20 ms.
# 2. Twice as slow. All bytes pass through every link, so all of them wait for the slow one, in each
#    step. One bad cable slows down 1,023 good ones.
# 3. Addition of integers is associative: whatever the order, the sum is the same, even when it
#    overflows and wraps around. Floats are rounded after each addition, and what is rounded away
#    depends on what has been added before.
