"""Feeding an accelerator: how fast samples arrive, who waits for whom, and what checkpoints write.

`Loader` says what stands between the stored samples and the accelerator. Its `limits_s` are the
times that each part needs for a batch: the longest is how long a step takes, and its owner is the
bottleneck. `play` follows the batches one by one, and so also knows what a slow one costs.
`tools/bench_feed.py` holds both against PyTorch's `DataLoader` on the machine at hand.
"""

from labkit.plan.feed.checkpoints import checkpoint_bytes, checkpoint_write_s
from labkit.plan.feed.loader import Loader, Storage
from labkit.plan.feed.play import Played, play

__all__ = ["Loader", "Played", "Storage", "checkpoint_bytes", "checkpoint_write_s", "play"]
