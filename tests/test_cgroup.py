"""Control groups: the process's own one counts, in version 1 and 2, nested, whatever files say."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.hardware import machine
from labkit.hardware.cgroup import cpu_quota, cpu_time_clock, memory_limit, throttled_ns
from labkit.hardware.system_files import SystemFiles

V2_MOUNT = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNTS = (
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
)
V1_OWN = "4:memory:/job/step\n2:cpuacct:/job/step\n1:cpu:/job/step\n0::/"


@pytest.fixture
def v2(tmp_path):
    """Files of a process in the group /job/step of version 2, below names in /sys/fs/cgroup."""

    def build(groups):
        own = {"proc/self/mountinfo": V2_MOUNT, "proc/self/cgroup": "0::/job/step"}
        return written(tmp_path, own | {f"sys/fs/cgroup/{name}": t for name, t in groups.items()})

    return build


def written(root, texts):
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return SystemFiles(root)


def test_a_quota_above_the_process_throttles_it_and_its_own_group_counts_nothing(v2):
    """The kernel counts in each group what that group's own quota did."""
    own = {"job/step/cpu.stat": "usage_usec 5\nnr_throttled 0\nthrottled_usec 0"}
    above = {"job/cpu.stat": "usage_usec 9\nthrottled_usec 1500", "job/cpu.max": "50000 100000"}
    files = v2(own | above)
    assert throttled_ns(files) == 1_500_000
    assert cpu_quota(files).value == 0.5


def test_other_groups_do_not_count(v2):
    files = v2({"other/cpu.stat": "throttled_usec 9", "other/cpu.max": "1000 100000"})
    assert throttled_ns(files) is None
    assert cpu_quota(files).value is None


def test_the_cpu_time_is_that_of_the_own_group_not_of_the_machine(v2):
    files = v2({"cpu.stat": "usage_usec 90000000", "job/step/cpu.stat": "usage_usec 2500000"})
    assert cpu_time_clock(files)() == 2.5


def test_where_the_own_group_does_not_count_the_one_above_does(v2):
    assert cpu_time_clock(v2({})) is None
    assert cpu_time_clock(v2({"job/cpu.stat": "usage_usec 4000000"}))() == 4.0


def test_a_count_that_vanishes_is_none(v2, tmp_path):
    clock = cpu_time_clock(v2({"job/step/cpu.stat": "usage_usec 1"}))
    (tmp_path / "sys/fs/cgroup/job/step/cpu.stat").unlink()
    assert clock() is None


def test_version_1_is_nested_too(tmp_path):
    root = "sys/fs/cgroup"
    files = written(tmp_path, {
        "proc/self/mountinfo": V1_MOUNTS, "proc/self/cgroup": V1_OWN,
        f"{root}/cpu/job/cpu.cfs_quota_us": "150000", f"{root}/cpu/job/cpu.cfs_period_us": "100000",
        f"{root}/cpu/job/cpu.stat": "nr_throttled 3\nthrottled_time 7000",
        f"{root}/cpu/job/step/cpu.cfs_quota_us": "-1",
        f"{root}/cpu/job/step/cpu.stat": "nr_throttled 0\nthrottled_time 0",
        f"{root}/cpuacct/job/step/cpuacct.usage": "3000000000",
        f"{root}/cpuacct/cpuacct.usage": "99000000000",
        f"{root}/unified/cpu.stat": "usage_usec 88000000",
        f"{root}/memory/job/memory.limit_in_bytes": "4096",
    })  # fmt: skip
    assert cpu_quota(files).value == 1.5
    assert throttled_ns(files) == 7000
    assert cpu_time_clock(files)() == 3.0
    assert memory_limit(files).value == 4096


@pytest.mark.parametrize(
    "text", ["50000", "", "0 100000", "50000 0", "-1 100000", "a b", "max 0 0"]
)
def test_a_quota_that_is_none_is_no_limit_and_no_error(v2, text):
    quota = cpu_quota(v2({"job/step/cpu.max": text}))
    assert quota.value is None
    assert quota.why.startswith(("unknown (cpu.max of /sys/fs/cgroup/job/step says", "none (no"))


@pytest.mark.parametrize("text", ["max", "max 100000"])
def test_max_is_no_limit(v2, text):
    assert cpu_quota(v2({"job/step/cpu.max": text})).why == "none (no cgroup sets a limit)"


def test_a_limit_above_holds_though_the_own_group_says_nonsense(v2):
    files = v2({"job/step/cpu.max": "none at all", "job/cpu.max": "200000 100000"})
    assert cpu_quota(files).value == 2.0


