"""Training loops whose loading and computing are slept, so that busy cores don't falsify them.

They stand in a file, not in the notebook, because worker processes have to find them.
"""

import dataclasses
import itertools
import statistics
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from labkit.plan.feed import Loader

Span = tuple[float, float, str, str]  # start, end, what was done, the number of the batch


class SleptSamples(Dataset):
    """Samples that each take `load_s` to load, by sleeping: no core is needed."""

    def __init__(self, n_samples: int, load_s: float, sample_bytes: int = 4096):
        self.n_samples, self.load_s, self.sample_bytes = n_samples, load_s, sample_bytes

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(self.load_s)
        return torch.zeros(self.sample_bytes, dtype=torch.uint8)


class Timed(Dataset):
    """Samples, each with the moment at which its loading began."""

    def __init__(self, samples: Dataset):
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[float, Any]:
        return time.perf_counter(), self.samples[index]


def _timed_batch(timed):
    """What a worker does last for a batch: put its samples together. And when it worked on it."""
    batch = default_collate([sample for _, sample in timed])
    return batch, timed[0][0], time.perf_counter()  # one clock for all processes


@dataclasses.dataclass(frozen=True)
class Held:
    """A run of PyTorch's DataLoader, and a plan made of how long its parts took."""

    planned: Loader
    measured_batch_s: float

    @property
    def ratio(self) -> float:
        """Planned over measured time from step to step: above 1 the run was faster."""
        return self.planned.batch_s / self.measured_batch_s

    @property
    def utilisation(self) -> float:
        """The share of the run in which the accelerator computed."""
        return self.planned.step_s / self.measured_batch_s


def hold(
    samples: Dataset, batch: int, workers: int, step_s: float, *, n_steps: int = 30,
    prefetch: int = 2,
) -> Held:  # fmt: skip
    """Train with a step that sleeps, and time what a plan needs to know.

    That is how long loading a batch takes a worker, taking it over from there, and a step. From
    these the plan says how long it is from step to step. The batches with which the pipeline fills
    are left out.
    """
    batches = _timed_batches(samples, batch, workers, prefetch)
    asked_s, rows = time.perf_counter(), []
    try:
        for _, began_s, done_s in itertools.islice(batches, n_steps):
            taken_s = time.perf_counter()
            time.sleep(step_s)
            asked_again_s = time.perf_counter()
            handover_s = taken_s - max(asked_s, done_s)
            rows.append((taken_s, done_s - began_s, handover_s, asked_again_s - taken_s))
            asked_s = asked_again_s
    finally:
        del batches  # it ends the workers, which an interrupt's traceback would keep
    rows = rows[max(2, prefetch * workers) :]
    takens_s, *parts = zip(*rows, strict=True)
    loads_s, handovers_s, steps_s = map(statistics.mean, parts)
    planned = Loader(
        batch=batch, step_s=steps_s, workers=workers, prefetch=prefetch, decode_s=loads_s / batch,
        handover_s=handovers_s,
    )  # fmt: skip
    return Held(planned, (takens_s[-1] - takens_s[0]) / (len(rows) - 1))


def _timed_batches(samples, batch, workers, prefetch):
    """The batches of a DataLoader, each with when its loading began and ended."""
    ahead = {"prefetch_factor": prefetch} if workers else {}
    with warnings.catch_warnings():  # more workers than cores: ours mostly sleep
        warnings.filterwarnings("ignore", message="This DataLoader will create")
        loader = DataLoader(
            Timed(samples), batch_size=batch, num_workers=workers, collate_fn=_timed_batch, **ahead
        )
        return iter(loader)


class Watched:
    """A load and a step that sleep, and write down when they ran, by thread."""

    def __init__(self, load_s: float, step_s: float):
        self.load_s, self.step_s = load_s, step_s
        self._began, self._spans = time.perf_counter(), []

    def load(self, number: int) -> int:
        self._sleep("load", self.load_s, number)
        return number

    def step(self, batch: int) -> int:
        self._sleep("compute", self.step_s, batch)
        return batch

    def _sleep(self, kind, time_s, number):
        start = time.perf_counter()
        time.sleep(time_s)
        end = time.perf_counter()
        self._spans.append((threading.get_ident(), start, end, kind, number))

    def rows(self) -> dict[str, list[Span]]:
        """Name -> spans: the steps are the accelerator's, the loads those of whoever loaded."""
        rows, names = {}, {}
        for thread, start, end, kind, number in sorted(self._spans, key=lambda span: span[1]):
            if kind == "compute":
                name = "accelerator"
            else:
                name = names.setdefault(thread, f"loader {len(names) + 1}")
            span = (start - self._began, end - self._began, kind, str(number))
            rows.setdefault(name, []).append(span)
        steps = rows.pop("accelerator", [])
        return {name: rows[name] for name in sorted(rows)} | {"accelerator": steps}

    @property
    def step_to_step_s(self) -> float:
        """The mean time between the starts of steps, without the first."""
        starts = sorted(start for _, start, _, kind, _ in self._spans if kind == "compute")
        return (starts[-1] - starts[1]) / (len(starts) - 2)


def watched_run(
    train: Callable, *, ahead: int, n_loaders: int, n_steps: int = 8, load_s: float = 0.03,
    step_s: float = 0.02,
) -> Watched:  # fmt: skip
    """Run `train(load, step, n_steps, ahead, pool)` and keep what happened when."""
    watched = Watched(load_s, step_s)
    with ThreadPoolExecutor(n_loaders) as pool:
        train(watched.load, watched.step, n_steps, ahead, pool)
    return watched


def constant_batch_s(batch: torch.Tensor, step_s: float, n_steps: int = 30) -> float:
    """The mean time from step to step if every step gets the same batch, which is there already."""
    start = time.perf_counter()
    for _ in itertools.repeat(batch, n_steps):
        time.sleep(step_s)
    return (time.perf_counter() - start) / n_steps
