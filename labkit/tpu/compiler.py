"""The real TPU compiler on a CPU, ahead of time; where it is missing, what it said when recorded.

`libtpu` holds the compiler. Without a TPU it executes nothing: cycles are its own estimates.
"""

import dataclasses
import importlib.metadata
import importlib.util
import re
from collections.abc import Callable, Mapping
from typing import Any

from labkit.reading import Origin
from labkit.results.results import recorded
from labkit.tpu.devices import import_jax, prepare_libtpu
from labkit.tpu.hlo import collectives
from labkit.units import si

_REFUSALS = {  # words of the compiler's message -> a sentence
    "divisible by 8 and 128": "the last two sides of a block must be multiples of 8 and 128, "
    "or those of the whole array",
    "vmem": "the kernel needs more VMEM than it may have",
    "hbm": "the program needs more HBM than the chip has",
}
LIVE = {}  # name -> TpuProgram: what was compiled in this process, for `tools/record_tpu.py`


@dataclasses.dataclass(frozen=True, repr=False)
class TpuProgram:
    """What the TPU compiler made of a function; bytes and collectives are those of one device.

    cycles   the compiler's static estimate, None where it gives none (a Pallas kernel) or refused
    layout   type, shape and layout of the first argument in the chip's memory
    refusal  why it was not compiled, a sentence; "" if it was
    message  the compiler's own words then
    source   the compiler's version and where it ran: here, or when it was recorded
    """

    name: str
    cycles: int | None = None
    argument_bytes: int | None = None
    output_bytes: int | None = None
    collectives: Mapping[str, int] = dataclasses.field(default_factory=dict)
    layout: str = ""
    refusal: str = ""
    message: str = ""
    source: str = dataclasses.field(default="", compare=False)

    def __repr__(self):
        return f"[{Origin.MODELLED}] {self.name}: {self._said()}"

    def _said(self):
        if self.refusal:
            return f"refused, {self.refusal}"
        cycles = "no estimate of cycles" if self.cycles is None else f"{self.cycles:,} cycles"
        return f"{cycles}, {si(self.argument_bytes, 'B')} of arguments"


def compile_for_tpu(
    name: str,
    function: Callable,
    *arrays: Any,
    mesh: Any = None,
    out: Any = None,
    topology: str = "v5e:4x4",
) -> "TpuProgram":
    """Compile a JAX function for a TPU that is not here: a TpuProgram.

    name      under which it is looked up among the recorded ones where the compiler is missing
    arrays    (shape, dtype), or (shape, dtype, PartitionSpec), for each argument
    mesh      axis -> size, such as {"data": 4, "model": 4}; left out: one device
    out       PartitionSpec of the result
    topology  the slice of TPUs, such as "v5e:4x4"

    A program that the compiler refuses, since it does not fit a tile or a memory, is a TpuProgram
    too. Raises ValueError for a mesh that is larger than the topology; LookupError where the
    compiler is missing and no program of this name was recorded.
    """
    if why := _missing():
        return _recorded(name, why)
    LIVE[name] = program = _compiled(name, function, arrays, mesh or {"one": 1}, out, topology)
    return program


def _missing():
    """Why the compiler cannot run here, or ""."""
    if importlib.util.find_spec("libtpu") is None:
        return "libtpu is not installed here (pip install -r requirements-tpu.txt)"
    prepare_libtpu()
    if import_jax().default_backend() == "tpu":
        return "a TPU is here, and its runtime holds libtpu"
    return ""


def _recorded(name, why):
    recording = recorded("tpu-compiler")
    for row in recording.rows:
        if row["name"] == name:
            return TpuProgram(**row, source=f"recorded: {recording.source}; {why}")
    raise LookupError(
        f"The TPU compiler cannot run: {why}. And no program {name!r} was recorded; there are "
        f"{', '.join(row['name'] for row in recording.rows)}."
    )


def _compiled(name, function, arrays, mesh, out, topology):
    jax = import_jax()
    from jax.sharding import NamedSharding, PartitionSpec

    devices = _mesh(mesh, topology)
    structs = [
        jax.ShapeDtypeStruct(
            shape, dtype, sharding=NamedSharding(devices, *(spec or [PartitionSpec()]))
        )
        for shape, dtype, *spec in arrays
    ]
    result = NamedSharding(devices, PartitionSpec() if out is None else out)
    source = f"compiled here, libtpu {_version('libtpu')}, jax {jax.__version__}"
    try:
        compiled = jax.jit(function, out_shardings=result).lower(*structs).compile()
    except (ValueError, RuntimeError) as error:
        return TpuProgram(name, refusal=_refusal(error), message=_brief(error), source=source)
    memory, text = compiled.memory_analysis(), compiled.as_text()
    cycles = [int(n) for n in re.findall(r'estimated_cycles":"(\d+)', text)]
    return TpuProgram(
        name,
        cycles=sum(cycles) if cycles else None,
        argument_bytes=memory.argument_size_in_bytes,
        output_bytes=memory.output_size_in_bytes,
        collectives=collectives(compiled),
        layout=re.search(r"entry_computation_layout=\{\((\w+\[.*?\]\{.*?\})", text)[1],
        source=source,
    )


def _mesh(sizes, topology):
    import numpy as np
    from jax.experimental import topologies
    from jax.sharding import Mesh

    devices = np.array(topologies.get_topology_desc(topology, platform="tpu").devices)
    n = int(np.prod(list(sizes.values())))
    if n > devices.size:
        raise ValueError(
            f"The mesh {sizes} asks for {n} devices, and {topology} has {devices.size}: take a "
            f"smaller mesh or a larger topology."
        )
    return Mesh(devices.flat[:n].reshape(*sizes.values()), tuple(sizes))


def _refusal(error):
    """What the compiler refused, as a sentence; any other error is the caller's and goes on."""
    text = str(error).lower()
    for words, sentence in _REFUSALS.items():
        if words in text:
            return sentence
    raise error


def _brief(error):
    """The first sentence of a message: the rest names files, and has a page of its own."""
    return re.split(r"(?<=[.)]) (?:Block spec|See|It should)|\nSee", str(error))[0].strip()


def _version(package):
    return importlib.metadata.version(package)
