"""Run numba-cuda's own tests on the executor, or on numba's simulator, and compare.

    python tests/simt/fidelity.py run --on executor --out executor.json [--unskip] [--only
    test_atomics]
    python tests/simt/fidelity.py run --on simulator --out simulator.json
    python tests/simt/fidelity.py compare simulator.json executor.json

Needs a Python with numba-cuda, cffi, filecheck, ml_dtypes, psutil and pytest beside labkit. One
record per test: status, seconds, message. `--unskip` turns `skip_on_cudasim` off before the test
modules load, so that what numba skips on a simulator is tried.
"""

import argparse
import builtins
import contextlib
import importlib
import io
import json
import linecache
import os
import pkgutil
import random
import signal
import sys
import tempfile
import time
import types
import unittest
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
SECONDS_PER_TEST = 30
PACKAGES = ("numba.cuda.tests.cudapy", "numba.cuda.tests.doc_examples")


class TooSlow(BaseException):
    """A test that ran into the alarm."""


def remember_sources():
    """Kernels that tests make with exec() have no file: keep their text where inspect finds it."""
    original = builtins.exec

    def remembering(source, *spaces, **options):
        if isinstance(source, str):
            name = f"<exec {len(linecache.cache)}>"
            linecache.cache[name] = (len(source), None, source.splitlines(True), name)
            source = compile(source, name, "exec")
        if not spaces:
            frame = sys._getframe(1)
            spaces = (frame.f_globals, frame.f_locals)
        return original(source, *spaces, **options)

    builtins.exec = remembering


def tests_of(module):
    """Yield (id, callable) for the test cases and the test functions of a module."""
    for case in _flat(unittest.defaultTestLoader.loadTestsFromModule(module)):
        yield case.id(), case
    for name, function in vars(module).items():
        if (
            name.startswith("test_")
            and callable(function)
            and function.__module__ == module.__name__
        ):
            yield f"{module.__name__}.{name}", unittest.FunctionTestCase(function)


def _flat(suite):
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from _flat(part)
        else:
            yield part


def outcome(case):
    """-> (status, message) of one test."""
    result = unittest.TestResult()

    def ring(*_):
        raise TooSlow(f"longer than {SECONDS_PER_TEST} s")

    random.seed(0)  # some draw their numbers, and test them to a tolerance
    np.random.seed(0)
    signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS_PER_TEST)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case.run(result)
    except TooSlow as error:
        return "failed", str(error)
    finally:
        signal.alarm(0)
    problems = result.errors + result.failures
    if problems:
        return "failed", problems[0][1].strip()
    if result.unexpectedSuccesses:
        return "failed", "passed, though numba expects it to fail"
    return ("skipped", result.skipped[0][1]) if result.skipped else ("passed", "")


# Where inspect finds the text of `python -c TEXT`, as it does by itself from Python 3.13 on.
IN_SUBPROCESSES = """
import linecache, sys
lines = sys.orig_argv[-1].splitlines(True)
linecache.cache["<string>"] = (len(lines), None, lines, "<string>")
from labkit.simt import install
install()
"""


def install_in_subprocesses():
    """Tests that start a Python of their own get the executor there, too."""
    folder = Path(tempfile.mkdtemp())
    (folder / "sitecustomize.py").write_text(IN_SUBPROCESSES, encoding="utf-8")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])


def run(on, out, unskip, only, without=()):
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    remember_sources()
    from numba.cuda import testing

    if unskip:
        testing.skip_on_cudasim = lambda reason: lambda test: test
    from _pytest.outcomes import OutcomeException

    if on == "executor":
        from numba.cuda.memory_management.nrt import rtsys

        from labkit.simt import install

        install()
        install_in_subprocesses()
        # What the check for leaks reads, and numba's stub lacks. Kernels here allocate nothing.
        none = types.SimpleNamespace(alloc=0, free=0, mi_alloc=0, mi_free=0)
        vars(rtsys).update(get_allocation_stats=lambda: none, memsys_disable_stats=lambda: None)
    records = {}
    for package in PACKAGES:
        for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
            if not info.name.startswith("test_") or (only and only not in info.name):
                continue
            name = f"{package}.{info.name}"
            try:
                module = importlib.import_module(name)
            except (Exception, OutcomeException) as error:
                records[name] = ("failed", 0.0, f"import: {error}")
                continue
            for test, case in tests_of(module):
                if test.rpartition(".")[2] in without:
                    continue
                began = time.perf_counter()
                status, message = outcome(case)
                records[test] = (status, time.perf_counter() - began, message)
    Path(out).write_text(json.dumps(records, indent=1), encoding="utf-8")
    summary(on, records)


def summary(name, records):
    count = {s: sum(r[0] == s for r in records.values()) for s in ("passed", "failed", "skipped")}
    print(f"{name}: {count}, {sum(r[1] for r in records.values()):.0f} s")


def compare(first, second):
    a, b = (json.loads(Path(name).read_text(encoding="utf-8")) for name in (first, second))
    summary(first, a)
    summary(second, b)
    for test in a:
        if a[test][0] == "passed" and b.get(test, ("missing",))[0] != "passed":
            print(
                f"only {first}: {test}\n    {b.get(test, ('', 0, 'missing'))[2].splitlines()[-1:]}"
            )
    better = [t for t in b if b[t][0] == "passed" and a.get(t, ("missing",))[0] != "passed"]
    print(f"only {second}: {len(better)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("run", "compare"))
    parser.add_argument("files", nargs="*")
    parser.add_argument("--on", choices=("executor", "simulator"), default="executor")
    parser.add_argument("--out", default="fidelity.json")
    parser.add_argument("--unskip", action="store_true")
    parser.add_argument("--only", help="modules with this in their name")
    parser.add_argument("--without", default="", help="names of tests, with commas between")
    args = parser.parse_args()
    if args.what == "compare":
        compare(*args.files)
    else:
        run(args.on, args.out, args.unskip, args.only, args.without.split(","))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
