"""`run_ranks` and `start_ranks`: a program, and how many ranks of it."""

import contextlib
import importlib.util
import math
import os
import re
import shlex
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from labkit.cluster.agent import RENDEZVOUS_ID
from labkit.cluster.errors import RankError
from labkit.cluster.folder import AGENT
from labkit.cluster.process import launcher
from labkit.cluster.program import pack
from labkit.cluster.run import RankRun

Program = str | os.PathLike[str] | Callable[..., Any]
MAX_RANKS = 64  # processes on one machine, about 50 MB each
MAX_HOSTS = 16


def run_ranks(
    program: Program,
    n_ranks: int = 2,
    *,
    args: Sequence[Any] = (),
    timeout_s: float = 60.0,
    restarts: int = 0,
    hosts: int | None = None,
    link_bit_per_s: float | None = None,
    rendezvous: str | None = None,
    env: Mapping[str, str] | None = None,
    show: bool = True,
) -> RankRun:
    """Run a program as N ranks, print what they print, and return when all have ended.

    program     path of a script, or a function; each begins with init_process_group("gloo")
    n_ranks     how many processes, on all hosts together
    args        arguments of the function; for a script, its sys.argv
    timeout_s   seconds after which all ranks are stopped, starting included
    restarts    how often the agents start all ranks again when one fails
    hosts       None for this machine alone; else so many hosts, each with its share of the ranks:
                network namespaces of this machine on a switch, or real ones with `rendezvous`
    link_bit_per_s  the rate of the link between each host and the switch, both ways; None for
                no limit. Only with `hosts`, and not with `rendezvous`
    rendezvous  "address:port" at which the agents of real hosts meet. This call is the agent of
                this machine; on each other one, run what `torchrun_command` gives
    env         environment variables for the ranks
    show        print what ranks print to stdout, each line with its rank

    Raises RankError with the traceback of the rank that failed first, RankTimeoutError (a
    RankError) with the place where each rank was, and ValueError, TypeError or FileNotFoundError
    for what cannot be started at all. Where hosts cannot be laid out (`why_no_hosts` says it in
    advance), RankError says why.
    """
    return start_ranks(
        program, n_ranks, args=args, timeout_s=timeout_s, restarts=restarts, hosts=hosts,
        link_bit_per_s=link_bit_per_s, rendezvous=rendezvous, env=env, show=show,
    ).wait()  # fmt: skip


def start_ranks(
    program: Program,
    n_ranks: int = 2,
    *,
    args: Sequence[Any] = (),
    timeout_s: float = 60.0,
    restarts: int = 0,
    hosts: int | None = None,
    link_bit_per_s: float | None = None,
    rendezvous: str | None = None,
    env: Mapping[str, str] | None = None,
    show: bool = False,
) -> RankRun:
    """Start a program as N ranks and return at once; the arguments are those of `run_ranks`.

    Use it as a context, `with start_ranks(...) as run:`, so that leaving the block stops all ranks.
    """
    if why := why_no_ranks():
        raise RankError(why)
    refuse_no_count(n_ranks, restarts)
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, Real) or not 0 < timeout_s < 1e9:
        raise ValueError(f"timeout_s is a number of seconds above 0, got {timeout_s!r}.")
    _refuse_strange_variables(env or {})
    place = _place(n_ranks, hosts, link_bit_per_s, rendezvous)
    if rendezvous and callable(program):
        raise TypeError("Real hosts share no notebook: with a rendezvous, give a script's path.")
    refuse_without_ports(n_ranks)
    process = launcher(how_to_launch())
    folder = process.new_folder()
    pack(program, args, folder)
    n_here = place["n_ranks_per_host"] * (place["n_hosts"] if place["has_links"] else 1)
    run = RankRun(process, folder, int(n_ranks), n_here, float(timeout_s), show)
    request = {
        "folder": str(folder),
        "timeout_s": float(timeout_s),
        "restarts": int(restarts),
        "account": AGENT,
    }
    process.ask(request | place | {"env": {**place["env"], **(env or {})}})
    return run


