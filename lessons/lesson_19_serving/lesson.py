# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 19 · Serving
# For 24 hours in March 2024, about a fifth of the requests to a company that sells generated speech
# were slow or failed. The cause was a single server of the gateway. It had come up with a part
# missing, and went on taking requests all the same ([incident
# report](https://status.wellsaidlabs.com/incidents/x9yjd7tq5q45)).
#
# **The question of this lesson**: how do you serve a model so that everybody gets an answer soon,
# at a price you can pay, and nobody notices when a server dies?
#
# You'll run a real language model in a real server on this machine, load it with the field's own
# load generator, put a router in front of two, and then kill one.
#
# *{time} Needs lessons [02](02_roofline.ipynb) and [10](10_attention_and_precision.ipynb). Where
# the server isn't installed, as on Colab, the first cell says how.*

# %%
import labkit as lk

serving = lk.serving
ADDRESS = None  # or "http://host:8000", of vLLM or another server that speaks OpenAI's protocol

server = serving.Server(ADDRESS) if ADDRESS else serving.Replica(slots=8, context=512)
answer = serving.ask(server, "Why is the sky blue?", max_tokens=32)
lk.show(f"[measured] the model says: {' '.join(answer.text.split())}")

# %% [markdown]
# That was [SmolLM2](https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct), with 135 million
# parameters, in [llama.cpp](https://github.com/ggml-org/llama.cpp), on one thread: a **replica**, a
# server with its own copy of the model. A **token** is a piece of a word, sent as soon as it's
# made. So two times matter to whoever waits: **TTFT**, the *time to first token*, and **TPOT**, the
# *time per output token* after that.
#
# ### Your turn
# A request was sent at `sent_s`, and its tokens came at `token_times_s` (two or more). Return TTFT
# and TPOT. TPOT is the mean of the gaps between tokens; how many gaps are there? (2 lines)


# %%
def ttft_and_tpot(sent_s, token_times_s):
    """Time to first token and time per output token, both in s."""
    ### BEGIN SOLUTION
    ttft_s = token_times_s[0] - sent_s
    return ttft_s, (token_times_s[-1] - token_times_s[0]) / (len(token_times_s) - 1)
    ### END SOLUTION


ttft_and_tpot = lk.your_turn("19.t1", ttft_and_tpot)

# %% [markdown]
# [GuideLLM](https://github.com/vllm-project/guidellm) 0.8.1 divides the *whole* time by all tokens
# and calls that TPOT. Here are both, for one long question:

# %% tags=["collapsed"]
QUESTION = "Tell me how bridges were built. " * 12
answer = serving.ask(server, QUESTION, max_tokens=24)
ttft_s, tpot_s = ttft_and_tpot(answer.sent_s, answer.token_times_s)
lk.show(
    lk.Reading("TTFT", ttft_s, "s", "measured"),
    lk.Reading("TPOT", tpot_s, "s", "measured"),
    lk.Reading("what GuideLLM calls TPOT", answer.guidellm_tpot_s, "s", "measured"),
)

# %% [markdown]
# > **Takeaway.** A user's wait needs two numbers, TTFT and TPOT. Before you compare somebody else's
# > TPOT with yours, ask whether TTFT is in it.
#
# ## Reading is not writing
# To read the question, the server runs its tokens through the model all at once: **prefill**. To
# write the answer, it runs the model once for each token: **decode**. Both multiply each token by
# nearly every weight.
#
# **Guess first.** How many times faster does the server read a token than write one? It would be 1
# if only the multiplications counted, and 100, as many as the question has tokens, if only the
# fetching of weights did.

# %%
prefill_guess = lk.predict("19.a", ...)

# %% tags=["collapsed"]
timings = serving.ask(server, "And now tunnels. " + QUESTION, max_tokens=24).server
unknown = None if timings else "this server does not say"
read = lk.Reading(
    "tokens read a second", timings.get("prompt_per_second"), "1", "measured", note=unknown
)
written = lk.Reading(
    "tokens written a second", timings.get("predicted_per_second"), "1", "measured", note=unknown
)

lk.show(read, written)
reading_over = (read / written).named("reading over writing")
prefill_guess.against(reading_over)
lk.expect(
    reading_over, 1.3, 60,
    below="Hardly faster here: one token at a time keeps this CPU's arithmetic busy, too, or other "
    "programs had its core while the question was read.",
    inside="A token is read sooner than one is written, though each takes about as many "
    "multiplications.",
)  # fmt: skip

