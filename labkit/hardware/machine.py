"""`machine()`: what is here, read from the system, never guessed."""

import dataclasses
import os
import platform
import types
from collections import Counter

from labkit.hardware.accelerators import Gpu, device_facts
from labkit.hardware.cgroup import cpu_quota, memory_limit
from labkit.hardware.cpu import cpu_facts
from labkit.hardware.cuda_engine import cuda_engine
from labkit.hardware.facts import Fact
from labkit.hardware.system_files import SystemFiles
from labkit.reading import Origin
from labkit.units import binary, si


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Machine:
    """This machine. What is unknown is None (no GPU: an empty tuple), and `why[field]` says why.

    It prints as a passport: lines of fixed number and names, `[measured] name: figure`.
    """

    cpu_model: str | None
    n_physical_cores: int | None
    n_logical_cores: int | None
    n_allowed_cores: int | None  # affinity
    cpu_quota_cores: float | None  # cgroup
    ram_bytes: int | None
    memory_limit_bytes: int | None  # cgroup
    simd: str | None
    simd_bits: int | None
    has_fma: bool | None  # fused multiply-add
    l1_data_bytes: int | None
    l2_bytes: int | None
    l3_bytes: int | None
    clock_hz: float | None
    clock_kind: str | None
    gpus: tuple[Gpu, ...]  # those that this process may use
    hidden_gpus: tuple[Gpu, ...]  # by CUDA_VISIBLE_DEVICES and its kin; other slices of a GPU
    tpu: str | None
    cpu_energy: str | None
    gpu_power: str | None
    kernel_engine: str  # what runs CUDA kernels in this process, and why
    python: str
    system: str
    why: types.MappingProxyType[str, str]

    @property
    def cpu_count_usable(self) -> float | None:
        """Cores' worth of CPU time that this process can get: the tighter of affinity and quota.

        A float, such as 1.5; None if nothing is known.
        """
        limits = (self.n_allowed_cores or self.n_logical_cores, self.cpu_quota_cores)
        usable = min(filter(None, limits), default=None)
        return None if usable is None else float(usable)

    @property
    def memory_usable_bytes(self) -> int | None:
        """The container's limit, else the RAM; None if neither is known."""
        return min(filter(None, (self.memory_limit_bytes, self.ram_bytes)), default=None)

    def __repr__(self):
        return "\n".join(f"[{Origin.MEASURED}] {name}: {text}" for name, text in self._lines())

    def _lines(self):
        yield "CPU", self._text("cpu_model")
        yield "physical cores", self._text("n_physical_cores")
        yield "logical cores", self._text("n_logical_cores")
        yield "cores this process may use", self._text("n_allowed_cores")
        yield "CPU quota", self._text("cpu_quota_cores", "{:g} cores".format)
        usable = self.cpu_count_usable
        yield "usable CPU", f"{usable:g} cores" if usable else self.why["n_logical_cores"]
        yield "clock", self._text("clock_hz", lambda hz: f"{si(hz, 'Hz')} ({self.clock_kind})")
        yield "SIMD", self._text("simd", self._simd_text)
        yield "L1 data cache", self._text("l1_data_bytes", binary)
        yield "L2 cache", self._text("l2_bytes", binary)
        yield "L3 cache", self._text("l3_bytes", binary)
        yield "RAM", self._text("ram_bytes", binary)
        yield "memory limit", self._text("memory_limit_bytes", binary)
        gpus = self._text("gpus", _gpus_text) + _hidden_text(self.hidden_gpus)
        yield "GPU", f"{gpus}; {self.kernel_engine}"
        yield "TPU", self._text("tpu")
        yield "CPU energy counter", self._text("cpu_energy")
        yield "GPU power sensor", self._text("gpu_power")
        yield "Python", self.python
        yield "system", self.system

    def _text(self, field, write=str):
        value = getattr(self, field)
        return self.why[field] if value in (None, ()) else write(value)

    def _simd_text(self, simd):
        width = f"{self.simd_bits} bit" if self.simd_bits else self.why["simd_bits"]
        return f"{simd}, {width}{', FMA' if self.has_fma else ''}"


def machine(root: str | os.PathLike | None = None) -> Machine:
    """What this machine is: CPU, limits of its container, GPUs, TPU, power interfaces.

    root   where `/proc`, `/sys` and `/dev` are looked for: a directory that holds a fake machine;
           by default the environment's LABKIT_SYSFS_ROOT, else `/`

    It raises nothing: what cannot be read is None, with the reason.
    """
    files = SystemFiles(root)
    facts = {
        **cpu_facts(files),
        "cpu_quota_cores": cpu_quota(files),
        "memory_limit_bytes": memory_limit(files),
        **device_facts(files),
        "kernel_engine": _kernel_engine(),
        "python": Fact(f"{platform.python_version()} ({platform.python_implementation()})"),
        "system": Fact(f"{platform.system()} {platform.release()} {platform.machine()}"),
    }
    why = {field: fact.why for field, fact in facts.items() if fact.why}
    values = {field: fact.value for field, fact in facts.items()}
    return Machine(**values, why=types.MappingProxyType(why))


def _kernel_engine():
    try:
        return Fact(cuda_engine().sentence)
    except Exception as error:  # a word in the environment that is none; a broken numba
        return Fact(f"CUDA kernels cannot run ({error})")


def _hidden_text(gpus):
    """The GPUs that this process does not use, after those that it does."""
    texts = (
        f"; {_gpus_text([gpu for gpu in gpus if gpu.hidden_by == by])} "
        f"{'in slices of other programs' if by == 'MIG' else f'hidden by {by}'}"
        for by in dict.fromkeys(gpu.hidden_by for gpu in gpus)
    )
    return "".join(texts)


def _gpus_text(gpus):
    counts = Counter((gpu.name, gpu.memory_bytes) for gpu in gpus)
    return ", ".join(f"{n} × {name} ({binary(size)})" for (name, size), n in counts.items())
