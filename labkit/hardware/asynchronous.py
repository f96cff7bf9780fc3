"""Work that a call only begins: waiting for a device, refusing what nothing waits for.

A kernel launch returns before the kernel has run. No library is imported to wait for it: only those
that the callable or its caller has already imported are asked.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

TORCH_KINDS = ("cuda", "mps", "xpu")


def refuse_deferred(fn: Callable) -> None:
    """Raise TypeError for a function whose call runs none of its lines: a coroutine, a generator.

    Behind `functools.partial` and as the `__call__` of an object, too.
    """
    called = fn
    while isinstance(called, functools.partial):
        called = called.func
    for code in (called, type(called).__call__):
        for is_kind, kind, cure in _DEFERRED:
            if is_kind(code):
                name = getattr(called, "__name__", type(called).__name__)
                raise TypeError(f"{name} is {kind}: calling it runs none of its lines. {cure}")


_DEFERRED = (
    (
        inspect.iscoroutinefunction,
        "a coroutine function",
        "Measure a function that runs it to its end: lambda: asyncio.run(f(x)).",
    ),
    (
        inspect.isasyncgenfunction,
        "an asynchronous generator function",
        "Measure a function that runs a loop over it to its end with asyncio.run.",
    ),
    (
        inspect.isgeneratorfunction,
        "a generator function",
        "Measure a function that takes all of it: lambda: list(f(x)).",
    ),
)


def refuse_unfinished(result: object, name: str) -> None:
    """Raise TypeError for a result that stands for work which has not been done: `name` gave it."""
    kinds = {
        "a coroutine": inspect.iscoroutine,
        "a generator": inspect.isgenerator,
        "an asynchronous generator": inspect.isasyncgen,
        "an awaitable": inspect.isawaitable,
        "an iterator that has not begun": lambda value: isinstance(value, (map, filter)),
        "a future": _is_future,
    }
    kind = next((kind for kind, is_kind in kinds.items() if is_kind(result)), None)
    if kind is None:
        return
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()  # or Python warns that nobody awaited it
    raise TypeError(
        f"{name} returned {kind}, so its work was not done when the call came back. Measure a "
        f"function that returns when all is done: one that runs the loop to its end, or asks for "
        f"the result."
    )


def _is_future(value):
    futures = sys.modules.get("concurrent.futures")
    return futures is not None and isinstance(value, futures.Future)


def wait_for(result: object) -> None:
    """Return once every array in `result` (tuples, lists, dicts, JAX trees) has been computed."""
    if hasattr(result, "block_until_ready"):
        result.block_until_ready()
    else:
        for leaf in computing(result):
            leaf.block_until_ready()


def wait_until_idle(values: object = ()) -> None:
    """Return once the accelerators of the tensors in `values`, or the current one, are idle."""
    for wait in waits(accelerators("auto", values)):
        wait()


def computing(values: object) -> list:
    """The arrays in `values` that may still be computed, and can be waited for."""
    return [leaf for leaf in _leaves(values) if hasattr(leaf, "block_until_ready")]


def _leaves(values):
    if "jax" in sys.modules:
        return sys.modules["jax"].tree_util.tree_leaves(values)  # knows registered classes too
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, (list, tuple)):
        return [leaf for value in values for leaf in _leaves(value)]
    return [values]


def accelerators(device: str, values: object) -> list[str]:
    """The accelerators, as torch names them, that `device` or a tensor in `values` speaks of."""
    if device in ("cpu", "jax"):
        return []
    if device != "auto":
        return [device]
    torch = torch_with_accelerator()
    if not torch:
        return []
    on = (getattr(leaf, "device", None) for leaf in _leaves(values))
    names = [str(d) for d in on if isinstance(d, torch.device) and d.type in TORCH_KINDS]
    return list(dict.fromkeys(names))


def waits(accelerators: Sequence[str]) -> list[Callable[[], None]]:
    """What to call to wait: torch where it sees an accelerator, else Numba's CUDA."""
    if torch := torch_with_accelerator():
        # A callable that shows no tensor may still use the current device: None.
        synchronize = torch.accelerator.synchronize
        names: Sequence[str | None] = accelerators or [None]
        return [functools.partial(synchronize, name) for name in names]
    numba_cuda = sys.modules.get("numba.cuda")
    return [numba_cuda.synchronize] if numba_cuda and numba_cuda.is_available() else []


def torch_with_accelerator() -> ModuleType | None:
    """torch, if it is already imported and sees an accelerator; else None."""
    torch = sys.modules.get("torch")
    accelerator = getattr(torch, "accelerator", None)  # from torch 2.6
    return torch if accelerator and accelerator.is_available() else None