# %% [markdown]
# In prefill, each weight is fetched from memory once for all tokens of the question, so arithmetic
# is the limit. In decode, each weight is fetched for a single token and used for two operations, so
# by [lesson 02](02_roofline.ipynb) memory should be the limit.
#
# > **Takeaway.** Prefill is **compute-bound**, and decode should be **memory-bound**.
#
# ## Fewer bytes, more tokens?
# If decode only waits for bytes, then a model in a smaller number format must be faster by just as
# much. We have the model in five [formats](https://huggingface.co/docs/hub/gguf): 32 and 16
# bits a weight (F32, F16), 8 bits (Q8_0) and two kinds of 4 (Q4_1, Q4_0).
#
# **Guess first.** The file in Q4_1 is 5.5 times smaller than the one in F32. How many times faster
# does it decode? (By the server's CPU time, so that other programs hardly matter.)

# %%
format_guess = lk.predict("19.b", ...)

# %% tags=["collapsed"]
# Making the formats takes some seconds once; they are kept in your cache folder.
files = {form: serving.model_file(form) for form in serving.FORMATS}

# %%
rates = {}
for form, path in files.items():
    with serving.Replica(path, slots=1, context=256) as one:
        rate, text = serving.decode_rate(one, "Count to ten.", 16)
    rates[form] = lk.Reading(f"{form}, tokens a second", rate, "1", "measured")
lk.show(*rates.values())

# %% tags=["collapsed"]
# How fast one thread reads the same file, once it is in memory: by its CPU time as well.
read_bytes_per_s = serving.read_rate(files["F32"])
rows = [
    {"format": form, "model_bytes": path.stat().st_size, "decode_tokens_per_s": rates[form].value}
    for form, path in files.items()
]
faster = (rates["Q4_1"] / rates["F32"]).named("Q4_1 over F32")

format_guess.against(faster)
lk.draw.format_rates(rows, read_bytes_per_s, "measured")

# %% tags=["collapsed"]
kept = lk.recorded("serving-formats")
kept_rate = {row["format"]: row["decode_tokens_per_s"] for row in kept.rows}


def over_line(row):
    """Tokens a second over what the bandwidth allows."""
    return row["decode_tokens_per_s"] * row["model_bytes"] / row["read_bytes_per_s"]


lk.expect(
    faster, 1.5, 4.0,
    below="Here even F32 does not wait for memory, or the machine was busy.",
    inside="Faster, but far from 5.5 times: with Q4_1 memory is no longer what decode waits for.",
    above="Nearly as much as the bytes: your CPU unpacks 4-bit weights faster than memory brings "
    "them.",
    recorded=lk.Reading("Q4_1 over F32", kept_rate["Q4_1"] / kept_rate["F32"], "1", of=kept),
)  # fmt: skip
name = "F16 over what the bandwidth allows"
lk.expect(
    lk.Reading(
        name, over_line(rows[1] | {"read_bytes_per_s": read_bytes_per_s}), "1", of=rates["F16"]
    ),
    0.85, 1.15,
    below="F16 stays below the line: here it waits for something else than bytes as well.",
    inside="F16 sits on the line of the bandwidth: it waits for bytes.",
    above="F16 is above the line: the bandwidth was lower while we measured it, or the server "
    "reads faster than one thread that adds numbers.",
    recorded=lk.Reading(name, over_line(kept.rows[1]), "1", of=kept),
)  # fmt: skip

# %% [markdown]
# The line is what one thread could do that only reads the file. A format on it waits for bytes. One
# below it waits for something else, too: in the small ones, weights have to be unpacked before
# they're multiplied. Where Q4_1 is far below, unpacking it, with a scale and an offset for every 32
# weights, takes longer than fetching it. A recorded run:

# %% tags=["collapsed"]
lk.draw.format_rates(kept.rows, kept.rows[0]["read_bytes_per_s"], "recorded")

# %% [markdown]
# > **Takeaway.** Quantisation *moves* the bottleneck: it takes bytes away until something else is
# > the limit. Predict by bytes, then measure which limit you've reached.
#
# ## Company makes it cheaper
# If eight users wait for a token, the server can take them as a **batch**: fetch each weight once,
# and use it eight times. It needn't wait for eight: before each step it takes in whoever has
# arrived and lets go of whoever is finished. That's **continuous batching**.
#
# **Guess first.** We take F32, with the most bytes. How many times more tokens a second do eight
# users get, all together, than one? It would be 1 if they took turns, and 8 if company cost
# nothing.

