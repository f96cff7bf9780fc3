"""xarray-spatial: its kernels against its CPU code, on a landscape of random heights.

It hands its kernels CuPy arrays. Here NumPy's stand in their place: the memory of the simulated
device is that of the host.
"""

import sys
from importlib import import_module

import numpy as np
import pytest

# By their whole names: `from xrspatial import slope` is the function of that name.
aspect, classify, convolution, curvature, focal, hillshade, perlin, slope = (
    import_module(f"xrspatial.{name}")
    for name in (
        "aspect", "classify", "convolution", "curvature", "focal", "hillshade", "perlin", "slope",
    )
)  # fmt: skip
KERNEL = np.array([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])
ELLIPSOID = (slope.WGS84_A2, slope.WGS84_B2, 1.0)  # squared axes, and metres per unit of height


@pytest.fixture(autouse=True)
def numpy_for_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", np)
    for module in (aspect, classify, convolution, curvature, focal, perlin, slope):
        monkeypatch.setattr(module, "cupy", np)


@pytest.fixture
def heights():
    """In metres; 24 × 37 fills no whole number of blocks."""
    return np.random.default_rng(22).uniform(0, 1000, (24, 37)).astype(np.float32)


@pytest.fixture
def with_a_gap(heights):
    heights[3, 4] = np.nan
    return heights


def assert_same(on_gpu, on_cpu, atol=0.0):
    assert np.isfinite(on_cpu).any()
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-5, atol=atol)


def test_slope(with_a_gap):
    assert_same(slope._run_cupy(with_a_gap, 1.5, 2.0), slope._run_numpy(with_a_gap, 1.5, 2.0))


def test_aspect(with_a_gap):
    in_degrees = aspect._run_numpy(with_a_gap)
    assert_same(aspect._run_cupy(with_a_gap), in_degrees, atol=1e-4)


def test_curvature(with_a_gap):
    assert_same(curvature._run_cupy(with_a_gap, 1.5), curvature._run_numpy(with_a_gap, 1.5))


def test_hillshade(with_a_gap):
    on_cpu = hillshade._run_numpy(with_a_gap, 225, 25)
    assert_same(hillshade._run_cupy(with_a_gap, 225, 25), on_cpu, atol=1e-6)


@pytest.mark.parametrize("module", [slope, aspect], ids=["slope", "aspect"])
def test_on_the_ellipsoid(module, with_a_gap):
    degrees = np.linspace(40, 41, 24), np.linspace(5, 6, 37)
    latitude, longitude = np.meshgrid(*degrees, indexing="ij")
    arguments = (with_a_gap, latitude, longitude, *ELLIPSOID)
    assert_same(module._run_cupy_geodesic(*arguments), module._run_numpy_geodesic(*arguments))


def test_convolve_2d(with_a_gap):
    on_cpu = convolution._convolve_2d_numpy(with_a_gap, KERNEL)
    assert_same(convolution._convolve_2d_cupy(with_a_gap, KERNEL), on_cpu)


def test_mean(with_a_gap):
    excluded = np.array([np.nan])
    assert_same(focal._mean_cupy(with_a_gap, excluded), focal._mean_numpy(with_a_gap, excluded))


@pytest.mark.parametrize("statistic", ["min", "max", "range", "std", "var", "sum", "mean"])
def test_focal(statistic, heights):
    kernel = getattr(focal, f"_focal_{statistic}_cuda")
    on_gpu = focal._focal_stats_func_cupy(heights, KERNEL, kernel)
    assert_same(on_gpu, focal._apply_numpy(heights, KERNEL, getattr(focal, f"_calc_{statistic}")))


def test_binary(with_a_gap):
    hundreds, wanted = np.round(with_a_gap / 100), np.array([1.0, 5.0, 7.0])
    on_cpu = classify._run_numpy_binary(hundreds, wanted)
    assert_same(classify._run_cupy_binary(hundreds, wanted), on_cpu)


def test_bin(with_a_gap):
    bins, names = np.array([100.0, 300.0, 800.0, 1000.0]), np.arange(4.0)
    on_cpu = classify._run_numpy_bin(with_a_gap, bins, names)
    assert_same(classify._run_cupy_bin(with_a_gap, bins, names), on_cpu)


def test_perlin():
    def noise(of):
        return of(np.zeros((24, 37), np.float32), (3, 2), 5)

    assert_same(noise(perlin._perlin_cupy), noise(perlin._perlin_numpy), atol=1e-6)
