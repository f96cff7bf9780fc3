"""The machine, drawn once: a chip, a server and a pod, with the figures of the catalogue."""

from labkit.draw.machines.cpu import cpu_socket
from labkit.draw.machines.gpu import gpu
from labkit.draw.machines.pod import pod
from labkit.draw.machines.server import server
from labkit.draw.machines.tpu import tpu_core
from labkit.draw.picture import Picture
from labkit.hardware import Chip, chips
from labkit.hardware import chip as find_chip

_CHIPS = {"gpu": gpu, "cpu": cpu_socket, "tpu": tpu_core}
_SCALES = ("chip", "server", "pod")


def machine(
    chip: str | Chip, highlight: str | None = None, *, scale: str = "chip", n_chips: int = 8,
    n_servers: int = 4,
) -> Picture:  # fmt: skip
    """Draw a machine and what each of its parts holds, moves and takes: a Picture.

    chip       its name in the catalogue, such as `h100-sxm`, or a Chip: a GPU, a TPU or a CPU
    highlight  the part that matters, such as `l2`; a wrong name is answered with the right ones
    scale      `chip`; `server`, which holds `n_chips` of them; `pod`, of `n_servers` servers

    Sizes, bandwidths and rates are published figures of the catalogue and of NVIDIA's programming
    guide, and sums over several chips are modelled; what neither source says is `unknown`.
    Raises ChipNotFound, and ValueError for a part, a scale or a kind of chip that is not drawn.
    """
    chip = chip if isinstance(chip, Chip) else find_chip(chip)
    if scale not in _SCALES:
        raise ValueError(f"There is no scale {scale!r}. Use one of: {', '.join(_SCALES)}.")
    if chip.kind not in _CHIPS:
        known = ", ".join(one.id for one in chips() if one.kind in _CHIPS)
        raise ValueError(
            f"{chip.id} is of the kind {chip.kind}, which has no drawing. Choose one of: {known}."
        )
    for name, value, least, most in (("n_chips", n_chips, 1, 16), ("n_servers", n_servers, 1, 16)):
        if not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{name} is {value!r}: a drawing has room for {least} to {most}.")
    if scale == "server":
        return server(chip, highlight, n_chips)
    if scale == "pod":
        return pod(chip, highlight, n_chips, n_servers)
    return _CHIPS[chip.kind](chip, highlight)
