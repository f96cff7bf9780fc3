"""FBPIC: how its kernels push particles and deposit their charge, against its CPU code.

It compiles kernels with numba and has CuPy launch them. Here numba's own `jit` launches them.
"""

import numpy as np
import pytest
from fbpic.fields.numba_methods import sum_reduce_2d_array
from fbpic.utils import cuda as theirs
from numba import cuda
from scipy.constants import e, m_e

theirs.compile_cupy = cuda.jit  # it exists only beside CuPy

from fbpic.particles.deposition import (  # noqa: E402
    cuda_methods_unsorted,
    threading_methods,
)
from fbpic.particles.gathering import cuda_methods as gathering_gpu  # noqa: E402
from fbpic.particles.gathering import threading_methods as gathering_cpu  # noqa: E402
from fbpic.particles.push import cuda_methods, numba_methods  # noqa: E402

PARTICLES = 100
CELLS_Z, CELLS_R = 12, 8
CELL = 1e-6  # metres, in z and in r
STEP_S = 1e-15
GRID = (1 / CELL, 0.0, CELLS_Z, 1 / CELL, 0.0, CELLS_R)


@pytest.fixture
def draw():
    return np.random.default_rng(23)


def particles(draw):
    """x, y, z in metres, inside of the grid and away from its ends."""
    radius = draw.uniform(1, CELLS_R - 2, PARTICLES) * CELL
    angle = draw.uniform(0, 2 * np.pi, PARTICLES)
    return radius * np.cos(angle), radius * np.sin(angle), draw.uniform(3, 9, PARTICLES) * CELL


def launch(kernel, *arguments):
    kernel[-(-PARTICLES // 32), 32](*arguments)


def test_push_x(draw):
    on_gpu = particles(draw)
    on_cpu = [position.copy() for position in on_gpu]
    momenta = [*draw.normal(size=(3, PARTICLES)), draw.uniform(0.1, 1, PARTICLES)]
    launch(cuda_methods.push_x_gpu, *on_gpu, *momenta, STEP_S, 1.0, 0.5, -1.0)
    numba_methods.push_x_numba(*on_cpu, *momenta, PARTICLES, STEP_S, 1.0, 0.5, -1.0)
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-12)


def test_push_p(draw):
    momenta = draw.normal(size=(3, PARTICLES))
    on_gpu = np.concatenate([momenta, 1 / np.sqrt(1 + (momenta**2).sum(0, keepdims=True))])
    on_cpu = on_gpu.copy()
    fields = [*draw.normal(size=(3, PARTICLES)) * 1e12, *draw.normal(size=(3, PARTICLES)) * 1e4]
    launch(cuda_methods.push_p_gpu, *on_gpu, *fields, -e, m_e, PARTICLES, STEP_S)
    numba_methods.push_p_numba(*on_cpu, *fields, -e, m_e, PARTICLES, STEP_S)
    assert not np.allclose(on_gpu[:3], momenta)
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-12)


@pytest.mark.parametrize("shape", ["linear", "cubic"])
def test_gather_fields(shape, draw):
    positions = particles(draw)
    modes = draw.normal(size=(12, CELLS_Z, CELLS_R, 2)).view(complex)[..., 0]
    on_gpu, on_cpu = np.zeros((6, PARTICLES)), np.zeros((6, PARTICLES))
    to_gather = (*positions, CELLS_R * CELL, *GRID, *modes)
    launch(getattr(gathering_gpu, f"gather_field_gpu_{shape}"), *to_gather, *on_gpu)
    chunks = (1, np.array([0, PARTICLES])) if shape == "cubic" else ()
    getattr(gathering_cpu, f"gather_field_numba_{shape}")(*to_gather, *on_cpu, *chunks)
    assert on_cpu.any(axis=1).all()
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mode", [0, 1])
def test_deposit_rho(mode, draw):
    """The CPU deposits all modes at once, on a grid with two guard cells on each side."""
    uncorrected = np.zeros(CELLS_R + 1)
    to_deposit = (*particles(draw), draw.uniform(1, 2, PARTICLES), 1.0, *GRID)
    on_gpu, on_cpu = np.zeros((2, CELLS_Z, CELLS_R), complex)
    deposit = cuda_methods_unsorted.deposit_rho_gpu_unsorted
    launch(deposit, *to_deposit, on_gpu, mode, uncorrected)
    guarded = np.zeros((1, 2, CELLS_Z + 4, CELLS_R + 4), complex)
    threading_methods.deposit_rho_numba_linear(
        *to_deposit, guarded, 2, 1, np.array([0, PARTICLES]), uncorrected, uncorrected
    )
    sum_reduce_2d_array(guarded, on_cpu, mode)
    assert on_cpu.any()
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-9, atol=1e-9)
