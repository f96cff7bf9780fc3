"""NVIDIA GPUs as the driver's own library, NVML, lists them; the one place where it is asked.

Which of them a CUDA program sees is up to CUDA_VISIBLE_DEVICES, which NVML does not heed. A GPU may
be cut into slices (MIG): a program then has one slice, while power is told of the whole GPU only.
"""

import dataclasses
import os
import warnings
from collections.abc import Callable
from numbers import Real
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"
LIBRARY = "LABKIT_NVML_LIBRARY"
_MOST_MW = 10_000_000  # no card is allowed 10 kW; drivers say 4,294,967,295 for "not set"
DEVICE_FILES = ("dev/nvidiactl", "dev/nvidia0", "dev/dxg")  # the last one is Windows' WSL2


@dataclasses.dataclass(frozen=True, slots=True)
class Slice:
    """One MIG slice of a GPU; `used`: this process may run on it."""

    name: str
    uuid: str | None = None
    memory_bytes: int | None = None
    used: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class NvidiaGpu:
    """One GPU that the driver lists.

    index     its place in NVML's order, that of the PCI bus
    visible   whether CUDA programs started like this one see it; None: nothing tells
    slices    its MIG slices; none where it is whole
    error     what the driver answered when asked for this GPU; then nothing else is known
    """

    index: int
    name: str = "NVIDIA GPU"
    uuid: str | None = None
    memory_bytes: int | None = None
    slices: tuple[Slice, ...] = ()
    visible: bool | None = True
    error: Exception | None = None
    nvml: Any = dataclasses.field(default=None, repr=False)
    handle: Any = dataclasses.field(default=None, repr=False)

    def energy_j(self) -> float:
        """Energy in J since the driver was loaded. Raises what NVML raises where it is not told."""
        return self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle) * 1e-3

    def power_w(self) -> float:
        """Power in W. Raises what NVML raises where it is not told."""
        return self.nvml.nvmlDeviceGetPowerUsage(self.handle) * 1e-3

    def power_limit_w(self) -> float | None:
        """The power limit in W that is set; None where none is told, or one that cannot be."""
        limit_mw = _or_none(lambda: self.nvml.nvmlDeviceGetPowerManagementLimit(self.handle))
        is_fit = isinstance(limit_mw, Real) and 0 < limit_mw < _MOST_MW
        return limit_mw * 1e-3 if is_fit else None

    def architecture(self) -> int | None:
        """NVML's number of the architecture (7: Ampere); None where it is not told."""
        number = _or_none(lambda: self.nvml.nvmlDeviceGetArchitecture(self.handle))
        return number if isinstance(number, int) else None

    @property
    def tells_power(self) -> bool:
        """Whether the driver tells energy or power of it, so far as one question can show."""
        return any(_or_none(ask) is not None for ask in (self.energy_j, self.power_w))


def nvidia_gpus() -> list[NvidiaGpu]:
    """All GPUs that the driver lists, each once.

    LABKIT_NVML_LIBRARY in the environment names another `libnvidia-ml.so.1`. Raises whatever a
    missing package, a missing or a broken driver raises: see `why_no_nvml`.
    """
    nvml = _library()
    nvml.nvmlInit()
    gpus, seen = [], set()
    for index in range(nvml.nvmlDeviceGetCount()):
        gpu = _gpu(nvml, index)
        if gpu.uuid is None or gpu.uuid not in seen:
            gpus.append(gpu)
            seen.add(gpu.uuid)
    return _marked(gpus, os.environ.get(VISIBLE), os.environ.get("CUDA_DEVICE_ORDER"))


def why_no_nvml(error: BaseException) -> tuple[str, str | None]:
    """Why the driver could not be asked, in words, and what to do about it or None."""
    kind = type(error).__name__
    if kind == "NVMLError_LibraryNotFound":
        return "no NVIDIA driver here", None
    if isinstance(error, ImportError):
        return "pynvml is not installed", "run: pip install nvidia-ml-py"
    first_line = (str(error).splitlines() or [""])[0]
    return f"asking the NVIDIA driver failed with {kind} {first_line}".strip(), None


