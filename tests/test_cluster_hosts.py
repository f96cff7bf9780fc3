"""Ranks on several hosts: namespaces with links of a chosen rate, and torchrun's rendezvous."""

import socket
import subprocess
import sys
import time

import pytest

import labkit as lk
from labkit.cluster import RankError, torchrun_command, why_no_hosts
from labkit.cluster import hosts as hosts_module

pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ranks need Linux or macOS")


@pytest.fixture(scope="module")
def _hosts_work():
    why = why_no_hosts()
    if why:
        pytest.skip(why)


def send_a_megabyte():
    import socket as sockets

    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    names = {name for _, name in sockets.if_nameindex()}
    x = torch.ones(2**18)
    dist.all_reduce(x)
    began = time.perf_counter()
    dist.all_reduce(x)
    return names, x[0].item(), time.perf_counter() - began


@pytest.mark.usefixtures("_hosts_work")
def test_hosts_have_a_network_of_their_own_that_is_as_slow_as_asked():
    run = lk.run_ranks(send_a_megabyte, 2, hosts=2, link_bit_per_s=50e6)
    for names, value, time_s in run.returned:
        assert names == {"lo", "eth0"}
        assert value == 4
        assert time_s > 0.7 * 2**20 / (50e6 / 8)  # each of two ranks sends all of it once


def name_host():
    import os

    return int(os.environ["GROUP_RANK"])


@pytest.mark.usefixtures("_hosts_work")
def test_ranks_are_spread_over_hosts_in_order():
    assert lk.run_ranks(name_host, 4, hosts=2).returned == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"n_ranks": 3, "hosts": 2}, "3 ranks cannot be spread evenly over 2 hosts.* such as 4"),
        ({"hosts": 0}, "hosts is a number from 1 to 16"),
        ({"hosts": 1.0}, "hosts is a number from 1 to 16"),
        ({"link_bit_per_s": 1e8}, "link_bit_per_s limits the links between hosts"),
        ({"hosts": 2, "link_bit_per_s": 100}, "link_bit_per_s is a rate from 1e5 to 1e11"),
        ({"hosts": 2, "link_bit_per_s": "100mbit"}, "link_bit_per_s is a rate"),
        ({"hosts": 2, "rendezvous": "nowhere"}, "rendezvous is .address:port."),
        ({"rendezvous": "10.0.0.1:29500"}, "comes with hosts="),
        ({"hosts": 2, "rendezvous": "127.0.0.1:1"}, "share no notebook"),
    ],
)
def test_a_place_that_cannot_be_is_refused(wrong, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        lk.run_ranks(name_host, **wrong)


def test_without_the_right_to_make_hosts_there_is_a_sentence(monkeypatch):
    """The launcher asks hosts.py; here its refusal is asked for directly."""

    class Libc:
        def unshare(self, flags):
            return -1

    monkeypatch.setattr(hosts_module.ctypes, "CDLL", lambda *args, **kwargs: Libc())
    with pytest.raises(hosts_module.NoHostsError, match="takes root, or a system that allows"):
        hosts_module._enter_own_network()


def test_two_agents_meet_by_torchruns_rendezvous(tmp_path):
    """One agent is the notebook's, the other is plain torchrun, as on a second machine."""
    script = tmp_path / "job.py"
    script.write_text(
        "import torch, torch.distributed as dist\n"
        "dist.init_process_group('gloo')\n"
        "x = torch.ones(1)\n"
        "dist.all_reduce(x)\n"
        "print(x.item())\n"
        "dist.destroy_process_group()\n"
    )
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        meet = f"127.0.0.1:{place.getsockname()[1]}"
    command = torchrun_command(script, 2, hosts=2, rendezvous=meet)
    command = command.replace("torchrun", f"{sys.executable} -m torch.distributed.run")
    env = f"GLOO_SOCKET_IFNAME={'lo0' if sys.platform == 'darwin' else 'lo'}"
    other = subprocess.Popen(["sh", "-c", f"{env} {command}"], stdout=subprocess.PIPE, text=True)
    run = lk.run_ranks(script, 2, hosts=2, rendezvous=meet, show=False, timeout_s=120)
    printed, _ = other.communicate(timeout=60)
    assert [line for _, line in run.printed] == ["2.0"]
    assert "2.0" in printed
    assert other.returncode == 0


def test_a_run_that_nobody_joins_ends_in_time(tmp_path):
    script = tmp_path / "job.py"
    script.write_text("print('never')\n")
    with pytest.raises(
        RankError, match=r"1 of 1 ranks of this machine .*\nthey wait for the other"
    ):
        lk.run_ranks(script, 2, hosts=2, rendezvous="127.0.0.1:29417", timeout_s=3)
