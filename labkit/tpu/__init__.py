"""What a machine without a TPU can know about one: XLA's output, Pallas, the real TPU compiler."""

from labkit.tpu.compiler import TpuProgram, collectives, compile_for_tpu, entry
from labkit.tpu.devices import cpu_devices
from labkit.tpu.pallas import n_fetches, watch

__all__ = [
    "TpuProgram", "collectives", "compile_for_tpu", "cpu_devices", "entry", "n_fetches", "watch",
]  # fmt: skip
