"""Hosts on one machine: each a network namespace, all on a switch, with links of a chosen rate.

The namespaces belong to processes and end with them, so there is nothing to clean up, nothing that
two notebooks could fight over, and inside of a user namespace no need for root. Each host runs an
agent of its own, and the agents meet through torch's rendezvous, as on real hosts.
"""

import ctypes
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from labkit.cluster.folder import AGENT, write_whole
from labkit.lifetime import die_with_parent

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_RENDEZVOUS_PORT = 29400  # free for certain: the namespace is new
# What a link may save up while it idles, and then send at once. A cable saves nothing, so it's
# little more than one packet: 8 kB hid the time between two messages, and with it all of alpha.
_BURST_BYTES, _BURST_S = 2048, 1e-4
_QUEUE_MS = 400


class NoHostsError(OSError):
    """Namespaces or shaped links cannot be made here; the message says why."""


def run_hosts(request: dict, run_one: Callable[[dict], None]) -> None:
    """Lay out the network, run an agent on each host, and write down what became of all of them.

    run_one  becomes the agent for the request of one host
    """
    folder, n_hosts = Path(request["folder"]), request["n_hosts"]
    account: dict = {}
    try:
        hosts = _start(request, run_one)
        statuses = [_end_of(pid) for pid in hosts]
        for number in (-status for status in statuses if status < 0):
            how = signal.Signals(number).name
            account["error"] = f"the agent of a host was killed by {how}"
    except NoHostsError as error:
        account["no_hosts"] = str(error)
    parts = [folder / f"host{i}.{AGENT}" for i in range(n_hosts)]
    told = [json.loads(part.read_bytes()) for part in parts if part.exists()]
    failures = [failure for part in told for failure in part.get("failures", [])]
    if failures:
        account["failures"] = sorted(failures, key=lambda failure: failure["time"])
    for part in told:
        account = {key: part[key] for key in ("no_hosts", "error") if key in part} | account
    write_whole(folder / AGENT, json.dumps(account).encode())


def address(host: int) -> str:
    """The address of a host; two digits, because torch numbers the hosts in the order of text."""
    return f"10.77.0.{11 + host}"


def _start(request, run_one):
    """The process ids of the hosts, each in its namespace and linked to the switch."""
    _enter_own_network()
    _run("ip", "-batch", "-", lines=["link set lo up", *_SWITCH])
    hosts = []
    for i in range(request["n_hosts"]):
        ready, is_ready = os.pipe()
        linked, is_linked = os.pipe()
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            _be_host(request, i, parent, is_ready, linked, run_one)
        os.close(is_ready), os.close(linked)
        if not os.read(ready, 1):
            raise NoHostsError("A host could not leave the network of this machine.")
        _link(i, pid, request["link_bit_per_s"])
        os.write(is_linked, b"1")
        os.close(ready), os.close(is_linked)
        hosts.append(pid)
    return hosts


_SWITCH = ["link add labswitch type bridge", "link set labswitch up"]


def _be_host(request, i, parent, is_ready, linked, run_one):
    """In a child: become host `i` and run its agent; never returns."""
    try:
        _unshare(_CLONE_NEWNET)
        die_with_parent(parent)
        os.write(is_ready, b"1")
        os.read(linked, 1)
        up = [f"addr add {address(i)}/24 dev eth0", "link set eth0 up", "link set lo up"]
        _run("ip", "-batch", "-", lines=up)
        _shape("eth0", request["link_bit_per_s"])
        own = {
            "rendezvous": f"{address(0)}:{_RENDEZVOUS_PORT}",
            "is_host": i == 0,
            "local_addr": address(i),
            "account": f"host{i}.{AGENT}",
            "env": request["env"] | {"GLOO_SOCKET_IFNAME": "eth0"},
        }
        if i:
            _wait_for_store()
        run_one(request | own)
    except NoHostsError as error:
        told = json.dumps({"no_hosts": str(error)}).encode()
        write_whole(Path(request["folder"]) / f"host{i}.{AGENT}", told)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _wait_for_store():
    """Wait until host 0 listens: torch, which would be too early, tries again after a second."""
    for _ in range(500):
        try:
            socket.create_connection((address(0), _RENDEZVOUS_PORT), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)


def _link(i, pid, bit_per_s):
    """A cable from the switch to the host of this process, with the same rate both ways."""
    cable = f"port{i}"
    _run("ip", "-batch", "-", lines=[
        f"link add {cable} type veth peer name eth0 netns {pid}",
        f"link set {cable} master labswitch up",
    ])  # fmt: skip
    _shape(cable, bit_per_s)


def _shape(device, bit_per_s):
    if bit_per_s is not None:
        burst_bytes = max(_BURST_BYTES, round(bit_per_s / 8 * _BURST_S))
        _run(
            "tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{bit_per_s:.0f}bit",
            "burst", str(burst_bytes), "latency", f"{_QUEUE_MS}ms",
        )  # fmt: skip


def _enter_own_network():
    """A network namespace of our own: with root as it is, else inside of a user namespace."""
    parent, uid, gid = os.getppid(), os.geteuid(), os.getegid()
    try:
        _unshare(_CLONE_NEWNET)
    except NoHostsError:
        _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        try:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
            Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
        except OSError as error:
            raise _refused(error.strerror) from None
    die_with_parent(parent)  # gaining rights in a namespace makes Linux forget it


def _unshare(flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags):
        raise _refused(os.strerror(ctypes.get_errno()))


def _refused(reason):
    return NoHostsError(
        f"This machine does not let us make network namespaces ({reason}): that takes root, or a "
        f"system that allows user namespaces without it. Leave out hosts to run the ranks on the "
        f"loopback, which no link limits."
    )


def _run(*command, lines=()):
    if shutil.which(command[0]) is None:
        raise NoHostsError(
            f"There is no program {command[0]!r} here, which lays out network links. Install "
            f"iproute2, or leave out hosts to run the ranks on the loopback."
        )
    done = subprocess.run(command, input="\n".join(lines), text=True, capture_output=True)
    if done.returncode:
        raise NoHostsError(
            f"The links could not be laid out: {' '.join(command)} said "
            f"{(done.stderr or done.stdout).strip()!r}. Leave out hosts to run on the loopback."
        )


def _end_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@functools.cache
def why_no_hosts() -> str | None:
    """Why `hosts=` cannot work on this machine, as a sentence; None where it can."""
    if sys.platform != "linux":
        return "Hosts on one machine are network namespaces, which only Linux has."
    code = "from labkit.cluster.hosts import try_out; try_out()"
    room = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": room},
    )  # fmt: skip
    return done.stdout.strip() or (done.stderr.strip() if done.returncode else None) or None


def try_out() -> None:
    """Lay out a switch and a shaped link; print what went wrong, if anything."""
    try:
        _enter_own_network()
        _run("ip", "-batch", "-", lines=["link set lo up", *_SWITCH])
        _run("ip", "link", "add", "port0", "type", "veth", "peer", "name", "eth0")
        _shape("port0", 1e8)
    except NoHostsError as error:
        print(error)
