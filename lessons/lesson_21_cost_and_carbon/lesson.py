# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 21 · Cost and carbon
# In June 2019 a headline went round the world: training one AI model can emit as much carbon as
# [five cars in their
# lifetimes](https://www.technologyreview.com/2019/06/06/239031/training-a-single-ai-model-can-emit-as-much-carbon-as-five-cars-in-their-lifetimes/).
# Behind it was a careful estimate of what Google's search for a better network, the Evolved
# Transformer, had cost: 284 tonnes, and 0.9 to 3.2 million dollars of rented GPUs ([Strubell,
# Ganesh and McCallum 2019](https://arxiv.org/abs/1906.02243), table 3). Two years later those who
# had run the search counted for themselves. They arrived at 3.2 tonnes, 88 times less ([Patterson
# et al. 2021](https://arxiv.org/abs/2104.10350), section 4.1). Both sides used the same formula.
#
# **The question of this lesson**: what does a model cost, in dollars and in grams of carbon, and
# which of all the assumptions decides it?
#
# *{time} Needs lessons [19](19_serving.ipynb) and [20](20_power_and_energy.ipynb). Nothing is
# measured here: each number is published, or modelled from such numbers.*

# %%
import labkit as lk

# %% [markdown]
# ## What an hour makes
# We begin with dollars. A chip is rented by the hour, whether it works or not. The share of the
# paid time in which it does your work is its **utilisation**.
#
# ### Your turn
# A machine costs `usd_per_hour`. It works for a share `utilisation` of the time, and then makes
# `tokens_per_s`. What do a million tokens cost? (2 lines)


# %%
def million_tokens_usd(usd_per_hour, tokens_per_s, utilisation):
    """USD for a million tokens."""
    ### BEGIN SOLUTION
    tokens_per_paid_hour = tokens_per_s * 3600 * utilisation
    return usd_per_hour / tokens_per_paid_hour * 1e6
    ### END SOLUTION


million_tokens_usd = lk.your_turn("21.t1", million_tokens_usd)

# %% [markdown]
# [ML.ENERGY](https://ml.energy/leaderboard) measured Llama-3.1-8B on one H100, with a server that
# takes at most 8, 64 or 512 conversations at once.
#
# **Guess first.** How many times cheaper is a million tokens with 512 at once than with 8? It would
# be 64 if each conversation kept its speed, and 1 if they went through one after the other.

# %%
batch_guess = lk.predict("21.a", ...)

# %%
served, on_demand = lk.published("ml-energy-llama-3.1-8b"), lk.plan.price("h100-hour-on-demand")
usd = {
    row["max_batch"]: million_tokens_usd(on_demand.value, row["tokens_per_s"], 1)
    for row in served.rows
}
batch_guess.against(lk.Reading("8 at once over 512", usd[8] / usd[512], "1", of=served))
lk.show(on_demand)

# %% tags=["collapsed"]
CONTEXT = 500  # tokens in each conversation: our assumption, the source does not say
llama = lk.plan.Decoder(
    "Llama-3.1-8B", n_params=8_030_000_000, n_layers=32, n_heads=32, n_kv_heads=8, head_size=128
)
h100, h100_roof = lk.chip("h100-sxm"), lk.roofline("h100-sxm", "bf16")


def most_per_s(n):
    """Tokens a second by the roofline, with n conversations at once."""
    return lk.plan.tokens_per_s(llama.decode(n, CONTEXT), n, h100_roof)


for row in served.rows:
    n, rate = row["max_batch"], row["tokens_per_s"]
    print(
        f"[modelled] up to {n:3}: {usd[n]:.3f} USD, from {rate:,} tokens/s (published), "
        f"{rate / most_per_s(n):.0%} of the roof"
    )
chart = lk.draw.Chart(
    lk.draw.Axis("conversations at once", lo=4, hi=1024, log=True),
    lk.draw.Axis("USD per million tokens", lo=0.01, hi=1, log=True),
    title=f"Llama-3.1-8B on one H100 at {on_demand.value:.2f} USD an hour",
)
batches = [2**k for k in range(3, 10)]
at_roof_usd = [million_tokens_usd(on_demand.value, most_per_s(n), 1) for n in batches]
chart.line(batches, at_roof_usd, "at the roof", origin="modelled")
for n, price_usd in usd.items():
    chart.mark(n, price_usd, "modelled", f"{price_usd:.3f} USD")
