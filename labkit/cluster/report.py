"""`report`: what a rank tells the notebook while it runs."""

import dataclasses
import os
import pickle
import time
from pathlib import Path
from typing import Any

from labkit.cluster.folder import FOLDER_VARIABLE, RankFile, pickled


@dataclasses.dataclass(frozen=True)
class Report:
    """What one rank reported.

    rank     who
    attempt  0 before the first restart, then 1, 2, ...
    time_s   seconds since the ranks were asked for, on a clock that all ranks share
    values   what was given to `report`, by name
    """

    rank: int
    attempt: int
    time_s: float
    values: dict[str, Any]


def report(**values: Any) -> None:
    """Tell the notebook something from inside a rank: `report(step=3, loss=0.25)`.

    Anything that pickles can be told, so make `tensor.item()` or a NumPy array of a tensor. It
    reaches `run.reports` and `run.follow()` at once, and it survives the death of the rank. In a
    program that was not started by `run_ranks` it prints a line.
    """
    folder, rank = os.environ.get(FOLDER_VARIABLE), int(os.environ.get("RANK", 0))
    if folder is None:
        figures = ", ".join(f"{name} = {value}" for name, value in values.items())
        print(f"rank {rank}: {figures}", flush=True)
        return
    attempt = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0))
    record = pickle.dumps((time.monotonic(), pickled(values, "reported")))  # one can be left out
    with open(RankFile(rank, attempt, "reports").within(Path(folder)), "ab", buffering=0) as file:
        file.write(record)
