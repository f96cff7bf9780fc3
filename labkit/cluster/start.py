"""`run_ranks` and `start_ranks`: a program, and how many ranks of it."""

import importlib.util
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from labkit.cluster.errors import RankError
from labkit.cluster.process import launcher
from labkit.cluster.program import pack
from labkit.cluster.run import RankRun

MAX_RANKS = 64  # processes on one machine, about 50 MB each


def run_ranks(
    program: "str | os.PathLike[str] | Callable[..., Any]",
    n_ranks: int = 2,
    *,
    args: Sequence[Any] = (),
    timeout_s: float = 60.0,
    restarts: int = 0,
    env: Mapping[str, str] | None = None,
    show: bool = True,
) -> RankRun:
    """Run a program as N ranks, print what they print, and return when all have ended.

    program    path of a script, or a function; each begins with init_process_group("gloo")
    n_ranks    how many processes on this machine
    args       arguments of the function; for a script, its sys.argv
    timeout_s  seconds after which all ranks are stopped, starting included
    restarts   how often the agent starts all ranks again when one fails
    env        environment variables for the ranks
    show       print what ranks print to stdout, each line with its rank

    Raises RankError with the traceback of the rank that failed first, RankTimeoutError (a
    RankError) with the place where each rank was, and ValueError, TypeError or FileNotFoundError
    for what cannot be started at all.
    """
    run = start_ranks(
        program, n_ranks, args=args, timeout_s=timeout_s, restarts=restarts, env=env, show=show
    )
    return run.wait()


def start_ranks(
    program: "str | os.PathLike[str] | Callable[..., Any]",
    n_ranks: int = 2,
    *,
    args: Sequence[Any] = (),
    timeout_s: float = 60.0,
    restarts: int = 0,
    env: Mapping[str, str] | None = None,
    show: bool = False,
) -> RankRun:
    """Start a program as N ranks and return at once; the arguments are those of `run_ranks`.

    Use it as a context, `with start_ranks(...) as run:`, so that leaving the block stops all ranks.
    """
    refuse_where_ranks_cannot_run()
    _refuse_nonsense(n_ranks, timeout_s, restarts, env or {})
    process = launcher(how_to_launch())
    folder = process.new_folder()
    pack(program, args, folder)
    run = RankRun(process, folder, int(n_ranks), float(timeout_s), show)
    process.ask(
        {
            "folder": str(folder),
            "n_ranks": int(n_ranks),
            "timeout_s": float(timeout_s),
            "restarts": int(restarts),
            "env": {"GLOO_SOCKET_IFNAME": _LOOPBACK, **(env or {})},
        }
    )
    return run


_LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


def how_to_launch() -> str:
    """`warm` where a process that holds torch can be forked, `cold` elsewhere.

    LABKIT_LAUNCHER=cold asks for new interpreters, as torchrun starts them.
    """
    asked = os.environ.get("LABKIT_LAUNCHER")
    if asked not in (None, "", "warm", "cold"):
        raise ValueError(f"LABKIT_LAUNCHER is {asked!r}: it can be 'warm' or 'cold', or unset.")
    return asked or ("warm" if sys.platform == "linux" else "cold")


def refuse_where_ranks_cannot_run() -> None:
    """Raise RankError with a sentence where this platform or this Python cannot run ranks."""
    if sys.platform == "win32":
        raise RankError(
            "Ranks need Linux or macOS: on Windows torch's agent cannot stop what it started. Run "
            "this notebook under WSL 2, or on Binder or Colab; the results stored in this "
            "notebook come from Linux."
        )
    if importlib.util.find_spec("torch") is None:
        raise RankError("Ranks need PyTorch, which is not installed here: pip install torch.")


def _refuse_nonsense(n_ranks, timeout_s, restarts, env):
    if not _is_count(n_ranks) or not 1 <= n_ranks <= MAX_RANKS:
        raise ValueError(
            f"n_ranks is a number of processes from 1 to {MAX_RANKS}, got {n_ranks!r}."
        )
    if not isinstance(timeout_s, Real) or not 0 < timeout_s < math.inf:
        raise ValueError(f"timeout_s is a number of seconds above 0, got {timeout_s!r}.")
    if not _is_count(restarts) or restarts < 0:
        raise ValueError(f"restarts is a number from 0 up, got {restarts!r}.")
    wrong = [name for name, value in env.items() if not isinstance(value, str)]
    if wrong:
        raise TypeError(f"env[{wrong[0]!r}] must be a string: {env[wrong[0]]!r}.")


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool)
