"""What stands between the stored samples and the accelerator, and how fast it can be at best."""

import dataclasses
import math
import numbers


def _refuse(thing, positive=(), from_0=()):
    """Raise ValueError for a field that isn't a number, or too small; infinite is allowed above."""
    for name in (*positive, *from_0):
        value, floor = getattr(thing, name), "above 0" if name in positive else "from 0 on"
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not (is_number and (value > 0 if name in positive else 0 <= value < math.inf)):
            raise ValueError(f"{name} is a number {floor}, got {value!r}.")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """Where samples are stored: a disk, a network store, a page cache.

    bandwidth_bytes_per_s, requests_per_s   what it gives to all readers together
    latency_s   how long one request takes, whatever its size; others may be served meanwhile

    Raises ValueError, a sentence, for nonsense.
    """

    bandwidth_bytes_per_s: float = math.inf
    requests_per_s: float = math.inf
    latency_s: float = 0.0

    def __post_init__(self):
        _refuse(self, positive=("bandwidth_bytes_per_s", "requests_per_s"), from_0=("latency_s",))

    def busy_s(self, n_bytes: float, n_requests: float = 1) -> float:
        """For how long a read keeps the storage from serving anybody else."""
        return max(n_bytes / self.bandwidth_bytes_per_s, n_requests / self.requests_per_s)

    def read_s(self, n_bytes: float, n_requests: float = 1) -> float:
        """How long one reader alone waits for a read whose requests follow one another."""
        return n_requests * self.latency_s + self.busy_s(n_bytes, n_requests)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Loader:
    """A pipeline from stored samples to the steps of an accelerator, as PyTorch's `DataLoader`.

    batch        samples in a step
    step_s       for which the accelerator computes on a batch
    sample_bytes, requests_per_sample   what is read for a sample, and in how many requests: less
                 than 1 where one request brings several samples
    decode_s     CPU time that turns what was read into a sample
    workers      processes that load batches ahead; with 0 the training process loads them itself
    prefetch     batches that each worker may be ahead
    cores        CPU cores that the workers share, a whole number or infinite
    handover_s   for which the training process is busy with taking over a batch of a worker

    Raises ValueError, a sentence, for nonsense.
    """

    batch: int
    step_s: float
    storage: Storage = Storage()
    sample_bytes: float = 0.0
    requests_per_sample: float = 1.0
    decode_s: float = 0.0
    workers: int = 0
    prefetch: int = 2
    cores: float = math.inf
    handover_s: float = 0.0

    def __post_init__(self):
        times = ("step_s", "sample_bytes", "requests_per_sample", "decode_s", "handover_s")
        _refuse(self, positive=("cores",), from_0=times)
        for name, least in (("batch", 1), ("workers", 0), ("prefetch", 1)):
            value = getattr(self, name)
            if not (isinstance(value, numbers.Integral) and value >= least):
                raise ValueError(f"{name} is a whole number from {least} on, got {value!r}.")
        if self.cores != math.inf and self.cores % 1:
            raise ValueError(f"cores is a whole number, or math.inf, got {self.cores!r}.")
        if self.load_s + self.step_s == 0:
            raise ValueError("Nothing takes any time: give step_s, decode_s or a storage.")

    @property
    def read_s(self) -> float:
        """How long a batch is read by one worker that has the storage for itself."""
        return self.storage.read_s(
            self.batch * self.sample_bytes, self.batch * self.requests_per_sample
        )

    @property
    def storage_s(self) -> float:
        """For how long a batch keeps the storage busy."""
        return self.storage.busy_s(
            self.batch * self.sample_bytes, self.batch * self.requests_per_sample
        )

    @property
    def load_s(self) -> float:
        """How long one worker alone needs for a batch: to read and to decode it."""
        return self.read_s + self.batch * self.decode_s

    @property
    def limits_s(self) -> dict[str, float]:
        """Each part's name, and the time that it needs for a batch if nobody keeps it waiting.

        Without workers there is one part: the training process loads and computes in turns.
        """
        if not self.workers:
            return {"in turns": self.load_s + self.step_s}
        return {
            "accelerator": self.handover_s + self.step_s,
            "workers": self.load_s / self.workers,
            "storage": self.storage_s,
            "cores": self.batch * self.decode_s / self.cores,
        }

    @property
    def bottleneck(self) -> str:
        """The part that needs longest for a batch: all others wait for it."""
        return max(self.limits_s, key=self.limits_s.__getitem__)

    @property
    def batch_s(self) -> float:
        """From one step to the next, once the pipeline is full and if all batches are alike."""
        return max(self.limits_s.values())

    @property
    def samples_per_s(self) -> float:
        return self.batch / self.batch_s

    @property
    def utilisation(self) -> float:
        """The share of the time in which the accelerator computes, 0 to 1.

        MLPerf Storage calls it accelerator utilisation: compute time over running time.
        """
        return self.step_s / self.batch_s

    @property
    def hunger_bytes_per_s(self) -> float:
        """What the accelerator would eat if it never had to wait; infinite if it takes no time."""
        eaten = self.batch * self.sample_bytes
        return eaten / self.step_s if self.step_s else math.inf
