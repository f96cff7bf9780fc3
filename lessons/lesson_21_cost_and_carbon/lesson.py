# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 21 · Cost and carbon
# *What do a million tokens cost, in dollars and in grams, and which assumption decides it?*
#
# **You will be able to** price a million tokens, decide between owning and renting, and check a
# published carbon figure · **Needs** 02, 20 · **Takes** {time} · **Runs on** a CPU
#
# Nothing is measured here. Every number is *published*, with its source and date, or *modelled*
# from such numbers, and a model is worth as much as its worst input.

# %%
import dataclasses

import labkit as lk

# %% [markdown]
# ## A million tokens
# Llama-3.1-8B on one H100 has been measured by others, with a server that batches up to 8, 64 or
# 512 conversations.
#
# **Guess first.** With at most 8 at once: how many joules does the GPU spend on each token that it
# writes? Stop here and write a number.

# %%
my_guess = ...
token_guess = lk.predict("21.a", my_guess, "J")

# %%
served = lk.published("ml-energy-llama-3.1-8b")
readings = [
    lk.Reading(
        f"energy of a token, at most {row['max_batch']} at once",
        row["j_per_token"], "J", "published", source="ML.ENERGY v3, 2026-02-27",
    )
    for row in served.rows
]  # fmt: skip
token_guess.against(readings[0])
lk.show(*readings[1:])

# %% [markdown]
# ## The words
# - **Rental price**: dollars for a chip-hour, busy or not.
# - **Utilisation**: the share of paid time in which the chip does your work.
# - **PUE**: energy of the building over energy of its computers, at least 1.
# - **Carbon intensity**: grams of CO₂ equivalent for a kilowatt-hour; 1 kWh is 3.6 MJ.
#
# ## Predict
# The roofline gives the most tokens a second: one step of decoding reads all weights and the cache
# of each conversation. Power is the chip's TDP, for want of a meter.

# %%
CONTEXT = 500  # tokens in each conversation: our assumption, the source does not say
llama = lk.plan.Decoder(
    "Llama-3.1-8B", n_params=8_030_000_000, n_layers=32, n_heads=32, n_kv_heads=8, head_size=128
)
h100, h100_roof = lk.chip("h100-sxm"), lk.roofline("h100-sxm", "bf16")
most_per_s = {}
for row in served.rows:
    n = row["max_batch"]
    most_per_s[n] = lk.plan.tokens_per_s(llama.decode(n, CONTEXT), n, h100_roof)
    joules = lk.plan.j_per_token(h100.power.value, most_per_s[n])
    print(f"[modelled] {n:3} at once: {most_per_s[n]:6,.0f} token/s, {joules:.3f} J/token")

# %% [markdown]
# ## Compare
# And now the money: the price of an hour over the tokens made in it.

# %%
on_demand = lk.plan.price("h100-hour-on-demand")
lk.show(on_demand)
for row in served.rows:
    n, rate = row["max_batch"], row["tokens_per_s"]
    usd = lk.plan.usd_per_million_tokens(on_demand.value, rate)
    print(
        f"[modelled] {n:3} at once: {rate:5,} token/s (published), {rate / most_per_s[n]:.0%} of "
        f"the roof, {usd:.3f} USD per million tokens"
    )


# %%
def price_picture(rows, usd_per_hour):
    """USD per million tokens over the batch limit: from published rates, and from the roof."""
    chart = lk.draw.Chart(
        lk.draw.Axis("conversations at once", lo=4, hi=1024, log=True),
        lk.draw.Axis("USD per million tokens", lo=0.01, hi=1, log=True),
        title=f"Llama-3.1-8B on one H100 at {usd_per_hour:.2f} USD an hour",
    )
    batches = [2**k for k in range(3, 10)]
    ideal = [lk.plan.tokens_per_s(llama.decode(n, CONTEXT), n, h100_roof) for n in batches]
    costs = [lk.plan.usd_per_million_tokens(usd_per_hour, rate) for rate in ideal]
    chart.line(batches, costs, "at the roof", origin="modelled")
    for row in rows:
        usd = lk.plan.usd_per_million_tokens(usd_per_hour, row["tokens_per_s"])
        chart.mark(row["max_batch"], usd, "modelled", f"{usd:.2f} USD")
    return chart.picture("Price of a million tokens: it falls with the batch, above the roof's")