chart.picture("Price of a million tokens: it falls with the batch, above the roof's")

# %% [markdown]
# The line is the price at the [roofline](02_roofline.ipynb)'s speed. The marks move away from it,
# because the roof leaves out reading the prompts, sampling, the network and the work between steps,
# which grow with the batch.
#
# > **Takeaway.** A million tokens cost the price of an hour over the tokens made in it. With more
# > conversations at once, the same machine makes them several times cheaper.
#
# ## Dollars against waiting
# A batch isn't free, though: others pay for it by waiting. The time between two tokens of the same
# conversation is called **inter-token latency**
# ([ITL](https://docs.nvidia.com/nim/benchmarking/llm/latest/metrics.html)). ML.ENERGY publishes its
# median, too.
#
# **Guess first.** How many times longer does a reader wait for the next token, with 512 at once
# instead of 8? You know how many times more tokens come out of the whole server.

# %%
wait_guess = lk.predict("21.b", ...)

# %%
gaps_s = {row["max_batch"]: row["median_itl_s"] for row in served.rows}
wait_guess.against(lk.Reading("wait with 512 over 8", gaps_s[512] / gaps_s[8], "1", of=served))
for row in served.rows:
    n = row["max_batch"]
    print(f"[modelled] up to {n:3}: {1e3 * gaps_s[n]:4.1f} ms a token (published), "
          f"{500 * gaps_s[n]:4.1f} s for 500, "
          f"{row['tokens_per_s'] * gaps_s[n]:3.0f} under way")  # fmt: skip

# %% [markdown]
# (We take 500 tokens for an answer. Tokens a second × seconds a token are the conversations really
# under way: [Little's law](04_cpu_vs_gpu.ipynb).) People read about [four words a
# second](https://doi.org/10.1016/j.jml.2019.104047), so even the slowest is far ahead of them. But
# a program that needs the whole answer waits for all of it. Is its wait worth the saving?
#
# ### Your turn
# Two settings are given as pairs `(usd_per_million_tokens, gap_s)`. The hasty one is dearer, the
# patient one slower. How many dollars does the patient one save for each *hour* that users wait
# longer? Take a million tokens, each of which comes a gap after the one before. (3 lines)


# %%
def saved_per_hour_waited(hasty, patient):
    """USD saved for each hour of longer waiting, all users together."""
    ### BEGIN SOLUTION
    (hasty_usd, hasty_gap_s), (patient_usd, patient_gap_s) = hasty, patient
    longer_h = 1e6 * (patient_gap_s - hasty_gap_s) / 3600
    return (hasty_usd - patient_usd) / longer_h
    ### END SOLUTION


saved_per_hour_waited = lk.your_turn("21.t2", saved_per_hour_waited)

# %%
for hasty, patient in ((8, 64), (64, 512)):
    wage_usd = saved_per_hour_waited((usd[hasty], gaps_s[hasty]), (usd[patient], gaps_s[patient]))
    name = f"from {hasty} to {patient} at once, saved for an hour of waiting"
    lk.show(lk.Reading(name, wage_usd, "USD", of=(served, on_demand)))
assert wage_usd < 0.01  # the last step, as the text says

# %% [markdown]
# The second step asks people to wait for an hour so that you save less than a cent.
#
# **Play.** What is an hour of waiting worth to you? The bars are the price of a million tokens plus
# that of the waiting. When does each setting win?


# %% tags=["collapsed"]
def with_waiting(an_hour):
    """What a million tokens cost when an hour of waiting is worth `an_hour` dollars."""
    totals = {n: usd[n] + an_hour * 1e6 * gaps_s[n] / 3600 for n in usd}
    best = min(totals, key=totals.get)
    chart = lk.draw.Chart(
        lk.draw.Axis("conversations at once, at most", names=[str(n) for n in totals]),
        lk.draw.Axis("USD per million tokens", lo=0),
        title=f"An hour of waiting at {an_hour:.3g} USD: {best} at once is cheapest",
    )
    for place, total in enumerate(totals.values()):
        chart.bar(place, total, "modelled", f"{total:.2f} USD")
    return chart.picture(f"Price and waiting together: the least with at most {best} at once")


