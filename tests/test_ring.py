"""Rings: the practice ring, and the course's ring on real ranks against the library's."""

import numpy as np
import pytest

import labkit as lk
from labkit.cluster import PracticeRing, RingError, RingLinks, all_reduce_by, why_no_hosts
from labkit.teach.registry import solution


def pass_on(rank, n_ranks, send, receive):
    send(np.array([rank]))
    return int(receive(np.array([0]))[0])


def test_everybody_hears_from_the_rank_before():
    assert PracticeRing(4).run(pass_on) == [3, 0, 1, 2]


def test_a_deadlock_ends_at_once_and_is_named():
    def wait(rank, n_ranks, send, receive):
        receive(np.array([0]))
        send(np.array([0]))

    with pytest.raises(RingError, match="3 of 3 ranks wait forever: rank 0 waits for a message of"):
        PracticeRing(3).run(wait)


def test_a_part_of_the_wrong_size_is_named():
    def confuse(rank, n_ranks, send, receive):
        send(np.zeros(3))
        receive(np.zeros(2))

    with pytest.raises(RingError, match=r"wants to receive 2 numbers, and rank \d sent 3"):
        PracticeRing(2).run(confuse)


def test_a_part_of_another_type_is_named():
    def confuse(rank, n_ranks, send, receive):
        send(np.zeros(3, int))
        receive(np.zeros(3))

    with pytest.raises(RingError, match="sent an array of int64 and gives an array of float64"):
        PracticeRing(2).run(confuse)


def test_a_message_that_nobody_takes_is_named():
    def talk(rank, n_ranks, send, receive):
        send(np.zeros(3))

    with pytest.raises(RingError, match="were never received"):
        PracticeRing(2).run(talk)


def test_a_ring_begins_anew_after_a_run_that_failed():
    ring = PracticeRing(2)
    with pytest.raises(RingError):
        ring.run(lambda rank, n_ranks, send, receive: send(np.ones(2)))
    assert ring.run(lambda rank, n_ranks, send, receive: rank) == [0, 1]
    assert ring.sent == [[], []]


@pytest.mark.parametrize("n_ranks", [0, -1, 2.0])
def test_a_ring_of_nobody_is_refused(n_ranks):
    with pytest.raises(ValueError, match="whole number of ranks from 1"):
        PracticeRing(n_ranks)


def test_what_a_rank_raises_comes_out_and_lets_the_others_go():
    def fail(rank, n_ranks, send, receive):
        if rank == 1:
            raise KeyError("one")
        receive(np.zeros(1))

    with pytest.raises(KeyError, match="one"):
        PracticeRing(3).run(fail)


def differences(halves, sizes):
    """In a rank: how far the ring is off the library's all-reduce, for each dtype."""
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    off = {"int64": 0.0, "float32": 0.0}
    with RingLinks() as links:
        for size in sizes:
            for dtype in off:
                rng = np.random.default_rng(100 * size + links.rank)
                data = (1000 * rng.standard_normal(size)).astype(dtype)
                theirs = torch.from_numpy(data.copy())
                dist.all_reduce(theirs)
                ours, theirs = all_reduce_by(*halves, data, links), theirs.numpy()
                scale = max(1.0, np.abs(theirs).max())
                off[dtype] = max(off[dtype], float(np.abs(ours - theirs).max() / scale))
    return off


@pytest.mark.parametrize("n_ranks", [2, 3, 4])
def test_the_ring_is_the_librarys_also_for_sizes_that_do_not_divide(n_ranks):
    pytest.importorskip("torch")
    halves = solution("15.t1"), solution("15.t2")
    run = lk.run_ranks(differences, n_ranks, args=(halves, (1, 3, 5, 64, 1001)), show=False)
    for off in run.returned:
        assert off["int64"] == 0
        assert off["float32"] <= 1e-6


def test_links_carry_what_the_formula_says():
    if why := why_no_hosts():
        pytest.skip(why)
    pytest.importorskip("torch")
    halves, n_bytes = (solution("15.t1"), solution("15.t2")), 300_000
    for trace in lk.cluster.watch_links(3, n_bytes, halves).by_rank:
        assert trace.sent_bytes[0] == 0
        sent = lk.plan.bus_factor(3) * n_bytes
        assert sent <= trace.sent_bytes[-1] <= 1.1 * sent  # and headers
    one, *others = (t.sent_bytes[-1] for t in lk.cluster.watch_links(3, n_bytes).by_rank)
    assert 2 * n_bytes <= one <= 2.2 * n_bytes
    assert all(n_bytes <= sent <= 1.1 * n_bytes for sent in others)
