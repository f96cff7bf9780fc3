"""The ways into the executor: the choice of `cuda`, numba's kernels, numba's simulator."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from numba import cuda as numba_cuda
from numba import float32
from numba.cuda import grid as numba_grid

from labkit.simt import choose_cuda, install, profile, sanitize
from labkit.simt import cuda as executor


def test_the_environment_chooses(monkeypatch):
    monkeypatch.setenv("LABKIT_CUDA", "simt")
    assert choose_cuda() is executor
    monkeypatch.setenv("LABKIT_CUDA", "tpu")
    with pytest.raises(ValueError, match="Use simt, gpu or auto"):
        choose_cuda()


@pytest.mark.skipif(numba_cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_auto_is_the_executor_and_gpu_an_error(monkeypatch):
    monkeypatch.delenv("LABKIT_CUDA", raising=False)
    assert choose_cuda() is executor
    monkeypatch.setenv("LABKIT_CUDA", "gpu")
    with pytest.raises(RuntimeError, match="LABKIT_CUDA=gpu, but numba finds no CUDA GPU"):
        choose_cuda()


@numba_cuda.jit(device=True)
def double(v):
    return v * float32(2)


@numba_cuda.jit
def numbas_kernel(x, y):
    tile = numba_cuda.shared.array(32, float32)
    i, t = numba_grid(1), numba_cuda.threadIdx.x
    tile[t] = x[i]
    numba_cuda.syncthreads()
    y[i] = double(tile[31 - t])
    numba_cuda.atomic.add(y, 0, 1)


@pytest.mark.filterwarnings("ignore:Grid size")  # numba's advice about a real GPU
def test_a_kernel_of_numba_is_profiled_and_sanitized_without_a_gpu():
    x, y = np.arange(64, dtype=np.float32), np.zeros(64, np.float32)
    counted = profile(numbas_kernel[2, 32], x, y)
    assert y[1:].tolist() == (2 * x.reshape(2, 32)[:, ::-1].ravel())[1:].tolist()
    assert counted.global_loads.sectors == 8
    assert counted.barriers == 2
    assert sanitize(numbas_kernel[1, 32], x, y)[0].kind == "race"  # y[0], stored and added to


def test_install_wants_the_simulator():
    with pytest.raises(RuntimeError, match="NUMBA_ENABLE_CUDASIM=1"):
        install()


def test_install_puts_the_executor_behind_numbas_simulator(tmp_path):
    script = tmp_path / "unmodified.py"
    text = """
        import numpy as np
        from numba import cuda, guvectorize, int32, vectorize
        from labkit.simt import install
        install()

        @cuda.jit(lineinfo=True)
        def kernel(x, y):
            i = cuda.grid(1)
            if i < x.size:
                y[i] = cuda.shfl_down_sync(0xFFFFFFFF, x[i], 1) + int32(1)

        x = cuda.to_device(np.arange(100_000, dtype=np.int32))
        y = cuda.device_array_like(x)
        kernel[-(-x.size // 128), 128](x, y)
        print(y.copy_to_host()[:3].tolist())

        @vectorize(["float64(float64, float64)"], target="cuda")
        def plus(a, b):
            return a + b

        @guvectorize(["(float64[:], float64[:])"], "(n)->()", target="cuda")
        def total(row, out):
            out[0] = 0
            for value in row:
                out[0] += value

        print(total(plus(np.arange(4.0).reshape(2, 2), 1)).tolist())
        print(cuda.get_current_device().MAX_THREADS_PER_BLOCK)
    """
    script.write_text(textwrap.dedent(text), encoding="utf-8")
    env = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    run = subprocess.run(
        [sys.executable, script], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stdout.splitlines() == ["[2, 3, 4]", "[3.0, 7.0]", "1024"], run.stderr


def test_the_door_needs_numpy_only():
    heavy = ("numba", "torch", "matplotlib")
    code = f"import sys, labkit.simt; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
