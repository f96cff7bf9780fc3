"""Every test, and every notebook that nbval runs, starts with a progress file of its own.

So no test reads or writes a student's progress, and none depends on what ran before it.
"""

import itertools
import os
import sys
import tempfile
from pathlib import Path

import pytest

_FOLDER = tempfile.TemporaryDirectory(prefix="labkit-progress-")
_COUNT = itertools.count()


def pytest_configure(config):
    """Kernels that nbval starts are spoken to through files: two that start at the same moment may
    choose the same port."""
    if sys.platform != "win32" and config.getoption("nbval", default=False):
        import nbval.kernel
        from jupyter_client.manager import KernelManager

        def over_files(**options):
            address = str(Path(_FOLDER.name) / f"kernel-{next(_COUNT)}")
            return KernelManager(transport="ipc", ip=address, **options)

        nbval.kernel.KernelManager = over_files


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Before nbval starts a notebook's kernel, and before an ordinary test."""
    os.environ["LABKIT_PROGRESS"] = str(Path(_FOLDER.name) / f"{next(_COUNT)}.json")


def pytest_unconfigure():
    _FOLDER.cleanup()
