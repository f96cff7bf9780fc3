"""One epoch that is killed in the middle, and goes on: which samples went into the weights?

The "weights" of this training are the list of samples that it has learned from. So a sample that
is missing, or that came twice, can be counted in the end.
"""

import dataclasses
import os
import signal
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from labkit.cluster import report, start_ranks
from labkit.lifetime import die_with_parent

STEP_S, PATIENCE_S = 0.02, 60.0


class Numbers(Dataset):
    """Samples that are their own number."""

    def __init__(self, n_samples: int):
        self.n_samples = n_samples

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, index: int) -> int:
        return index


def train_epoch(
    folder: str, n_samples: int, batch: int, save_every: int, remembers: bool, dies_in: int,
    workers: int = 2,
) -> list[int]:  # fmt: skip
    """Train for one epoch from the checkpoint on, if there is one; the samples learned from.

    remembers   whether the checkpoint holds the loader's state, too
    dies_in     the step that lasts, in the first life, until something is killed: so it happens
                there on a slow machine, too
    """
    torch.set_num_threads(1)
    is_first_life = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    loader, place, learned = _loader(n_samples, batch, remembers, workers), Path(folder), []
    if (place / "checkpoint").exists():
        state = torch.load(place / "checkpoint", weights_only=False)
        learned = state["learned"]
        if remembers:
            loader.load_state_dict(state["loader"])
    for step, samples in enumerate(loader, len(learned) // batch + 1):
        learned += samples.tolist()
        report(event="step", step=step, n_learned=len(learned), children=_children())
        time.sleep(PATIENCE_S if is_first_life and step == dies_in else STEP_S)
        if step % save_every == 0:
            state = {"loader": loader.state_dict()} if remembers else {}
            _save(place, {"learned": learned} | state)
    return learned


def _loader(n_samples, batch, remembers, workers):
    options = {
        "batch_size": batch, "shuffle": True, "num_workers": workers,
        "generator": torch.Generator().manual_seed(14), "worker_init_fn": _die_with_training,
    }  # fmt: skip
    if not remembers:
        return DataLoader(Numbers(n_samples), **options)
    from torchdata.stateful_dataloader import StatefulDataLoader

    with warnings.catch_warnings():  # it calls what torch 2.13 calls deprecated
        warnings.filterwarnings("ignore", message="'set_vital' is deprecated")
        return StatefulDataLoader(Numbers(n_samples), **options)


def _die_with_training(_worker):
    """By itself a worker looks every 5 s whether its parent lives, and torch's agent, which waits
    for a pipe that the worker holds open too, learns of the parent's death only then."""
    die_with_parent(os.getppid())


def _save(place, state):
    """Whole or not at all: write beside it, then rename."""
    torch.save(state, place / "checkpoint.new")
    os.replace(place / "checkpoint.new", place / "checkpoint")


def _children():
    """The worker processes of this one, as far as the system tells."""
    import multiprocessing

    return [child.pid for child in multiprocessing.active_children()]


@dataclasses.dataclass(frozen=True)
class KilledEpoch:
    """What became of an epoch that was killed: how often each sample was learned from."""

    n_samples: int
    learned: list[int]
    first_after: int  # the step with which the second life began

    @property
    def twice(self) -> int:
        """Samples that came more than once."""
        return sum(n > 1 for n in Counter(self.learned).values())

    @property
    def missed(self) -> int:
        return self.n_samples - len(set(self.learned))


def kill_in_epoch(
    remembers: bool, n_samples: int = 400, batch: int = 16, save_every: int = 10,
    dies_in: int = 12, victim: str = "training",
) -> KilledEpoch:  # fmt: skip
    """Train one epoch, and kill it by SIGKILL in step `dies_in`; then it starts anew by itself.

    victim   "training" for the process that trains, "loader" for one of its worker processes
    """
    first_after = 0
    with tempfile.TemporaryDirectory(prefix="warps-and-watts-") as folder:
        args = (folder, n_samples, batch, save_every, remembers, dies_in)
        with start_ranks(train_epoch, 1, args=args, restarts=1, timeout_s=90) as run:
            killed = False
            for news in run.follow():
                if not killed and news.values["step"] == dies_in:
                    killed = True
                    if victim == "training":
                        run.kill(0)
                    else:
                        os.kill(news.values["children"][0], signal.SIGKILL)
                elif news.attempt and not first_after:
                    first_after = news.values["step"]
            run.wait()
            (learned,) = run.returned
    return KilledEpoch(n_samples, learned, first_after)


def rows_of_kills() -> list[dict]:
    """The lesson's two kills, without and with the loader's state."""
    import torchdata  # noqa: F401 - without it there is nothing to compare

    killed = [(remembers, kill_in_epoch(remembers)) for remembers in (False, True)]
    return [
        {
            "remembers": remembers, "n_samples": epoch.n_samples, "first_after": epoch.first_after,
            "twice": epoch.twice, "missed": epoch.missed,
        }
        for remembers, epoch in killed
    ]  # fmt: skip