price_picture(served.rows, on_demand.value)

# %% [markdown]
# Read it: both axes are logarithmic; look at the distance between marks and line.
# **A larger batch is the cheapest hardware you can buy.** It is paid for in waiting: the server
# writes each conversation's next token later.
#
# **Why the gap.** The roof leaves out reading the prompts, sampling, the network and the work
# between steps. All of it grows with the batch.
#
# ## And the electricity?
# **Guess** before you run the cell: which part of the rent of a million tokens is electricity?

# %%
PUE = 1.2  # our assumption
virginia = lk.plan.price("electricity-virginia")
print(f"[published] industry in Virginia, 2023: {100 * virginia.value:.2f} cents per kWh (EIA)")
for row in served.rows:
    power = lk.cost_usd(energy_j=1e6 * row["j_per_token"] * PUE, usd_per_kwh=virginia.value)
    rent = lk.plan.usd_per_million_tokens(on_demand.value, row["tokens_per_s"])
    print(
        f"[modelled] {row['max_batch']:3} at once: {power:.4f} USD of electricity, "
        f"{power / rent:.1%} of the rent"
    )

# %% [markdown]
# You rent a machine, not its power. So who pays for the machine?
#
# ## Own or rent
# An owner pays for the chip, its share of server and network, repairs and room **whether it works
# or not**, and for electricity while it works (we assume that it's switched off when it's idle). A
# tenant pays only for the hours taken.
#
# **Guess first.** With the prices below: from which utilisation on is owning an H100 cheaper than
# renting it on demand? In percent.

# %%
my_guess = ...
own_guess = lk.predict("21.b", my_guess, "%")

# %%
chip_price = h100.figures["price_usd"]
print(f"[published] one H100: {chip_price.value:,.0f} USD ({chip_price.remark})")

ours = {  # assumptions: no source stands behind them, so the tornado below will vary them
    "server_factor": 1.25,  # what server and network add to the price of the chip
    "life_years": 4.0,
    "power_w": 900.0,  # TDP and a share of the host
    "hosting_usd_per_year": 1000.0,
    "maintenance_fraction_per_year": 0.05,
}


def owned(capex_usd, server_factor, usd_per_kwh, pue, **others):
    """Owning one chip with its share of the server; it is switched off when it is idle."""
    return lk.plan.Ownership(
        capex_usd=capex_usd * server_factor, usd_per_kwh=usd_per_kwh, pue=pue, idle_power_w=0.0,
        **others,
    )  # fmt: skip


h100_owned = owned(chip_price.value, usd_per_kwh=virginia.value, pue=PUE, **ours)
for use in (0.1, 0.5, 1.0):
    print(f"[modelled] used {use:.0%} of the time: {h100_owned.usd_per_hour(use):.2f} USD an hour")

# %%
own_guess.against(
    lk.Reading(
        "owning is cheaper from a utilisation of",
        h100_owned.break_even_utilisation(on_demand.value), "%", "modelled",
    )
)  # fmt: skip

# %% [markdown]
# Two things are missing from that figure. The first is that money costs something too, whether you
# borrow it or could have invested it. Paid back in equal yearly rates at 8 % interest (our
# assumption), the purchase costs more, and the break-even moves:

# %%
INTEREST = 0.08
purchase_usd, life_years = h100_owned.capex_usd, h100_owned.life_years
rate_usd = purchase_usd * INTEREST / (1 - (1 + INTEREST) ** -life_years)
interest_usd = rate_usd - purchase_usd / life_years
financed = dataclasses.replace(
    h100_owned, hosting_usd_per_year=h100_owned.hosting_usd_per_year + interest_usd
)
lk.show(
    lk.Reading("interest of a year", interest_usd, "USD", "modelled"),
    lk.Reading("break-even with interest", financed.break_even_utilisation(on_demand.value), "%",
               "modelled"),
)  # fmt: skip