wages = {"low": with_waiting(0.001), "middle": with_waiting(0.05), "high": with_waiting(1.0)}
for wage, best in (("low", 512), ("middle", 64), ("high", 8)):
    assert f"at most {best} at once" in wages[wage].alt
lk.Explorer(
    with_waiting,
    an_hour=lk.draw.Slider(0.001, 1.0, 0.05, log=True, label="USD per hour of waiting"),
)

# %% [markdown]
# > **Takeaway.** A larger batch is paid for with other people's time. Divide what it saves by the
# > hours that they wait, and ask whether you'd pay that wage.
#
# ## And the electricity?
# A kilowatt-hour (kWh) is 3.6 MJ. A building takes more of them than its computers do, mostly for
# cooling: its **PUE**, [power usage
# effectiveness](https://en.wikipedia.org/wiki/Power_usage_effectiveness), is the energy of all over
# that of the computers. We assume 1.2, and count the GPU alone, whose energy ML.ENERGY published.
#
# **Guess first.** Which share of the rent is electricity, with at most 8 at once? In Virginia
# industry paid 8.9 cents a kWh, and an H100 may draw up to 0.7 kW.

# %%
power_guess = lk.predict("21.c", ..., "%")

# %% tags=["collapsed"]
PUE = 1.2
virginia = lk.plan.price("electricity-virginia")
shares = {}
for row in served.rows:
    n, million_j = row["max_batch"], 1e6 * row["j_per_token"]  # of the GPU alone
    power_usd = lk.cost_usd(energy_j=million_j * PUE, usd_per_kwh=virginia.value)
    shares[n] = power_usd / usd[n]
    print(f"[modelled] up to {n:3}: {row['j_per_token']} J a token (published), "
          f"{power_usd:.4f} USD, {shares[n]:.1%} of the rent")  # fmt: skip
power_guess.against(lk.Reading("electricity over rent, 8 at once", shares[8], "%", of=served))
assert max(shares.values()) < 0.05
assert round(100 * virginia.value, 1) == 8.9
lk.show(virginia)

# %% [markdown]
# > **Takeaway.** If you rent, you pay for the machine. Its electricity is a few percent of the
# > price, so dollars say little about energy.
#
# ## Own or rent
# An owner pays for the chip, its share of server and network, repairs and room, and for electricity
# even while the machine rests. Together that's the [total cost of
# ownership](https://en.wikipedia.org/wiki/Total_cost_of_ownership). A tenant pays for the hours
# taken.
#
# And the owner pays early. Money has a price, whether you borrow it or could have invested it: its
# **cost of capital**. We count it as a bank does for a loan, in equal payments at the end of each
# year, which cover the price and the interest on what is still owed. (You'll compute them in the
# exercises.)

# %%
chip_price = h100.figures["price_usd"]
print(f"[published] one H100: {chip_price.value:,.0f} USD ({chip_price.remark})")
ours = {  # assumptions: no source stands behind them, so we'll vary them below
    "interest": 0.08,
    "server_factor": 1.25,  # chip, server and network over the chip alone
    "life_years": 4,
    "power_w": 900.0,  # TDP and a share of the host
    "idle_power_w": 250.0,  # at rest, an H200 alone drew half of it in lesson 20
    "hosting_usd_per_year": 1000.0,
    "maintenance_fraction_per_year": 0.05,
}


def owned(chip_usd, server_factor, **others):
    """Owning one chip with its share of the server."""
    return lk.plan.Ownership(capex_usd=chip_usd * server_factor, **others)


# %% [markdown]
# **Guess first.** From which utilisation on is owning this H100 cheaper than renting one on demand?
# A year of renting without a pause costs about 26,200 dollars.

# %%
own_guess = lk.predict("21.d", ..., "%")

# %%
base = {**ours, "chip_usd": chip_price.value, "usd_per_kwh": virginia.value, "pue": PUE}
machine, free_money = owned(**base), owned(**base | {"interest": 0.0})
for use in (0.1, 0.5, 1.0):
    print(f"[modelled] used {use:.0%} of the time: {machine.usd_per_hour(use):.2f} USD an hour")