def _place(n_ranks, hosts, link_bit_per_s, rendezvous):
    """Where the ranks run and how their agents meet, as a request says it."""
    if hosts is not None and (not _is_count(hosts) or not 1 <= hosts <= MAX_HOSTS):
        raise ValueError(f"hosts is a number from 1 to {MAX_HOSTS}, or None, got {hosts!r}.")
    n_hosts = int(hosts or 1)
    if n_ranks % n_hosts:
        raise ValueError(
            f"{n_ranks} ranks cannot be spread evenly over {n_hosts} hosts: give a multiple of "
            f"{n_hosts}, such as {n_hosts * math.ceil(n_ranks / n_hosts)}."
        )
    has_links = hosts is not None and rendezvous is None
    if link_bit_per_s is not None:
        if not has_links:
            raise ValueError("link_bit_per_s limits the links between hosts: give hosts=, too.")
        if not isinstance(link_bit_per_s, Real) or not 1e5 <= link_bit_per_s <= 1e11:
            raise ValueError(
                f"link_bit_per_s is a rate from 1e5 to 1e11, such as 100e6 for 100 Mbit/s, got "
                f"{link_bit_per_s!r}."
            )
    place = {
        "n_ranks_per_host": int(n_ranks) // n_hosts,
        "n_hosts": n_hosts,
        "has_links": has_links,
        "link_bit_per_s": link_bit_per_s,
        "rendezvous": "127.0.0.1:0",
        "is_host": None,
        "local_addr": "127.0.0.1",
        "env": {"GLOO_SOCKET_IFNAME": _LOOPBACK},
    }
    if rendezvous is None:
        return place
    if hosts is None or not re.fullmatch(r"[\w.:\[\]-]+:[1-9]\d{0,4}", str(rendezvous)):
        raise ValueError(
            f'rendezvous is "address:port" and comes with hosts=, such as hosts=2, '
            f'rendezvous="10.0.0.1:29500"; got {rendezvous!r} with hosts={hosts!r}.'
        )
    place["rendezvous"] = rendezvous
    if not rendezvous.startswith(("127.", "localhost:")):
        place |= {"local_addr": None, "env": {}}
    return place


def torchrun_command(
    script: "str | os.PathLike[str]",
    n_ranks: int,
    *,
    hosts: int,
    rendezvous: str,
    args: Sequence[Any] = (),
    restarts: int = 0,
) -> str:
    """The shell command that joins another host to a run: plain torchrun, without labkit.

    The arguments are those of the `run_ranks` that it joins; `script` is its path over there.
    """
    if callable(script):
        raise TypeError("Other hosts share no notebook: give the path of a script over there.")
    if not rendezvous:
        raise ValueError('rendezvous is the "address:port" that the run_ranks was given.')
    refuse_no_count(n_ranks, restarts)
    n_each = _place(n_ranks, hosts, None, rendezvous)["n_ranks_per_host"]
    command = [
        "torchrun", "--nnodes", str(hosts), "--nproc-per-node", str(n_each),
        "--rdzv-backend", "c10d", "--rdzv-endpoint", rendezvous, "--rdzv-id", RENDEZVOUS_ID,
        "--max-restarts", str(restarts), os.fspath(script), *map(str, args),
    ]  # fmt: skip
    return f"OMP_NUM_THREADS=1 TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 {shlex.join(command)}"


_LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


def how_to_launch() -> str:
    """`warm` where a process that holds torch can be forked, `cold` elsewhere.

    LABKIT_LAUNCHER=cold asks for new interpreters, as torchrun starts them.
    """
    asked = os.environ.get("LABKIT_LAUNCHER")
    if asked not in (None, "", "warm", "cold"):
        raise ValueError(f"LABKIT_LAUNCHER is {asked!r}: it can be 'warm' or 'cold', or unset.")
    return asked or ("warm" if sys.platform == "linux" else "cold")


def why_no_ranks() -> str | None:
    """Why this platform or this Python cannot run ranks, as a sentence; None where it can."""
    if sys.platform == "win32":
        return (
            "Ranks need Linux or macOS: on Windows torch's agent cannot stop what it started. Run "
            "this notebook under WSL 2, or on Binder or Colab; the results stored in this "
            "notebook come from Linux."
        )
    if importlib.util.find_spec("torch") is None:
        return "Ranks need PyTorch, which is not installed here: pip install torch."
    return None


def refuse_without_ports(n_ranks: int) -> None:
    """Raise RankError when the system has too few ports left for ranks to meet at."""
    with contextlib.ExitStack() as held:
        try:
            for _ in range(2 * n_ranks + 2):  # two stores; each rank listens, and calls others
                place = held.enter_context(socket.socket())
                place.bind(("127.0.0.1", 0))
        except OSError as error:
            raise RankError(
                f"No free port is left for the ranks to meet at ({error.strerror}), so none was "
                f"started. Close programs that hold many ports, or wait a minute, and try again."
            ) from None


def refuse_no_count(n_ranks: Any, restarts: Any = 0) -> None:
    """Raise ValueError, a sentence, for what cannot be a number of ranks or of restarts."""
    if not _is_count(n_ranks) or not 1 <= n_ranks <= MAX_RANKS:
        raise ValueError(
            f"n_ranks is a number of processes from 1 to {MAX_RANKS}, got {n_ranks!r}."
        )
    if not _is_count(restarts) or restarts < 0:
        raise ValueError(f"restarts is a number from 0 up, got {restarts!r}.")


def _refuse_strange_variables(env):
    if not isinstance(env, Mapping):
        raise TypeError(f'env is a mapping, such as {{"NAME": "value"}}, not {env!r}.')
    for name, value in env.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"env[{name!r}] must be a string, and its name too: {value!r}.")
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"env[{name!r}] = {value!r} is not what a variable can hold.")


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool)
