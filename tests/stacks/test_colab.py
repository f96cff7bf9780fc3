"""The notebooks on Colab's frozen versions: what a student there gets after the set-up cell."""

import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import compile_kernels
import pytest
import sources
import tile_kernels
import verdicts
from venvs import cached, pip_install, run

from labkit.compilers import children
from labkit.compilers.compile import with_counts
from labkit.compilers.packing import cuda_job
from labkit.compilers.tile_packing import tile_job

ROOT = sources.ROOT
CONSTRAINTS = ROOT / "tests/colab-constraints.txt"
# What Colab has of what the lessons use; and nbval with what it runs on.
PACKAGES = (
    "anywidget", "cloudpickle", "filelock", "greenlet", "ipykernel", "ipython", "ipywidgets",
    "jax", "matplotlib", "nbval", "numba", "numpy", "platformdirs", "psutil", "pytest",
    "setuptools", "tqdm",
)  # fmt: skip
LESSONS = sorted({target.path.stem for target in sources.targets(ROOT)})


def find_python_3_13():
    """A Python of Colab's version: on the path, beside the running one, or known to `py`."""
    beside = sorted(Path(sys.base_prefix).parent.glob("3.13*/bin/python"), reverse=True)
    for command in (["python3.13"], *([str(path)] for path in beside), ["py", "-3.13"]):
        if shutil.which(command[0]):
            probe = [*command, "-c", "import sys; print(sys.version_info[:2], sys.executable)"]
            said = subprocess.run(probe, capture_output=True, text=True).stdout
            if said.startswith("(3, 13) "):
                return said.split(" ", 2)[2].strip()
    return None


@pytest.fixture(scope="session")
def colab_python():
    """The Python of an environment with Colab's versions, kept in .cache for the next time."""
    base = find_python_3_13()
    if base is None:
        pytest.skip("no python3.13 is here (Colab's version): install one to run this")
    return cached("colab", base, PACKAGES, CONSTRAINTS)


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """What pip fetches from the repository, away from the work tree."""
    copy = tmp_path_factory.mktemp("repository")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "labkit", copy / "labkit", ignore=ignore)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="session")
def colab(colab_python, package):
    """The same after the set-up cell has run."""
    pip_install(colab_python, "--force-reinstall", "--no-deps", package)
    return colab_python


def test_the_set_up_cell_installs_labkit_and_upgrades_nothing(colab_python, package):
    run(colab_python, "-m", "pip", "uninstall", "-y", "labkit")
    said = pip_install(colab_python, "--dry-run", package)
    (would,) = re.findall(r"^Would install (.*)$", said, re.M)
    assert re.fullmatch(r"labkit-\S+", would), would


def test_the_constraints_were_kept(colab):
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", CONSTRAINTS.read_text("utf-8"), re.M))
    names = [name for name in PACKAGES if name in pins]
    code = f"from importlib.metadata import version; print(*map(version, {names}))"
    assert run(colab, "-c", code).stdout.split() == [pins[name] for name in names]


def reason_to_leave_out(stem):
    text = "".join(path.read_text("utf-8") for path in ROOT.glob(f"lessons/lesson_{stem}/*.py"))
    if re.search(r"^\s*(?:import|from) torch\b", text, re.M):
        return "it needs torch, and no plain index has a CPU build for Python 3.13 on Linux"
    if "lk.language_model" in text:
        return "its model is not on Colab: it goes on with a tiny one, as test_language_model tries"
    if "lk.serving" in text:
        return "its server is not on Colab: the lesson's first cell says how to install it"
    return None


def notebooks_of(stem):
    """The solved exercises run all that the open ones run."""
    return [f"{folder}/{stem}.ipynb" for folder in ("notebooks", "solutions")]


@pytest.fixture(scope="module")
def said(colab):
    """What nbval says there of all lessons that can run."""
    stems = [stem for stem in LESSONS if not reason_to_leave_out(stem)]
    return run(
        colab, *verdicts.NBVAL, *itertools.chain(*map(notebooks_of, stems)), timeout_s=1800
    ).stdout


