"""A simulated machine, whose true times are known."""

import math

_READINGS_A_TICK = 200_000  # waiting for a tick has to end, and a reading must not disturb


class World:
    """A simulated machine: `clock` reads its time, and only its own work makes time pass.

    tick_s   the step of its clock, which then takes a tiny part of a step to read; or 0
    """

    def __init__(self, rng, tick_s=0.0):
        self.now_s, self.tick_s = rng.uniform(100, 1000), tick_s
        self.device_free_s, self.n_calls, self.n_readings = 0.0, 0, 0

    def clock(self):
        self.n_readings += 1
        self.now_s += self.tick_s / _READINGS_A_TICK
        if not self.tick_s:
            return self.now_s
        return math.floor(self.now_s / self.tick_s) * self.tick_s

    def worker(self, call_s, compile_s=0.0):
        """Work that takes `call_s`, and `compile_s` more when it is first called."""
        calls = 0

        def work():
            nonlocal calls
            self.now_s += call_s + (compile_s if calls == 0 else 0)
            calls += 1
            self.n_calls += 1

        return work

    def launcher(self, device_s, launch_s=1e-5):
        """An order to the device: it returns soon, and the device is busy for `device_s` more."""

        def launch():
            self.now_s += launch_s
            self.device_free_s = max(self.device_free_s, self.now_s) + device_s
            self.n_calls += 1

        return launch

    def synchronize(self):
        self.now_s = max(self.now_s, self.device_free_s)

    def refuse_another_clock(self, got):
        assert self.n_readings, (
            f"got {got:.3g} s, and `clock()` was never read: this world has a time of its own, "
            f"which no other clock shows"
        )
