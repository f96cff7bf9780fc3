"""The passport: what a machine says of itself, on real and fake machines, never guessed."""

import re
import subprocess
import sys
import types

import pytest

from labkit.hardware import machine
from labkit.units import GIB, KIB, MIB

X86_CORE = "processor\t: {}\nmodel name\t: Test CPU 9000\ncpu MHz\t\t: 2500.000\nflags\t\t: {}\n\n"
ARM_CORE = (
    "processor\t: {}\nFeatures\t: fp asimd {}\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n\n"
)
V2_MOUNT = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"
CPU = "sys/devices/system/cpu"


def x86(n_cores=8, flags="sse2 avx avx2 fma", **more):
    """The files of a Linux machine with `n_cores` cores of one thread and 16 GiB."""
    files = {
        "proc/cpuinfo": "".join(X86_CORE.format(core, flags) for core in range(n_cores)),
        "proc/meminfo": f"MemTotal:       {16 * GIB // KIB} kB\nMemFree: 1 kB",
        "proc/self/status": f"Name:\tpython\nCpus_allowed_list:\t0-{n_cores - 1}",
    }
    topology = {f"{CPU}/cpu{i}/topology/thread_siblings_list": f"{i}" for i in range(n_cores)}
    return files | topology | more


def caches():
    kinds = [("1", "Data", "32K"), ("1", "Instruction", "64K"), ("2", "Unified", "1024K")]
    return {
        f"{CPU}/cpu0/cache/index{index}/{name}": text
        for index, cache in enumerate([*kinds, ("3", "Unified", "32768K")])
        for name, text in zip(("level", "type", "size"), cache, strict=True)
    }


@pytest.fixture
def fake(tmp_path):
    """Build a tree of files and read the machine that it describes."""

    def build(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text + "\n")
        return machine(tmp_path)

    return build


@pytest.fixture
def no_pynvml(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)  # its import raises ImportError


# The passport


def names(passport):
    return [re.fullmatch(r"\[measured\] ([^:]+): (.+)", line)[1] for line in passport.splitlines()]


def test_the_passport_has_the_same_lines_on_every_machine(fake, no_pynvml):
    here = names(repr(machine()))
    assert len(here) == 19
    assert names(repr(fake({}))) == here  # no /proc, as on macOS and Windows
    assert names(repr(fake(x86() | caches()))) == here


def test_what_is_unknown_is_none_and_the_passport_says_why(fake):
    bare = fake({"proc/cpuinfo": "vendor : none"})
    empty = [field for field in bare.__dataclass_fields__ if getattr(bare, field) in (None, ())]
    assert set(empty) <= set(bare.why)
    assert bare.cpu_count_usable is None
    for line in repr(bare).splitlines()[:-2]:
        assert re.search(r": (unknown|none) \(.+\)$", line)


def test_a_virtual_machine(fake):
    vm = fake(x86(n_cores=2) | caches())
    assert (vm.cpu_model, vm.n_logical_cores, vm.n_physical_cores) == ("Test CPU 9000", 2, 2)
    assert (vm.l1_data_bytes, vm.l2_bytes, vm.l3_bytes) == (32 * KIB, MIB, 32 * MIB)
    assert (vm.clock_hz, vm.clock_kind) == (2.5e9, "as reported now, turbo may be faster")
    assert (vm.ram_bytes, vm.memory_usable_bytes) == (16 * GIB, 16 * GIB)
    assert vm.cpu_energy is None
    assert "virtual machine" in vm.why["cpu_energy"]


def test_threads_of_one_core_are_not_cores(fake):
    siblings = {
        f"{CPU}/cpu{i}/topology/thread_siblings_list": f"{i % 2},{i % 2 + 2}" for i in range(4)
    }
    smt = fake(x86(n_cores=4) | siblings)
    assert (smt.n_logical_cores, smt.n_physical_cores) == (4, 2)


def test_the_highest_clock_is_preferred_to_the_present_one(fake):
    clock = {f"{CPU}/cpu0/cpufreq/cpuinfo_max_freq": "3700000"}
    assert fake(x86() | clock).clock_hz == 3.7e9


def test_affinity_limits_the_usable_cores(fake):
    pinned = fake(x86() | {"proc/self/status": "Cpus_allowed_list:\t0,2-4"})
    assert (pinned.n_allowed_cores, pinned.cpu_count_usable) == (4, 4.0)


@pytest.mark.parametrize(("flags", "simd"), [
    ("sse2", ("SSE2", 128, False)), ("sse2 avx", ("AVX", 256, False)),
    ("sse2 avx avx2 fma", ("AVX2", 256, True)),
    ("sse2 avx avx2 fma avx512f", ("AVX-512", 512, True)),
])  # fmt: skip
def test_simd_is_the_widest_that_the_flags_name(fake, flags, simd):
    here = fake(x86(flags=flags))
    assert (here.simd, here.simd_bits, here.has_fma) == simd


