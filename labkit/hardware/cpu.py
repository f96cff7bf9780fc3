"""The CPU: model, cores, SIMD width, caches, clock. From `/proc` and `/sys`, else from psutil."""

import contextlib
import platform
import re
from collections.abc import Callable

from labkit.hardware.facts import Fact, unknown
from labkit.hardware.system_files import SystemFiles
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
_CPU = "sys/devices/system/cpu"
_EACH_CPU = f"{_CPU}/cpu[0-9]*"
_NOT_LINUX = "read on Linux only"
_TIMES = {"K": KIB, "M": KIB**2, "G": KIB**3}


def cpu_facts(files: SystemFiles) -> dict[str, Fact]:
    """The CPU's facts, by the name of the field of Machine that holds them."""
    return _from_files(files) if files.has_proc else _from_psutil()


def cpu_vendor(files: SystemFiles) -> str | None:
    """The maker as an x86 CPU names it, such as `AuthenticAMD`; None where it names none."""
    return next((core["vendor_id"] for core in _cpuinfo(files) if core.get("vendor_id")), None)


def _from_files(files):
    cores = _cpuinfo(files)
    first = cores[0] if cores else {}
    flags = (first.get("flags") or first.get("Features") or "").split()
    return {
        "cpu_model": _model(files, cores),
        "n_physical_cores": _physical_cores(files),
        "n_logical_cores": _logical_cores(files, cores),
        "n_allowed_cores": _allowed_cores(files),
        "ram_bytes": _ram(files),
        **_simd(flags),
        **_caches(files),
        **_clock(files, cores),
    }


def _cpuinfo(files):
    """The entries of each block of /proc/cpuinfo by name: one for each logical core, mostly."""
    blocks = (files.text("proc/cpuinfo") or "").split("\n\n")
    cores = []
    for block in filter(str.strip, blocks):
        pairs = (line.partition(":") for line in block.splitlines())
        cores.append({name.strip(): value.strip() for name, _, value in pairs})
    return cores


def _model(files, cores):
    model = next((core["model name"] for core in cores if core.get("model name")), None)
    model = model or (files.text("proc/device-tree/model") or "").rstrip("\0")
    # The cores of a big.LITTLE processor are of several kinds.
    arm = dict.fromkeys(
        f"ARM implementer {core.get('CPU implementer')}, part {core['CPU part']}"
        for core in cores
        if "CPU part" in core
    )
    model = model or " and ".join(arm)
    return Fact(model) if model else unknown("/proc/cpuinfo names no model")


def _logical_cores(files, cores):
    n_cores = sum("processor" in core for core in cores)
    n_cores = n_cores or _length_of_list(files.text(f"{_CPU}/online")) or 0
    return Fact(n_cores) if n_cores else unknown("/proc/cpuinfo lists no processor")


def _physical_cores(files):
    """Threads of one core share a list of siblings, so the distinct lists are the cores."""
    lists = {files.text(path) for path in files.find(f"{_EACH_CPU}/topology/thread_siblings_list")}
    lists -= {None, ""}
    return Fact(len(lists)) if lists else unknown("the kernel shows no core topology")


def _allowed_cores(files):
    for line in (files.text("proc/self/status") or "").splitlines():
        if line.startswith("Cpus_allowed_list:"):
            text = line.partition(":")[2].strip()
            n_cores = _length_of_list(text)
            if n_cores:
                return Fact(n_cores)
            return unknown(f"/proc/self/status lists the allowed CPUs as {text!r}")
    return unknown("/proc/self/status lists no allowed CPUs")


def _length_of_list(text):
    """How many CPUs a list such as `0,2-4,8-15:1/4` names; None if it is no such list.

    `8-15:1/4` are the first of each four (Linux, "CPU lists").
    """
    cpus = set()
    for part in (text or "").split(","):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6})(?::(\d{1,6})/(\d{1,6}))?)?", part.strip())
        if not match:
            return None
        first, last, used, of = (
            None if number is None else int(number) for number in match.groups()
        )
        last, used, of = first if last is None else last, used or 1, of or 1
        cpus |= {cpu for cpu in range(first, last + 1) if (cpu - first) % of < used}
    return len(cpus)


