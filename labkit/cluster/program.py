"""A rank program on its way from the notebook into its ranks: a script, or a function."""

import io
import linecache
import marshal
import os
import pickle
import runpy
import sys
import types
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from labkit.cluster.errors import RankError
from labkit.cluster.folder import PROGRAM, write_whole


def pack(program: "str | os.PathLike[str] | Callable", args: Sequence[Any], folder: Path) -> None:
    """Write down all that a rank needs to run the program as the notebook would run it.

    A function travels by value, with the functions and values of the notebook that it uses, so a
    cell's function works as well as one of a module. Raises a sentence for what cannot travel.
    """
    if not callable(program) and not isinstance(program, (str, os.PathLike)):
        raise TypeError(f"A rank program is the path of a script, or a function, not {program!r}.")
    if isinstance(args, (str, bytes)) or not isinstance(args, Iterable):
        raise TypeError(f'args is a list or tuple, such as ("--steps", 10), not {args!r}.')
    packed = {"cwd": _folder(), "path": sys.path, "cells": _cells()}
    if callable(program):
        packed["function"] = _by_value(program, args)
    else:
        script = Path(program).resolve()
        if not script.is_file():
            raise FileNotFoundError(
                f"There is no rank script {str(program)!r} (looked at {script}). Give the path of "
                f"a Python file, or a function."
            )
        packed |= {"script": str(script), "argv": [str(arg) for arg in args]}
    try:
        write_whole(folder / PROGRAM, pickle.dumps(packed))
    except OSError as error:
        raise RankError(
            f"The program could not be written into {folder} ({error.strerror}). Make room there, "
            f"or set TMPDIR to another folder and restart the kernel."
        ) from None


def unpack_and_run(folder: Path) -> Any:
    """Run the packed program in this process; a function's result is returned."""
    packed = pickle.loads((folder / PROGRAM).read_bytes())
    os.chdir(packed["cwd"])
    sys.path[:] = packed["path"]
    linecache.cache.update(packed["cells"])  # so that a traceback shows the lines of a cell
    if "function" in packed:
        function, args = pickle.loads(packed["function"])
        return function(*args)
    script = packed["script"]
    sys.argv = [script, *packed["argv"]]
    sys.path.insert(0, os.path.dirname(script))
    runpy.run_path(script, run_name="__main__")
    return None


def _folder():
    try:
        return os.getcwd()
    except OSError:
        raise RankError(
            "The folder in which this notebook runs was deleted: os.chdir to another one."
        ) from None


def _by_value(function, args):
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        """Keeps the names of files, which cloudpickle drops: tracebacks need them."""

        dispatch_table: ClassVar = ChainMap(
            {types.CodeType: _reduce_code}, cloudpickle.Pickler.dispatch_table
        )

    packed = io.BytesIO()
    try:
        Pickler(packed).dump((function, tuple(args)))
        return packed.getvalue()
    except Exception as error:
        raise TypeError(
            f"{getattr(function, '__name__', function)!r} cannot travel to the ranks, because "
            f"something that it uses, or one of args, doesn't pickle ({error}). Open files, locks, "
            f"generators and process groups cannot: make them inside of the function."
        ) from error


def _reduce_code(code):
    return marshal.loads, (marshal.dumps(code),)  # both ends are the same Python


def _cells():
    """Source that stands in no file: the notebook's cells, as linecache knows them."""
    entries = linecache.cache.items()
    return {name: entry for name, entry in entries if len(entry) == 4 and entry[1] is None}