def test_an_arm_server_has_no_model_name_no_clock_and_sve_of_unknown_width(fake):
    neon = fake({"proc/cpuinfo": ARM_CORE.format(0, "")})
    assert (neon.cpu_model, neon.clock_hz) == ("ARM implementer 0x41, part 0xd0c", None)
    assert (neon.simd, neon.simd_bits, neon.has_fma) == ("NEON", 128, True)
    sve = fake({"proc/cpuinfo": ARM_CORE.format(0, "sve")})
    assert (sve.simd, sve.simd_bits) == ("SVE", None)
    assert "[measured] SIMD: SVE, unknown (the width of SVE is not in /proc/cpuinfo)" in repr(sve)


def test_without_proc_psutil_answers(fake):
    elsewhere = fake({})
    assert elsewhere.n_logical_cores >= 1
    assert elsewhere.ram_bytes > 0
    assert elsewhere.why["l2_bytes"] == "unknown (read on Linux only)"


# Containers


def test_a_quota_of_one_and_a_half_cores(fake):
    files = {"proc/self/mountinfo": V2_MOUNT, "proc/self/cgroup": "0::/"}
    limits = {"sys/fs/cgroup/cpu.max": "150000 100000", "sys/fs/cgroup/memory.max": f"{2 * GIB}"}
    container = fake(x86() | files | limits)
    assert (container.cpu_quota_cores, container.cpu_count_usable) == (1.5, 1.5)
    assert (container.memory_limit_bytes, container.memory_usable_bytes) == (2 * GIB, 2 * GIB)
    assert "[measured] usable CPU: 1.5 cores" in repr(container)


def test_the_tightest_of_nested_groups_holds(fake):
    """systemd's slice allows 4 cores, the pod 2, the container inside it 3."""
    limits = {
        "a.slice": "400000 100000",
        "a.slice/pod": "200000 100000",
        "a.slice/pod/c": "300000 100000",
    }
    files = {f"sys/fs/cgroup/{group}/cpu.max": text for group, text in limits.items()}
    memory = {
        "sys/fs/cgroup/a.slice/memory.max": "max",
        "sys/fs/cgroup/a.slice/pod/memory.max": "1024",
    }
    own = {"proc/self/mountinfo": V2_MOUNT, "proc/self/cgroup": "0::/a.slice/pod/c"}
    nested = fake(x86() | files | memory | own)
    assert (nested.cpu_quota_cores, nested.memory_limit_bytes) == (2.0, 1024)


V1_MOUNTS = (
    "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
)


@pytest.mark.parametrize(("mount_root", "below"), [("/docker/abc", ""), ("/", "docker/abc/")])
def test_version_1_inside_and_outside_of_a_cgroup_namespace(fake, mount_root, below):
    own = {
        "proc/self/mountinfo": V1_MOUNTS.format(root=mount_root),
        "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc",
    }
    limits = {
        f"sys/fs/cgroup/cpu,cpuacct/{below}cpu.cfs_quota_us": "50000",
        f"sys/fs/cgroup/cpu,cpuacct/{below}cpu.cfs_period_us": "100000",
        f"sys/fs/cgroup/memory/{below}memory.limit_in_bytes": f"{GIB}",
    }
    container = fake(x86() | own | limits)
    assert (container.cpu_quota_cores, container.memory_limit_bytes) == (0.5, GIB)


def test_no_limit_is_written_in_two_ways(fake):
    own = {"proc/self/mountinfo": V1_MOUNTS.format(root="/"), "proc/self/cgroup": "4:memory:/"}
    limits = {
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    }
    v1 = fake(x86() | own | limits)
    assert (v1.cpu_quota_cores, v1.memory_limit_bytes) == (None, None)
    assert v1.why["cpu_quota_cores"] == "none (no cgroup sets a limit)"
    assert fake(x86() | {"proc/self/mountinfo": ""}).why["cpu_quota_cores"].startswith("unknown (")


def test_a_group_outside_of_the_namespace_is_read_at_the_mount(fake):
    own = {"proc/self/mountinfo": V2_MOUNT, "proc/self/cgroup": "0::/../../elsewhere"}
    limits = {"sys/fs/cgroup/cpu.max": "50000 100000"}
    assert fake(x86() | own | limits).cpu_quota_cores == 0.5


# Devices


DRIVER = {
    "dev/nvidiactl": "",
    "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t Tesla T4\nIRQ: 1",
}


def fake_nvml(**changes):
    """A stand-in for the vendor's module: two GPUs of 15 GiB that tell their power."""
    calls = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda gpu: b"Tesla T4",
        "nvmlDeviceGetMemoryInfo": lambda gpu: types.SimpleNamespace(total=15 * GIB),
        "nvmlDeviceGetPowerUsage": lambda gpu: 9_000,
    }
    return types.SimpleNamespace(**calls | changes)


