"""The planner of servers: its parts, its limits, and how it does on published runs."""

import math

import bench_serving_plan
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.plan.inference import (
    LLAMA_3_8B,
    LLAMA_3_70B,
    LLAMA_3_405B,
    OPT_13B,
    TENSORRT_LLM,
    VLLM,
    Deployment,
    Traffic,
    disaggregated,
    largest_batch,
    offline_tokens_per_s,
    plan_serving,
    step,
)

CHAT = Traffic(prompt=200, output=400)
EIGHT = Deployment(LLAMA_3_8B, "h100-sxm")
SEVENTY = Deployment(LLAMA_3_70B, "h100-sxm", 4)
MONEY = {"usd_per_chip_hour": 3.0, "power_w": 1000.0}


def test_a_token_of_opt_13b_takes_800_kib_of_cache():
    assert OPT_13B.kv_bytes_per_token(2) == 800 * 1024


def test_grouped_queries_take_an_eighth_of_the_cache():
    everyone = LLAMA_3_70B.kv_bytes_per_token(2) * LLAMA_3_70B.n_heads / LLAMA_3_70B.n_kv_heads
    assert everyone == 8 * LLAMA_3_70B.kv_bytes_per_token(2)


@pytest.mark.parametrize(
    ("model", "width"), [(LLAMA_3_8B, 14336), (LLAMA_3_70B, 28672), (LLAMA_3_405B, 53248)]
)
def test_the_width_of_the_mlp_follows_from_the_parameters(model, width):
    assert model.d_ff == pytest.approx(width, rel=0.02)


def test_a_step_is_the_sum_of_its_parts():
    one = step(SEVENTY, CHAT, 32)
    assert one.time_s == pytest.approx(sum(one.parts_s.values()))
    assert one.tokens_per_s == pytest.approx(32 / one.time_s)
    low, high = one.band_tokens_per_s
    assert low < one.tokens_per_s < high


def test_one_sequence_waits_for_the_weights_and_a_full_batch_for_products():
    assert step(EIGHT, CHAT, 1).bound == "reading weights"
    prompts = Traffic(prompt=4000, output=100)
    assert step(EIGHT, prompts, 64).bound == "products"


@given(st.floats(1, 500), st.floats(1.1, 3))
def test_a_larger_batch_makes_more_tokens_and_each_later(batch, factor):
    small, large = step(SEVENTY, CHAT, batch), step(SEVENTY, CHAT, batch * factor)
    assert large.time_s > small.time_s
    assert large.tokens_per_s > small.tokens_per_s


@given(st.integers(1, 256))
def test_fewer_bytes_a_weight_never_slow_reading_them(batch):
    half = Deployment(LLAMA_3_8B, "h100-sxm", weight_bytes=1.0, kv_bytes=1.0)
    assert step(half, CHAT, batch).kv_s < step(EIGHT, CHAT, batch).kv_s
    assert step(half, CHAT, 1).products_s == pytest.approx(step(EIGHT, CHAT, 1).products_s / 2)


@given(st.floats(0.004, 0.2))
def test_the_largest_batch_keeps_to_the_objective_and_the_next_does_not(tpot_s):
    batch = largest_batch(SEVENTY, CHAT, tpot_s)
    if batch:
        assert step(SEVENTY, CHAT, batch).time_s <= tpot_s
    if batch < min(SEVENTY.most_sequences(CHAT), VLLM.most_sequences):
        assert step(SEVENTY, CHAT, batch + 1).time_s > tpot_s


def test_a_graph_of_fixed_size_is_filled_up():
    assert step(EIGHT, CHAT, 257, TENSORRT_LLM).logits_s == pytest.approx(
        step(EIGHT, CHAT, 384, TENSORRT_LLM).logits_s
    )


def test_requests_come_and_go_in_waves():
    fits = min(EIGHT.most_sequences(CHAT), TENSORRT_LLM.most_sequences)
    whole = offline_tokens_per_s(EIGHT, CHAT, 2 * fits)
    one_more = offline_tokens_per_s(EIGHT, CHAT, 2 * fits + 1)
    assert whole == pytest.approx(step(EIGHT, CHAT, fits, TENSORRT_LLM).tokens_per_s)
    assert one_more < 0.95 * whole  # a last wave of one request takes nearly as long


def test_a_plan_has_chips_for_the_load_and_a_spare():
    plan = plan_serving(SEVENTY, CHAT, 10.0, tpot_s=0.04, headroom=0.7, n_spares=1, **MONEY)
    needed = 10.0 * CHAT.output / (0.7 * plan.step.tokens_per_s)
    assert plan.n_replicas == math.ceil(needed) + 1
    assert plan.n_chips == 4 * plan.n_replicas
    assert plan.step.time_s <= 0.04
    chip_hours = plan.n_chips / plan.tokens_per_s * 1e6 / 3600
    assert plan.usd_per_million_tokens == pytest.approx(3.0 * chip_hours)
    assert plan.j_per_million_tokens == pytest.approx(1000 * 3600 * chip_hours)


def test_an_objective_that_nothing_meets_is_said():
    with pytest.raises(ValueError, match=r"No batch keeps to 1 ms .* \(reading weights\)"):
        plan_serving(SEVENTY, CHAT, 10.0, tpot_s=0.001, **MONEY)


def test_a_model_that_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"does not fit on 1 × h100-sxm: take more chips"):
        Deployment(LLAMA_3_70B, "h100-sxm")


