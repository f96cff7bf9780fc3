# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 21 · Cost and carbon: exercises
# You'll pay for a machine year by year, choose a server, decide whether to buy, place a training
# run, and find out what somebody else forgot to count. Each check calls your function with new
# numbers.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 21.1 What a purchase costs a year
# A purchase of `price_usd` is paid back in `n_years` equal payments, at the end of each year. With
# interest, a dollar that you pay in `k` years is worth `(1 + interest) ** -k` dollars today, and
# all payments together must be worth the price today. How large is each of them? Begin with what
# *one dollar* at the end of each year is worth. The interest may be 0. (2 lines)


# %%
def yearly_payment_usd(price_usd, interest, n_years):
    """The equal payment at the end of each year, in USD; interest is a fraction."""
    ### BEGIN SOLUTION
    dollar_a_year_usd = sum((1 + interest) ** -year for year in range(1, n_years + 1))
    return price_usd / dollar_a_year_usd
    ### END SOLUTION


# %%
lk.check("21.1", yearly_payment_usd)

# %% [markdown] tags=["solution"]
# Most people add the interest on the whole price to each part of it. That's too much, because from
# the second year on you owe less than the whole price. Interest on the price once is too little.
# The formula in textbooks, `price * i / (1 - (1 + i) ** -n)`, is the same sum, and divides by 0
# where money is free.

# %% [markdown]
# ## 21.2 Cheap and fast enough
# Several servers run the same model, on different chips and with different batches. Each of
# `offers` is a tuple `(name, usd_per_hour, tokens_per_s, gap_s)`: what an hour costs, the tokens
# that it makes a second for all users together, and the time between two tokens of one user.
#
# An answer of `n_tokens` takes `n_tokens * gap_s`. Return the name of the server that makes a token
# for the fewest dollars, among those whose answers take at most `limit_s`; or the text `"none"` if
# they're all too slow. (about 5 lines)


# %%
def fast_enough(offers, n_tokens, limit_s):
    """The name of the cheapest server that answers in time, or "none"."""
    ### BEGIN SOLUTION
    in_time = []
    for name, usd_per_hour, tokens_per_s, gap_s in offers:
        if n_tokens * gap_s <= limit_s:
            in_time.append((usd_per_hour / tokens_per_s, name))
    return min(in_time)[1] if in_time else "none"
    ### END SOLUTION


# %%
lk.check("21.2", fast_enough)

# %% [markdown] tags=["solution"]
# The wrong turn is to look at one column. The cheapest hour may belong to a chip that makes few
# tokens, and the highest rate to one whose hour costs even more. And the fastest answer is better
# than what was promised, which nobody pays for. Take the promise as a limit, and then dollars for a
# token.

# %% [markdown]
# ## 21.3 Own or rent
# A machine costs `capex_usd`, lasts `life_years` and costs `hosting_usd_per_year`. While it works
# it draws `power_w`, at this PUE and price of electricity, and otherwise it's switched off. Renting
# one costs `rent_usd_per_hour`. There's no interest.
#
# From which utilisation on is owning cheaper? A year has 8,760 hours. The result may exceed 1, and
# then owning never pays. Return `math.inf` if its electricity alone costs as much as the rent, or
# more. (about 4 lines)


# %%
def break_even(
    capex_usd, life_years, hosting_usd_per_year, power_w, pue, usd_per_kwh, rent_usd_per_hour
):
    """The utilisation at which a used hour costs the same, owned or rented; or infinity."""
    ### BEGIN SOLUTION
    fixed_usd_per_year = capex_usd / life_years + hosting_usd_per_year
    saved_usd_per_hour = rent_usd_per_hour - power_w / 1000 * pue * usd_per_kwh
    if saved_usd_per_hour <= 0:
        return math.inf
    return fixed_usd_per_year / (8760 * saved_usd_per_hour)
    ### END SOLUTION


# %%
lk.check("21.3", break_even)

# %% [markdown] tags=["solution"]
# Many people put the electricity of a whole year among the fixed costs. But it grows with the hours
# of work, as the rent does, so each hour of work saves the rent *less* its electricity. How many
# such hours does it take to earn the fixed costs of a year? That's the whole calculation.

# %% [markdown]
# ## 21.4 Beat a budget
# A training run can go to several places. Each of `offers` is a tuple
# `(name, n_chips, days, usd_per_chip_hour, power_w, pue, g_per_kwh)`.
#
# Return the name of the offer that's done in the fewest days, among those that cost at most
# `max_usd` and emit at most `max_tonnes` of carbon (a tonne is a million grams); or the text
# `"none"` if no offer keeps both limits. (about 8 lines)