def raises(error):
    def call(*args):
        raise error

    return call


def test_gpus_come_from_nvml(fake, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml())
    here = fake(x86() | DRIVER)
    assert [gpu.name for gpu in here.gpus] == ["Tesla T4", "Tesla T4"]
    assert "[measured] GPU: 2 × Tesla T4 (15 GiB)" in repr(here)
    assert here.gpu_power == "NVML"


def test_what_a_gpu_does_not_tell_is_unknown(fake, monkeypatch):
    refuses = raises(RuntimeError("Not Supported"))
    silent = fake_nvml(nvmlDeviceGetMemoryInfo=refuses, nvmlDeviceGetPowerUsage=refuses)
    monkeypatch.setitem(sys.modules, "pynvml", silent)
    here = fake(x86() | DRIVER)
    assert (here.gpus[0].memory_bytes, here.gpu_power) == (None, None)
    assert here.why["gpu_power"] == "unknown (the driver tells no power)"


@pytest.mark.parametrize("error", [KeyError("ROCM"), OSError("bad ELF"), SystemError("null")])
def test_a_broken_driver_becomes_a_reason(fake, monkeypatch, error):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(nvmlInit=raises(error)))
    here = fake(x86() | DRIVER)
    assert [gpu.name for gpu in here.gpus] == ["Tesla T4"]  # from /proc
    assert type(error).__name__ in here.why["gpu_power"]


