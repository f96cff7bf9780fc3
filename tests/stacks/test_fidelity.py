"""numba-cuda's own tests on the executor: those that pass, and why the others do not."""

import json
import sys

import pytest
import sources
from venvs import cached, run

HARNESS = sources.ROOT / "tests/simt/fidelity.py"
KNOWN = json.loads((HARNESS.parent / "fidelity_known.json").read_text("utf-8"))
REQUIREMENTS = (
    "numba-cuda==0.30.4", "numba==0.68.1", "numpy==2.4.6", "cffi==2.1.1", "filecheck==1.0.6",
    "ml_dtypes==0.6.0", "psutil==7.2.2", "pytest==9.2.0",
)  # fmt: skip
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an alarm ends a test that hangs")


@pytest.fixture(scope="module")
def python():
    return cached("fidelity", sys.executable, REQUIREMENTS)


@pytest.fixture(scope="module")
def plain(python, tmp_path_factory):
    return status_of_tests(python, tmp_path_factory.mktemp("fidelity") / "plain.json")


def status_of_tests(python, out, *options):
    """name -> passed, failed or skipped."""
    without = ",".join(KNOWN["too long"])
    done = run(python, HARNESS, "run", "--out", out, "--without", without, *options)
    assert done.returncode == 0, done.stdout[-3000:]
    records = json.loads(out.read_text("utf-8"))
    return {name.removeprefix("numba.cuda.tests."): record[0] for name, record in records.items()}


def those(statuses, wanted):
    return {name for name, status in statuses.items() if status == wanted}


def test_what_a_simulator_can_run_passes_or_has_a_reason(plain):
    assert those(plain, "failed") == set(KNOWN["misses"])
    assert len(those(plain, "passed")) >= 636


def test_of_what_numba_skips_on_a_simulator_much_passes_too(plain, python, tmp_path):
    unskipped = status_of_tests(python, tmp_path / "unskipped.json", "--unskip")
    passed = those(unskipped, "passed") & those(plain, "skipped")
    assert passed == set(KNOWN["pass though numba skips them"])
    assert len(passed) >= 110
