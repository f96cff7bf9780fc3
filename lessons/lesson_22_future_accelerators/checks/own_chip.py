"""Exercise 22.5: a chip of the student's own, judged by the planner."""

import math
import numbers

from labkit.plan import ChipDesign, Decoder
from labkit.teach.registry import exercise, solution

_MODEL = Decoder("Llama 3 8B", 8_030_000_000, 32, 32, 8, 128)
_MOST_TOKEN_S, _MOST_PROMPT_S = 6e-3, 130e-3
_FEWEST_LINKS, _LEAST_MACHINERY = 12, 0.6
_LEAST_SRAM_MIB = 16
_FIELDS = ("n_macs", "sram_bytes", "hbm_stacks", "n_links", "machinery")

_own = solution("22.5")


def _but(**changes):
    return {**_own, **changes}


_A100 = {
    "n_macs": 110_638, "sram_bytes": 87 * 2**20, "hbm_stacks": 5, "n_links": 12, "machinery": 1.0,
}  # fmt: skip


@exercise(
    "22.5",
    title="your own chip",
    wrong=[
        (_A100, "a token takes 8.01 ms"),
        (_A100 | {"hbm_stacks": 8}, "and the die has 826"),
        (_but(hbm_stacks=0, sram_bytes=600 * 2**20, n_macs=60_000), "chips"),
        (_but(n_macs=50_000), "a prompt takes"),
        (_but(hbm_stacks=8, machinery=1.0, n_macs=80_000), "a prompt takes"),
        (_but(n_links=4), "12 links"),
        (_but(machinery=0.2), "nobody could program"),
        (_but(n_macs=-1), "n_macs must be a number from 0"),
        (_but(hbm_stacks=7.5), "whole number of stacks"),
        (_but(sram_bytes=0), "16 MiB of SRAM"),
        (_but(sram_bytes=64), "16 MiB of SRAM"),
        (_but(hbm_stacks=math.inf), "finite numbers"),
        (_but(n_links=math.nan), "finite numbers"),
        (_but(n_macs="100000"), "finite numbers"),
        ({key: value for key, value in _own.items() if key != "sram_bytes"}, "sram_bytes"),
        (_own | {"color": 1}, "color"),
    ],
)
def own_chip(answer, rng):
    missing = sorted(set(_FIELDS) ^ set(answer))
    assert not missing, (
        f"give {', '.join(_FIELDS)}, and nothing else: {', '.join(map(str, missing))} is missing "
        f"or too much"
    )
    for field, value in answer.items():
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        is_finite = is_number and math.isfinite(value)
        assert is_finite, f"{field} is {value!r}: all five must be finite numbers"
    for field, what in (("hbm_stacks", "stacks"), ("n_links", "links")):
        assert answer[field] == int(answer[field]), f"give a whole number of {what}"
    try:
        design = ChipDesign("yours", **answer)
    except ValueError as error:
        raise AssertionError(str(error)) from None
    assert design.machinery >= _LEAST_MACHINERY, (
        f"with {design.machinery:.0%} of the machinery nobody could program it: keep at least "
        f"{_LEAST_MACHINERY:.0%}"
    )
    assert design.n_links >= _FEWEST_LINKS, f"it needs {_FEWEST_LINKS} links, so that it can train"
    assert design.sram_bytes >= _LEAST_SRAM_MIB * 2**20, (
        f"give it at least {_LEAST_SRAM_MIB} MiB of SRAM: without, it would fetch each number from "
        f"HBM as often as it uses it, which this model doesn't count"
    )
    assert design.peak_flop_per_s, "no watts are left for the MACs: memory and links take them all"
    weights = 2 * _MODEL.n_params
    token = design.run(_MODEL.decode(1, 2048), weights, n_syncs=64)
    prompt = design.run(_MODEL.prefill(1, 2048), weights, n_syncs=64)
    assert token.n_chips == 1, (
        f"the weights take {weights / 1e9:.0f} GB, so it would take {token.n_chips} chips: one has "
        f"to do"
    )
    assert token.time_s <= _MOST_TOKEN_S, (
        f"a token takes {token.time_s * 1e3:.2f} ms, and may take {_MOST_TOKEN_S * 1e3:.0f}: what "
        f"is it bound by? ({token.bound_by})"
    )
    assert prompt.time_s <= _MOST_PROMPT_S, (
        f"a prompt takes {prompt.time_s * 1e3:.0f} ms, and may take {_MOST_PROMPT_S * 1e3:.0f}: "
        f"are there too few MACs, or too few watts left for them?"
    )
