"""Amdahl, Gustafson, and the fit of the serial share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.measure import recorded_times
from labkit.plan import amdahl, fit_amdahl, fit_gustafson, gustafson, roofline
from labkit.results import published, recorded
from labkit.workload import matmul

SHARES = st.floats(0, 1)
WORKERS = st.integers(1, 100_000)


def noisy_times_s(share, counts, seed, n_samples=31):
    """Times of a program of 1 s, give or take 3 %, a tenth of them interrupted."""
    rng = np.random.default_rng(seed)
    return {
        n: rng.lognormal(0, 0.03, n_samples)
        * (1 + (rng.random(n_samples) < 0.1) * rng.exponential(0.5, n_samples))
        / amdahl(n, share)
        for n in counts
    }


# The laws


@given(SHARES)
def test_one_worker_is_no_faster_than_one_worker(share):
    assert amdahl(1, share) == pytest.approx(1)
    assert gustafson(1, share) == 1


@given(WORKERS, SHARES)
def test_no_speed_up_is_above_the_number_of_workers(n, share):
    assert amdahl(n, share) <= n * (1 + 1e-12)
    assert gustafson(n, share) <= n


@given(WORKERS, st.floats(1e-3, 1))
def test_the_serial_part_alone_bounds_amdahl(n, share):
    assert amdahl(n, share) <= 1 / share


@given(WORKERS, SHARES)
def test_the_laws_agree_once_both_shares_are_of_one_run(n, share):
    """A share s of the run on one worker is s × speed-up of the run on n."""
    speedup = amdahl(n, share)
    assert gustafson(n, min(share * speedup, 1)) == pytest.approx(speedup)


def test_a_hundredth_that_is_serial_halves_a_hundred_workers():
    assert amdahl(100, 0.01) == pytest.approx(50.25, abs=0.01)


@pytest.mark.parametrize("law", [amdahl, gustafson])
def test_nonsense_gets_a_sentence(law):
    with pytest.raises(ValueError, match="at least one worker, got 0"):
        law(0, 0.1)
    with pytest.raises(ValueError, match="between 0 and 1, got 10"):
        law(8, 10)
    with pytest.raises(ValueError, match="at least one worker, got eight"):
        law("eight", 0.1)
    with pytest.raises(ValueError, match="between 0 and 1, got None"):
        law(8, None)


def test_infinitely_many_workers_have_a_limit_by_one_law_only():
    assert amdahl(float("inf"), 0.1) == 10
    with pytest.raises(ValueError, match="n_workers must be finite"):
        gustafson(float("inf"), 1.0)


# The fits


@given(st.floats(0, 1), st.lists(st.integers(1, 500), min_size=2, max_size=6, unique=True))
def test_a_program_that_obeys_amdahl_gets_its_share_back(share, counts):
    times_s = {n: [1 / amdahl(n, share)] for n in counts}
    assert fit_amdahl(times_s).value == pytest.approx(share, abs=1e-6)


@given(st.floats(0, 1), st.lists(st.integers(2, 5000), min_size=1, max_size=6, unique=True))
def test_a_program_that_obeys_gustafson_gets_its_share_back(share, counts):
    speedups = {n: [gustafson(n, share)] for n in counts}
    assert fit_gustafson(speedups).value == pytest.approx(share, abs=1e-9)


def test_the_share_does_not_depend_on_the_unit_of_time():
    times_s = noisy_times_s(0.1, (1, 2, 4), seed=0)
    times_ms = {n: 1000 * samples for n, samples in times_s.items()}
    assert fit_amdahl(times_ms) == pytest.approx(fit_amdahl(times_s))


@pytest.mark.parametrize("counts", [(1, 2), (1, 2, 4, 8, 16)])
def test_the_interval_contains_the_truth_at_least_nine_times_in_ten(counts):
    fits = [fit_amdahl(noisy_times_s(0.1, counts, seed)) for seed in range(100)]
    assert sum(fit.low <= 0.1 <= fit.high for fit in fits) >= 90


def test_two_cores_leave_a_wider_interval_than_sixteen():
    few, many = (
        fit_amdahl(noisy_times_s(0.1, counts, seed=1)) for counts in ((1, 2), (1, 2, 4, 8, 16))
    )
    assert few.high - few.low > 2 * (many.high - many.low)


def test_the_same_samples_give_the_same_interval():
    times_s = noisy_times_s(0.1, (1, 2), seed=2)
    assert fit_amdahl(times_s) == fit_amdahl(times_s)


def test_five_samples_are_too_few_for_an_interval():
    fit = fit_amdahl(noisy_times_s(0.1, (1, 2), seed=3, n_samples=5))
    assert fit[1:] == (None, None)


def test_a_share_never_leaves_0_to_1():
    assert fit_amdahl({1: [1.0], 2: [0.4]}).value == 0  # faster than two workers can be
    assert fit_amdahl({1: [1.0], 2: [1.4]}).value == 1  # slower than one


@pytest.mark.parametrize("samples", [{}, {1: [1.0]}, {0: [1.0], 2: [0.5]}])
def test_a_fit_without_workers_enough_gets_a_sentence(samples):
    with pytest.raises(ValueError, match="numbers of workers"):
        fit_amdahl(samples)


@pytest.mark.parametrize("samples", [{1: [1.0], 2: []}, {1: [1.0], 2: [-0.5]}, {1: ["a"], 2: [1]}])
def test_samples_that_are_no_times_get_a_sentence(samples):
    with pytest.raises(ValueError, match="positive numbers"):
        fit_amdahl(samples)


# What lessons 03 and 04 say of published and recorded figures


def test_a_plain_ratio_of_times_is_not_megatrons_weak_scaling():
    """Work per GPU is not constant there, so the ratio even exceeds 100 %."""
    rows = published("megatron-v1-weak-scaling").rows
    ratios = [rows[0]["iteration_s"] / row["iteration_s"] for row in rows]
    assert [round(100 * ratio, 1) for ratio in ratios] == [100, 103.7, 94.9, 85.4]


def test_megatrons_three_rows_follow_from_one_size_of_the_smallest_model():
    """1.163 billion rounds to the printed 1.2, and the sizes that follow round as printed."""
    first, *rows = published("megatron-v1-weak-scaling").rows
    sizes = [
        row["weak_scaling_fraction"] * row["n_gpus"] * 1.163 * row["iteration_s"]
        / first["iteration_s"] for row in rows
    ]  # fmt: skip
    assert [round(size, 1) for size in sizes] == [2.0, 4.2, 8.7]


def test_the_recorded_gpu_stays_below_its_data_sheet():
    sweep, roof = recorded("vidur-h100-mlp"), roofline("h100-sxm", "bf16")
    for row in sweep.rows:
        work = matmul(row["n_rows"], row["n_columns"], row["n_inner"], itemsize=2)
        assert roof.time_s(work) < row["time_s"] < 2.5 * roof.time_s(work)


# What lesson 03 says of the recorded runs on sixteen cores


def run(experiment):
    return recorded_times(f"cpu-{experiment}-16-cores")


def recorded_gain(experiment):
    return run(experiment).speedup(16).value


def apparent_share(rate_over_one, n):
    return (1 / rate_over_one - 1 / n) / (1 - 1 / n)


def test_threads_cost_about_as_much_on_4_as_on_16_and_for_reading_as_for_arithmetic():
    for experiment in ("polynomial", "read"):
        times_s = run(experiment).medians_s
        lost_s = [times_s[n] - times_s[1] / n for n in (4, 8, 16)]
        assert lost_s == pytest.approx([1.7e-3] * 3, rel=0.15)
    assert run("read").medians_s[1] < 0.6 * run("polynomial").medians_s[1]


def test_later_doublings_bring_less_to_reading():
    times_s = run("read").medians_s
    gains = [times_s[n] / times_s[2 * n] for n in (2, 4, 8)]
    assert gains == sorted(gains, reverse=True)
    assert gains[-1] > 1.3


@pytest.mark.parametrize("experiment", ["polynomial", "read"])
def test_the_apparent_share_of_a_fixed_cost_stays(experiment):
    times_s = run(experiment).medians_s
    shares = [apparent_share(times_s[1] / times_s[n], n) for n in (4, 8, 16)]
    assert max(shares) < 1.4 * min(shares)


def test_the_apparent_share_of_a_saturated_memory_grows():
    rates = {row["n_processes"]: row["rate_over_one"] for row in recorded("petsc-streams").rows}
    shares = [apparent_share(rates[n], n) for n in (4, 6, 12)]
    assert shares[2] > 1.8 * shares[1] > 3 * shares[0]
    assert rates[12] < 1.05 * rates[6]


def test_times_on_eight_cores_predict_sixteen():
    times = run("program")
    fit = fit_amdahl({n: times.samples_s[n] for n in (1, 2, 4, 8)})
    timed = times.speedup(1, over=0)
    assert fit.value == pytest.approx(0.25, abs=0.02)
    assert fit.low > timed.high
    predicted, measured = amdahl(16, fit.value), times.speedup(16)
    assert measured.low < predicted < measured.high
    assert times.speedup(16, over=8).high < 1.25


def test_the_program_stays_somewhat_below_amdahls_law():
    times_s = recorded_times("cpu-program-16-cores").medians_s
    law = amdahl(16, times_s[0] / times_s[1])
    assert 0.75 * law < recorded_gain("program") < law


def test_tables_side_by_side_take_at_least_half_as_long_again():
    apart = recorded_times("cpu-false-sharing", "apart_bytes")
    assert apart.speedup(4096, over=32).low > 1.5
