"""The same kind of training with torchft: replicas that come and go, and nobody starts anew.

Each replica is a run of one rank with a whole copy of the model. Before every step a *lighthouse*
tells them who is alive; those average their gradients, and a newcomer takes weights and step from
one of them, over the network.
"""

import os
import time
from datetime import timedelta

import torch
from torch import nn

from labkit.cluster import report

STEP_S = 0.05  # slept in each step, in place of what a GPU would compute
SILENT_MS = 1000  # a replica that was not heard of for so long is taken for dead
WIDTH = 64


def lighthouse() -> None:
    """Tell replicas who is alive, and report the address where they can ask."""
    from torchft.coordination import LighthouseServer

    server = LighthouseServer(
        bind="127.0.0.1:0", min_replicas=1, join_timeout_ms=2000, quorum_tick_ms=50,
        heartbeat_timeout_ms=SILENT_MS,
    )  # fmt: skip
    port = server.address().rpartition(":")[2]
    report(event="lit", address=f"http://127.0.0.1:{port}")
    while True:
        time.sleep(1)


def replicate(number: int, address: str) -> None:
    """Train as replica `number` until killed, with whoever else the lighthouse knows."""
    from torchft import DistributedDataParallel, Manager, Optimizer, ProcessGroupGloo

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.ReLU(), nn.Linear(2 * WIDTH, WIDTH))
    sgd = torch.optim.SGD(model.parameters(), 0.05)
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    manager = Manager(
        pg=ProcessGroupGloo(timeout=timedelta(seconds=5)),
        min_replica_size=1,
        replica_id=f"replica{number}",
        rank=0,
        world_size=1,
        store_addr="127.0.0.1",
        store_port=store.port,
        lighthouse_addr=address,
        hostname="127.0.0.1",
        timeout=timedelta(seconds=10),
        quorum_timeout=timedelta(seconds=20),
        state_dict=lambda: {"model": model.state_dict(), "sgd": sgd.state_dict()},
        load_state_dict=lambda saved: (
            model.load_state_dict(saved["model"]), sgd.load_state_dict(saved["sgd"])
        ),
    )  # fmt: skip
    together, optimizer = DistributedDataParallel(manager, model), Optimizer(manager, sgd)
    x = torch.randn(64, WIDTH, generator=torch.Generator().manual_seed(number))
    while True:
        optimizer.zero_grad()
        loss = (together(x) - x).square().mean()
        loss.backward()
        optimizer.step()
        report(
            event="step", replica=number, step=manager.current_step(), loss=loss.item(),
            n_replicas=manager.num_participants(), pid=os.getpid(), at_s=time.monotonic(),
        )  # fmt: skip
        time.sleep(STEP_S)