@pytest.mark.parametrize("error", ["KeyError('ROCM')", "OSError('bad ELF')", "SystemError('null')"])
def test_a_vendor_module_may_raise_anything_on_import(fake, monkeypatch, tmp_path, error):
    (tmp_path / "pynvml.py").write_text(f"raise {error}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    here = fake(x86() | DRIVER)
    assert error.partition("(")[0] in here.why["gpu_power"]


def test_without_pynvml_the_names_are_known_and_the_fix_is_told(fake, no_pynvml):
    here = fake(x86() | DRIVER)
    assert [gpu.name for gpu in here.gpus] == ["Tesla T4"]
    assert "pip install nvidia-ml-py" in here.why["gpu_power"]


def test_without_a_driver_nobody_is_asked(fake, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(nvmlInit=raises(AssertionError)))
    assert fake(x86()).why["gpus"] == "none (no NVIDIA driver and no AMD card here)"


def test_amd_gpus_come_from_sysfs(fake, no_pynvml):
    card = "sys/class/drm/card0/device"
    files = {
        f"{card}/vendor": "0x1002", f"{card}/device": "0x74a1",
        f"{card}/mem_info_vram_total": f"{192 * GIB}", f"{card}/hwmon/hwmon3/power1_average": "1",
        "sys/class/drm/card1/device/vendor": "0x1a03",
    }  # fmt: skip
    here = fake(x86() | files)
    assert [(gpu.name, gpu.memory_bytes) for gpu in here.gpus] == [
        ("AMD GPU (PCI device 0x74a1)", 192 * GIB)
    ]
    assert here.gpu_power == "hwmon"


def test_tpus_are_counted_on_the_pci_bus(fake):
    files = {}
    for slot, device in enumerate(["0x0063", "0x0063", "0x0042"]):  # the last is a network card
        files |= {
            f"sys/bus/pci/devices/{slot}/vendor": "0x1ae0",
            f"sys/bus/pci/devices/{slot}/device": device,
        }
    assert fake(x86() | files).tpu == "2 × TPU v5e"


def test_a_tpu_behind_vfio_needs_more_than_the_device(fake, monkeypatch):
    """Any device handed to a virtual machine shows up under /dev/vfio."""
    monkeypatch.delenv("TPU_ACCELERATOR_TYPE", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    files = x86() | {"dev/vfio/0": "", "dev/vfio/vfio": ""}
    assert fake(files).tpu is None
    monkeypatch.setenv("TPU_ACCELERATOR_TYPE", "v6e-1")
    assert fake(files).tpu == "1 × TPU v6e-1"


RAPL = {
    "sys/class/powercap/intel-rapl:0/name": "package-0",
    "sys/class/powercap/intel-rapl:0/energy_uj": "123456",
    "sys/class/powercap/intel-rapl:0:0/name": "core",
}


def test_readable_rapl_counters_are_named(fake):
    assert fake(x86() | RAPL).cpu_energy == "RAPL package-0"


def test_rapl_for_root_only_tells_the_fix(fake, tmp_path):
    """A directory stands for the file that may not be read: root may read any file."""
    (tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj").mkdir(parents=True)
    here = fake(x86())
    assert here.cpu_energy is None
    assert "sudo chmod a+r /sys/class/powercap/*/energy_uj" in here.why["cpu_energy"]


# This machine


def test_the_environment_names_another_root(fake, tmp_path, monkeypatch):
    fake(x86(n_cores=3))
    monkeypatch.setenv("LABKIT_SYSFS_ROOT", str(tmp_path))
    assert machine().n_logical_cores == 3


def test_this_machine_agrees_with_psutil():
    psutil = pytest.importorskip("psutil")
    here = machine()
    assert here.n_logical_cores == psutil.cpu_count()
    assert here.ram_bytes == psutil.virtual_memory().total
    assert 0 < here.cpu_count_usable <= here.n_logical_cores


def test_the_passport_costs_at_most_100_ms_of_cpu():
    """The least of five, measured where nothing is loaded yet."""
    code = (
        "import time; from labkit.hardware import machine; start = time.process_time(); "
        "machine(); print(time.process_time() - start)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    assert min(float(run.stdout) for run in runs) <= 0.100


# Odd files


def test_the_highest_clock_of_big_little_is_that_of_a_big_core(fake):
    """The first core is a little one."""
    part = "processor\t: {}\nCPU implementer\t: 0x41\nCPU part\t: {}\n\n"
    files = {"proc/cpuinfo": part.format(0, "0xd05") + part.format(1, "0xd0b")}
    for cpu, (khz, l1) in enumerate([("1800000", "32K"), ("2400000", "64K")]):
        files[f"{CPU}/cpu{cpu}/cpufreq/cpuinfo_max_freq"] = khz
        files |= {f"{CPU}/cpu{cpu}/cache/index0/{name}": text
                  for name, text in {"level": "1", "type": "Data", "size": l1}.items()}  # fmt: skip
    here = fake(files)
    assert (here.clock_hz, here.clock_kind) == (2.4e9, "highest")
    assert here.l1_data_bytes == 64 * KIB
    assert here.cpu_model == "ARM implementer 0x41, part 0xd05 and ARM implementer 0x41, part 0xd0b"


@pytest.mark.parametrize(
    ("text", "n"), [("0-7:1/4", 2), ("0-3,8-15:2/4", 8), ("3", 1), ("", None), ("0-", None)]
)
def test_a_strided_list_of_cpus_is_counted(fake, text, n):
    here = fake(x86() | {"proc/self/status": f"Cpus_allowed_list:\t{text}"})
    assert here.n_allowed_cores == n
    assert here.cpu_count_usable == float(n or 8)


def test_a_cpuinfo_that_may_not_be_read_is_unknown(fake, tmp_path):
    """A directory stands for the file that may not be read: root may read any file."""
    (tmp_path / "proc/cpuinfo").mkdir(parents=True)
    here = fake({f"{CPU}/online": "0-3"})
    assert here.cpu_model is None
    assert here.n_logical_cores == 4
    assert len(names(repr(here))) >= 19


def test_without_proc_a_psutil_that_fails_is_a_reason(fake, monkeypatch):
    psutil = pytest.importorskip("psutil")
    for name in ("cpu_count", "virtual_memory", "Process"):
        monkeypatch.setattr(psutil, name, raises(FileNotFoundError("/proc/stat")))
    here = fake({})
    assert here.n_logical_cores is None
    assert "asking psutil failed with FileNotFoundError" in here.why["n_logical_cores"]
    assert len(names(repr(here))) >= 19
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert "ModuleNotFoundError" in fake({}).why["ram_bytes"]


# What runs kernels


def test_the_passport_says_what_runs_kernels_and_why(fake, monkeypatch):
    monkeypatch.delenv("LABKIT_CUDA", raising=False)
    monkeypatch.setattr("labkit.hardware.cuda_engine.driver_sees_a_gpu", lambda: False)
    assert "CUDA kernels run on the executor (no NVIDIA GPU answers the driver)" in repr(fake({}))
    monkeypatch.setenv("LABKIT_CUDA", "simt")
    assert "CUDA kernels run on the executor (LABKIT_CUDA=simt)" in repr(fake({}))
    monkeypatch.setenv("LABKIT_CUDA", "tpu")
    assert "CUDA kernels cannot run (LABKIT_CUDA is 'tpu'" in repr(fake({}))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (("numba's module", None), "on numba on the GPU (a GPU answers the driver)"),
        ((None, "numba is old"), "on the executor (numba is old)"),
    ],
)
def test_where_a_gpu_answers_numba_is_asked(fake, monkeypatch, found, words):
    monkeypatch.delenv("LABKIT_CUDA", raising=False)
    monkeypatch.setattr("labkit.hardware.cuda_engine.driver_sees_a_gpu", lambda: True)
    monkeypatch.setattr("labkit.hardware.cuda_engine._numba_cuda", lambda: found)
    assert f"CUDA kernels run {words}" in repr(fake({}))
