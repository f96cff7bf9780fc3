"""Timed all-reduces: sizes take turns, so that what disturbs the machine disturbs all of them."""

import pytest

from labkit.cluster import all_reduce

pytest.importorskip("torch")
SMALL, LARGE, ROUNDS = 1024, 1 << 20, 3


@pytest.fixture
def runs(monkeypatch):
    """The sizes of the all-reduces that one rank makes, in their order, and its times."""
    import torch.distributed as dist

    made = []
    monkeypatch.setattr(dist, "init_process_group", lambda backend: None)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    monkeypatch.setattr(dist, "all_reduce", lambda data: made.append(data.nbytes))
    return made, all_reduce._time((SMALL, LARGE), ROUNDS)


def test_each_size_has_one_time_a_round(runs):
    _, samples_s = runs
    assert list(samples_s) == [SMALL, LARGE]
    assert [len(times_s) for times_s in samples_s.values()] == [ROUNDS, ROUNDS]


def test_small_sizes_are_spread_over_all_rounds(runs):
    made, _ = runs
    turns = [size for size, before in zip(made, [None, *made], strict=False) if size != before]
    assert turns == [LARGE, SMALL] * ROUNDS


def test_a_small_size_runs_often_in_its_turn_and_a_large_one_once(runs):
    made, _ = runs
    assert made.count(LARGE) == ROUNDS
    assert made.count(SMALL) > 20 * ROUNDS
