"""The agent: torch's own, which starts the ranks, watches them and restarts them.

It is what `torchrun` runs. Warm, it is forked from a launcher that has imported torch, and forks
its ranks; cold, it is a process of its own and starts them as new interpreters.
"""

import dataclasses
import json
import os
import sys
import uuid
from pathlib import Path

from labkit.cluster.death import die_with_parent
from labkit.cluster.folder import AGENT, write_whole
from labkit.cluster.rank import run_rank

LOOPBACK = {"linux": "lo", "darwin": "lo0"}.get(sys.platform)


def run_agent(request: dict, warm: bool) -> None:
    """Run the ranks of one request to their end, and write down what became of them."""
    import logging

    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    logging.disable(logging.WARNING)
    os.environ.update(request["env"])
    folder, account = request["folder"], {}
    entry, args = (run_rank, (folder, os.getpid())) if warm else _command(folder)
    try:
        elastic_launch(_config(request, warm), entry)(*args)
    except ChildFailedError as error:
        account["failures"] = [
            {"rank": rank, "exitcode": failure.exitcode}
            for rank, failure in sorted(error.failures.items(), key=lambda f: f[1].timestamp)
        ]
    except Exception as error:
        account["error"] = f"{type(error).__name__}: {error}"
    write_whole(Path(folder) / AGENT, json.dumps(account).encode())


def _config(request, warm):
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig

    options = {
        "min_nodes": 1,
        "max_nodes": 1,
        "nproc_per_node": request["n_ranks"],
        "rdzv_backend": "c10d",
        "rdzv_endpoint": "127.0.0.1:0",
        "local_addr": "127.0.0.1",
        "run_id": uuid.uuid4().hex,
        "max_restarts": request["restarts"],
        "monitor_interval": 0.05,
        "start_method": "fork" if warm else "spawn",
        "logs_specs": DefaultLogsSpecs(log_dir=f"{request['folder']}/torchelastic"),
        "shutdown_timeout": 2,
    }
    known = {field.name for field in dataclasses.fields(LaunchConfig)}  # an older torch has fewer
    return LaunchConfig(**{name: value for name, value in options.items() if name in known})


def _command(folder):
    return sys.executable, ("-u", "-m", "labkit.cluster.rank", folder, str(os.getpid()))


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    run_agent(json.loads(sys.argv[1]), warm=False)