def _library():
    """pynvml, told where the library is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old package of the same name warns on import
        import pynvml
    path = os.environ.get(LIBRARY)
    if path and pynvml.nvmlLib is None:
        import ctypes

        pynvml.nvmlLib = ctypes.CDLL(path)
    return pynvml


def _gpu(nvml, index):
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        name = _text(nvml.nvmlDeviceGetName(handle))
    except Exception as error:  # a GPU that fell off the bus takes no other with it
        return NvidiaGpu(index, error=error)
    return NvidiaGpu(
        index,
        name,
        uuid=_or_none(lambda: _text(nvml.nvmlDeviceGetUUID(handle))),
        memory_bytes=_or_none(lambda: nvml.nvmlDeviceGetMemoryInfo(handle).total),
        slices=_or_none(lambda: _slices(nvml, handle)) or (),
        nvml=nvml,
        handle=handle,
    )


def _slices(nvml, gpu):
    """The MIG slices of a GPU. Raises where the driver or the GPU knows no MIG."""
    if not nvml.nvmlDeviceGetMigMode(gpu)[0]:
        return ()
    handles = (
        _or_none(lambda place=place: nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, place))
        for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu))
    )
    return tuple(_slice(nvml, handle) for handle in handles if handle is not None)


def _slice(nvml, handle):
    return Slice(
        _or_none(lambda: _text(nvml.nvmlDeviceGetName(handle))) or "MIG slice",
        uuid=_or_none(lambda: _text(nvml.nvmlDeviceGetUUID(handle))),
        memory_bytes=_or_none(lambda: nvml.nvmlDeviceGetMemoryInfo(handle).total),
    )


def _marked(gpus, listed, order):
    """The GPUs, each with whether a CUDA program sees it, and on which of its slices it runs."""
    if listed is None:
        return [_used(gpu, _first_slice(gpu)) for gpu in gpus]
    chosen = _chosen(gpus, listed)
    counts_by_place = any(token.strip().isdigit() for token in listed.split(","))
    if (
        counts_by_place
        and order != "PCI_BUS_ID"
        and len({gpu.name for gpu in gpus}) > 1
        and len({gpu.index for gpu, _ in chosen}) < len(gpus)
    ):  # CUDA then counts the fastest GPU first, and NVML does not tell which that is
        return [dataclasses.replace(gpu, visible=None) for gpu in gpus]
    return [
        _used(gpu, *(part for of, part in chosen if of is gpu))
        if any(of is gpu for of, _ in chosen)
        else dataclasses.replace(gpu, visible=False)
        for gpu in gpus
    ]


def _first_slice(gpu):
    """The slice that CUDA takes where none is named: it opens one only."""
    return gpu.slices[0] if gpu.slices else None


def _used(gpu, *parts):
    slices = tuple(
        dataclasses.replace(part, used=any(part is used for used in parts)) for part in gpu.slices
    )
    return dataclasses.replace(gpu, slices=slices)


def _chosen(gpus, listed):
    """The (GPU, slice or None) that CUDA_VISIBLE_DEVICES names, as CUDA reads it.

    CUDA stops at the first entry that names nothing, and sees nothing if one is named twice.
    """
    chosen = []
    for token in listed.split(","):
        found = _named(gpus, token.strip())
        if found is None:
            break
        if any(of is found[0] and part is found[1] for of, part in chosen):
            return []
        chosen.append(found)
    return chosen


def _named(gpus, token):
    """The (GPU, slice or None) that one entry names: a place, or the beginning of a UUID."""
    if token.isascii() and token.isdigit():
        fitting = [gpu for gpu in gpus if gpu.index == int(token)]
        return (fitting[0], _first_slice(fitting[0])) if fitting else None
    prefix = token.lower()
    if not prefix.startswith(("gpu-", "mig-")):
        return None
    fitting = [
        (gpu, part)
        for gpu in gpus
        for uuid, part in [(gpu.uuid, None), *((part.uuid, part) for part in gpu.slices)]
        if uuid and uuid.lower().startswith(prefix)
    ]
    exact = [(gpu, part) for gpu, part in fitting if (part or gpu).uuid.lower() == prefix]
    fitting = exact or fitting
    if len(fitting) != 1:
        return None
    gpu, part = fitting[0]
    return gpu, part or _first_slice(gpu)


def _text(name):
    return name.decode() if isinstance(name, bytes) else name


def _or_none(ask: Callable):
    try:
        return ask()
    except Exception:  # NVMLError_NotSupported and its kin; an old driver lacks the function
        return None