# %%
def best_offer(offers, max_usd, max_tonnes):
    """The name of the fastest offer within both limits, or "none"."""
    ### BEGIN SOLUTION
    allowed = []
    for name, n_chips, days, usd_per_chip_hour, power_w, pue, g_per_kwh in offers:
        chip_hours = n_chips * days * 24
        tonnes = chip_hours * power_w / 1000 * pue * g_per_kwh / 1e6
        if chip_hours * usd_per_chip_hour <= max_usd and tonnes <= max_tonnes:
            allowed.append((days, name))
    return min(allowed)[1] if allowed else "none"
    ### END SOLUTION


# %%
lk.check("21.4", best_offer)

# %% [markdown] tags=["solution"]
# The popular slip is to forget the PUE in the carbon, and it's a nasty one: an offer just below the
# limit looks allowed. The other is to sort by price because there's a budget. A budget is a limit,
# and among the offers that keep it another thing decides, here the days.

# %% [markdown]
# ## 21.5 Audit a claim (a stretch)
# A report states `gpu_hours`, the mean power of a GPU, the PUE and the carbon intensity, and claims
# `tonnes` of carbon. How did its authors arrive at that number? Return one of
#
# - `"right"`: the claim is within 1 % of what the inputs give;
# - `"no pue"`: they forgot the PUE;
# - `"pue twice"`: they multiplied by it twice;
# - `"factor 1000"`: it's a thousand times too little or too much, as if kWh were taken for MWh;
# - `"unexplained"`: it's none of these, within 1 %.
#
# The PUE is at least 1.05. (about 8 lines)


# %%
def audit(gpu_hours, power_w, pue, g_per_kwh, tonnes):
    """What a claimed carbon figure is, in one of five texts."""
    ### BEGIN SOLUTION
    right = gpu_hours * power_w / 1000 * pue * g_per_kwh / 1e6
    suspects = {
        "right": [right],
        "no pue": [right / pue],
        "pue twice": [right * pue],
        "factor 1000": [right / 1000, right * 1000],
    }
    for verdict, values in suspects.items():
        if any(abs(tonnes / value - 1) <= 0.01 for value in values):
            return verdict
    return "unexplained"
    ### END SOLUTION


# %%
lk.check("21.5", audit)

# %% [markdown]
# Try yours on two published claims: BLOOM's computing, and Llama 3.1's largest model with the mean
# intensity of the United States. What does the second verdict *not* prove?


# %%
def on_published_claims():
    """The verdicts on two published figures."""
    ### BEGIN SOLUTION
    bloom, llama = lk.published("bloom-energy").rows[0], lk.published("llama-3.1-card").rows[-1]
    claimed_t = lk.published("bloom-carbon").rows[0]["carbon_t"]
    usa = lk.plan.carbon_intensity("USA").value
    return (
        audit(bloom["gpu_hours"], bloom["power_w"], 1.05, 57, claimed_t),
        audit(llama["gpu_hours"], llama["power_w"], 1.12, usa, llama["carbon_t"]),
    )
    ### END SOLUTION


# %% tags=["solution"]
on_published_claims()

# %% [markdown] tags=["solution"]
# BLOOM's figure has no PUE in it. For Llama the verdict is "right", but with a PUE of 1.12 that we
# chose so that it fits. If you may choose one number freely, you can explain any single claim. So
# it proves that the claim is possible, and nothing more.
#
# Most people look only for factors that make a claim too small. Factors come in both directions,
# which is why the thousand stands there twice.

# %% [markdown]
# ## To think about
# 1. Your company can halve the carbon of its models by moving them to another country, where the
#    network takes twice as long, or by waiting for the sunny hours. Which models would you move,
#    which would you delay, and which neither?
# 2. Somebody offers you a used H100 at half the price of a new one. Which of the numbers of this
#    lesson do you need before you can say whether that's cheap?

# %% [markdown] tags=["solution"]
# 1. Training waits for nobody, so move it to the clean country. (First see whether its data may and
#    can follow.) What runs for a few hours, such as a night's evaluation, can also wait for the
#    sun. A chat can't wait, but a few tens of milliseconds more on the network hardly show beside
#    the time that an answer takes, so it can often move. What has to answer in milliseconds, such
#    as a search box, can do neither. A smaller model, or a larger batch, may be all that's left.
# 2. How long it will still live, what the rest of the server costs, how busy it'll be, and what an
#    hour of it rents for *today*. If rents have halved since it was new, half the price
#    isn't a bargain.