@pytest.mark.parametrize("stem", LESSONS)
def test_a_lesson_says_the_same_there(stem, said):
    if reason := reason_to_leave_out(stem):
        pytest.skip(reason)
    for notebook in notebooks_of(stem):
        verdicts.assert_passed(notebook, said)


# The GPU runtime, whose kernels run on Colab's own numba and numba-cuda

GPU_PACKAGES = ("cuda-core", "cuda-python", "numba", "numba-cuda[cu12]", "nvidia-ml-py", "numpy")
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", CONSTRAINTS.read_text("utf-8"), re.M))
T4 = (7, 5)  # what Colab gives for nothing


def gpu_python(base):
    python = cached("colab-gpu", base, GPU_PACKAGES, CONSTRAINTS)
    names = [name.partition("[")[0] for name in GPU_PACKAGES]
    code = f"from importlib.metadata import version; print(*map(version, {names}))"
    assert run(python, "-c", code).stdout.split() == [PINS[name] for name in names]
    return python


@pytest.mark.skipif(sys.version_info > (3, 14), reason="Colab's numba is for Python 3.13 at most")
def test_every_kernel_of_the_course_compiles_there():
    """By Colab's numba-cuda, for its GPU; with this Python, since code differs between them."""
    launches = compile_kernels.kernels()
    jobs = [
        {**cuda_job(launch.kernel, launch.args), "is_disassembled": False} for launch in launches
    ]
    versions, found = compile_kernels.compiled(gpu_python(sys.executable), jobs, [T4])
    assert (versions["numba"], versions["numba-cuda"]) == (PINS["numba"], PINS["numba-cuda"])
    refused = [
        f"{launch.source}: {launch.name}: {figures['7.5']['error']}"
        for launch, figures in zip(launches, found, strict=True)
        if "error" in figures["7.5"]
    ]
    assert len(launches) > 50
    assert not refused, "\n\n".join(refused)


def test_kernels_find_their_names_in_colabs_numba():
    """Without a GPU numba's module is there all the same, with what the course writes."""
    base = find_python_3_13()
    if base is None:
        pytest.skip("no python3.13 is here (Colab's version): install one to run this")
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from numba import cuda; from numba.cuda import random\n"
        "print(cuda.float32)"
    )
    assert run(gpu_python(base), "-c", code).stdout == "float32\n"


# The Triton that its torch brings along, with which lesson 09 compiles live

TRITON = re.search(r"triton ([\d.]+)", CONSTRAINTS.read_text("utf-8"))[1]
LESSON_09 = ROOT / "lessons/lesson_09_tensor_cores_and_tiles/lesson.py"


@pytest.mark.skipif(sys.platform != "linux", reason="Triton is for Linux only, as Colab is")
def test_lesson_09_compiles_live_with_colabs_triton():
    """For one chip of each matrix unit; that its figures differ from the recorded is a notice."""
    python = cached("colab-triton", find_python_3_13() or sys.executable, (f"triton=={TRITON}",))
    tile = {"ROWS": 64, "COLUMNS": 64, "DEPTH": 32, "num_warps": 4, "num_stages": 3}
    kernel = tile_kernels.kernel_of(LESSON_09, "matmul")
    job = tile_job(kernel, ("*fp16",) * 3 + ("i32:16",) * 3, tile)
    architectures = ["sm_80", "sm_90", "sm_100", "gfx942"]
    (found,) = children.compiled([job], architectures, python)
    for name in architectures:
        assert "error" not in found[name], found[name]["error"]
        assert with_counts(job, found[name])["instructions"]["matrix_multiply"] > 0
    said = {name: found[name]["versions"] for name in architectures}
    assert {one["triton"] for one in said.values()} == {TRITON}
    # Only Blackwell has an assembler of its own there, in newer releases Hopper shares it.
    assert said["sm_80"] == said["sm_90"] != said["sm_100"]