even, free_even = (one.break_even_utilisation(on_demand.value) for one in (machine, free_money))
own_guess.against(lk.Reading("owning is cheaper from", even, "%", "modelled"))
lk.show(lk.Reading("if money were free, from", free_even, "%", "modelled"))
assert 0.05 < even - free_even < 0.12
assert round(8760 * on_demand.value, -2) == 26_200  # a year of renting, as the text says

# %% [markdown]
# Look at the dates, too. The price of the chip is an analyst's estimate of May 2023, when H100s
# were scarce, and the rent is of March 2026. Nobody ever had the choice between these two. A fair
# comparison takes both of one day, and today's prices are yours to find.
#
# **Play.** The curve is what an owner pays for each hour *used*. The dashed lines are two rents, of
# two providers and two dates. How cheap must the chip be, so that a third of the time is enough?


# %% tags=["collapsed"]
def own_or_rent(chip_price, interest):
    """USD for a used hour over utilisation: owned, and rented at each price."""
    machine = owned(**base | {"chip_usd": chip_price, "interest": interest})
    chart = lk.draw.Chart(
        lk.draw.Axis("utilisation", "%", 0, 1),
        lk.draw.Axis("USD for a used hour", lo=0, hi=10),
        title=f"One H100 for {chip_price:,.0f} USD at {interest:.0%} interest, or rented",
    )
    uses = [n / 100 for n in range(5, 101)]
    chart.line(uses, [machine.usd_per_hour(use) for use in uses], "owned", origin="modelled")
    for rent in (on_demand, lk.plan.price("h100-hour-block")):
        chart.line([0, 1], [rent.value] * 2, dash=True)
        chart.label(0.8, rent.value, f"{rent.value:.2f} USD, {rent.note.split('; ')[1]}")
        even = machine.break_even_utilisation(rent.value)
        if even <= 1:
            chart.mark(even, rent.value, "modelled", f"{even:.0%}")
    return chart.picture("Owned hours get cheaper with use, and cross each rental price once")


at_16_500 = owned(**base | {"chip_usd": 16_500})
assert abs(at_16_500.break_even_utilisation(on_demand.value) - 1 / 3) < 0.005  # as the text says
lk.Explorer(
    own_or_rent,
    chip_price=lk.draw.Slider(10_000.0, 50_000.0, chip_price.value, label="USD for the chip"),
    interest=lk.draw.Slider(0.0, 0.2, ours["interest"], unit="%"),
)

# %% [markdown]
# At the lower rent a chip must cost about 16,500 dollars, half as much. Whoever buys has bet on
# what renting will cost for years to come.
#
# > **Takeaway.** Owning pays from a utilisation that you can compute. Count interest and the hours
# > at rest, and compare prices of one date.
#
# ## Which assumption decides?
# A [**tornado**](https://en.wikipedia.org/wiki/Tornado_diagram) moves one input at a time between
# two values that could both be true, and sorts the inputs by how far the result moves. **Play.**
# First write down which two bars you expect to be longest.

# %% tags=["collapsed"]
ranges = {  # published where it says so, else our own doubt
    "tokens_per_s": (1070, 9806),  # published: at most 8, and at most 512 at once
    "utilisation": (0.2, 0.9),
    "chip_usd": (25_000, 40_000),
    "life_years": (3, 6),
    "interest": (0.0, 0.15),
    "server_factor": (1.1, 1.6),
    "usd_per_kwh": (0.066, 0.1864),  # published: Texas, California
    "pue": (1.08, 1.6),
    "power_w": (700, 1100),
    "idle_power_w": (0, 400),
}
NAMES = {
    "tokens_per_s": "tokens a second", "chip_usd": "price of the chip (USD)",
    "life_years": "years of life", "server_factor": "with the server, times",
    "power_w": "power at work (W)", "idle_power_w": "power at rest (W)",
}  # fmt: skip


def usd_per_million(tokens_per_s, utilisation, **machine):
    """USD for a million tokens of an owned chip: each hour of the year is paid."""
    paid_hour_usd = owned(**machine).usd_per_year(utilisation) / 8760
    return million_tokens_usd(paid_hour_usd, tokens_per_s, utilisation)


