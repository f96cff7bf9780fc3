"""Pallas's TPU interpreter tells of races on the standard output; here they become a number."""

import contextlib
import io

from labkit.tpu.devices import import_jax


def watch(run):
    """Call `run()`, which runs a kernel with `InterpretParams(detect_races=True)`.

    Returns the result, once it is computed, and the number of races that the interpreter reported.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        result = import_jax().block_until_ready(run())
    return result, said.getvalue().count("RACE DETECTED")
