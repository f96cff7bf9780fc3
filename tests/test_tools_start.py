"""A tool that uses its neighbours starts from anywhere by its path alone, as its docstring says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / "tools"
SCRIPTS = [
    path
    for path in sorted(TOOLS.glob("*.py"))
    if "from tools import" in (text := path.read_text("utf-8")) and "__main__" in text
]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_tool_starts_by_its_path(path, tmp_path):
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(path), "--help"], cwd=tmp_path, env=plain, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    assert "usage:" in done.stdout