def tornado(tokens_per_s, utilisation, life_years, usd_per_kwh):
    sliders = {"tokens_per_s": tokens_per_s, "utilisation": utilisation}
    sliders |= {"life_years": life_years, "usd_per_kwh": usd_per_kwh}
    now = usd_per_million(**base | sliders)
    return lk.draw.tornado(
        lk.plan.tornado(usd_per_million, base | sliders, ranges),
        now,
        lk.draw.Axis("USD per million tokens", lo=0.01, hi=100, log=True),
        title=f"Owned H100: {now:.3f} USD per million tokens (modelled)",
        names=NAMES,
    )


longest = [swing.name for swing in lk.plan.tornado(
    usd_per_million, base | {"tokens_per_s": 5147, "utilisation": 0.5}, ranges
)]  # fmt: skip
assert longest[:2] == ["tokens_per_s", "utilisation"]
lk.Explorer(
    tornado,
    tokens_per_s=lk.draw.Slider(500.0, 10000.0, 5147.0, log=True, label="tokens a second"),
    utilisation=lk.draw.Slider(0.05, 1.0, 0.5, unit="%"),
    life_years=lk.draw.Slider(2, 8, 4, label="years of life"),
    usd_per_kwh=lk.draw.Slider(0.02, 0.4, virginia.value, label="USD per kWh"),
)

# %% [markdown]
# The scale is logarithmic, and the dashed line is where your sliders stand. Electricity and PUE
# hardly show in dollars. In carbon they will.
#
# > **Takeaway.** Software (tokens a second) and scheduling (utilisation) decide the dollars, before
# > anything that you can buy.
#
# ## The carbon of a run
# Now the grams. The energy of a run is chips × mean power × time × PUE. The **carbon intensity** of
# the electricity says how many grams of CO₂ equivalent (CO₂e, all greenhouse gases
# [weighed](https://en.wikipedia.org/wiki/Global_warming_potential) as CO₂) a kWh brings with it.
#
# ### Your turn
# A run keeps its chips busy for `chip_hours` hours, all chips together. Each of them draws
# `power_w` watts on average, in a building with this PUE, on electricity of `g_per_kwh`. How many
# tonnes of CO₂e is that? A tonne is a million grams. (2 lines)


# %%
def run_t(chip_hours, power_w, pue, g_per_kwh):
    """Carbon of a run in tonnes of CO2e."""
    ### BEGIN SOLUTION
    energy_kwh = chip_hours * power_w / 1000 * pue
    return energy_kwh * g_per_kwh / 1e6
    ### END SOLUTION


run_t = lk.your_turn("21.t3", run_t)

# %% [markdown]
# Patterson and others published these inputs for five runs. Does your function find what they
# printed?

# %%
v100 = lk.chip("v100-sxm2-32").power
for run in lk.published("patterson-2021").rows:
    chip_hours = run["n_chips"] * run["days"] * 24
    mass_t = run_t(chip_hours, run["power_w"], run["pue"], run["net_g_per_kwh"])
    print(
        f"[modelled] {run['model']:11} at {run['power_w']} W for each {run['chip']}: "
        f"{mass_t:5.1f} t (published: {run['net_carbon_t']:.1f} t)"
    )
    assert abs(mass_t / run["net_carbon_t"] - 1) < 0.02
    assert run["chip"] != "V100" or run["power_w"] > v100.value
lk.show(v100)

# %% [markdown]
# All five come out within 2 %, which is what rounding the days may do. GPT-3's watts are *above*
# the data sheet's power of a V100 (its TDP), because the share of host and network is in them. For
# the TPUs, the paper says, they're far *below* it.
#
# > **Takeaway.** Carbon = chips × mean power × time × PUE × intensity. Take a power that somebody
# > measured, and ask what's in it: a TDP is a limit for the cooling.
#
# ## Where, and when
# **Guess first.** GPT-3's energy once more, with the mean electricity of six countries. How many
# times more carbon is it in the dirtiest than in the cleanest? Over the life of its plants, a kWh
# from coal brings about 820 g with it, and one from wind or nuclear about 12 ([IPCC
# 2014](https://www.ipcc.ch/site/assets/uploads/2018/02/ipcc_wg3_ar5_annex-iii.pdf)). But no country
# lives on one of them alone.

