"""Real ranks: torch's pipelines against our orders, and what each way of sharding sends."""

import sys

import pytest

from labkit.cluster import PIPELINES, run_pipelines, run_ranks
from labkit.plan.pipeline import SCHEDULES, idle_share, order_of, play
from labkit.plan.zero import FP32_ADAM, zero_bytes, zero_sent_bytes

pytest.importorskip("torch", reason="ranks need PyTorch")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ranks need Linux or macOS")
N_RANKS, N_BATCHES, WIDTH = 2, 4, 8


@pytest.fixture(scope="module")
def runs():
    return run_pipelines(PIPELINES, N_RANKS, N_BATCHES, forward_s=0.0, n_steps=1)


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_finds_the_gradients_of_one_process(runs, name):
    assert runs[name].gradient_error < 1e-6


@pytest.mark.parametrize("name", SCHEDULES)
def test_torch_does_the_tasks_in_the_order_that_we_plan(runs, name):
    assert order_of(runs[name].spans) == SCHEDULES[name](N_RANKS, N_BATCHES)


@pytest.mark.parametrize("name", PIPELINES)
def test_the_order_of_every_schedule_can_be_played(runs, name):
    assert 0 <= idle_share(play(order_of(runs[name].spans))) <= 0.2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((["2F2B"],), "no schedule '2F2B'"), ((["1F1B"], 4, 6), "whole rounds of 4")],
)
def test_a_pipeline_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        run_pipelines(*arguments)


def test_a_pipeline_takes_a_step_at_least():
    with pytest.raises(ValueError, match="got n_steps=0"):
        run_pipelines(["1F1B"], n_steps=0)


def sends():
    """What one rank sends by each collective, as Traffic counts it."""
    import torch
    import torch.distributed as dist
    from torch import nn
    from torch.distributed.fsdp import fully_shard

    from labkit.cluster.held import held_bytes
    from labkit.cluster.traffic import Traffic

    dist.init_process_group("gloo")
    rank, n_ranks = dist.get_rank(), dist.get_world_size()
    eight, found = torch.ones(8), {}

    def count(name, function):
        with Traffic() as traffic:
            function()
        found[name] = traffic.totals()

    count("all-reduce", lambda: dist.all_reduce(eight))
    count("broadcast", lambda: dist.broadcast(eight, 0))
    count("all-gather", lambda: dist.all_gather_into_tensor(torch.empty(8 * n_ranks), eight))
    count("reduce-scatter", lambda: dist.reduce_scatter_tensor(torch.empty(8 // n_ranks), eight))
    count("all-to-all", lambda: dist.all_to_all_single(torch.empty(8), eight))
    there = [[1, 7], [1, 7]][rank]  # rank 0 keeps 1 and sends 7, rank 1 sends 1 and keeps 7
    back = [[1, 1], [7, 7]][rank]
    uneven = torch.empty(sum(back))
    count("uneven", lambda: dist.all_to_all_single(uneven, eight, back, there))
    count("send", lambda: dist.send(eight, 1) if rank == 0 else dist.recv(eight, 0))
    count("barrier", lambda: dist.barrier())

    ones = torch.ones(2, WIDTH)
    for stage in (0, 2, 3):
        model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH))
        if stage:
            for part in [*model, model]:
                fully_shard(part, reshard_after_forward=stage == 3)
        else:
            model = nn.parallel.DistributedDataParallel(model)
        for _ in range(3):  # the first steps of DDP also arrange its buckets
            count(f"stage {stage}", lambda model=model: model(ones).sum().backward())
        optimizer = torch.optim.Adam(model.parameters())
        optimizer.step()
        found[f"held at {stage}"] = held_bytes(model, optimizer)
    return found


@pytest.fixture(scope="module")
def sent():
    return run_ranks(sends, N_RANKS).returned


@pytest.mark.parametrize(
    ("kind", "sent_bytes"),
    [("all-reduce", 32), ("broadcast", 16), ("all-gather", 32), ("reduce-scatter", 16),
     ("all-to-all", 16)],
)  # fmt: skip
def test_a_collective_is_counted_with_what_a_ring_sends(sent, kind, sent_bytes):
    assert [of_rank[kind] for of_rank in sent] == [{kind: (1, sent_bytes)}] * 2


def test_what_a_rank_sends_to_itself_never_leaves(sent):
    assert [of_rank["uneven"]["all-to-all"] for of_rank in sent] == [(1, 28), (1, 4)]


def test_who_receives_sends_nothing(sent):
    assert [of_rank["send"] for of_rank in sent] == [{"send": (1, 32)}, {}]


def test_a_barrier_is_no_traffic(sent):
    assert sent[0]["barrier"] == {}


@pytest.mark.parametrize("stage", [0, 2, 3])
def test_training_sends_what_the_formula_says(sent, stage):
    n_parameters = 2 * (WIDTH + 1) * WIDTH
    total = sum(sent_bytes for _, sent_bytes in sent[0][f"stage {stage}"].values())
    assert total == zero_sent_bytes(n_parameters, N_RANKS, stage, itemsize=4)


@pytest.mark.parametrize("stage", [0, 3])
def test_a_rank_holds_what_the_formula_says(sent, stage):
    n_parameters = 2 * (WIDTH + 1) * WIDTH
    held = zero_bytes(n_parameters, N_RANKS, stage, FP32_ADAM)._asdict()
    assert [of_rank[f"held at {stage}"] for of_rank in sent] == [held] * N_RANKS


def test_fsdp_lets_go_of_its_parameters_after_a_step_at_stage_2_as_well(sent):
    assert sent[0]["held at 2"] == sent[0]["held at 3"]
