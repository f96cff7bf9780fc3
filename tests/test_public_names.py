"""The door: sorted, complete and light."""

import subprocess
import sys

import pytest

import labkit as lk

HEAVY = {"numpy", "torch", "jax", "numba", "pandas", "pynvml", "matplotlib", "psutil"}


def test_public_names_are_sorted_and_resolve():
    assert lk.__all__ == sorted(lk.__all__) == dir(lk)
    for name in lk.__all__:
        assert getattr(lk, name) is not None


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match=r"has no name 'benhc'.*bench, bench_energy"):
        _ = lk.benhc


def test_the_door_is_light():
    out = subprocess.run(
        [sys.executable, "-c", "import sys, labkit; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not HEAVY & set(out.stdout.split())


def cpu_s(code):
    """CPU seconds of a fresh Python that runs `code`: the least of five."""
    probe = f"{code}\nimport time; print(time.process_time())"
    runs = [
        subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    return min(float(run.stdout) for run in runs)


def test_the_door_costs_at_most_60_ms_of_cpu():
    assert cpu_s("import labkit") - cpu_s("pass") <= 0.060
