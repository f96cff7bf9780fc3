"""What the NVIDIA driver tells of power and energy while loads run whose times are known."""

import threading
import time

POLL_S = 0.02
_POWER_INSTANT = 186  # NVML_FI_DEV_POWER_INSTANT


def driver_version():
    import pynvml

    pynvml.nvmlInit()
    said = pynvml.nvmlSystemGetDriverVersion()
    return said.decode() if isinstance(said, bytes) else said


def trace(gpu, sizes):
    """Rows of time, phase, shown power, instant power, energy counter and clock of the SMs."""
    samples, phase, over = [], ["idle"], threading.Event()
    ask = _driver() if gpu.device == "cuda" else lambda: {}

    def poll():
        start = time.perf_counter()
        while not over.wait(POLL_S):
            samples.append(
                {"time_s": round(time.perf_counter() - start, 4), "phase": phase[0], **ask()}
            )

    poller = threading.Thread(target=poll, daemon=True)
    poller.start()
    try:
        for name, work, length_s in _loads(gpu, sizes):
            phase[0] = name
            _busy(gpu, work, length_s)
    finally:
        over.set()
        poller.join()
    return samples


def _loads(gpu, sizes):
    torch, n = gpu.torch, sizes.matmul
    a, b = (torch.randn(n, n, device=gpu.device, dtype=torch.bfloat16) for _ in range(2))
    here = torch.ones(sizes.copy_bytes, dtype=torch.uint8, device=gpu.device)
    there = torch.empty_like(here)
    idle, multiply = (lambda: time.sleep(0.01)), (lambda: torch.matmul(a, b))
    yield "idle", idle, sizes.phase_s
    yield "copy", lambda: there.copy_(here), sizes.phase_s
    yield "idle", idle, sizes.phase_s
    yield "matmul bf16", multiply, sizes.phase_s
    yield "idle", idle, sizes.phase_s
    for _ in range(10):  # a load that changes faster than an averaging sensor can follow
        yield "pulse on", multiply, sizes.phase_s / 30
        yield "pulse off", idle, sizes.phase_s / 30
    yield "idle", idle, sizes.phase_s


def _busy(gpu, work, length_s):
    end = time.perf_counter() + length_s
    while time.perf_counter() < end:
        work()
        if gpu.device == "cuda":  # else hundreds of launches queue up beyond the end
            gpu.torch.cuda.synchronize()


def _driver():
    import pynvml

    pynvml.nvmlInit()
    card = pynvml.nvmlDeviceGetHandleByIndex(0)

    def ask():
        instant = pynvml.nvmlDeviceGetFieldValues(card, [_POWER_INSTANT])[0]
        return {
            "power_w": pynvml.nvmlDeviceGetPowerUsage(card) / 1e3,
            "instant_w": instant.value.uiVal / 1e3 if instant.nvmlReturn == 0 else None,
            "energy_j": pynvml.nvmlDeviceGetTotalEnergyConsumption(card) / 1e3,
            "sm_clock_hz": pynvml.nvmlDeviceGetClockInfo(card, pynvml.NVML_CLOCK_SM) * 1e6,
        }

    return ask
