"""Every test, and every notebook that nbval runs, starts with a progress file of its own.

So no test reads or writes a student's progress, and none depends on what ran before it.
"""

import itertools
import os
import tempfile
from pathlib import Path

import pytest

_FOLDER = tempfile.TemporaryDirectory(prefix="labkit-progress-")
_COUNT = itertools.count()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Before nbval starts a notebook's kernel, and before an ordinary test."""
    os.environ["LABKIT_PROGRESS"] = str(Path(_FOLDER.name) / f"{next(_COUNT)}.json")


def pytest_unconfigure():
    _FOLDER.cleanup()
