"""PyTorch's DataLoader against the planner of data loading: predicted and measured, in one run.

`python tools/bench_feed.py [--rounds 3]` prints a line for each of twelve loaders: slept ones, that
need no core, and real ones that decode JPEG and read small files. A prediction is made from how
long loading a batch, taking it over and a step take, measured in the same run. The exit status is
1 where a median ratio lies outside of 0.8 to 1.25.
"""

import argparse
import statistics
import sys
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

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


def configurations(folder):
    """Name, samples, batch, workers, batches ahead, step in s."""
    slept, jpegs, files = SleptSamples(N_SAMPLES, 0.004), Jpegs(), SmallFiles(folder)
    yield "slept, in turns", slept, 8, 0, 2, 0.02
    yield "slept, 1 worker", slept, 8, 1, 2, 0.02
    yield "slept, 1 worker, 1 ahead", slept, 8, 1, 1, 0.02
    yield "slept, 2 workers", slept, 8, 2, 2, 0.01
    yield "slept, 4 workers", slept, 8, 4, 2, 0.005
    yield "slept, 4 workers, slow step", slept, 8, 4, 2, 0.03
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
    print(
        "| loader | who waits for | predicted | measured | ratio |\n| --- | --- | --- | --- | --- |"
    )
    with scratch(40 * 256 * 1024) as folder:
        for name, samples, batch, workers, prefetch, step_s in configurations(folder):
            runs = [hold(samples, batch, workers, step_s, prefetch=prefetch) for _ in range(rounds)]
            ratio = statistics.median(run.ratio for run in runs)
            run = min(runs, key=lambda one: abs(one.ratio - ratio))
            print(
                f"| {name} | {run.planned.bottleneck} | {run.planned.samples_per_s:.0f}/s "
                f"| {batch / run.measured_batch_s:.0f}/s | {ratio:.2f} |",
                flush=True,
            )
            if not LOW <= ratio <= HIGH:
                missed.append(name)
    return f"outside of {LOW} to {HIGH}: {', '.join(missed)}" if missed else 0


if __name__ == "__main__":
    sys.exit(main())