# %%
batch_guess = lk.predict("19.c", ...)

# %%
runs = {}
with serving.Replica(files["F32"], slots=8, context=256) as full:
    count = {"prompt": lambda client, number: "Count.", "time_s": 0.1}  # one question each
    serving.closed_loop(full, clients=8, max_tokens=1, **count)  # reads it, in each slot
    for n_users in (1, 8):
        before = serving.counters(full)
        with serving.CpuTime(full) as used:
            run = serving.closed_loop(full, clients=n_users, max_tokens=16, **count)
        made = sum(answer.n_tokens for answer in run.answers)
        runs[n_users] = run, made / used.s, before, serving.counters(full)

# %% tags=["collapsed"]
f32 = kept.rows[0]
alone = runs[1][0].reading("tpot_s", "TPOT of one user alone")
in_company = runs[8][0].reading("tpot_s", "TPOT with 8 users")
together = lk.Reading("eight users over one", runs[8][1] / runs[1][1], "1", of=(alone, in_company))
_, _, before, after = runs[8]
n_steps = after["n_decode_total"] - before["n_decode_total"]
n_before, n_after = (
    told["n_decode_total"] * told["n_busy_slots_per_decode"] for told in (before, after)
)
batch_guess.against(together)
lk.show(
    alone,
    in_company,
    lk.Reading("sequences in a step, as the server counts", (n_after - n_before) / n_steps, "1",
               of=in_company),
)  # fmt: skip
lk.expect(
    together, 1.7, 8.0,
    below="Little is gained here: arithmetic, not memory, was the limit already.",
    inside="The weights are fetched once for all: many more tokens, each of them later.",
    recorded=lk.Reading(
        "eight users over one", f32["eight_clients_tokens_per_s"] / f32["decode_tokens_per_s"],
        "1", of=kept,
    ),
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** A batch trades latency for throughput: each user waits longer for each token, and
# > a token gets cheaper.
#
# ## What has to be remembered
# So why not a thousand users? To write the next token, the model looks back at all earlier ones. It
# keeps a **key** and a **value** of each, in every layer: the **KV cache**.
#
# ### Your turn
# How many bytes of cache does *one* token take? It has a key and a value in each layer, for each KV
# head, each of `head_size` numbers with `itemsize` bytes. (1 line)


# %%
def kv_bytes_per_token(n_layers, n_kv_heads, head_size, itemsize):
    """Bytes of keys and values of one token."""
    ### BEGIN SOLUTION
    return 2 * n_layers * n_kv_heads * head_size * itemsize
    ### END SOLUTION


kv_bytes_per_token = lk.your_turn("19.t2", kv_bytes_per_token)

# %% tags=["collapsed"]
opt = kv_bytes_per_token(n_layers=40, n_kv_heads=40, head_size=128, itemsize=2)
paper = lk.published("paged-attention")
lk.show(
    lk.Reading("KV cache of a token, OPT-13B", opt, "B", "modelled"),
    lk.Reading(
        "the same in the PagedAttention paper", paper.rows[0]["kv_bytes_per_token"], "B",
        "published", source=paper.source,
    ),
    lk.Reading("KV cache of a token, SmolLM2-135M", kv_bytes_per_token(30, 3, 64, 2), "B",
               "modelled"),
)  # fmt: skip

# %% [markdown]
# For 2,048 tokens of OPT-13B that's 1.7 GB. Earlier systems set aside the longest possible answer
# for each request, and only [20 to 38 % of that memory held
# anything](https://arxiv.org/abs/2309.06180). PagedAttention hands it out in small blocks instead.
# And a beginning that was read before need not be read again:

# %% tags=["collapsed"]
first = serving.ask(server, "Here are the rules. " + QUESTION, max_tokens=4)
again = serving.ask(server, "Here are the rules. " + QUESTION, max_tokens=4)
lk.show(
    lk.Reading("TTFT of a new question", first.ttft_s, "s", "measured"),
    lk.Reading("TTFT of the same question again", again.ttft_s, "s", "measured"),
)
print("[measured] tokens from the cache:", again.server.get("cache_n"))

# %% [markdown]
# > **Takeaway.** Memory limits how many users fit in a server. Count the bytes of a token's cache
# > first: it decides the largest batch.
#
# ## Guessing ahead
# One user alone leaves the arithmetic units idle. They could check *guesses*. After "red, green,
# blue, red, green" the next word isn't hard to guess. The server guesses that what came next last
# time comes again, up to 24 tokens of it (others let a small model guess), runs them through the
# model in one go, like a prompt, and keeps as many as the model would have chosen itself. This is
# **speculative decoding**, and apart from rounding it doesn't change the text.
#
# **Guess first.** We ask for a list of colours that repeats itself, once from F32 and once from
# Q4_1. How many times faster does F32 get? At most 25, if every guess is right and checking costs
# nothing.

# %%
guessing_guess = lk.predict("19.d", ...)

# %% tags=["collapsed"]
LIST = "Repeat exactly: " + "red, green, blue, " * 6


def with_and_without(form):
    """Tokens a second without and with guesses, and whether both texts are equal."""
    rates, texts = [], []
    for speculate in (False, True):
        with serving.Replica(files[form], slots=1, speculate=speculate) as one:
            rate, text = serving.decode_rate(one, LIST, 30)
        rates.append(lk.Reading("tokens a second", rate, "1", "measured"))
        texts.append(text)
    return (*rates, texts[0] == texts[1])


gains = {}
for form in ("F32", "Q4_1"):
    plain, guessed, same = with_and_without(form)
    gains[form] = (guessed / plain).named(f"{form}, guessing over not")
    print(f"[measured] {form}, the same text with guesses: {same}")
lk.show(gains["Q4_1"])
guessing_guess.against(gains["F32"])

# %% tags=["collapsed"]
guesses = lk.recorded("serving-guessing")
recorded_gains = {
    row["format"]: lk.Reading(
        f"{row['format']}, guessing over not",
        row["guessing_tokens_per_s"] / row["plain_tokens_per_s"], "1", of=guesses,
    )
    for row in guesses.rows
}  # fmt: skip
lk.expect(
    gains["F32"], 1.5, None,
    below="Checking guesses took nearly as long here as making that many tokens.",
    inside="F32 waits for bytes, so checking guesses takes far less than making as many tokens.",
    recorded=recorded_gains["F32"],
)  # fmt: skip
lk.expect(
    gains["Q4_1"], 0.8, 1.25,
    below="Q4_1 even loses: it waits for arithmetic, and guesses need more of it.",
    inside="Q4_1 gains next to nothing: it waits for arithmetic, and guesses need more of it.",
    above="Q4_1 gains, too: unpacking the weights once for many tokens is cheaper here than once "
    "for each.",
    recorded=recorded_gains["Q4_1"],
)  # fmt: skip

# %% [markdown]
# > **Takeaway.** Speculation spends idle arithmetic on guesses. Where arithmetic is the limit, as
# > in a full batch, there is nothing to spend.
#
# ## The knee
# Real users don't wait for each other. They come at random moments, whether or not you're ready.
# [LoadGen](https://github.com/mlcommons/inference/blob/master/loadgen/README.md), of the MLPerf
# benchmarks, makes three kinds of load here: `SingleStream`, one request after the other;
# `Offline`, everything at once; and `Server`, random arrivals at a given rate. It says whether a
# run is VALID: long enough, and, for `Server`, within its **objective**, here nine of ten TTFT
# within 0.5 s and TPOT within 0.15 s.

# %%
slo = serving.SLO(ttft_s=0.5, tpot_s=0.15)
short = {"time_s": 1.5, "slo": slo, "least_requests": 6}
single = serving.loadgen(server, "SingleStream", rate_per_s=5, **short)
offline = serving.loadgen(server, "Offline", rate_per_s=4, **short)
calm_rate = max(single.requests_per_s / 2, 0.5)
with serving.Watch(server, every_s=0.05) as seen:
    calm = serving.loadgen(server, "Server", rate_per_s=calm_rate, **short)
for run in (single, offline, calm):
    why = f" ({run.reasons_given[0]})" if run.reasons_given else ""
    print(f"[measured] {run.scenario}: {run.verdict}{why}")

# %% [markdown]
# INVALID often means only that the run was too short to be sure ("early stopping not satisfied").
#
# How many requests are in the server on average? [Little's
# law](https://en.wikipedia.org/wiki/Little%27s_law): as many as come in a second, times how long
# each stays. The clients know the times, and the server counts the requests:

# %% tags=["collapsed"]
come = lk.Reading("requests that come in a second", calm.arrivals_per_s, "1", "measured")
stay = lk.Reading("time that each stays", calm.mean_latency_s, "s", "measured")
inside = lk.Reading("inside, by Little's law", come.value * stay.value, "1", of=(come, stay))
counted = lk.Reading(
    "inside, by the server's own count", seen.mean_during(calm), "1", "measured",
    note=None if seen.mean_during(calm) is not None else "it shows no counters",
)  # fmt: skip
lk.show(come, stay, inside, counted)
lk.expect(
    (counted / inside).named("the server's count over Little's law"), 0.7, 1.3,
    below="The server counts fewer: what waits on the way to it, it doesn't see.",
    inside="Both agree, though one never saw the requests and the other never saw a clock.",
    above="The server counts more: few requests came, and it was asked at busy moments.",
)  # fmt: skip

# %% [markdown]
# **Play.** Each time you move the slider, LoadGen loads *your* server for two seconds, and marks
# within what time nine of ten were answered. Where does latency suddenly rise? That's the **knee**.

# %%
sweep = lk.recorded("serving-rates").rows
tried = [(calm_rate, calm.percentile("latency_s", 90))]  # the calm run above


def load_it(rate):
    run = serving.loadgen(server, "Server", rate_per_s=rate, time_s=2, least_requests=2)
    tried.append((rate, run.percentile("latency_s", 90)))
    return lk.draw.latency_curve(sweep, tried)


lk.Explorer(load_it, rate=lk.draw.Slider(1, 12, 4, label="requests a second"))

# %% [markdown]
# **Play**, without running anything: you set the objective, and the recorded run says up to which
# rate nine of ten keep to it. What counts is the **goodput**: the requests a second that do.


# %%
def within(objective):
    return lk.draw.latency_curve(sweep, limit_s=objective)


lk.Explorer(within, objective=lk.draw.Slider(0.2, 2.5, 1.0, unit="s"))

# %% [markdown]
# > **Takeaway.** Near its limit a queue explodes. Find the knee, plan to stay well below it, and
# > count only the requests that kept to the objective.
#
# ## Now kill one
# Two replicas, a [router](https://github.com/vllm-project/router) in front, four clients. We send
# one replica a SIGKILL, which no program can catch, and start it again half a second later. First
# the router only asks each replica every second whether it's well.
#
# **Guess first.** One of two replicas is gone for some 40 % of the run. What share of all requests
# is lost, in percent? It's 0 if the router notices at once, and 20 if the lost ones are just those
# that the dead replica would have had.

# %%
lost_guess = lk.predict("19.e", ..., "%")

# %% tags=["collapsed"]
try:
    fleet = serving.Fleet(2, serving.NOTHING, slots=4, context=256)
except serving.ServingError as reason:  # the router is made for Linux
    fleet = print(reason)
kills = lk.recorded("serving-kills")
told = {(row["router"], row["requests"]): row for row in kills.rows}


def share_lost(run, name):
    """The share of requests that were lost; unknown where nothing ran."""
    if run is None:
        return lk.Reading(name, None, "%", "measured", note="there is no router here")
    return run.share_lost(name)


# %%
careless = fleet and fleet.kill_under_load(1, time_s=3, down_s=0.5)
lost = share_lost(careless, "requests lost without retries")
lost_guess.against(lost)

# %% tags=["collapsed"]
row = told["no retries, no breaker", "plain"]
lk.expect(
    lost, 0.3, None,
    below="Fewer than usual: the dead replica was avoided, or few requests came while it was gone.",
    inside="Far more than its share: the dead replica attracts the load.",
    recorded=lk.Reading(
        "requests lost without retries", row["lost"] / row["sent"], "%", of=kills
    ),
)  # fmt: skip

# %% [markdown]
# Why so many? A dead server answers *fastest*: refusing a connection takes a millisecond, an answer
# a second. The router sends the next request to whoever has the least to do, and that's the one
# that has just finished, by failing. It has become a **black hole**. (Our clients ask again at
# once, which adds to the share.)
#
# Two habits help. **Retry** on another replica, and after some failures stop asking: a **circuit
# breaker**. With the router's usual numbers a few requests can still be lost when answers take
# long, as five retries may be over before the breaker, which waits for ten failures, has opened.
# `CAREFUL` opens it after two and allows twenty retries.

# %%
if fleet:
    fleet.put_behind(serving.CAREFUL)
careful = fleet and fleet.kill_under_load(1, time_s=3, down_s=0.5, max_tokens=4)
kept_alive = share_lost(careful, "requests lost with retries and breaker")
lk.show(kept_alive)
fleet and lk.draw.tokens_over_time(careful, "One replica is gone (shaded), and comes back")

# %% tags=["collapsed"]
row = told["careful", "plain"]
lk.expect(
    kept_alive, None, 0.0,
    inside="Not one: nobody noticed.",
    above="Some are lost here, though twenty retries should outlast the outage: your machine may "
    "have been so busy that requests ran into their time limit of 30 s.",
    recorded=lk.Reading("requests lost with retries and breaker", row["lost"] / row["sent"], "%",
                        of=kills),
)  # fmt: skip

# %% [markdown]
# While one replica is gone, the other makes what it can. The same for longer, with cheap requests:

# %% tags=["collapsed"]
print(f"[recorded] {kills.source}")
for row in kills.rows:
    print(f"{row['requests']:17} {row['router']:23} {row['lost']:6,} of {row['sent']:,} lost")

# %% [markdown]
# ### Half an answer
# A stream can't be retried by the router: half of the answer is with the user already. Only the
# client can go on, by sending the question *and what it has received so far*. Since this server
# always takes the most likely token, the rest should come out as if nothing had happened.

# %%
if fleet:
    streams = fleet.kill_under_load(
        1, time_s=2.5, down_s=0.5, stream=True, max_tokens=16, resume=True
    )
    broken = [answer for answer in streams.answers if answer.n_resumed]
    n_broken = len(broken)
    share_broken = lk.Reading("streams that broke", n_broken / streams.n_requests, "%", "measured")
    lk.show(share_broken, share_lost(streams, "streams lost, after the clients went on"))
    again = [serving.ask(fleet, answer.prompt, max_tokens=16) for answer in broken]
    same = sum(a.text == b.text for a, b in zip(broken, again, strict=True))
    print(f"[measured] resumed streams with the same text: {same} of {len(broken)}")

# %% tags=["collapsed"]
row = next(row for row in kills.rows if row["requests"] == "streams")
lk.expect(
    share_broken if fleet else None, 1e-9, None,
    below="By luck no stream had begun to come from that replica when it died: what hasn't begun, "
    "the router can still send elsewhere.",
    inside="Each stream that was under way in that replica broke, and would be lost without a "
    "client that goes on.",
    recorded=lk.Reading("streams lost without it", row["lost"] / row["sent"], "%", of=kills),
)  # fmt: skip

# %% [markdown]
# The same habits let you install a new version by day, one replica after the other. When too many
# come, refuse some at once (status 429, "try later"), or nobody is served in time: **load
# shedding**.

# %% tags=["collapsed"]
if fleet:
    rolling = fleet.rolling_restart(time_s=2)
    lk.show(share_lost(rolling, "requests lost in a rolling restart"))
    fleet.put_behind({**serving.CAREFUL, "max_concurrent_requests": 4, "queue_size": 0})
    crowd = serving.burst(fleet, 24, max_tokens=2)
    refused = [answer for answer in crowd.lost if answer.status == 429]
    longest_s = max((answer.latency_s for answer in refused), default=0.0)
    print(f"[measured] of 24 at once, refused with 429: {len(refused)}")
    lk.show(lk.Reading("the slowest refusal", longest_s, "s", "measured"))
    fleet.stop()

# %% [markdown]
# How often are all gone at once? If a replica runs for a day and takes a minute to come back, and
# replicas fail independently (power cuts don't care), then:

# %% tags=["collapsed"]
DAY_S, MINUTE_S = 86_400, 60
for n_replicas in (1, 2, 3):
    down_s = 365 * DAY_S * (1 - lk.plan.availability(DAY_S, MINUTE_S, n_replicas, 1))
    print(f"[modelled] none of {n_replicas} up: {down_s:,.2f} s a year")
if fleet:  # the same arithmetic for your own run, in which one of two replicas failed once
    (outage,) = careless.outages
    gone_s = min(outage.up_s, careless.time_s) - outage.down_s
    up = lk.plan.availability(2 * careless.time_s - gone_s, gone_s, 2, 1)
    none_up = lk.Reading("none of 2 up in the run without retries", 1 - up, "%", of=lost)
    lk.show(none_up, lost)
    lk.expect(
        lost, none_up.value, None,
        below="Not more than that was lost: few requests came while it was gone.",
        inside="The arithmetic takes for granted that a request finds whoever is up. Without "
        "retries and breaker it doesn't, and much more is lost.",
    )  # fmt: skip

# %% [markdown]
# > **Takeaway.** A dead server must be cheap to notice. Retry elsewhere, stop asking after two
# > failures, let the client finish broken streams, and refuse what you can't serve. Then kill a
# > replica on purpose, and count.
#
# ## The same on GPUs
# A large model meets the same limits. `lk.plan.inference` adds up one step of a replica part
# by part, and it's within a factor of 1.25 for about nine of ten [published
# runs](https://github.com/NVIDIA/TensorRT-LLM/blob/main/docs/source/performance/perf-overview.md).
# Llama 3.1 70B on four H100, questions of 1,000 tokens, answers of 300:

# %% tags=["collapsed"]
inference = lk.plan.inference
replica = inference.Deployment(inference.LLAMA_3_70B, "h100-sxm", n_chips=4)
chat = inference.Traffic(prompt=1000, output=300)
for batch in (1, 16, 128):
    step = inference.step(replica, chat, batch)
    print(f"[modelled] batch {batch:3}: {1e3 * step.time_s:5.1f} ms a token, "
          f"{step.tokens_per_s:6,.0f} tokens/s; longest part: {step.bound}")  # fmt: skip

# %% [markdown]
# **Play.** You promise a time per token. How many chips does it take for 200 requests a second, and
# what does a million tokens cost? (At 3 dollars an hour and 1,000 W a chip, with one replica to
# spare.)


# %% tags=["collapsed"]
def promised(replica, tpot_s):
    return inference.plan_serving(
        replica, chat, 200.0, tpot_s=tpot_s, usd_per_chip_hour=3, power_w=1000
    )


def promise(tpot, chips):
    one = inference.Deployment(inference.LLAMA_3_70B, "h100-sxm", n_chips=int(chips))
    fastest_s = 1.02 * inference.step(one, chat, 1).time_s
    limits_s = [fastest_s * (0.1 / fastest_s) ** (n / 20) for n in range(21)]
    prices = [promised(one, limit_s).usd_per_million_tokens for limit_s in limits_s]
    dollars = lk.draw.Axis("dollars", "1", 1, log=True)
    chart = lk.draw.Chart(
        lk.draw.Axis("promised time per token", "s", 0, 0.1), dollars,
        title="Dollars for a million tokens",
    )  # fmt: skip
    chart.line(limits_s, prices, f"{chips} chips a replica", origin="modelled")
    if tpot >= fastest_s:
        plan = promised(one, tpot)
        megajoule = plan.j_per_million_tokens / 1e6
        words = f"{plan.n_chips} chips, batch {plan.step.batch}, {megajoule:.1f} MJ"
        chart.mark(tpot, plan.usd_per_million_tokens, "modelled", words)
    return chart.picture("The price of a million tokens falls as the promise gets looser")


# %%
lk.Explorer(
    promise,
    tpot=lk.draw.Slider(0.01, 0.1, 0.04, unit="s", label="promised"),
    chips=["4", "8"],
)

# %% [markdown]
# Some services [disaggregate](https://arxiv.org/abs/2401.09670): some replicas only read, others
# only write, and the KV cache travels between them.

# %% tags=["collapsed"]
apart = inference.disaggregated(replica, chat, batch=64)
lk.show(
    f"[modelled] TPOT at batch 64: {1e3 * apart.together_tpot_s:.1f} ms together, "
    f"{1e3 * apart.tpot_s:.1f} ms apart",
    f"[modelled] replicas that read, for each that writes: {apart.prefill_per_decode:.2f}; "
    f"the cache of a question travels for {1e3 * apart.transfer_s:.1f} ms",
)

# %% [markdown]
# > **Takeaway.** The promise to the user sets the batch, the batch sets the price. Work backwards
# > from the promise.
#
# ## Back to the one bad server
# So how could one server spoil a fifth of all requests for a day? It went on getting its share. A
# breaker stops that after two failures, and a retry keeps both from the user. (It counts failures:
# what is only slow needs a time limit.) The report's own remedies are better handling of failures
# when a server starts, and alerts on error rates. And before all that: measure what users wait for,
# stay below the knee, and count the bytes of the cache.
#
# **Next**: the [exercises](../exercises/19_serving.ipynb), then [power and
# energy](20_power_and_energy.ipynb).
