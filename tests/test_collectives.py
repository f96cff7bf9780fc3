"""Formulas of collectives: who sends what, how long it takes, and fits of alpha and beta."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import plan
from labkit.plan.collectives import ALL_REDUCES, AlphaBeta

LINK = AlphaBeta(1e-3, 1e6)
RANKS = st.integers(2, 40)


@given(RANKS, st.sampled_from(sorted(ALL_REDUCES)))
def test_an_all_reduce_needs_2_n_minus_1_transfers_of_the_data(n_ranks, name):
    """n - 1 additions and n - 1 copies of each element, whatever the algorithm (nccl-tests)."""
    moved = sum(transfer.share for transfer in ALL_REDUCES[name](n_ranks))
    assert moved == pytest.approx(2 * (n_ranks - 1))


@given(RANKS, st.sampled_from(["all through one", "tree"]))
def test_who_sends_whole_data_has_the_sum_of_all_at_the_end(n_ranks, name):
    held = {rank: {rank} for rank in range(n_ranks)}
    transfers = ALL_REDUCES[name](n_ranks)
    for step in sorted({t.step for t in transfers}):
        before = {rank: set(ranks) for rank, ranks in held.items()}
        for t in transfers:
            if t.step == step:
                held[t.receiver] |= before[t.sender]
    assert all(held[rank] == set(range(n_ranks)) for rank in range(n_ranks))


@given(RANKS)
def test_around_a_ring_every_cable_carries_the_bus_factor(n_ranks):
    assert plan.busiest_share(ALL_REDUCES["ring"](n_ranks)) == pytest.approx(
        plan.bus_factor(n_ranks)
    )


@given(RANKS)
def test_through_one_its_cable_carries_everything(n_ranks):
    assert plan.busiest_share(ALL_REDUCES["all through one"](n_ranks)) == n_ranks - 1


@given(RANKS, st.floats(1, 1e9))
def test_a_ring_of_rings_of_one_rank_is_a_ring(n_hosts, n_bytes):
    free = AlphaBeta(0, math.inf)
    got = plan.hierarchical_all_reduce_s(n_bytes, n_hosts, 1, free, LINK)
    assert got == pytest.approx(plan.ring_all_reduce_s(n_bytes, n_hosts, LINK))


def test_worked_times():
    assert plan.ring_all_reduce_s(4e6, 4, LINK) == pytest.approx(6 * (1e-3 + 1))
    assert plan.tree_all_reduce_s(4e6, 4, LINK) == pytest.approx(4 * (1e-3 + 4))
    assert plan.tree_all_reduce_s(4e6, 5, LINK) == pytest.approx(6 * (1e-3 + 4))
    assert plan.ring_all_reduce_s(4e6, 1, LINK) == plan.tree_all_reduce_s(4e6, 1, LINK) == 0


@given(st.floats(0, 1e-2), st.floats(1e5, 1e10))
def test_a_fit_finds_what_the_times_were_made_from(alpha_s, bytes_per_s):
    made = AlphaBeta(alpha_s, bytes_per_s)
    fit = plan.fit_alpha_beta({n: [made.time_s(n)] for n in (4096, 65536, 2**20, 2**24)})
    for n in (4096, 2**20):
        assert fit.time_s(n) == pytest.approx(made.time_s(n), rel=1e-3)
    assert fit.alpha_low_s is None


def test_the_interval_holds_the_truth_of_noisy_times():
    rng, made, held = random.Random(0), AlphaBeta(1e-3, 1e7), 0
    for _ in range(40):
        noisy = {
            n: [made.time_s(n) * rng.lognormvariate(0, 0.1) for _ in range(12)]
            for n in (4096, 65536, 2**20)
        }
        fit = plan.fit_alpha_beta(noisy)
        held += fit.bytes_per_s_low <= made.bytes_per_s <= fit.bytes_per_s_high
    assert held >= 32  # of a 95 % interval, from 12 samples


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        ({}, "two or more sizes"),
        ({4096: [1.0]}, "two or more sizes"),
        ({0: [1.0], 4096: [1.0]}, "two or more sizes"),
        ({4096: [], 8192: [1.0]}, "times of 4096 bytes must be positive"),
        ({4096: [1.0], 8192: [float("nan")]}, "times of 8192 bytes must be positive"),
        ({4096: [1.0], 8192: [-1.0]}, "must be positive"),
    ],
)
def test_nonsense_is_refused(samples, sentence):
    with pytest.raises(ValueError, match=sentence):
        plan.fit_alpha_beta(samples)


@pytest.mark.parametrize("n_ranks", [0, -1, 2.5, math.nan, math.inf, "8", None, True])
def test_a_number_of_ranks_that_is_none_is_a_sentence(n_ranks):
    for call in (
        plan.bus_factor, *plan.ALL_REDUCES.values(),
        lambda n: plan.ring_all_reduce_s(1e6, n, LINK),
        lambda n: plan.tree_all_reduce_s(1e6, n, LINK),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="n_ranks must be a whole number from 1, got"):
            call(n_ranks)


def test_whole_numbers_may_be_floats():
    assert plan.ALL_REDUCES["ring"](4.0) == plan.ALL_REDUCES["ring"](4)
    assert plan.tree_all_reduce_s(4e6, 4.0, LINK) == plan.tree_all_reduce_s(4e6, 4, LINK)


@pytest.mark.parametrize("amount", [-1, math.nan, "1", None])
def test_bytes_and_links_that_cannot_be_are_a_sentence(amount):
    """A message of -1 byte took less time than none, a link of -1 B/s a negative time."""
    calls = (
        lambda: LINK.time_s(amount),
        lambda: plan.ring_all_reduce_s(amount, 8, LINK),
        lambda: plan.hierarchical_all_reduce_s(amount, 2, 8, LINK, LINK),
        lambda: AlphaBeta(1e-6, amount).time_s(100),
        lambda: AlphaBeta(amount, 1e9).time_s(100),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"must be a number (from|above) 0, got"):
            call()


@pytest.mark.parametrize(
    "samples", [[1, 2], {1024: 1.0, 2048: 2.0}, {"1024": [1.0], "2048": [2.0]}]
)
def test_samples_in_another_form_are_a_sentence(samples):
    for fit in (plan.fit_alpha_beta, plan.fit_amdahl, plan.fit_gustafson):
        with pytest.raises(TypeError, match="a dict from a number to a list of times"):
            fit(samples)


def test_an_unknown_collective_names_the_known_ones():
    with pytest.raises(ValueError, match="all-reduce, all-reduce in the network"):
        plan.bus_factor(8, "gossip")
    with pytest.raises(ValueError, match="at least one rank"):
        plan.bus_factor(0)
