# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 19 · Serving: exercises
# Four questions that somebody who runs a model server answers every week. Nothing has to run for
# them; each check tries your function on new numbers.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 19.1 Goodput
# A run took `time_s`. Each answer is a pair: its TTFT, and the list of gaps between its tokens, all
# in s; an answer that failed is `None`. Return the **goodput**: the answers a second whose TTFT is
# at most `ttft_s` *and* whose TPOT, the mean of its gaps, is at most `tpot_s`. An answer of one
# token has no gaps, so only its TTFT counts. (about 6 lines)


# %%
def goodput_per_s(answers, ttft_s, tpot_s, time_s):
    """Answers a second that kept to both bounds."""
    ### BEGIN SOLUTION
    good = 0
    for answer in answers:
        if answer is None:
            continue
        first_s, gaps_s = answer
        mean_s = sum(gaps_s) / len(gaps_s) if gaps_s else 0.0
        good += first_s <= ttft_s and mean_s <= tpot_s
    return good / time_s
    ### END SOLUTION


# %%
lk.check("19.1", goodput_per_s)

# %% [markdown] tags=["solution"]
# The wrong turn is to ask whether the *averages* of the run keep to the bounds. A server can answer
# half of its users at once and let the others wait for a minute, and its averages look fine.

# %% [markdown]
# ## 19.2 How many fit?
# `memory_bytes` are free beside the weights. A token takes `kv_bytes`. The cache is handed out in
# blocks of 16 tokens, as in PagedAttention, and a request keeps the blocks for its whole prompt and
# answer. How many requests fit at once? (about 2 lines)


# %%
def most_requests(memory_bytes, kv_bytes, prompt_tokens, output_tokens):
    """How many requests fit into the cache at the same time."""
    ### BEGIN SOLUTION
    blocks = math.ceil((prompt_tokens + output_tokens) / 16)
    return memory_bytes // (blocks * 16 * kv_bytes)
    ### END SOLUTION


# %%
lk.check("19.2", most_requests)

# %% [markdown] tags=["solution"]
# Many round the blocks of the prompt and of the answer separately, or forget the answer: it takes
# cache as well, and at the end as much as a prompt of its length. What PagedAttention wastes is at
# most one block less one token for each request.

# %% [markdown]
# ## 19.3 How many replicas?
# Requests come at `rate_per_s`, and each stays for `latency_s`. A replica works on `slots` requests
# at once. You want to use at most the share `busy` of all slots, and one replica more than needed,
# for repairs. How many replicas do you start? (about 2 lines; whose law says how many requests are
# inside?)


# %%
def replicas(rate_per_s, latency_s, slots, busy):
    """The number of replicas to start, the spare one included."""
    ### BEGIN SOLUTION
    inside = rate_per_s * latency_s
    return math.ceil(inside / (slots * busy)) + 1
    ### END SOLUTION


# %%
lk.check("19.3", replicas)

# %% [markdown] tags=["solution"]
# Little's law gives the requests inside: rate times latency. Some divide the rate by the slots and
# forget the latency: a slot isn't free again after one second, but after `latency_s`. And the
# spare comes on top of the whole number, after rounding up.

# %% [markdown]
# ## 19.4 Does it outlast the outage?
# A router tries a failed request again. Before the first retry it waits `initial_s`, and before
# each further one twice as long as before, but never longer than `longest_s` (nor is `initial_s`).
# A replica comes back after `outage_s`, and while it's gone every try fails at once. How many
# retries must the router be allowed, so that the last one comes no sooner than `outage_s` after the
# first try? (about 6 lines)


# %%
def retries_needed(outage_s, initial_s, longest_s):
    """The smallest number of retries whose waits add up to `outage_s` or more."""
    ### BEGIN SOLUTION
    waited_s, wait_s, n_retries = 0.0, initial_s, 0
    while waited_s < outage_s:
        waited_s += min(wait_s, longest_s)
        wait_s *= 2
        n_retries += 1
    return n_retries
    ### END SOLUTION


# %%
lk.check("19.4", retries_needed)

# %% [markdown]
# The router's `CAREFUL` flags wait 50 ms first, at most 1 s, and allow 20 retries. How many are
# needed for a replica that takes 10 s to come back, and how many if the waits were all 50 ms?

# %% tags=["collapsed"]
for longest_s in (1.0, 0.05):
    waits_s = [min(0.05 * 2**n, longest_s) for n in range(300)]
    needed = next(n for n in range(301) if sum(waits_s[:n]) >= 10)
    print(f"waits of at most {longest_s:g} s: {needed} retries (modelled)")

# %% [markdown] tags=["solution"]
# The wrong turn is to count the waits as powers of two without end: then 8 retries seem enough for
# 10 s. The cap is there so that nobody waits for a minute after the replica is back, and it makes
# the number of retries grow with the outage.

# %% [markdown]
# ## To think about
# 1. Retries double the load while half of the replicas are gone. When does that make an outage
#    longer, and what in this lesson prevents it?
# 2. A client resumes its stream, but the server draws each token at random instead of taking the
#    most likely one. What can it promise its user, and what not?
# 3. Your p99 is ten times your median, and your replicas are half idle. What would you look at
#    first?

# %% [markdown] tags=["solution"]
# 1. When the rest can't serve the first tries already: then each retry takes the place of somebody
#    else's first try, who retries as well. A breaker stops the tries that can't succeed, and
#    shedding refuses what can't be served; waits that grow give the others room.
# 2. That the user gets a whole answer, whose second half fits its first. Not that it's the answer
#    that an undisturbed server would have given.
# 3. At prompts. One long prompt is read in between, and everybody's next token waits for it. Then
#    at who shares a replica with whom: half idle *on average* may be full for a second in three.