def _ram(files):
    for line in (files.text("proc/meminfo") or "").splitlines():
        if line.startswith("MemTotal:"):
            match = re.fullmatch(r"MemTotal:\s*(\d{1,15}) kB", line.strip())
            if match and int(match[1]):
                return Fact(int(match[1]) * KIB)
            return unknown(f"/proc/meminfo says {line.strip()!r}")
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
    """The caches of the core that has the largest: those of a little core are smaller."""
    size_of = {}
    for index in files.find(f"{_EACH_CPU}/cache/index[0-9]*"):
        level, kind, size = (files.text(f"{index}/{name}") for name in ("level", "type", "size"))
        match = re.fullmatch(r"(\d{1,9})([KMG])", size or "")
        if kind in ("Data", "Unified") and match:
            n_bytes = int(match[1]) * _TIMES[match[2]]
            size_of[level] = max(n_bytes, size_of.get(level, 0))
    missing = unknown("the kernel shows no such cache")
    fields = {"1": "l1_data_bytes", "2": "l2_bytes", "3": "l3_bytes"}
    return {
        field: Fact(size_of[level]) if size_of.get(level) else missing
        for level, field in fields.items()
    }


def _clock(files, cores):
    """The highest clock of any core where cpufreq tells it; a virtual machine tells a nominal one.

    The first core of a big.LITTLE processor is a little one.
    """
    pattern = f"{_EACH_CPU}/cpufreq/cpuinfo_max_freq"
    highest_khz = max((files.number(path) or 0 for path in files.find(pattern)), default=0)
    if highest_khz > 0:
        return {"clock_hz": Fact(highest_khz * 1e3), "clock_kind": Fact("highest")}
    texts = [core["cpu MHz"] for core in cores if "cpu MHz" in core]
    clocks_mhz = [float(text) for text in texts if re.fullmatch(r"\d{1,6}(\.\d+)?", text)]
    if max(clocks_mhz, default=0.0) > 0:
        kind = Fact("as reported now, turbo may be faster")
        return {"clock_hz": Fact(max(clocks_mhz) * 1e6), "clock_kind": kind}
    missing = unknown(
        f"/proc/cpuinfo says {texts[0]!r}"
        if texts
        else "neither cpufreq nor /proc/cpuinfo tells it"
    )
    return {"clock_hz": missing, "clock_kind": missing}


def _from_psutil():
    elsewhere = unknown(_NOT_LINUX)
    is_arm = platform.machine().lower() in ("arm64", "aarch64")  # NEON is part of 64-bit ARM
    simd = ("NEON", 128, True) if is_arm else (None, None, None)
    return {
        "cpu_model": _model_elsewhere(),
        "n_physical_cores": _asked(lambda psutil: psutil.cpu_count(logical=False)),
        "n_logical_cores": _asked(lambda psutil: psutil.cpu_count()),
        "n_allowed_cores": _asked(_affinity),
        "ram_bytes": _asked(lambda psutil: psutil.virtual_memory().total),
        **dict(zip(("simd", "simd_bits", "has_fma"), map(_or_unknown, simd), strict=True)),
        **dict.fromkeys(("l1_data_bytes", "l2_bytes", "l3_bytes"), elsewhere),
        **dict.fromkeys(("clock_hz", "clock_kind"), elsewhere),
    }


def _asked(ask: Callable) -> Fact:
    """What psutil answers; it may lack /proc too, or be missing itself."""
    try:
        import psutil

        return _or_unknown(ask(psutil))
    except Exception as error:
        return unknown(f"asking psutil failed with {type(error).__name__} {error}".strip())


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
