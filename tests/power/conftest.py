"""Fakes: a machine's files, and an NVIDIA driver that is compiled where gcc is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class Tree:
    """A fake `/sys` below `root`; a counter changes in one step, so no reader sees half of one."""

    def __init__(self, root):
        self.root = root

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(file.name + ".new")
        fresh.write_text(f"{text}\n")
        os.replace(fresh, file)

    def domain(self, zone, name, energy_uj=1_000_000, range_uj=262_143_328_850):
        """One powercap domain, such as zone `intel-rapl:0`; None leaves a file out."""
        files = {"name": name, "energy_uj": energy_uj, "max_energy_range_uj": range_uj}
        for file, content in files.items():
            if content is not None:
                self.write(f"sys/class/powercap/{zone}/{file}", content)

    def count(self, zone, energy_uj):
        self.write(f"sys/class/powercap/{zone}/energy_uj", energy_uj)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.fixture(scope="session")
def nvml_folder(tmp_path_factory):
    """A folder that holds the fake `libnvidia-ml.so.1`."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not here, so the fake NVIDIA driver cannot be built")
    folder = tmp_path_factory.mktemp("nvml")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([gcc, "-shared", "-fPIC", "-o", library, HERE / "fakenvml.c", "-lm"], check=True)
    return folder
