"""The CPU: model, cores, SIMD width, caches, clock. From `/proc` and `/sys`, else from psutil."""

import contextlib
import platform
import re

from labkit.hardware.facts import Fact, unknown
from labkit.units import KIB

# Flag in /proc/cpuinfo -> name and width in bits; the widest first. SVE does not tell its width.
_SIMD = {
    "avx512f": ("AVX-512", 512),
    "avx2": ("AVX2", 256),
    "avx": ("AVX", 256),
    "sse2": ("SSE2", 128),
    "sve": ("SVE", None),
    "asimd": ("NEON", 128),
    "neon": ("NEON", 128),
}
_NOT_LINUX = "read on Linux only"


def cpu_facts(files):
    """The CPU's facts, by the name of the field of Machine that holds them."""
    return _from_files(files) if files.has_proc else _from_psutil()


def _from_files(files):
    info = _cpuinfo(files)
    flags = (info.get("flags") or info.get("Features") or "").split()
    return {
        "cpu_model": _model(files, info),
        "n_physical_cores": _physical_cores(files),
        "n_logical_cores": _logical_cores(files),
        "n_allowed_cores": _allowed_cores(files),
        "ram_bytes": _ram(files),
        **_simd(flags),
        **_caches(files),
        **_clock(files, info),
    }


def _cpuinfo(files):
    """The entries of the first core, by name."""
    first = files.text("proc/cpuinfo").partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _model(files, info):
    model = info.get("model name") or (files.text("proc/device-tree/model") or "").rstrip("\0")
    if not model and "CPU part" in info:
        model = f"ARM implementer {info.get('CPU implementer')}, part {info['CPU part']}"
    return Fact(model) if model else unknown("/proc/cpuinfo names no model")


def _logical_cores(files):
    n_cores = len(re.findall(r"^processor\s*:", files.text("proc/cpuinfo"), re.MULTILINE))
    return Fact(n_cores) if n_cores else unknown("/proc/cpuinfo lists no processor")


def _physical_cores(files):
    """Threads of one core share a list of siblings, so the distinct lists are the cores."""
    pattern = "sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list"
    cores = {files.text(path) for path in files.find(pattern)}
    return Fact(len(cores)) if cores else unknown("the kernel shows no core topology")


def _allowed_cores(files):
    for line in (files.text("proc/self/status") or "").splitlines():
        if line.startswith("Cpus_allowed_list:"):
            ranges = [part.split("-") for part in line.split()[1].split(",")]
            return Fact(sum(int(span[-1]) - int(span[0]) + 1 for span in ranges))
    return unknown("/proc/self/status lists no allowed CPUs")


def _ram(files):
    for line in (files.text("proc/meminfo") or "").splitlines():
        if line.startswith("MemTotal:"):
            return Fact(int(line.split()[1]) * KIB)
    return unknown("/proc/meminfo has no MemTotal")


def _simd(flags):
    name, bits = next((simd for flag, simd in _SIMD.items() if flag in flags), (None, None))
    if name is None:
        missing = unknown("/proc/cpuinfo lists no vector extension that labkit knows")
        return {"simd": missing, "simd_bits": missing, "has_fma": missing}
    width = Fact(bits) if bits else unknown(f"the width of {name} is not in /proc/cpuinfo")
    has_fma = not {"fma", "avx512f", "asimd", "sve"}.isdisjoint(flags)
    return {"simd": Fact(name), "simd_bits": width, "has_fma": Fact(has_fma)}


def _caches(files):
    size_of = {}
    for index in files.find("sys/devices/system/cpu/cpu0/cache/index[0-9]*"):
        level, kind, size = (files.text(f"{index}/{name}") for name in ("level", "type", "size"))
        if kind in ("Data", "Unified") and size and size.endswith("K"):
            size_of[level] = int(size[:-1]) * KIB
    missing = unknown("the kernel shows no such cache")
    fields = {"1": "l1_data_bytes", "2": "l2_bytes", "3": "l3_bytes"}
    return {
        field: Fact(size_of[level]) if level in size_of else missing
        for level, field in fields.items()
    }


def _clock(files, info):
    """The highest clock where cpufreq tells it; a virtual machine tells a nominal one at best."""
    highest_khz = files.number("sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
    if highest_khz:
        return {"clock_hz": Fact(highest_khz * 1e3), "clock_kind": Fact("highest")}
    if "cpu MHz" in info:
        kind = Fact("as reported now, turbo may be faster")
        return {"clock_hz": Fact(float(info["cpu MHz"]) * 1e6), "clock_kind": kind}
    missing = unknown("neither cpufreq nor /proc/cpuinfo tells it")
    return {"clock_hz": missing, "clock_kind": missing}


def _from_psutil():
    import psutil

    elsewhere = unknown(_NOT_LINUX)
    is_arm = platform.machine().lower() in ("arm64", "aarch64")  # NEON is part of 64-bit ARM
    simd = ("NEON", 128, True) if is_arm else (None, None, None)
    return {
        "cpu_model": _model_elsewhere(),
        "n_physical_cores": _or_unknown(psutil.cpu_count(logical=False)),
        "n_logical_cores": _or_unknown(psutil.cpu_count()),
        "n_allowed_cores": _or_unknown(_affinity(psutil)),
        "ram_bytes": Fact(psutil.virtual_memory().total),
        **dict(zip(("simd", "simd_bits", "has_fma"), map(_or_unknown, simd), strict=True)),
        **dict.fromkeys(("l1_data_bytes", "l2_bytes", "l3_bytes"), elsewhere),
        **dict.fromkeys(("clock_hz", "clock_kind"), elsewhere),
    }


def _or_unknown(value):
    return unknown(_NOT_LINUX) if value is None else Fact(value)


def _affinity(psutil):
    """Cores that this process may use; macOS knows no affinity."""
    process = psutil.Process()
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else None


def _model_elsewhere():
    """The model's name; macOS calls every Apple CPU `arm`, so its sysctl is asked."""
    name = platform.processor()
    if platform.system() == "Darwin":
        import subprocess

        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            name = subprocess.run(command, capture_output=True, text=True, timeout=2).stdout.strip()
    return Fact(name) if name else unknown("the system names no model")
