"""Feeding an accelerator: limits, the batches followed one by one, checkpoints."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.plan import feed, training
from labkit.plan.feed import Loader, Storage, checkpoint_bytes, checkpoint_write_s, play

TIMES = st.floats(0.001, 1.0)
WORKERS = st.integers(1, 6)


def loader(**changes):
    """4 samples a batch; a step of 0.1 s; 0.2 s to decode a batch, and nothing to read."""
    return Loader(**{"batch": 4, "step_s": 0.1, "decode_s": 0.05} | changes)


# Limits


def test_without_workers_loading_and_computing_add_up():
    alone = loader()
    assert alone.batch_s == pytest.approx(0.3)
    assert alone.bottleneck == "in turns"


@pytest.mark.parametrize(
    ("changes", "bottleneck", "batch_s"),
    [
        ({"workers": 1}, "workers", 0.2),
        ({"workers": 2}, "accelerator", 0.1),
        ({"workers": 2, "handover_s": 0.05}, "accelerator", 0.15),
        ({"workers": 8, "cores": 1}, "cores", 0.2),
        ({"workers": 8, "sample_bytes": 1e6, "storage": Storage(bandwidth_bytes_per_s=8e6)},
         "storage", 0.5),
        ({"workers": 8, "sample_bytes": 1, "storage": Storage(requests_per_s=10)}, "storage", 0.4),
        ({"workers": 2, "storage": Storage(latency_s=0.1)}, "workers", 0.3),
    ],
)  # fmt: skip
def test_the_part_that_needs_longest_sets_the_pace(changes, bottleneck, batch_s):
    feeding = loader(**changes)
    assert (feeding.bottleneck, feeding.batch_s) == (bottleneck, pytest.approx(batch_s))


def test_one_request_for_many_samples_waits_once():
    small = loader(storage=Storage(latency_s=0.01))
    shard = loader(storage=Storage(latency_s=0.01), requests_per_sample=0.25)
    assert small.read_s == pytest.approx(0.04)
    assert shard.read_s == pytest.approx(0.01)


def test_utilisation_is_compute_time_over_running_time():
    assert loader(workers=1).utilisation == pytest.approx(0.5)


def test_hunger_is_what_a_step_eats_in_its_time():
    """MLPerf Storage's 3D U-Net on an H100: 7 samples of 146.6 MB in 0.323 s."""
    assert Loader(batch=7, step_s=0.323, sample_bytes=146_600_628).hunger_bytes_per_s == (
        pytest.approx(3.177e9, rel=1e-3)
    )


# Batches followed one by one


@given(TIMES, TIMES, WORKERS, st.integers(1, 4), st.floats(0, 0.1))
@settings(max_examples=60)
def test_alike_batches_come_as_fast_as_the_limits_say(step_s, load_s, workers, prefetch, over_s):
    feeding = Loader(
        batch=1, step_s=step_s, decode_s=load_s, workers=workers, prefetch=prefetch,
        handover_s=over_s,
    )  # fmt: skip
    # Whole rounds of the workers, as they may deliver in bursts.
    taken = play(feeding, 60 * workers).taken_s
    rate_s = (taken[-1] - taken[-1 - 30 * workers]) / (30 * workers)
    assert rate_s == pytest.approx(feeding.batch_s, rel=0.02)


@given(
    TIMES, TIMES, st.integers(0, 6), st.integers(1, 4), st.integers(1, 4), TIMES,
    st.floats(0, 0.5),
)  # fmt: skip
@settings(max_examples=60)
def test_nothing_is_faster_than_the_limits(step_s, load_s, workers, prefetch, cores, busy, latency):
    storage = Storage(bandwidth_bytes_per_s=1 / busy, latency_s=latency)
    feeding = Loader(
        batch=1, step_s=step_s, decode_s=load_s, workers=workers, prefetch=prefetch, cores=cores,
        sample_bytes=1, storage=storage,
    )  # fmt: skip
    n = 60 * max(1, workers)
    # What was prefetched while the pipeline filled can make up for some batches, once.
    ahead = max(1, workers) * prefetch
    assert play(feeding, n).taken_s[-1] >= (n - 1 - ahead) * feeding.batch_s * (1 - 1e-9)


