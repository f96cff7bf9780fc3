"""The agent: torch's own, which starts the ranks, watches them and restarts them.

It is what `torchrun` runs. Warm, it is forked from a launcher that has imported torch, and forks
its ranks; cold, it is a process of its own and starts them as new interpreters.
"""

import dataclasses
import json
import os
import sys
import time
from pathlib import Path

from labkit.cluster.folder import write_whole
from labkit.cluster.rank import run_rank
from labkit.lifetime import die_with_parent

RENDEZVOUS_ID = "labkit"  # agents that meet at one address belong together if this is the same


def run_agent(request: dict, warm: bool = True) -> None:
    """Run the ranks of one request to their end, and write down what became of them."""
    import logging

    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    logging.disable(logging.WARNING)
    if request["has_links"] or request["rendezvous"].endswith(":0"):
        _meet_without_delay()
    os.environ.update(request["env"])
    folder, account = request["folder"], {}
    entry, args = (run_rank, (folder, os.getpid())) if warm else _command(folder)
    try:
        elastic_launch(_config(request, warm), entry)(*args)
    except ChildFailedError as error:
        account["failures"] = [
            {"rank": rank, "exitcode": failure.exitcode, "time": failure.timestamp}
            for rank, failure in sorted(error.failures.items(), key=lambda f: f[1].timestamp)
        ]
    except Exception as error:
        account["error"] = f"{type(error).__name__}: {error}"
    write_whole(Path(folder) / request["account"], json.dumps(account).encode())


def _config(request, warm):
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig

    is_host = {} if request["is_host"] is None else {"is_host": str(request["is_host"])}
    options = {
        "min_nodes": request["n_hosts"],
        "max_nodes": request["n_hosts"],
        "nproc_per_node": request["n_ranks_per_host"],
        "rdzv_backend": "c10d",
        "rdzv_endpoint": request["rendezvous"],
        "rdzv_configs": is_host | {"timeout": int(request["timeout_s"]) + 1},
        "local_addr": request["local_addr"],
        "run_id": RENDEZVOUS_ID,
        "max_restarts": request["restarts"],
        "monitor_interval": 0.05,
        "start_method": "fork" if warm else "spawn",
        "logs_specs": DefaultLogsSpecs(log_dir=f"{request['folder']}/torchelastic"),
        "shutdown_timeout": 2,
    }
    known = {field.name for field in dataclasses.fields(LaunchConfig)}  # an older torch has fewer
    return LaunchConfig(**{name: value for name, value in options.items() if name in known})


def _meet_without_delay():
    """Do without the pauses by which torch protects a rendezvous from a thousand agents at once.

    They last up to 0.3 s for one agent, and a second for each round in which it waits for others,
    where a fifth is enough. Where torch calls them by another name, nothing happens.
    """
    from torch.distributed.elastic.rendezvous import dynamic_rendezvous

    if hasattr(dynamic_rendezvous, "_delay"):
        dynamic_rendezvous._delay = lambda seconds: time.sleep(0.2 if seconds == 1 else 0)


def become_cold_agent(request: dict) -> None:
    """Replace this process by an agent that starts its ranks as new interpreters."""
    command = ["-m", "labkit.cluster.agent", json.dumps(request), str(os.getppid())]
    os.execv(sys.executable, [sys.executable, *command])


def _command(folder):
    return sys.executable, ("-u", "-m", "labkit.cluster.rank", folder, str(os.getpid()))


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    run_agent(json.loads(sys.argv[1]), warm=False)
