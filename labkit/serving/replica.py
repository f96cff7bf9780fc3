"""`Replica`: one real llama.cpp server with a real language model, on this machine."""

import re
from pathlib import Path
from typing import Any

from labkit.serving.errors import ServingError
from labkit.serving.model import check_model, model_file
from labkit.serving.process import HOST, Child, free_port, refuse_taken

_MOST = {"slots": 256, "context": 1 << 20, "threads": 256}  # beyond, llama.cpp hangs or aborts
_TRIES = 3  # another program may take the port that was just found free
_PORT_TAKEN = re.compile(r"couldn't bind")
_NO_MEMORY = re.compile(r"failed to allocate|unable to allocate|bad_alloc|out of memory|MemoryErr")
_DAMAGED = re.compile(r"failed to load model")


class Replica:
    """A server with a copy of the model: `with Replica() as server: ask(server, "Hello")`.

    model      a GGUF file; the course's own if left out
    slots      how many requests it works on at the same time
    context    tokens that prompt and answer of one request may have together
    threads    of the CPU; more than there are idle cores makes it many times slower
    speculate  guess the next tokens from what the text repeats, and check the guesses together
    port       a free one if left out

    It answers at `url` once the constructor returns, and it ends with `stop`, with the `with`
    block, or with this Python, however that ends. Raises ServingError, a sentence, for a model
    that is missing or damaged, a port that is taken, too little memory and a missing library.
    """

    model = "m"

    def __init__(
        self, model: str | Path | None = None, *, slots: int = 4, context: int = 512,
        threads: int = 1, speculate: bool = False, port: int | None = None,
    ):  # fmt: skip
        for name, value in (("slots", slots), ("context", context), ("threads", threads)):
            if type(value) is not int or not 1 <= value <= _MOST[name]:
                raise ServingError(f"{name} is a number from 1 to {_MOST[name]:,}, not {value!r}.")
        self.path = check_model(model_file() if model is None else model)
        self._settings: dict[str, Any] = {
            "model": str(self.path), "slots": slots, "context": context, "threads": threads,
            "speculate": speculate, "host": HOST,
        }  # fmt: skip
        self._wanted_port, self.port = port, port or 0
        self._child: Child | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its address, without a closing slash."""
        return f"http://{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running

    @property
    def pid(self) -> int | None:
        """The number of its process; None while there is none."""
        return self._child.pid if self._child and self._child.is_running else None

    def start(self) -> None:
        """Start it, again if it was stopped or killed: at the same address, with an empty cache."""
        if self.is_running:
            return
        again = self.port if self._child is not None else self._wanted_port
        for _ in range(1 if again else _TRIES):
            self.port = again or free_port()
            refuse_taken(self.port)
            self._child = Child("replica", {**self._settings, "port": self.port})
            try:
                if self._child.wait_until_ready(self.url):
                    return
                said, code = self._child.said(), self._child.exit_code
            except BaseException:
                self.stop()
                raise
            self._child.stop()
            if not _PORT_TAKEN.search(said):
                break
        raise ServingError(_why_not_started(said, code, self.path, self.port))

    def kill(self) -> None:
        """End it as a crash does: no connection is closed properly, no request finished."""
        if self._child is not None:
            self._child.kill()

    def stop(self) -> None:
        """End it; nothing happens where it has ended."""
        if self._child is not None:
            self._child.stop()

    def __enter__(self) -> "Replica":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self.is_running else "stopped"
        return f"Replica({self.url}, {self.path.name}, {state})"


def _why_not_started(said, code, path, port):
    size = path.stat().st_size / 1e6
    if "No module named 'xllamacpp'" in said or "ImportError" in said:
        return (
            "The server is not installed, or does not fit this machine. In a terminal: python -m "
            "pip install xllamacpp. Then restart the kernel."
        )
    if _PORT_TAKEN.search(said):
        return f"Port {port} is taken by another program: choose another, or leave it out."
    if _NO_MEMORY.search(said) or code in (-9, 137):
        return (
            f"There was not enough memory for {path.name} ({size:.0f} MB) and its cache. Stop what "
            f"else runs, or use fewer slots, a shorter context or a smaller format."
        )
    if _DAMAGED.search(said):
        return (
            f"{path} is damaged or of a kind that the server does not know; it has {size:.0f} MB. "
            f"Fetch it again. If model_file made it, delete it, and it is made again."
        )
    if code is None:
        return f"The server did not answer within a minute. {_last_line(said)}"
    return f"The server ended at once (exit code {code}). {_last_line(said)}"


def _last_line(said):
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"Its last words: {lines[-1][:200]}" if lines else "It said nothing."