@given(st.integers(0, 5), st.integers(1, 3), st.lists(TIMES, min_size=8, max_size=30), TIMES)
@settings(max_examples=60)
def test_each_batch_is_decoded_and_computed_once_in_order(workers, prefetch, times_s, step_s):
    feeding = Loader(batch=1, step_s=step_s, decode_s=0.1, workers=workers, prefetch=prefetch)
    rows = play(feeding, len(times_s), times_s).rows
    spans = [span for some in rows.values() for span in some]
    every = [str(n) for n in range(len(times_s))]
    computed = [batch for _, _, kind, batch in rows["accelerator"] if kind == "compute"]
    assert computed in (every, every[:-1])  # it ends when the last batch is taken
    decoded = Counter(batch for _, _, kind, batch in spans if kind == "decode")
    assert set(decoded) == set(every)
    assert set(decoded.values()) == {1}


@given(WORKERS, st.integers(1, 3), st.lists(TIMES, min_size=8, max_size=30), TIMES)
@settings(max_examples=60)
def test_a_worker_is_never_further_ahead_than_it_may(workers, prefetch, times_s, step_s):
    feeding = Loader(batch=1, step_s=step_s, decode_s=0.1, workers=workers, prefetch=prefetch)
    played = play(feeding, len(times_s), times_s)
    for name, spans in played.rows.items():
        for start, _, kind, batch in spans:
            before = int(batch) - workers * prefetch
            if kind == "decode" and before >= 0:
                assert start >= played.taken_s[before] - 1e-9, name


def test_a_deeper_queue_hides_one_slow_batch():
    times_s = [0.05] * 20
    times_s[10] = 0.4
    ends = {
        prefetch: play(loader(workers=1, prefetch=prefetch), 20, times_s).taken_s[-1]
        for prefetch in (1, 6)
    }
    assert ends[1] == pytest.approx(0.05 + 18 * 0.1 + 0.4, abs=0.01)
    assert ends[6] == pytest.approx(0.05 + 19 * 0.1, abs=0.01)


def test_cores_are_shared():
    played = play(loader(workers=4, cores=2), 80)
    assert played.batch_s == pytest.approx(0.1, rel=0.05)
    assert play(loader(workers=4, cores=1), 80).batch_s == pytest.approx(0.2, rel=0.05)


# Checkpoints


def test_a_checkpoint_holds_what_training_cannot_make_again():
    """The weights and state of lesson 17's planner."""
    constant = training.accelerator("h100").constant
    each = constant("weight_bytes") + constant("state_bytes")
    model = training.models()["llama3-405B"]
    assert checkpoint_bytes(model.parameters) == pytest.approx(each * model.parameters)
    assert checkpoint_bytes(405e9) == pytest.approx(5.67e12)


def test_writers_and_storage_each_limit_the_writing():
    assert checkpoint_write_s(1e12, 1e11) == pytest.approx(10)
    assert checkpoint_write_s(1e12, 1e11, 8, 5e9) == pytest.approx(25)


# Nonsense is refused with a sentence


@pytest.mark.parametrize(
    "nonsense",
    [
        {"batch": 0}, {"batch": 1.5}, {"workers": -1}, {"prefetch": 0}, {"step_s": -1},
        {"step_s": math.nan}, {"decode_s": math.inf}, {"cores": 0}, {"step_s": "1"},
        {"cores": 1.5}, {"cores": 0.5},
        {"step_s": 0.0, "decode_s": 0.0}, {"sample_bytes": -1}, {"handover_s": -1},
    ],
    ids=str,
)  # fmt: skip
def test_nonsense_is_refused(nonsense):
    with pytest.raises(ValueError, match=r"[a-z].*\.$"):
        loader(**nonsense)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Storage(bandwidth_bytes_per_s=0), lambda: Storage(latency_s=-1),
        lambda: Storage(requests_per_s=math.nan), lambda: play(loader(), 2),
        lambda: play(loader(), 4, [1, 2]), lambda: play(loader(), 3, [1, 2, -1]),
        lambda: checkpoint_bytes(-1), lambda: checkpoint_write_s(1, 0),
        lambda: checkpoint_write_s(1, 1e9, 0), lambda: checkpoint_write_s(1, math.nan),
        lambda: checkpoint_write_s(1, "1 GB/s"), lambda: checkpoint_write_s(1, 1e9, 1, None),
    ],
)  # fmt: skip
def test_other_nonsense_is_refused(call):
    with pytest.raises(ValueError, match=r"[a-z].*\.$"):
        call()


def test_the_room_shows_what_it_has():
    assert all(hasattr(feed, name) for name in feed.__all__)
