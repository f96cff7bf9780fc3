"""A chip on paper: an area and a power budget, split over MACs, SRAM, HBM and links.

The constants are those of a 7 nm process, calibrated on one chip, the A100: what its area and its
power leave after memory and links is taken as the price of its MACs, with all that feeds and steers
them. What was not published is assumed, and says so. A design is a bound, not a forecast: all parts
work at their full rate and overlap wholly, and a MAC that waits draws nothing.

Sources: the chip catalogue (A100, GC200); Jouppi et al. 2021 (TPUv4i), Table 2, by
`results.op_energy` (energies at 7 nm); Wuu et al., ISSCC 2022 (64 MB of 7 nm SRAM on 41 mm²);
NVIDIA, "What is NVLink?" (1.3 pJ a bit); Stillmaker and Baas 2017 (areas from 45 nm to 7 nm).
"""

import dataclasses
import functools
import math
import numbers

from labkit.hardware import chip
from labkit.plan.amounts import checked
from labkit.plan.roofline import Roofline
from labkit.reading import Origin
from labkit.results import op_energy
from labkit.units import GIB, KIB, MIB
from labkit.workload import Work

PARTS = ("MACs", "SRAM", "HBM", "links")
RETICLE_MM2 = 858.0  # 26 mm x 33 mm: what one exposure of a lithography machine covers

_CLOCK_HZ = 1.41e9  # the A100's boost clock
_SRAM_MM2_PER_BYTE = 41 / (64 * MIB)
_HBM_INTERFACE_MM2, _LINK_MM2 = 12.0, 2.0  # assumed: nobody prints them
_LINK_BYTES_PER_S, _LINK_J_PER_BYTE = 50e9, 8 * 1.3e-12
_SYNC_S = 2e-6  # assumed: a collective over a few links
_REGISTERS_PER_SM_BYTES = 256 * KIB
_A100_STACKS, _A100_LINKS = 5, 12
# A bf16 multiplier and an fp32 adder are 1640 + 4184 µm² at 45 nm (Horowitz's areas, as Dally
# shows them; unverified), and 0.059 times that at 7 nm.
_BARE_MAC_MM2 = (1640 + 4184) * 0.059e-6


@dataclasses.dataclass(frozen=True, slots=True)
class Technology:
    """What each part of a chip costs in area and energy, and what it brings.

    bare_mac_mm2, bare_mac_j   of one 16-bit multiply-accumulate alone
    mac_mm2, mac_j             with all that feeds and steers it in a GPU
    sram_sweep_s               time in which the SRAM reads itself once, whatever its size
    hbm_*, link_*              of one stack and of one link, both directions together
    sync_s                     how long chips wait for one another's words each time, at the least
    """

    clock_hz: float
    bare_mac_mm2: float
    bare_mac_j: float
    mac_mm2: float
    mac_j: float
    sram_mm2_per_byte: float
    sram_sweep_s: float
    sram_j_per_byte: float
    hbm_mm2: float
    hbm_bytes: float
    hbm_bytes_per_s: float
    hbm_j_per_byte: float
    link_mm2: float
    link_bytes_per_s: float
    link_j_per_byte: float
    sync_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """What a design needs for one workload: seconds, chips, joules over all chips, and the limit.

    bound_by   `compute`, `HBM`, `SRAM` or `links`
    """

    time_s: float
    n_chips: int
    energy_j: float
    bound_by: str


