"""What a machine without a TPU can know about one: XLA's output, Pallas, the real TPU compiler."""

from labkit.tpu.blocks import n_fetches
from labkit.tpu.compiler import TpuProgram, compile_for_tpu
from labkit.tpu.devices import cpu_devices
from labkit.tpu.hlo import collectives, entry
from labkit.tpu.interpret import watch

__all__ = [
    "TpuProgram", "collectives", "compile_for_tpu", "cpu_devices", "entry", "n_fetches", "watch",
]  # fmt: skip
