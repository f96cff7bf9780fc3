"""What a machine without a TPU can know about one: XLA's output, Pallas, the real TPU compiler."""

from labkit.tpu.compiler import TpuProgram, compile_for_tpu
from labkit.tpu.devices import cpu_devices
from labkit.tpu.hlo import Exchange, collectives, entry, exchanges, operations
from labkit.tpu.pallas import n_fetches, watch

__all__ = [
    "Exchange", "TpuProgram", "collectives", "compile_for_tpu", "cpu_devices", "entry",
    "exchanges", "n_fetches", "operations", "watch",
]  # fmt: skip
