"""What a GPU adds can be installed: pip resolves both sets, and each is of one CUDA throughout."""

import json
import re
import subprocess
import sys

import pytest
from venvs import NO_INDEX, ROOT

from tools import packages

# What a GPU's packages share with the rest; the rest (JupyterLab, ...) would only take time.
SHARED = ("numpy", "numba", "jax", "ml_dtypes", "torch")
OF_A_CUDA = re.compile(r"^(?:nvidia|jax|cuda)-.*?(?:cu|cuda)(1[23])(?:-|$)")


def requirements(cuda):
    """The lines of the set that pip must bring together."""
    lines = (ROOT / f"requirements-gpu-cu{cuda}.txt").read_text("utf-8").splitlines()
    lines += [
        line
        for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
        if re.split(r"\W", line)[0] in SHARED
    ]
    return [line for line in lines if line[0] not in "-#"]


@pytest.fixture(scope="module", params=[12, 13])
def resolved(request, tmp_path_factory):
    """The CUDA, and what pip would install for it, as {name: version}; nothing is installed."""
    folder = tmp_path_factory.mktemp("resolved")
    (folder / "requirements.txt").write_text("\n".join(requirements(request.param)))
    env = packages.settings(sys.executable, folder)
    env.pop("PIP_FIND_LINKS", None)  # a folder with a CPU build of torch in it would win
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
         "--only-binary=:all:", "--report=report.json", "-r", "requirements.txt"],
        cwd=folder, env=env, timeout=580, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode and NO_INDEX.search(done.stdout):
        pytest.skip("no package index answered, so the GPU's requirements cannot be resolved")
    assert done.returncode == 0, done.stdout[-3000:]
    found = json.loads((folder / "report.json").read_text("utf-8"))["install"]
    each = (package["metadata"] for package in found)
    return request.param, {entry["name"].lower(): entry["version"] for entry in each}


def test_each_part_is_there(resolved):
    cuda, found = resolved
    assert {
        "numba-cuda", "torch", f"jax-cuda{cuda}-plugin", "nvidia-ml-py", "cuda-bindings",
    } <= found.keys()  # fmt: skip


def test_all_parts_are_of_one_cuda(resolved):
    cuda, found = resolved
    assert found["cuda-bindings"].split(".")[0] == found["cuda-toolkit"].split(".")[0] == str(cuda)
    named = {name: match[1] for name in found if (match := OF_A_CUDA.match(name))}
    assert len(named) > 3
    assert set(named.values()) == {str(cuda)}


def test_torch_is_built_for_a_gpu(resolved):
    _, found = resolved
    assert "+cpu" not in found["torch"]
    assert any(name.startswith("nvidia-cudnn") for name in found)
