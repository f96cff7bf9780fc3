"""Libraries with kernels of their own, unmodified, on the executor: GPU values are CPU values.

clifford brings tests of its kernels; `clients/client_*.py` test those of the others.
"""

import re
import sys
import xml.etree.ElementTree as ET

import pytest
from venvs import ROOT, cached, run

CLIENTS = ROOT / "tests/stacks/clients"
PINS = (
    "numba-cuda==0.30.4", "numba==0.68.1", "numpy==2.4.6", "scipy==1.17.1", "pandas==3.1.1",
    "pytest==9.2.0", "stumpy==1.14.1", "xarray-spatial==0.5.3", "xarray==2026.9.0",
    "datashader==0.19.1", "fbpic==0.27.1", "h5py==3.16.0", "pyFFTW==0.15.1", "clifford==1.5.1",
    "sparse==0.19.3",
)  # fmt: skip
# Left out: test_dorst_norm_val, which numpy 2 refuses before the kernel; and what only says how
# often a random search finds the right answer.
CLIFFORD = (
    "test_gp", "test_ip", "test_adjoint", "test_normalise_mvs_kernel", "test_apply_rotor_kernel",
    "test_rotor_between_lines", "test_rotor_between_objects", "test_square_root_of_rotor_kernel",
    "test_rotor_cost", "test_line_set_cost",
)  # fmt: skip
CLIFFORD_TESTS = "clifford.test.test_g3c_CUDA::CUDATESTS"


def written_here(client):
    """The names of its test functions, and what pytest is to run."""
    file = CLIENTS / f"client_{client}.py"
    return re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.M), [file]


SUITES = {
    **{client: written_here(client) for client in ("stumpy", "xrspatial", "fbpic")},
    "clifford": (CLIFFORD, ["--pyargs", *(f"{CLIFFORD_TESTS}::{name}" for name in CLIFFORD)]),
}


@pytest.fixture(scope="module")
def python():
    return cached("clients", sys.executable, PINS)


@pytest.fixture(scope="module")
def outcomes(python, tmp_path_factory):
    """client -> what its suite, run once, came to: name of a function -> its outcomes."""
    ended = {}

    def of(client):
        if client not in ended:
            report = tmp_path_factory.mktemp(client) / "report.xml"
            tests = SUITES[client][1]
            done = run(python, CLIENTS / "on_executor.py", f"--junitxml={report}", *tests)
            assert report.exists(), done.stdout[-3000:]
            ended[client] = read(report)
        return ended[client]

    return of


def read(report):
    """Of a report of pytest: name of a function -> what each of its cases ended with."""
    by_function = {}
    for case in ET.parse(report).iter("testcase"):
        how = [f"{part.tag}: {part.text}" for part in case if part.tag in ("failure", "error")]
        how += ["skipped" for part in case if part.tag == "skipped"]
        function = case.get("name").partition("[")[0]
        by_function.setdefault(function, []).append("\n".join(how) or "passed")
    return by_function


@pytest.mark.parametrize(
    ("client", "function"),
    [(client, function) for client, (functions, _) in SUITES.items() for function in functions],
)
def test_a_client_gets_the_values_of_its_cpu_code(client, function, outcomes):
    ended = outcomes(client).get(function, ["not run"])
    assert set(ended) == {"passed"}, "\n".join(ended)
