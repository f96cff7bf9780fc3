"""stumpy: matrix profiles of its kernels against those of its CPU code.

A profile has rows of the distance to the nearest neighbour and three places; the distances agree to
rounding, the places exactly.
"""

import numpy as np
import pytest
import stumpy

WINDOW = 20


@pytest.fixture
def series():
    return np.random.default_rng(20).random(200)


@pytest.fixture
def other():
    return np.random.default_rng(21).random(150)


def assert_same_profile(on_gpu, on_cpu, k=1):
    """Distances in the first k columns, places in the others."""
    np.testing.assert_allclose(on_gpu[:, :k].astype(float), on_cpu[:, :k].astype(float), rtol=1e-9)
    np.testing.assert_array_equal(on_gpu[:, k:], on_cpu[:, k:])


def test_gpu_stump(series):
    assert_same_profile(stumpy.gpu_stump(series, WINDOW), stumpy.stump(series, WINDOW))


def test_gpu_stump_of_two_series(series, other):
    how = {"ignore_trivial": False, "k": 3}
    on_gpu = stumpy.gpu_stump(series, WINDOW, other, **how)
    assert_same_profile(on_gpu, stumpy.stump(series, WINDOW, other, **how), k=3)


def test_gpu_stump_where_values_are_missing(series):
    series[57:60] = np.nan
    assert_same_profile(stumpy.gpu_stump(series, WINDOW), stumpy.stump(series, WINDOW))


def test_gpu_aamp(series):
    assert_same_profile(stumpy.gpu_aamp(series, WINDOW), stumpy.aamp(series, WINDOW))


def test_gpu_aamp_of_two_series(series, other):
    on_gpu = stumpy.gpu_aamp(series, WINDOW, other, ignore_trivial=False)
    assert_same_profile(on_gpu, stumpy.aamp(series, WINDOW, other, ignore_trivial=False))


def test_gpu_stimp(series):
    windows = {"min_m": 8, "max_m": 12}
    on_gpu = stumpy.gpu_stimp(series, **windows)
    on_cpu = stumpy.stimp(series, percentage=1.0, **windows)
    for _ in range(3):
        on_gpu.update()
        on_cpu.update()
    np.testing.assert_allclose(on_gpu.PAN_, on_cpu.PAN_, rtol=1e-9)
