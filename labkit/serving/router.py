"""`Router`: vllm-router, which spreads requests over replicas and goes round the dead ones."""

import contextlib
import importlib.util
import platform
from collections.abc import Iterable, Mapping, Sequence

from labkit.serving.address import HasUrl, base_of, get
from labkit.serving.errors import ServingError
from labkit.serving.process import HOST, Child, free_port, refuse_taken

# What makes a router survive dead replicas, by degrees; README of vllm-router has all flags.
NOTHING: dict[str, object] = {"disable_retries": True, "disable_circuit_breaker": True}
USUAL: dict[str, object] = {"cb_timeout_duration_secs": 2, "cb_success_threshold": 1}
CAREFUL: dict[str, object] = {
    **USUAL,
    "cb_failure_threshold": 2,
    "retry_max_retries": 20,
    "retry_initial_backoff_ms": 50,
    "retry_max_backoff_ms": 1000,
}
_ALWAYS: dict[str, object] = {
    "health_check_interval_secs": 1, "health_failure_threshold": 2, "health_success_threshold": 1,
    "request_timeout_secs": 30, "prometheus_host": HOST, "log_level": "error",
    "worker_startup_check_interval": 1,
}  # fmt: skip


class Router:
    """One address for several replicas: `with Router(replicas) as server: ask(server, "Hello")`.

    replicas   things with a `url`, or addresses; at least one
    flags      vllm-router's own, with underscores: NOTHING, USUAL, CAREFUL or your own. True stands
               for a flag without a value
    policy     who gets the next request: power_of_two, round_robin, random, cache_aware, ...

    As for a Replica: it serves once the constructor returns, and outlives nobody. Raises
    ServingError, a sentence, where the router is not installed or refuses its flags.
    """

    model = "m"

    def __init__(
        self, replicas: Sequence[HasUrl | str], flags: Mapping[str, object] = CAREFUL, *,
        policy: str = "power_of_two", port: int | None = None,
    ):  # fmt: skip
        refuse_missing()
        if isinstance(replicas, str) or not isinstance(replicas, Iterable):
            raise ServingError(f"A router is given a list of replicas, not {replicas!r} alone.")
        urls = [base_of(one) for one in replicas]
        if not urls:
            raise ServingError("A router needs at least one replica to send requests to.")
        if port:
            refuse_taken(port)
        self.port = port or free_port()
        policy = policy if len(urls) > 1 else "round_robin"  # two choices need two
        settings = {"host": HOST, "port": self.port, "prometheus_port": free_port()}
        words = _words({**_ALWAYS, **settings, "policy": policy, **flags})
        self._child = Child("router", {"flags": [*words, "--worker-urls", *urls]})
        try:
            ready = self._child.wait_until_ready(self.url)
            said = "" if ready else self._child.said()
        except BaseException:
            self.stop()
            raise
        if not ready:
            self.stop()
            raise ServingError(_why_not_started(said, urls))

    @property
    def url(self) -> str:
        """Its address, without a closing slash."""
        return f"http://{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._child.is_running

    def stop(self) -> None:
        """End it; nothing happens where it has ended."""
        self._child.stop()

    def __enter__(self) -> "Router":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Router({self.url}, {'running' if self.is_running else 'stopped'})"


def refuse_missing() -> None:
    """Raise ServingError, a sentence, where vllm-router is not installed."""
    if importlib.util.find_spec("vllm_router") and importlib.util.find_spec("vllm_router_rs"):
        return
    if platform.system() != "Linux":
        raise ServingError(
            f"The router is made for Linux, and this is {platform.system()}. Replicas run here "
            f"without one; for what needs it, open the lesson on Binder or Colab, or in WSL."
        )
    raise ServingError(
        "The router is not installed. In a terminal: python -m pip install vllm-router. Then "
        "restart the kernel."
    )


def _is_healthy(url):
    with contextlib.suppress(OSError):
        return get(f"{url}/health").status == 200
    return False


def _words(flags):
    """Flags as a command line takes them."""
    for name, value in flags.items():
        if value is False:
            continue
        yield "--" + name.replace("_", "-")
        if value is not True:
            yield str(value)


def _why_not_started(said, urls):
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    refused = [line for line in lines if "error:" in line.lower()]
    silent = [] if refused else [url for url in urls if not _is_healthy(url)]
    if silent:
        return (
            f"The router did not start, because it waits for its replicas, and nothing healthy "
            f"answers at {', '.join(silent)}. Start them first, or correct the address."
        )
    last = (refused or lines or ["it said nothing"])[-1]
    return f"The router did not start. Its last words: {last[:200]}"