# %% [markdown]
# The second is time. Look at the dates in the sources above: the purchase price is an analyst's
# estimate of May 2023, when H100s were scarce, and the rent is of March 2026. Whoever buys today
# pays another price, and that moves the break-even as well.


# %%
def own_or_rent_picture(machine, rents):
    """USD for a used hour over utilisation: owned, and rented at each price."""
    chart = lk.draw.Chart(
        lk.draw.Axis("utilisation", "%", 0, 1),
        lk.draw.Axis("USD for a used hour", lo=0, hi=10),
        title="One H100, owned or rented",
    )
    uses = [n / 100 for n in range(5, 101)]
    chart.line(uses, [machine.usd_per_hour(use) for use in uses], "owned", origin="modelled")
    for rent in rents:
        chart.line([0, 1], [rent.value] * 2, dash=True)
        chart.label(0.8, rent.value, f"{rent.value:.2f} USD, {rent.note.split('; ')[1]}")
        even = machine.break_even_utilisation(rent.value)
        if even <= 1:
            chart.mark(even, rent.value, "modelled", f"{even:.0%}")
    return chart.picture("Owned hours get cheaper with use, and cross each rental price once")


own_or_rent_picture(h100_owned, [on_demand, lk.plan.price("h100-hour-block")])

# %% [markdown]
# Read it: the curve is what the owner pays for each hour *used*; the dashed lines are two list
# prices, of two providers and two dates. Look at the crossings: the lower rent moves the
# break-even up. Whoever owns has bet on what renting will cost for years to come.
#
# ## What decides it?
# A **tornado** changes one input at a time, between two values that could be true, and sorts the
# inputs by how far the result moves. **Guess** the two longest bars first.

# %% tags=["collapsed"]
ranges = {  # published where it says so, else our own doubt
    "tokens_per_s": (1070, 9806),  # published: at most 8, and at most 512 at once
    "utilisation": (0.2, 0.9),
    "capex_usd": (25_000, 40_000),
    "life_years": (3, 6),
    "server_factor": (1.1, 1.6),
    "usd_per_kwh": (0.066, 0.1864),  # published: Texas, California
    "pue": (1.08, 1.6),
    "power_w": (700, 1100),
}


def usd_per_million(tokens_per_s, utilisation, **machine):
    hour_usd = owned(**machine).usd_per_hour(utilisation)  # of a used hour
    return lk.plan.usd_per_million_tokens(hour_usd, tokens_per_s)


def tornado(tokens_per_s, utilisation, life_years, usd_per_kwh):
    sliders = {"tokens_per_s": tokens_per_s, "utilisation": utilisation}
    sliders |= {"life_years": life_years, "usd_per_kwh": usd_per_kwh}
    base = {**ours, "capex_usd": chip_price.value, "pue": PUE, **sliders}
    now = usd_per_million(**base)
    return lk.draw.tornado(
        lk.plan.tornado(usd_per_million, base, ranges),
        now,
        lk.draw.Axis("USD per million tokens", lo=0.01, hi=30, log=True),
        title=f"Owned H100: {now:.3f} USD per million tokens (modelled)",
    )


lk.Explorer(
    tornado,
    tokens_per_s=lk.draw.Slider(500.0, 10000.0, 5147.0, log=True, label="tokens per second"),
    utilisation=lk.draw.Slider(0.05, 1.0, 0.5, unit="%"),
    life_years=lk.draw.Slider(2.0, 8.0, 4.0, label="years of life"),
    usd_per_kwh=lk.draw.Slider(0.02, 0.4, 0.0892, label="USD per kWh"),
)