# %%
region_guess = lk.predict("21.e", ...)

# %% tags=["collapsed"]
gpt3 = lk.published("patterson-2021").rows[-1]
gpt3_j = 3600 * gpt3["energy_wh"]  # PUE is in it already: it multiplies once
intensities = {region: lk.plan.carbon_intensity(region) for region in lk.plan.carbon_regions()}
tonnes = {
    region: lk.carbon_g(gpt3_j, intensity_g_per_kwh=intensity.value) / 1e6
    for region, intensity in intensities.items()
}
where = max(tonnes.values()) / min(tonnes.values())
region_guess.against(lk.Reading("dirtiest over cleanest of six", where, "1", "modelled"))
usa = intensities["United States"]

# %% tags=["collapsed"]
for region, mass_t in tonnes.items():
    print(f"[modelled] GPT-3, {region}: {mass_t:.0f} t at {intensities[region].value:.0f} g/kWh")
lk.show(usa)
bars = lk.draw.Chart(
    lk.draw.Axis("", names=list(tonnes)),
    lk.draw.Axis("t CO₂e", lo=0),
    title=f"GPT-3's {gpt3['energy_wh'] / 1e6:,.0f} MWh, by country of the electricity",
)
for place, mass_t in enumerate(tonnes.values()):
    bars.bar(place, mass_t, "modelled", f"{mass_t:.0f} t")
bars.picture(f"Carbon of the same run in {', '.join(tonnes)}, the cleanest first")

# %% [markdown]
# And what do a million tokens of our Llama bring with them, made in the United States?

# %% tags=["collapsed"]
for row in served.rows:
    grams = lk.carbon_g(1e6 * row["j_per_token"], intensity_g_per_kwh=usa.value, pue=PUE)
    print(f"[modelled] a million tokens, up to {row['max_batch']:3} at once: {grams:4.1f} g")

# %% [markdown]
# A year's mean hides the hours. Here is one day on two grids, in local time, and what a job of six
# hours gains by choosing when to start:

# %% tags=["collapsed"]
HOURS = 6
days = {grid: lk.plan.carbon_by_hour(grid) for grid in ("California", "Germany")}
for grid, day in days.items():
    twice = day.g_per_kwh * 2  # a job may run past midnight: take the same day again
    means = [sum(twice[start : start + HOURS]) / HOURS for start in range(24)]
    best, worst = means.index(min(means)), means.index(max(means))
    print(
        f"[modelled] {grid}: {means[best]:.0f} g/kWh from {best} o'clock on, "
        f"{means[worst]:.0f} from {worst}: {1 - means[best] / means[worst]:.0%} less"
    )
    assert means[worst] / means[best] < 2 < where
germany = days["Germany"]
lk.show(
    lk.Reading(
        "Germany at noon", germany.g_per_kwh[12], "g/kWh", "published", source=germany.source
    )
)
chart = lk.draw.Chart(
    lk.draw.Axis("hour of the day", lo=0, hi=24),
    lk.draw.Axis("g CO₂e per kWh", lo=0),
    title=f"Carbon intensity by hour, {days['Germany'].date} (published)",
)
for grid, day in days.items():
    chart.line(range(24), day.g_per_kwh, grid)
chart.picture("Two grids over a summer day: lowest around noon to afternoon, highest by night")

# %% [markdown]
# On this day waiting is worth a factor below two, and moving is worth far more. (A summer's day
# says nothing about December.)
#
# > **Takeaway.** Ask *where* before *when*. No PUE is worth as much as a clean grid.
#
# ## Audit
# Two more published runs. BLOOM's authors [counted](https://arxiv.org/abs/2211.02001) what most
# leave out. *Idle* is the cluster waiting, and *embodied* the making of the machines:

# %% tags=["collapsed"]
for part in lk.published("bloom-carbon").rows:
    mass_g = lk.carbon_g(3600 * part["energy_wh"], intensity_g_per_kwh=part["g_per_kwh"])
    print(
        f"[modelled] BLOOM, {part['part']:9}: {mass_g / 1e6:.2f} t "
        f"(published: {part['carbon_t']} t)"
    )
bloom = lk.published("bloom-total").rows[0]
for part in ("computing", "idle", "embodied"):
    print(f"[modelled] BLOOM, {part:9}: {bloom[f'{part}_t'] / bloom['total_t']:.0%} of all")
