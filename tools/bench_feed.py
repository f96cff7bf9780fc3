"""PyTorch's DataLoader against the planner of data loading: predicted and measured, in one run.

`python tools/bench_feed.py [--rounds 3]` prints a line for each of fifteen loaders: slept ones,
which need no core, and real ones that decode JPEG and read small files. A prediction is made from
how long loading a batch, taking it over and a step take, measured in the same run. The exit status
is 1 where a median ratio lies outside of 0.8 to 1.25.
"""

import argparse
import dataclasses
import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from labkit.plan.feed import Loader, Storage
from lessons.lesson_14_feeding_the_chips.formats import formats, photo
from lessons.lesson_14_feeding_the_chips.loading import SleptSamples, hold
from lessons.lesson_14_feeding_the_chips.storage import scratch

N_SAMPLES, LOW, HIGH = 480, 0.8, 1.25


class Jpegs(Dataset):
    """Pictures that are decoded, and need a core for it."""

    def __init__(self):
        self.data, self.decode = formats(photo())["JPEG"]

    def __len__(self):
        return N_SAMPLES

    def __getitem__(self, index):
        return self.decode(self.data).copy()


class SmallFiles(Dataset):
    """Files of 256 KiB, read from the page cache."""

    def __init__(self, folder: Path):
        self.paths = [folder / str(number) for number in range(40)]
        for path in self.paths:
            path.write_bytes(bytes(256 * 1024))

    def __len__(self):
        return N_SAMPLES

    def __getitem__(self, index):
        data = self.paths[index % len(self.paths)].read_bytes()
        return np.frombuffer(data, np.uint8).copy()


class OneDisk(Dataset):
    """Samples that one disk reads, for one worker at a time, and that all workers decode; slept."""

    def __init__(self, read_s: float, decode_s: float):
        self.read_s, self.decode_s, self.disk = read_s, decode_s, multiprocessing.Lock()

    def __len__(self):
        return N_SAMPLES

    def __getitem__(self, index):
        with self.disk:
            time.sleep(self.read_s)
        time.sleep(self.decode_s)
        return np.zeros(1, np.uint8)

    def plan(self, loader: Loader) -> Loader:
        """The plan with this disk in it, by how long such sleeps last here."""
        disk = Storage(requests_per_s=1 / slept_s(self.read_s))
        return dataclasses.replace(loader, storage=disk, decode_s=slept_s(self.decode_s))


def slept_s(time_s):
    """How long a sleep of `time_s` really lasts, in the mean of 40."""
    start = time.perf_counter()
    for _ in range(40):
        time.sleep(time_s)
    return (time.perf_counter() - start) / 40


def configurations(folder):
    """Name, samples, batch, workers, batches ahead, step in s."""
    slept, jpegs, files = SleptSamples(N_SAMPLES, 0.004), Jpegs(), SmallFiles(folder)
    yield "slept, in turns", slept, 8, 0, 2, 0.02
    yield "slept, 1 worker", slept, 8, 1, 2, 0.02
    yield "slept, 1 worker, 1 ahead", slept, 8, 1, 1, 0.02
    yield "slept, 2 workers", slept, 8, 2, 2, 0.01
    yield "slept, 4 workers", slept, 8, 4, 2, 0.005
    yield "slept, 4 workers, slow step", slept, 8, 4, 2, 0.03
    yield "one disk, 1 worker", OneDisk(0.003, 0.003), 8, 1, 2, 0.005
    yield "one disk, 4 workers", OneDisk(0.003, 0.003), 8, 4, 2, 0.005
    yield "one disk, 4 workers, slow step", OneDisk(0.001, 0.003), 8, 4, 2, 0.03
    yield "JPEG, in turns", jpegs, 16, 0, 2, 0.02
    yield "JPEG, 1 worker", jpegs, 16, 1, 2, 0.005
    yield "JPEG, 1 worker, slow step", jpegs, 8, 1, 2, 0.03
    yield "JPEG, 2 workers", jpegs, 8, 2, 2, 0.02
    yield "small files, in turns", files, 16, 0, 2, 0.02
    yield "small files, 1 worker", files, 16, 1, 2, 0.02


def main():
    """Print predicted against measured; the exit status says whether all lie within bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds, missed = parser.parse_args().rounds, []
    print("| loader | all wait for | predicted | measured | measured / predicted |")
    print("| --- | --- | --- | --- | --- |")
    with scratch(40 * 256 * 1024) as folder:
        for name, samples, batch, workers, prefetch, step_s in configurations(folder):
            plan = getattr(samples, "plan", lambda loader: loader)
            runs = [hold(samples, batch, workers, step_s, prefetch=prefetch) for _ in range(rounds)]
            pairs = [(plan(run.planned), batch / run.measured_batch_s) for run in runs]
            planned, rate = sorted(pairs, key=lambda pair: pair[1] / pair[0].samples_per_s)[
                len(pairs) // 2
            ]
            ratio = rate / planned.samples_per_s
            print(
                f"| {name} | {planned.bottleneck} | {planned.samples_per_s:.0f}/s | {rate:.0f}/s "
                f"| {ratio:.2f} |",
                flush=True,
            )
            if not LOW <= ratio <= HIGH:
                missed.append(name)
    return f"outside of {LOW} to {HIGH}: {', '.join(missed)}" if missed else 0


if __name__ == "__main__":
    sys.exit(main())
