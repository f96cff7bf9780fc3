"""Exercise 22.4: a machine without HBM, and its fastest token."""

import math

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_pair, assert_right

_machine = solution("22.4")


def _with(seconds):
    """The right number of chips, and a token after the seconds that this gives."""

    def machine(w, m, b, n, s):
        n_chips = math.ceil(w / m)
        return n_chips, 1 / seconds(w, m, b, n * s, n_chips)

    return machine


@exercise(
    "22.4",
    title="a machine without HBM",
    wrong=[
        (always((300, 500.0)), "chips"),
        (lambda w, m, b, n, s: _machine(w, m, b, n, s)[1], "two numbers"),
        (lambda w, m, b, n, s: (math.floor(w / m), _machine(w, m, b, n, s)[1]), "don't hold"),
        (lambda w, m, b, n, s: (w / m, _machine(w, m, b, n, s)[1]), "whole number"),
        (lambda w, m, b, n, s: _machine(w, m, b, 0, s), "wait for each other"),
        (_with(lambda w, m, b, wait, chips: w / b + wait), "all chips read"),
        (_with(lambda w, m, b, wait, chips: 1 / (w / b / chips + wait)), "seconds"),
        (_with(lambda w, m, b, wait, chips: m / b + wait), "only the weights"),
        (_with(lambda w, m, b, wait, chips: w / b / chips + wait), "one chip alone"),
        (_with(lambda w, m, b, wait, chips: w / b / chips + chips * wait), "at once"),
        (_with(lambda w, m, b, wait, chips: max(w / b / chips, wait * (chips > 1))), "add the two"),
        (_with(lambda w, m, b, wait, chips: wait if chips > 1 else w / b), "add the two"),
        (_with(lambda w, m, b, wait, chips: (w / b / chips + wait * (chips > 1)) / chips), "same"),
        (lambda w, m, b, n, s: _machine(w, m, b, n and 1, s), "n_syncs times"),
        (lambda w, m, b, n, s: (int(w // m) + 1, _machine(w, m, b, n, s)[1]), "are enough"),
    ],
)
def sram_machine(answer, rng):
    for _ in range(8):
        memory, rate = rng.uniform(0.1, 1) * 2**30, rng.uniform(20, 90) * 1e12
        weights = memory * (rng.randint(3, 400) + rng.uniform(0.2, 0.8))
        _one_machine(answer, weights, memory, rate, rng.randint(20, 200), rng.uniform(1, 9) * 1e-6)
    memory = 2.0**30
    _one_machine(answer, 0.5 * memory, memory, 5e13, 64, 2e-6, "one chip alone waits for nobody")
    _one_machine(answer, memory, memory, 5e13, 64, 2e-6, "one chip alone waits for nobody")
    _one_machine(answer, 8 * memory, memory, 5e13, 64, 2e-6)


def _one_machine(answer, weights, memory, rate, n_syncs, sync_s, hint=""):
    args = weights, memory, rate, n_syncs, sync_s
    got, (n_chips, tokens_per_s) = answer(*args), _machine(*args)
    case = f"{weights:.4g} bytes of weights, chips of {memory:.3g} bytes and {rate:.3g} B/s"
    assert_pair(got, case, "chips and tokens per second")
    assert got[0] == int(got[0]), f"{case}: got {got[0]} chips, which isn't a whole number"
    assert got[0] >= n_chips, f"{case}: {got[0]} chips don't hold the weights"
    assert got[0] == n_chips, f"{case}: got {got[0]} chips, and {n_chips} are enough"
    read_s, wait_s = weights / rate / n_chips, n_syncs * sync_s
    suspects = [
        (1 / read_s, "the chips also have to wait for each other"),
        (1 / (weights / rate + wait_s), "all chips read at the same time, each its own part"),
        (read_s + wait_s, "those are seconds: you want tokens per second"),
        (1 / (read_s + n_chips * wait_s), "they wait all at once"),
        (1 / wait_s, "they read, and then wait: add the two"),
        (n_chips / (read_s + wait_s), "all chips work on the same token"),
        (1 / (read_s + sync_s), "they wait n_syncs times for a token"),
        (1 / (memory / rate + wait_s), "only the weights are read, not the whole memory"),
    ]
    case = f"{case}, {n_syncs} waits of {sync_s:.2g} s: tokens/s"
    assert_right(got[1], tokens_per_s, case, suspects if n_chips > 1 else [], hint)
