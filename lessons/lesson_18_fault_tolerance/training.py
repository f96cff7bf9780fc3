"""A small training run that survives the death of its ranks.

When a rank dies, torch's elastic agent ends the others and starts all of them anew: the same
program from its first line. All that a new rank knows of the past is what stands in the folder.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from labkit.cluster import report

STEP_S = 0.03  # slept in each step, in place of what a GPU would compute
WIDTH, N_LAYERS = 256, 4


def train(
    folder: str,
    n_steps: int,
    save_every: int,
    newest_finished: Callable[[Path], str],
    in_background: bool = False,
) -> None:
    """Train from the newest finished checkpoint on, and save one every `save_every` steps.

    newest_finished   names the checkpoint in the folder that may be loaded, or gives ""
    """
    dist.init_process_group("gloo")
    training, checkpoints = Training(), Checkpoints(Path(folder), in_background)
    name = newest_finished(Path(folder))
    if name:
        checkpoints.load(training, name)
        report(event="loaded", step=training.step, name=name, digest=training.digest())
    while training.step < n_steps:
        loss = training.train_step()
        report(event="step", step=training.step, loss=loss)
        if training.step % save_every == 0:
            checkpoints.save(training)
    checkpoints.wait()
    dist.destroy_process_group()


class Training:
    """A small model, cut into as many shards as there are ranks, and its optimizer."""

    def __init__(self):
        torch.set_num_threads(1)
        torch.manual_seed(0)
        layers = [nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU()) for _ in range(N_LAYERS)]
        self.model = nn.Sequential(*layers)
        mesh = init_device_mesh("cpu", (dist.get_world_size(),))
        for part in [*self.model, self.model]:
            fully_shard(part, mesh=mesh)
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3)
        self.step = 0

    def train_step(self) -> float:
        """One step on the data that belongs to it: a step that is done again sees the same."""
        data = torch.Generator().manual_seed(1000 * self.step + dist.get_rank())
        x = torch.randn(64, WIDTH, generator=data)
        loss = (self.model(x) - x).square().mean()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        time.sleep(STEP_S)
        return loss.item()

    def state(self) -> dict:
        """All that has to be saved: weights, the optimizer's memory, and how far it got."""
        model, optimizer = get_state_dict(self.model, self.optimizer)
        return {"model": model, "optimizer": optimizer, "step": self.step}

    def take(self, state: dict) -> None:
        """Go on from a state."""
        set_state_dict(
            self.model, self.optimizer,
            model_state_dict=state["model"], optim_state_dict=state["optimizer"],
        )  # fmt: skip
        self.step = state["step"]

    def digest(self) -> int:
        """The sum of the bits of this rank's weights: two states that differ in one bit differ."""
        shards = (weights.to_local().detach() for weights in self.model.parameters())
        return sum(int(shard.view(torch.int32).sum(dtype=torch.int64)) for shard in shards)


class Checkpoints:
    """Checkpoints in a folder, one folder each, named after their step.

    torch writes the file `.metadata` last, when all ranks have written, and by a rename.
    """

    def __init__(self, folder: Path, in_background: bool):
        self.folder, self.in_background, self.writing = folder, in_background, None
        # A group of its own, so that its messages and those of the training don't meet.
        self.group = dist.new_group(backend="gloo") if in_background else None

    def load(self, training: Training, name: str) -> None:
        """Go on from a checkpoint."""
        state = training.state()
        dcp.load(state, checkpoint_id=self.folder / name)  # writes into the tensors of `state`
        training.take(state)

    def save(self, training: Training) -> None:
        """Save; in the background, training stops only until the state is copied."""
        self.wait()  # one at a time
        name, start = f"step{training.step}", time.monotonic()
        report(event="saving", step=training.step, name=name, digest=training.digest())
        if self.in_background:
            self.writing = dcp.async_save(
                training.state(), checkpoint_id=self.folder / name, process_group=self.group
            )
            self.writing.add_done_callback(lambda _done: report(event="written", name=name))
        else:
            dcp.save(training.state(), checkpoint_id=self.folder / name)
            report(event="written", name=name)
        report(event="saved", step=training.step, name=name, stop_s=time.monotonic() - start)
        self.forget_all_but(2)

    def wait(self) -> None:
        """Wait for what is still being written."""
        if self.writing is not None:
            self.writing.result()
            self.writing = None

    def forget_all_but(self, n_newest: int) -> None:
        """Delete the older checkpoints: one that is deleted in part no longer looks finished."""
        if dist.get_rank() == 0:
            by_age = sorted(self.folder.glob("step*"), key=lambda place: int(place.name[4:]))
            for old in by_age[:-n_newest]:
                (old / ".metadata").unlink(missing_ok=True)
                shutil.rmtree(old, ignore_errors=True)