@pytest.mark.parametrize("name", ["tpu-v1", "mi300x"])
def test_a_chip_whose_servers_are_not_known_is_said(name):
    with pytest.raises(ValueError, match="How servers do is known for a100, h100"):
        Deployment(LLAMA_3_8B, name)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Deployment(LLAMA_3_8B, "h100-sxm", 3), "32 heads, which 3 chips cannot share"),
        (lambda: Deployment(LLAMA_3_8B, "h100-sxm", 2.5), "which 2.5 chips cannot share evenly"),
        (lambda: Deployment(LLAMA_3_8B, "h100-sxm", weight_bytes=8), "so 1 stands for 8 bits"),
        (lambda: Deployment(LLAMA_3_8B, "h100-sxm", kv_bytes=0), "kv_bytes must be a number above"),
        (lambda: Traffic(100, 0), "output must be a number above 0, got 0"),
        (lambda: Traffic(-1, 100), "prompt must be a number from 0, got -1"),
        (lambda: Traffic(math.nan, 100), "got nan"),
        (lambda: offline_tokens_per_s(EIGHT, CHAT, 0), "n_requests must be a whole number from 1"),
        (lambda: offline_tokens_per_s(EIGHT, CHAT, 2.5), "whole number from 1, got 2.5"),
        (lambda: largest_batch(EIGHT, CHAT, -1), "tpot_s must be a number above 0, got -1"),
        (lambda: served(requests_per_s=0), "requests_per_s must be a number above 0, got 0"),
        (lambda: served(n_spares=-3), "n_spares must be a whole number from 0, got -3"),
        (lambda: served(n_spares=0.5), "n_spares must be a whole number from 0, got 0.5"),
        (lambda: served(headroom=70), "headroom must be a number above 0 to 1, got 70"),
        (lambda: disaggregated(EIGHT, CHAT, 8, link_bytes_per_s=-1), "above 0, got -1"),
        (lambda: disaggregated(EIGHT, CHAT, 10**6), "there is room for"),
    ],
)
def test_what_cannot_be_served_is_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def served(requests_per_s=10.0, **options):
    return plan_serving(EIGHT, CHAT, requests_per_s, tpot_s=0.04, **MONEY, **options)


def test_chips_beyond_the_kv_heads_hold_copies_of_the_cache():
    """Llama has 8 KV heads: 16 chips hold each of them twice, so the cache has no more room."""
    eight, sixteen = (Deployment(LLAMA_3_70B, "h100-sxm", n) for n in (8, 16))
    per_token = LLAMA_3_70B.kv_bytes_per_token() / 8
    fits = sixteen.most_sequences(CHAT) * per_token * (CHAT.prompt + CHAT.output)
    assert fits <= sixteen.cache_bytes < 1.2 * eight.cache_bytes
    assert step(sixteen, CHAT, 64).kv_s == step(eight, CHAT, 64).kv_s


def test_requests_without_a_prompt_need_nobody_to_read_one():
    assert disaggregated(EIGHT, Traffic(0, 100), 8).prefill_per_decode == 0


@pytest.mark.parametrize("batch", [0, -1, math.nan, math.inf, "8", None])
def test_a_batch_of_nothing_is_refused(batch):
    with pytest.raises(ValueError, match="above 0"):
        step(EIGHT, CHAT, batch)


def test_apart_the_tokens_come_sooner_and_the_prompts_need_chips_of_their_own():
    long = Traffic(prompt=4000, output=200)
    apart = disaggregated(SEVENTY, long, 32)
    assert apart.tpot_s < apart.together_tpot_s
    assert apart.prefill_per_decode > 0
    kv_bytes = LLAMA_3_70B.kv_bytes_per_token(2) * 4000
    assert apart.transfer_s == pytest.approx(kv_bytes / 50e9)


def test_short_prompts_need_few_replicas_of_their_own():
    short, long = (disaggregated(SEVENTY, Traffic(p, 200), 32) for p in (50, 4000))
    assert short.prefill_per_decode < 0.1 * long.prefill_per_decode


def test_the_published_runs_come_out_as_the_goals_ask(capsys):
    bench_serving_plan.report()
    told = capsys.readouterr().out
    assert "| P6 | TensorRT-LLM, FP8, H100 and H200 | 60 |" in told
    assert "MISSED" not in told


def test_a_file_without_the_columns_is_said(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("model,batch\nx,1\n")
    with pytest.raises(SystemExit, match="lacks the columns chip"):
        bench_serving_plan.report(path)


def test_a_row_that_is_no_run_is_told_and_left_out(tmp_path, capsys):
    rows = [",".join(bench_serving_plan.COLUMNS)]
    good = "mlenergy,M,8e9,32,4096,32,8,128,128256,H100,1,2,2,200,400,8,1000"
    rows += [good, good.replace("H100", "abacus"), good.replace("8e9", "many"),
             good.replace(",8,1000", ",,1000"), good.replace(",1000", ",0")]  # fmt: skip
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(rows))
    kept = list(bench_serving_plan.runs_of(bench_serving_plan.rows_of(path)))
    assert len(kept) == 1
    told = capsys.readouterr().out
    assert "row 2 (M) is left out: chip 'abacus' is none of H100" in told
    assert all(f"row {n} (M) is left out" in told for n in (3, 4, 5))
