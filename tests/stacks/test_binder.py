"""Binder: `binder/` is understood, and the lessons fit one core and 2 GiB."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sources
import verdicts

LIMIT_BYTES = 2 * 2**30
REPO2DOCKER = Path(sys.executable).parent / "jupyter-repo2docker"
STEMS = sorted({target.path.stem for target in sources.targets(sources.ROOT)})


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory):
    """What Binder would build: no Docker is needed to ask."""
    if not REPO2DOCKER.exists():
        pytest.skip("repo2docker is not installed: it comes with requirements-dev.txt")
    copy = tmp_path_factory.mktemp("repository")
    shutil.copytree(sources.ROOT / "binder", copy / "binder")
    shutil.copy(sources.ROOT / "requirements.txt", copy)
    done = subprocess.run(
        [REPO2DOCKER, "--no-build", "--debug", "."], cwd=copy, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_binder_installs_the_course_after_it_was_copied(dockerfile):
    copied = dockerfile.index("COPY --chown=0:0 src/ ${REPO_DIR}/")
    installed = dockerfile.index('pip install --no-cache-dir -r "binder/requirements.txt"')
    assert copied < installed < dockerfile.index("RUN ./binder/postBuild")


def test_binder_has_the_python_of_the_course(dockerfile):
    assert "for python=3.11" in dockerfile


def test_binder_takes_the_cpu_build_of_torch_and_every_requirement():
    lines = (sources.ROOT / "binder/requirements.txt").read_text("utf-8").splitlines()
    assert [line.split("==")[0] for line in lines if line[0] != "#"] == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "torch",
        "-r ../requirements.txt",
    ]


def test_binder_does_not_install_its_own_jupyterlab_again():
    text = (sources.ROOT / "requirements.txt").read_text("utf-8")
    assert re.search(r"^jupyterlab>=4\.2$", text, re.M)


needs_limits = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux can hold a process to one core and 2 GiB"
)


def run_within_limits(*arguments):
    """Run Python on one core, each of its processes with 2 GiB of private writable memory."""
    limit = (
        "import os, resource, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        f"resource.setrlimit(resource.RLIMIT_DATA, ({LIMIT_BYTES}, {LIMIT_BYTES}));"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    return subprocess.run(
        [sys.executable, "-c", limit, *arguments], cwd=sources.ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@needs_limits
def test_the_limits_bite():
    code = "import os; print(len(os.sched_getaffinity(0))); bytearray({})"
    assert run_within_limits("-c", code.format(10**9)).stdout == "1\n"
    assert "MemoryError" in run_within_limits("-c", code.format(2_800_000_000)).stdout


@pytest.fixture(scope="module")
def said():
    """What nbval says of all lessons within the limits; each has a kernel of its own."""
    notebooks = [f"notebooks/{stem}.ipynb" for stem in STEMS]
    return run_within_limits(*verdicts.NBVAL, *notebooks).stdout


@needs_limits
@pytest.mark.parametrize("stem", STEMS)
def test_a_lesson_fits_binder(stem, said):
    verdicts.assert_passed(f"notebooks/{stem}.ipynb", said)