# %% [markdown]
# Read it: the scale is logarithmic, the dashed line is the result as the sliders stand, and each
# bar runs from the cheaper value of its input to the dearer one. Software (tokens per second, by
# the batch) and scheduling (utilisation) decide. Electricity and PUE hardly show in dollars; in
# carbon they will.
#
# ## Energy of a training run
# Chips × mean power × time × PUE. In 2021 Patterson and others published the inputs of five runs.
# Recompute them:

# %%
DAY_S, MWH_J = 86400, 3.6e9
for run in lk.published("patterson-2021").rows:
    energy_j = lk.plan.run_energy_j(
        run["n_chips"], run["power_w"], run["days"] * DAY_S, pue=run["pue"]
    )
    net_t = lk.carbon_g(energy_j, intensity_g_per_kwh=run["net_g_per_kwh"]) / 1e6
    print(
        f"[modelled] {run['model']:11}: {energy_j / MWH_J:7,.1f} MWh, {net_t:5.1f} t "
        f"(published: {run['energy_wh'] / 1e6:,.1f} MWh, {run['net_carbon_t']:.1f} t)"
    )
    assert abs(energy_j / (3600 * run["energy_wh"]) - 1) < 0.01
    print(f"[published] {run['model']:11}: {run['power_w']} W for each {run['chip']}")
lk.show(lk.chip("v100-sxm2-32").power)

# %% [markdown]
# All five come out within 1 %: the days are printed rounded. Look at GPT-3's watts: they are
# *above* the TDP of a V100, since the share of host and network is in them. For the TPUs, the same
# paper says, they are far *below* it. **TDP isn't a power that anybody measured.**
#
# ## Where
# **Guess first.** The same run, GPT-3's energy, on the mean electricity of six countries: how many
# times more carbon in the dirtiest than in the cleanest?

# %%
my_guess = ...
region_guess = lk.predict("21.c", my_guess, "1")

# %%
gpt3 = lk.published("patterson-2021").rows[-1]
gpt3_j = 3600 * gpt3["energy_wh"]  # PUE is in it already: it multiplies once
tonnes = {}
for region in lk.plan.carbon_regions():
    intensity = lk.plan.carbon_intensity(region)
    tonnes[region] = lk.carbon_g(gpt3_j, intensity_g_per_kwh=intensity.value) / 1e6
    print(f"[modelled] GPT-3 in {region}: {tonnes[region]:.0f} t at {intensity.value:.0f} g/kWh")
factor = max(tonnes.values()) / min(tonnes.values())
region_guess.against(lk.Reading("dirtiest over cleanest of six", factor, "1", "modelled"))
print(f"[published] the intensities: {intensity.source}")

# %%
bars = lk.draw.Chart(
    lk.draw.Axis("", names=list(tonnes)),
    lk.draw.Axis("t CO₂e", lo=0),
    title=f"GPT-3's {gpt3['energy_wh'] / 1e6:,.0f} MWh, by country of the electricity",
)
for place, mass_t in enumerate(tonnes.values()):
    bars.bar(place, mass_t, "modelled", f"{mass_t:.0f} t")
bars.picture(f"Carbon of the same run in {', '.join(tonnes)}, the cleanest first")

# %% [markdown]
# No PUE is worth a factor like that. And a million tokens, on the mean electricity of the United
# States?

# %%
usa = lk.plan.carbon_intensity("USA")
for row in served.rows:
    million_j = 1e6 * row["j_per_token"]  # of the GPU alone
    grams = lk.carbon_g(million_j, intensity_g_per_kwh=usa.value, pue=PUE)
    print(f"[modelled] at most {row['max_batch']:3} at once: {grams:4.1f} g per million tokens")

# %% [markdown]
# ## When
# A mean over a year hides the hours. One day, two grids, in local time:

# %%
days = {grid: lk.plan.carbon_by_hour(grid) for grid in ("California", "Germany")}
chart = lk.draw.Chart(
    lk.draw.Axis("hour of the day", lo=0, hi=24),
    lk.draw.Axis("g CO₂e per kWh", lo=0),
    title=f"Carbon intensity by hour, {days['Germany'].date} (published)",
)
for grid, day in days.items():
    chart.line(range(24), day.g_per_kwh, grid)