@dataclasses.dataclass(frozen=True, slots=True)
class ChipDesign:
    """A chip: `ChipDesign("mine", n_macs=110_000, sram_bytes=90 * MIB, hbm_stacks=5, n_links=12)`.

    machinery       the share of a GPU's machinery around each MAC that is kept, 0 to 1: caches'
                    tags, schedulers, other arithmetic. Less is smaller and harder to program
    die_mm2, power_limit_w   what there is to spend

    Raises ValueError for an amount that is negative or no number, for a design that does nothing,
    and for one that doesn't fit its die.
    """

    name: str
    n_macs: float
    sram_bytes: float
    hbm_stacks: int
    n_links: int
    machinery: float = 1.0
    die_mm2: float = 826.0
    power_limit_w: float = 400.0
    technology: Technology | None = None

    def __post_init__(self):
        if self.technology is None:
            object.__setattr__(self, "technology", a100_technology())
        for field in ("n_macs", "sram_bytes", "hbm_stacks", "n_links", "machinery"):
            amount = getattr(self, field)
            if not (isinstance(amount, numbers.Real) and 0 <= amount < math.inf):
                raise ValueError(f"{field} must be a number from 0, got {amount!r}.")
        if self.machinery > 1:
            raise ValueError(f"machinery is a share, from 0 to 1, got {self.machinery!r}.")
        if not (self.n_macs and (self.sram_bytes or self.hbm_stacks)):
            raise ValueError("A chip needs MACs, and SRAM or HBM to feed them from.")
        for field in ("die_mm2", "power_limit_w"):
            amount = getattr(self, field)
            if not (isinstance(amount, numbers.Real) and 0 < amount < math.inf):
                raise ValueError(f"{field} must be above 0, got {amount!r}.")
        used = sum(self.areas_mm2.values())
        if not used <= self.die_mm2 * (1 + 1e-9):
            raise ValueError(
                f"The parts need {used:,.0f} mm² and the die has {self.die_mm2:,.0f}: take away "
                f"MACs, SRAM, stacks or links, or keep less machinery."
            )

    @property
    def areas_mm2(self) -> dict[str, float]:
        """The area of each of PARTS; what is left of the die is empty."""
        t = self.technology
        per_mac = t.bare_mac_mm2 + self.machinery * (t.mac_mm2 - t.bare_mac_mm2)
        return dict(zip(PARTS, (
            self.n_macs * per_mac, self.sram_bytes * t.sram_mm2_per_byte,
            self.hbm_stacks * t.hbm_mm2, self.n_links * t.link_mm2,
        ), strict=True))  # fmt: skip

    @property
    def wanted_w(self) -> dict[str, float]:
        """The power of each of PARTS at its full rate, all at once, as if there were no limit."""
        t = self.technology
        return dict(zip(PARTS, (
            self.n_macs * t.clock_hz * self._mac_j,
            self.sram_bytes_per_s * t.sram_j_per_byte,
            self.hbm_bytes_per_s * t.hbm_j_per_byte,
            self.n_links * t.link_bytes_per_s * t.link_j_per_byte,
        ), strict=True))  # fmt: skip

    @property
    def powers_w(self) -> dict[str, float]:
        """The power of each of PARTS under the limit: MACs slow down until they get by."""
        powers = self.wanted_w
        left_w = self.power_limit_w - sum(powers.values()) + powers["MACs"]
        return powers | {"MACs": min(powers["MACs"], max(left_w, 0))}

    @property
    def peak_flop_per_s(self) -> float:
        """2 flop a MAC and cycle, at the rate that the power limit leaves to them."""
        return 2 * self.powers_w["MACs"] / self._mac_j

    @property
    def sram_bytes_per_s(self) -> float:
        return self.sram_bytes / self.technology.sram_sweep_s

    @property
    def hbm_bytes_per_s(self) -> float:
        return self.hbm_stacks * self.technology.hbm_bytes_per_s

    @property
    def hbm_bytes(self) -> float:
        return self.hbm_stacks * self.technology.hbm_bytes

    @property
    def _mac_j(self):
        t = self.technology
        return t.bare_mac_j + self.machinery * (t.mac_j - t.bare_mac_j)

    def roofline(self, memory: str = "HBM") -> Roofline:
        """The roofline over one of its memories, `HBM` or `SRAM`; modelled.

        Raises ValueError for a memory that the design lacks.
        """
        rates = {"HBM": self.hbm_bytes_per_s, "SRAM": self.sram_bytes_per_s}
        if not rates.get(memory):
            has = " and ".join(name for name, rate in rates.items() if rate)
            raise ValueError(f"{self.name} has no {memory!r} for a roofline: it has {has}.")
        return Roofline(
            f"{self.name}, {memory}", self.peak_flop_per_s, rates[memory], Origin.MODELLED
        )

    def run(
        self, work: Work, resident_bytes: float, link_bytes: float = 0, n_syncs: int = 0
    ) -> Run:
        """Do a workload on as many such chips as hold what has to stay on them.

        resident_bytes   weights and caches: in SRAM where one chip's is enough, else in HBM, else
                         in the SRAM of as many chips as it takes
        link_bytes       what each chip sends and receives in the meantime
        n_syncs          how often several chips wait for one another, each time for `sync_s`; two
                         all-reduces a layer where each matrix product is split over all of them

        The work is split evenly: no design runs faster. Raises ValueError where links are needed
        and there are none.
        """
        resident_bytes, link_bytes, n_syncs = checked(
            resident_bytes=resident_bytes, link_bytes=link_bytes, n_syncs=n_syncs
        )
        on_chip = resident_bytes <= self.sram_bytes or not self.hbm_stacks
        memory = "SRAM" if on_chip else "HBM"
        capacity = self.sram_bytes if on_chip else self.hbm_bytes
        rate = self.sram_bytes_per_s if on_chip else self.hbm_bytes_per_s
        n_chips = max(1, math.ceil(resident_bytes / capacity))
        if not self.n_links and (link_bytes or n_chips > 1):
            raise ValueError(
                f"{self.name} has no links, and this workload needs {n_chips} chips that talk: "
                f"give it links, or more memory."
            )
        if not self.peak_flop_per_s:
            raise ValueError(f"{self.name} has no watts left for its MACs: raise the limit.")
        links = self.n_links * self.technology.link_bytes_per_s
        waits_s = n_syncs * self.technology.sync_s if n_chips > 1 else 0.0
        times = {
            "compute": work.flop / n_chips / self.peak_flop_per_s,
            memory: work.bytes / n_chips / rate,
            "links": waits_s + (link_bytes / links if links else 0.0),
        }
        bound_by = max(times, key=times.get)
        energy_j = self._energy_j(work, on_chip, n_chips * link_bytes)
        return Run(times[bound_by], n_chips, energy_j, bound_by)

    def _energy_j(self, work, on_chip, link_bytes):
        t = self.technology
        per_byte = t.sram_j_per_byte if on_chip else t.hbm_j_per_byte
        return work.flop / 2 * self._mac_j + work.bytes * per_byte + link_bytes * t.link_j_per_byte


