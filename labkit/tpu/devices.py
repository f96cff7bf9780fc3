"""Eight devices on one CPU, so that sharded programs run anywhere."""

import contextlib
import importlib.util
import os
from typing import Any

from labkit.hardware import machine

_NO_TPU_HERE = {  # else libtpu looks for the TPU machine that it thinks it runs on
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # other notebooks may compile at the same time
}


def cpu_devices(n: int = 8) -> list:
    """`n` virtual CPU devices of JAX; to be asked for before JAX does anything else.

    An accelerator, if there is one, stays JAX's default device. Raises ImportError, a sentence,
    where JAX is missing; ValueError for no positive integer; RuntimeError where JAX already runs
    with fewer devices.
    """
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"The number of devices must be a positive integer, got {n!r}.")
    jax = import_jax()
    prepare_libtpu()
    if "host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):  # JAX refuses both
        with contextlib.suppress(RuntimeError):  # it runs already: perhaps with enough devices
            jax.config.update("jax_num_cpu_devices", n)
    devices = jax.devices("cpu")
    if len(devices) < n:
        raise RuntimeError(
            f"JAX already runs, with {len(devices)} CPU device{'s' * (len(devices) > 1)}: too late "
            f"for {n}. Restart the kernel and ask for them in the first cell."
        )
    return devices[:n]


def prepare_libtpu() -> None:
    """Tell libtpu, if it is installed and no TPU is here, that it will only compile.

    Is to be called before JAX looks for devices: the library reads its environment once.
    """
    if importlib.util.find_spec("libtpu") and machine().tpu is None:
        for key, value in _NO_TPU_HERE.items():
            os.environ.setdefault(key, value)


def import_jax() -> Any:
    """The module jax. Raises ImportError, a sentence, where it is missing."""
    try:
        import jax
    except ImportError as error:
        raise ImportError(
            f"JAX cannot be imported here ({error}): run `pip install jax`, then restart the "
            f"kernel."
        ) from None
    return jax