chart.picture("Two grids over a summer day: lowest around noon to afternoon, highest by night")

# %% [markdown]
# A job of six hours may start whenever you like:

# %%
HOURS = 6
for grid, day in days.items():
    twice = day.g_per_kwh * 2  # a job may run past midnight: take the same day again
    means = [sum(twice[start : start + HOURS]) / HOURS for start in range(24)]
    best, worst = means.index(min(means)), means.index(max(means))
    print(
        f"[modelled] {grid}: start at {best} o'clock, {means[best]:.0f} g/kWh, and not at "
        f"{worst}, {means[worst]:.0f} g/kWh: {1 - means[best] / means[worst]:.0%} less"
    )
    assert means[worst] / means[best] < 2 < factor
print(f"[published] the hours: {days['Germany'].source}")

# %% [markdown]
# On this day waiting is worth a factor below two, and moving is worth far more: *where* before
# *when*. And one summer day proves nothing about December.
#
# ## Audit
# Two more published runs. BLOOM's authors counted what most leave out:

# %%
for part in lk.published("bloom-carbon").rows:
    mass_g = lk.carbon_g(3600 * part["energy_wh"], intensity_g_per_kwh=part["g_per_kwh"])
    print(
        f"[modelled] BLOOM, {part['part']:9}: {mass_g / 1e6:.2f} t "
        f"(published: {part['carbon_t']} t)"
    )
bloom = lk.published("bloom-total").rows[0]
for part in ("computing", "idle", "embodied"):
    print(f"[modelled] BLOOM, {part:9}: {bloom[f'{part}_t'] / bloom['total_t']:.0%} of all")

# %% [markdown]
# *Idle* is the cluster waiting, *embodied* is the making of the machines. **Half of BLOOM's carbon
# is not computing**, and Patterson's table would not have shown it.
#
# Llama 3.1's card gives hours, a TDP of 700 W, and tonnes, but no intensity and no PUE. Then solve
# for what is missing:

# %%
card = lk.published("llama-3.1-total").rows[0]
card_j = lk.plan.run_energy_j(card["gpu_hours"], 700, 3600, pue=1.0)
implied = 1e6 * card["carbon_t"] / lk.carbon_g(card_j, intensity_g_per_kwh=1)
lk.show(
    lk.Reading("Llama 3.1, energy at TDP, no PUE", card_j / 3600, "Wh", "modelled"),
    lk.Reading("Llama 3.1, intensity that the card implies", implied, "g/kWh", "modelled"),
    lk.Reading("PUE that would explain it with the US mean", implied / usa.value, "1", "modelled"),
)

# %% [markdown]
# The card's figures agree with one another and with a plausible PUE, though GPUs seldom draw their
# TDP for months. It also states zero tonnes *market-based*: electricity bought green elsewhere.
# Both can be true. **Ask which one a claim means.**
#
# ## What you now know
# - **Price a million tokens**: hour over tokens, and the batch matters most: the second table.
# - **Own or rent**: the break-even utilisation decides, and it moves with the rent: the crossings.
# - **Check a claim**: chips × power × time × PUE × intensity, and ask what was left out: five runs
#   within 1 %, and half of BLOOM.

# %%
print(f"[modelled] takeaway: the place alone is worth a factor of {factor:.0f} in carbon")
cheap, dear = (
    lk.plan.usd_per_million_tokens(on_demand.value, served.rows[n]["tokens_per_s"]) for n in (-1, 0)
)
print(f"[modelled] takeaway: the batch alone is worth a factor of {dear / cheap:.0f} in dollars")

# %% [markdown]
# **Next**: the exercises; then `22_future_accelerators`.
# Sources: Patterson et al. 2021, arXiv 2104.10350; Luccioni, Viguier, Ligozat 2022, arXiv
# 2211.02001.