@functools.cache
def a100_technology() -> Technology:
    """The constants of 7 nm, calibrated on the A100: its MACs get what memory and links leave."""
    a100, gc200 = chip("a100-sxm-80"), chip("ipu-gc200")
    n_macs = a100.peak("bf16").value / 2 / _CLOCK_HZ
    hbm_j, sram_j = _middle_j("dram_64b", "HBM2") / 8, op_energy("sram_64b", "1MB").energy_j / 8
    sweep_s = gc200.memory.value / gc200.bandwidth.value
    sram_bytes = a100_sram_bytes()
    others_mm2 = (
        sram_bytes * _SRAM_MM2_PER_BYTE + _A100_STACKS * _HBM_INTERFACE_MM2
        + _A100_LINKS * _LINK_MM2
    )  # fmt: skip
    others_w = (
        sram_bytes / sweep_s * sram_j + a100.bandwidth.value * hbm_j
        + _A100_LINKS * _LINK_BYTES_PER_S * _LINK_J_PER_BYTE
    )  # fmt: skip
    return Technology(
        clock_hz=_CLOCK_HZ,
        bare_mac_mm2=_BARE_MAC_MM2,
        bare_mac_j=op_energy("mul", "bf16").energy_j + op_energy("add", "fp32").energy_j,
        mac_mm2=(a100.figures["die_mm2"].value - others_mm2) / n_macs,
        mac_j=(a100.power.value - others_w) / (n_macs * _CLOCK_HZ),
        sram_mm2_per_byte=_SRAM_MM2_PER_BYTE,
        sram_sweep_s=sweep_s,
        sram_j_per_byte=sram_j,
        hbm_mm2=_HBM_INTERFACE_MM2,
        hbm_bytes=16 * GIB,
        hbm_bytes_per_s=a100.bandwidth.value / _A100_STACKS,
        hbm_j_per_byte=hbm_j,
        link_mm2=_LINK_MM2,
        link_bytes_per_s=_LINK_BYTES_PER_S,
        link_j_per_byte=_LINK_J_PER_BYTE,
        sync_s=_SYNC_S,
    )


def a100_sram_bytes() -> float:
    """The A100's L2, its L1 caches and its registers together, in bytes."""
    figures = chip("a100-sxm-80").figures
    per_sm = figures["l1_kb"].value + _REGISTERS_PER_SM_BYTES
    return figures["l2_mb"].value + figures["multiprocessors"].value * per_sm


def a100_design() -> ChipDesign:
    """The A100 as a design of its own technology: it fills its die and its power exactly."""
    a100 = chip("a100-sxm-80")
    return ChipDesign(
        "A100", a100.peak("bf16").value / 2 / _CLOCK_HZ, a100_sram_bytes(), _A100_STACKS,
        _A100_LINKS, die_mm2=a100.figures["die_mm2"].value, power_limit_w=a100.power.value,
    )  # fmt: skip


def _middle_j(op, kind):
    """The middle of a range, as no single figure was published."""
    found = op_energy(op, kind)
    return (found.low_j + found.high_j) / 2
