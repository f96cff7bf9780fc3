"""Which packages a GPU's driver needs, asked of a stand-in for the driver's own library."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import driver
from tools.driver import Gpu

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The folder of a stand-in for libcuda.so.1."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc is here to build the stand-in for the driver")
    folder = tmp_path_factory.mktemp("driver")
    command = [gcc, "-shared", "-fPIC", "-o", folder / "libcuda.so.1", HERE / "fakecuda.c"]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture
def answers(library, monkeypatch):
    """Make the stand-in answer with these parameters; returns the Gpu that is found."""

    def found(**parameters):
        monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
        for name, value in parameters.items():
            monkeypatch.setenv(f"FAKE_CUDA_{name.upper()}", str(value))
        return driver.find()

    return found


@pytest.mark.parametrize(("version", "capabilities", "cuda"), [
    (12000, "80", 12),
    (12080, "90 90", 12),
    (13000, "75", 13),
    (13020, "100 120", 13),
    (14000, "90", 13),  # a newer driver runs what is built for an older CUDA
    (13000, "70", 12),  # CUDA 13 compiles for Turing and newer
    (13000, "90 60", 12),  # and every GPU must be served
])  # fmt: skip
def test_the_packages_fit_the_driver_and_every_gpu(answers, version, capabilities, cuda):
    gpu = answers(version=version, capabilities=capabilities)
    assert gpu.cuda == cuda
    assert gpu.requirements == (f"requirements-gpu-cu{cuda}.txt",)
    assert f"a driver for CUDA {version // 1000}." in gpu.why
    assert gpu.why.endswith(f"the packages for CUDA {cuda} fit.")
    assert f"Found {len(capabilities.split())} NVIDIA GPU" in gpu.why


def test_a_driver_that_is_too_old_is_a_sentence(answers):
    gpu = answers(version=11040, capabilities="80")
    assert gpu.requirements == ()
    assert "a driver for CUDA 11.4. Today's packages need a driver for CUDA 12 or newer" in gpu.why


@pytest.mark.parametrize("parameters", [
    {"version": 12080, "capabilities": ""},  # as with CUDA_VISIBLE_DEVICES empty
    {"error": 100, "version": 12080, "capabilities": "90"},  # the driver's own "no device"
])  # fmt: skip
def test_a_driver_without_a_gpu_is_no_news(answers, parameters):
    assert answers(**parameters) == Gpu()


def test_a_driver_that_cannot_start_is_a_sentence(answers):
    gpu = answers(error=803, version=12080, capabilities="90")
    assert gpu.requirements == ()
    assert "but it answers cuInit with error 803: kernels run on the executor" in gpu.why


@pytest.mark.parametrize("how", ["hang", "crash"])
def test_a_driver_that_hangs_or_crashes_holds_nothing_up(answers, how, monkeypatch):
    monkeypatch.setattr(driver, "_DEADLINE_S", 1)
    gpu = answers(version=12080, capabilities="90", **{how: 1})
    assert gpu.requirements == ()
    assert "An NVIDIA driver is here, but it" in gpu.why


def test_without_a_driver_there_is_nothing_to_say(monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    if shutil.which("nvidia-smi"):
        pytest.skip("a real driver is here")
    assert driver.find() == Gpu()


CHOICE = """
import labkit as lk
from labkit.hardware.cuda_engine import cuda_engine
try:
    print(lk.cuda.__name__)
except RuntimeError as error:
    print(error)
print(cuda_engine().sentence)
"""


@pytest.mark.parametrize(("choice", "capabilities", "engine", "why"), [
    ("auto", "", "labkit.simt.cuda", "no NVIDIA GPU answers the driver"),
    ("auto", "90", "labkit.simt.cuda", "numba cannot use its driver"),
    ("simt", "90", "labkit.simt.cuda", "LABKIT_CUDA=simt"),
    ("gpu", "90", "LABKIT_CUDA=gpu, but", "numba cannot use its driver"),
])  # fmt: skip
def test_what_runs_kernels_follows_the_driver_and_says_why(
    library, choice, capabilities, engine, why
):
    """The stand-in answers the set-up's questions, but is too little of a driver for numba."""
    env = {
        **os.environ, "LD_LIBRARY_PATH": str(library), "LABKIT_CUDA": choice,
        "FAKE_CUDA_VERSION": "12080", "FAKE_CUDA_CAPABILITIES": capabilities,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", CHOICE], env=env, capture_output=True, text=True, check=True
    )
    first, sentence = done.stdout.splitlines()
    assert first.startswith(engine)
    assert why in sentence
    is_said = choice == "auto" and capabilities == "90"
    assert ("A GPU is here, but" in done.stderr) is is_said
    assert ("python lab.py installs" in done.stderr) is is_said