anything = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(mountinfo=anything, own=anything, cpu_max=anything, stat=anything, memory=anything)
def test_whatever_the_files_say_nothing_raises(tmp_path, mountinfo, own, cpu_max, stat, memory):
    files = written(tmp_path, {
        "proc/self/mountinfo": f"{V2_MOUNT}\n{mountinfo}", "proc/self/cgroup": f"{own}\n0::/",
        "sys/fs/cgroup/cpu.max": cpu_max, "sys/fs/cgroup/cpu.stat": stat,
        "sys/fs/cgroup/memory.max": memory,
    })  # fmt: skip
    for limit in (cpu_quota(files), memory_limit(files)):
        assert limit.why or limit.value > 0
    throttled_ns(files)
    cpu_time_clock(files)


@pytest.mark.parametrize(
    "damage",
    [
        {"proc/cpuinfo": "processor\t: 0\ncpu MHz\t\t: unknown"},
        {"proc/cpuinfo": "processor\t: 0\ncpu MHz\t\t: 0.000"},
        {"proc/self/status": "Cpus_allowed_list:\t"},
        {"proc/self/status": "Cpus_allowed_list:\tall"},
        {"proc/meminfo": "MemTotal:"},
        {"proc/meminfo": "MemTotal: much kB"},
    ],
)
def test_a_passport_of_damaged_files_says_what_is_unknown(tmp_path, damage):
    written(tmp_path, {"proc/cpuinfo": "processor\t: 0", **damage})
    here = machine(tmp_path)
    field = {"cpuinfo": "clock_hz", "status": "n_allowed_cores", "meminfo": "ram_bytes"}
    (name,) = damage
    field = field[name.rpartition("/")[2]]
    assert getattr(here, field) is None
    assert here.why[field].startswith("unknown (")
    assert len(repr(here).splitlines()) >= 19


# Real groups, where root may make them.

CHILD = """
import os, sys, time
for file in sys.argv[1:]:
    open(file, "w").write(str(os.getpid()))
import labkit as lk
from labkit.hardware.cgroup import cpu_time_clock, throttled_ns
from labkit.hardware.system_files import SystemFiles
files = SystemFiles()
clock, before, used = cpu_time_clock(files), throttled_ns(files), time.process_time()
start = clock()
while time.process_time() - used < 0.15:
    pass
print(lk.machine().cpu_quota_cores, throttled_ns(files) - before, clock() - start)
timing = lk.bench(sum, range(100_000), min_time_s=0.5, min_samples=5, warmup=0)
print("throttled" in timing.flags)
os.environ["LABKIT_CPU_TDP_W"] = "1000"
with lk.energy(lk.probes()["model:cpu-tdp"], pad=0) as e:
    time.sleep(0.5)
print(e.energy_j / e.elapsed_s, lk.machine().n_logical_cores)
"""


@contextlib.contextmanager
def real_groups():
    """A group with a quota of a twentieth of a core, and one inside it; files to enter that one.

    So little that a busy machine would give more, and the quota is what holds it back.

    With both versions: where the controller is mounted.
    """
    made, enter = [], []
    try:
        for controller in ("cpu", "cpuacct"):
            outer = Path(f"/sys/fs/cgroup/{controller}/labkit_test_{os.getpid()}")
            for group in (outer, outer / "step"):
                group.mkdir()
                made.append(group)
            enter.append(outer / "step/cgroup.procs")
        outer = enter[0].parents[1]
        (outer / "cpu.cfs_period_us").write_text("100000")
        (outer / "cpu.cfs_quota_us").write_text("5000")
    except OSError as error:
        remove(made)
        pytest.skip(f"no control group can be made here ({type(error).__name__})")
    try:
        yield enter
    finally:
        remove(made)


def remove(groups):
    for group in reversed(groups):
        with contextlib.suppress(OSError):
            group.rmdir()


def test_a_real_nested_group_is_throttled_and_counts_its_own_time():
    with real_groups() as enter:
        command = [sys.executable, "-c", CHILD, *map(str, enter)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    counted, flagged, modelled = done.stdout.splitlines()
    quota, throttled, used_s = map(float, counted.split())
    assert quota == pytest.approx(0.05)
    assert throttled > 1e8, "0.15 s of CPU time at a twentieth of a core wait for seconds"
    assert 0.12 < used_s < 0.4
    assert flagged == "True"
    power_w, n_cores = map(float, modelled.split())
    idle_w = 0.15 * 1000 * 0.05 / n_cores
    assert idle_w <= power_w < 1.6 * idle_w + 20, "what others of the machine use is not in it"
