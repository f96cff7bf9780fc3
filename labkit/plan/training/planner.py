"""A plan: what a training run takes in time, memory, energy and money, and what holds it back."""

import dataclasses

from labkit.plan.amounts import checked
from labkit.plan.cost import cost_usd
from labkit.plan.energy import run_energy_j
from labkit.plan.training.fitting import fitted
from labkit.plan.training.job import Job
from labkit.plan.training.layer import Tuning
from labkit.plan.training.links import stays_in_server
from labkit.plan.training.memory import MemoryUse, memory_use, usable_bytes
from labkit.plan.training.step import StepTime, step_time
from labkit.reading import Origin, Reading
from labkit.units import binary, si

DENSE_BAND, MIXTURE_BAND = 1.2, 1.6
LEAST_POWER_SHARE = 0.6  # mean power over TDP: 0.54 to 0.69 in Patterson et al. 2021, Table 4

# What holds a step back, and the parts of its time that tell of it. Talk is added to the links or
# the network, by the size of the group that talks.
INSIDE, NETWORK = "links inside the server", "network"
CAUSES = {
    "arithmetic": ("products", "attention", "recompute"),
    "memory bandwidth": ("between", "optimizer"),
    INSIDE: (),
    NETWORK: (),
    "pipeline bubble": ("bubble",),
    "CPU": ("launch",),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Bill:
    """What a whole run takes, as modelled readings whose notes hold the band.

    time, energy, cost   in s, J and USD, of all steps; without failures, restarts and evaluation
    """

    time: Reading
    energy: Reading
    cost: Reading


@dataclasses.dataclass(frozen=True, slots=True)
class TrainingPlan:
    """A job with its predicted step and memory.

    memory, lean_memory   of the fullest chip with an ordinary stack, and with the leanest
    band                  of times: the truth should lie within the prediction × and ÷ this,
                          1.2 for dense models and 1.6 for mixtures of experts.
                          `tools/bench_plan.py` says how often it did
    """

    job: Job
    step: StepTime
    memory: MemoryUse
    lean_memory: MemoryUse
    band: float

    @property
    def tokens_per_s(self) -> float:
        """Tokens a second on all chips together."""
        return self.job.global_batch * self.job.seq / self.step.total_s

    @property
    def mfu(self) -> float:
        """Model FLOP utilisation: of the peak of the format in which the products run."""
        chip, split = self.job.chip, self.job.split
        flop_per_s = self.tokens_per_s * self.job.model.flop_per_token(self.job.seq)
        peak = chip.peak_flop_per_s * _peak_ratio(split.dtype)
        return flop_per_s / (split.chips * peak)

    @property
    def fits(self) -> bool:
        """Whether the fullest chip has enough memory even for an ordinary stack."""
        return self.memory.total_bytes <= usable_bytes(self.job)

    @property
    def may_fit(self) -> bool:
        """Whether it has enough at least for the leanest stack."""
        return self.lean_memory.total_bytes <= usable_bytes(self.job)

    @property
    def verdict(self) -> str:
        """Whether the job fits into memory, in words."""
        if self.fits:
            return "fits"
        return "fits with a lean stack" if self.may_fit else "does not fit"

    @property
    def shares(self) -> dict[str, float]:
        """Each cause that holds a step back, and its share of the step's time."""
        parts, split = self.step.parts_s, self.job.split
        times_s = {cause: sum(parts[part] for part in names) for cause, names in CAUSES.items()}
        ranks = {
            "tensor": 1,
            "context": split.cp,
            "expert": split.ep,
            "data": split.shards,
            "pipeline": split.chips // split.tp,
        }
        for part, n in ranks.items():
            times_s[INSIDE if stays_in_server(self.job, n) else NETWORK] += parts[part]
        return {cause: time_s / self.step.total_s for cause, time_s in times_s.items()}

    @property
    def binding(self) -> str:
        """The constraint that binds: `memory` where no stack fits, else what takes longest."""
        return max(self.shares, key=self.shares.get) if self.may_fit else "memory"

    @property
    def largest_loss(self) -> str:
        """What takes longest besides arithmetic, and so would gain most from another split."""
        losses = {cause: share for cause, share in self.shares.items() if cause != "arithmetic"}
        return max(losses, key=losses.get)

    def __str__(self):
        step = si(self.step.total_s, "s")
        return f"{step} a step, MFU {self.mfu:.0%}, {self.verdict}\n    {self.job.split}"

    def explain(self) -> str:
        """One sentence: the binding constraint, with its figure."""
        if not self.may_fit:
            use = self.lean_memory
            part = max(use.parts_bytes.items(), key=lambda item: item[1])
            return (
                f"memory binds: the fullest chip needs at least {binary(use.total_bytes)}, and "
                f"{binary(usable_bytes(self.job))} can be used; {part[0]} take {binary(part[1])}"
            )
        share, loss = self.shares[self.binding], self.largest_loss
        bind = "bind: they take" if self.binding == INSIDE else "binds: it takes"
        text = f"{self.binding} {bind} {share:.0%} of each step"
        if self.binding == "arithmetic":
            text += f"; the largest loss is {loss} with {self.shares[loss]:.0%}"
        return text

    def readings(self) -> list[Reading]:
        """The step's figures, each with its band in the note."""
        chip = self.job.chip
        use, room = self.memory.total_bytes, usable_bytes(self.job)
        least = binary(self.lean_memory.total_bytes)
        note = f"band {least} to {binary(use)}; {binary(room)} can be used: {self.verdict}"
        return [
            self._banded("step", self.step.total_s, "s"),
            self._banded("rate", self.tokens_per_s, "token/s"),
            self._banded("MFU", self.mfu, "%"),
            Reading(f"memory of the fullest {chip.name}", use, "GiB", Origin.MODELLED, note=note),
        ]

    def bill(
        self, tokens: float, *, usd_per_chip_hour: float, pue: float, power_w: float | None = None
    ) -> Bill:
        """Time, energy and cost of training on this many tokens.

        power_w   mean power of one chip; by default its TDP. The energy's band reaches down to
                  `LEAST_POWER_SHARE` of that, because few runs draw the TDP all the time

        Host, network and storage draw power as well: pass a `power_w` that holds their share.
        Raises ValueError for nonsense.
        """
        (tokens,) = checked(n_tokens=tokens)
        chips = self.job.split.chips
        power_w = self.job.chip.power_w if power_w is None else power_w
        time_s = tokens / self.tokens_per_s
        energy_j = run_energy_j(chips, power_w, time_s, pue=pue)
        usd = cost_usd(time_s=time_s * chips, usd_per_hour=usd_per_chip_hour)
        return Bill(
            time=self._banded("time", time_s, "s"),
            energy=self._banded("energy", energy_j, "J", least=LEAST_POWER_SHARE),
            cost=self._banded("cost", usd, "USD"),
        )

    def _banded(self, name, value, unit, *, least=1.0):
        low, high = least * value / self.band, value * self.band
        note = f"band {si(low, unit)} to {si(high, unit)}"
        return Reading(name, value, unit, Origin.MODELLED, note=note)


def plan_training(job: Job, tuning: Tuning | None = None) -> TrainingPlan:
    """The plan of a job, by default with the constants that were fitted to published runs."""
    return TrainingPlan(
        job=job,
        step=step_time(job, tuning or fitted()),
        memory=memory_use(job),
        lean_memory=memory_use(job, lean=True),
        band=MIXTURE_BAND if job.model.experts else DENSE_BAND,
    )


def _peak_ratio(dtype):
    return {"fp8": 2, "nvfp4": 4}.get(dtype, 1)
