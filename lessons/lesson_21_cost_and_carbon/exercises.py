# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 21 · Cost and carbon: exercises
# From one multiplication to an audit. The numbers in a check are fresh at each run.

# %%
import math

import labkit as lk

# %% [markdown]
# ## 21.1 GPT-3's energy again
# `n_chips` draw `power_w` watts each, on average, for `days` days, in a building with this PUE.
# Return the energy in **megawatt-hours**. (1 line; for GPT-3's row the paper prints 1,287)


# %%
def run_mwh(n_chips, power_w, days, pue):
    """Energy of a run in MWh."""
    ### BEGIN SOLUTION
    return n_chips * power_w * days * 24 * pue / 1e6
    ### END SOLUTION


# %%
lk.check("21.1", run_mwh)

# %% [markdown]
# ## 21.2 A million tokens
# A machine costs `usd_per_hour` whether it works or not. It works for a share `utilisation` of the
# time and then makes `tokens_per_s`. What do a million tokens cost in USD? (1 or 2 lines)


# %%
def million_tokens_usd(usd_per_hour, tokens_per_s, utilisation):
    """USD for a million tokens."""
    ### BEGIN SOLUTION
    tokens_per_paid_hour = tokens_per_s * 3600 * utilisation
    return usd_per_hour / tokens_per_paid_hour * 1e6
    ### END SOLUTION


# %%
lk.check("21.2", million_tokens_usd)

# %% [markdown]
# ## 21.3 Own or rent
# A machine costs `capex_usd`, lasts `life_years` and costs `hosting_usd_per_year`. While it works
# it draws `power_w`, at this PUE and price of electricity; else it is switched off. Renting one
# costs `rent_usd_per_hour`.
#
# From which utilisation on is owning cheaper? A year has 8760 hours. The result may exceed 1: then
# owning never pays. Return `math.inf` when its electricity alone costs as much as the rent or more.
# (about 4 lines)


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

# %% [markdown]
# ## 21.4 Beat a budget
# A training run can go to several places. Each of `offers` is a tuple
# `(name, n_chips, days, usd_per_chip_hour, power_w, pue, g_per_kwh)`.
#
# Return the name of the offer that is done in the fewest days among those that cost at most
# `max_usd` and emit at most `max_tonnes` of carbon (a tonne is a million grams), or the text
# `"none"`. (about 8 lines)


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

# %% [markdown]
# ## 21.5 Audit a claim (a stretch)
# A report gives `gpu_hours`, the mean power of a GPU, the PUE, the carbon intensity, and claims
# `tonnes` of carbon. Which number did its authors compute? Return one of
#
# - `"right"`: the claim is within 1 % of what the inputs give;
# - `"no pue"`: the PUE was forgotten;
# - `"pue twice"`: it was multiplied twice;
# - `"factor 1000"`: a thousand too little or too much, as from kWh taken for MWh;
# - `"unexplained"`: none of these, within 1 %.
#
# (about 8 lines; the PUE is at least 1.05)


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
# Two published claims to try it on: BLOOM's computing, and Llama 3.1's largest model with the mean
# intensity of the United States. What does the second verdict not prove?


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
# BLOOM's figure has no PUE in it. For Llama the verdict is "right" with a PUE of 1.12 that we chose
# so that it fits: one free number always explains one claim. It proves that the claim is possible.

# %% [markdown]
# ## To think about
# Your company can halve the carbon of its models by moving them to another country, where the
# network delay doubles, or by waiting for the sunny hours. Which models would you move, which would
# you delay, and which neither?