assert bloom["computing_t"] < 0.5 * bloom["total_t"]

# %% [markdown]
# Half of BLOOM's carbon isn't computing, and Patterson's table would never have shown it.
#
# Llama 3.1's
# [card](https://github.com/meta-llama/llama-models/blob/main/models/llama3_1/MODEL_CARD.md) states
# hours, a TDP of 700 W, and tonnes, but neither intensity nor PUE. So solve for what's missing:

# %% tags=["collapsed"]
card = lk.published("llama-3.1-total").rows[0]
card_j = lk.plan.run_energy_j(card["gpu_hours"], 700, 3600, pue=1.0)
implied = 1e6 * card["carbon_t"] / lk.carbon_g(card_j, intensity_g_per_kwh=1)
lk.show(
    lk.Reading("Llama 3.1, energy at TDP, no PUE", card_j / 3600, "Wh", "modelled"),
    lk.Reading("Llama 3.1, intensity that the card implies", implied, "g/kWh", "modelled"),
    lk.Reading("PUE that would explain it with the US mean", implied / usa.value, "1", "modelled"),
)

# %% [markdown]
# Its figures fit together with a plausible PUE, though GPUs seldom draw their TDP for months. The
# card also states zero tonnes *market-based*, because Meta matches its electricity with purchases
# of renewable energy. The others are *location-based*: the grid where the machines stand. The
# [accounting standard](https://ghgprotocol.org/scope-2-guidance) asks for both.
#
# > **Takeaway.** Ask of each claim what it leaves out (idling, making the machines, failed runs),
# > and whether it's location-based.
#
# ## Back to the five cars
# Now audit our story. Three things separate 284 tonnes from 3.2: the size of the task, the chips
# with their building, and the electricity.
#
# **Guess first.** By what factor did the estimate overstate how dirty the electricity was? You've
# seen by how much countries differ, and all three factors together make 88.

# %%
grid_guess = lk.predict("21.f", ...)

# %% tags=["collapsed"]
search = lk.published("evolved-transformer-search")
search_t = []
for row in search.rows:
    search_t.append(run_t(row["chip_hours"], row["power_w"], row["pue"], row["g_per_kwh"]))
    print(
        f"[modelled] {row['count']}: {row['chip_hours']:,} {row['chip']} hours, "
        f"{search_t[-1]:.1f} t"
    )
large, small, real = search.rows
by_task = large["chip_hours"] / small["chip_hours"]
by_grid = small["g_per_kwh"] / real["g_per_kwh"]
by_chips = search_t[1] / search_t[2] / by_grid
lk.show(
    lk.Reading("by the size of the task", by_task, "1", of=search),
    lk.Reading("by chips and building", by_chips, "1", of=search),
)
grid_guess.against(lk.Reading("by the electricity", by_grid, "1", of=search))

# %% tags=["collapsed"]
for row, mass_t in zip(search.rows, search_t, strict=True):
    assert abs(mass_t / row["carbon_t"] - 1) < 0.01
assert round(search_t[0] / search_t[2]) == 88
assert (large["power_w"], large["pue"], large["g_per_kwh"]) == (
    small["power_w"], small["pue"], small["g_per_kwh"]
)  # fmt: skip
assert by_task > 18 > 4.8 > by_chips > 4.6
assert by_grid < 1.01

# %% [markdown]
# By next to nothing. What made most of the difference was the *work*: the estimate took each step
# of the search for one of the large model, but Google had searched with a small one and enlarged
# only what it found. Its paper says so, but in several places that are hard to put together from
# outside.
#
# The dollars tell the same story. A second row of the estimate's own table holds the TPUs that
# really ran: 44,055 to 146,848 dollars. And the headline added a mistake: you search once for a
# kind of task, and not each time you train.
#
# So which assumption decides? The one about how much work is done, then how busy the machine is,
# and for carbon, where it stands. If you publish a run, print the inputs: chips, hours, measured
# power, PUE, intensity. Then nobody has to guess.
#
# **Next**: the [exercises](../exercises/21_cost_and_carbon.ipynb), then [future
# accelerators](22_future_accelerators.ipynb).
