"""Many notebooks in one process of pytest, since each start of it costs a second of CPU time."""

import re

import validate

NBVAL = ("-m", "pytest", "-q", "-rpfE", *validate.NBVAL)


def assert_passed(notebook, said):
    """Whether a notebook's cells were run, and all passed; `said` is what NBVAL printed."""
    words = re.findall(rf"^(\w+) {re.escape(notebook)}\b", said, re.M)
    assert set(words) == {"PASSED"}, said[-6000:]
