"""Work that a call only begins: waiting for a device, refusing what nothing waits for.

A kernel launch returns before the kernel has run. No library is imported to wait for it: only those
that the callable or its caller has already imported are asked.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from types import ModuleType

TORCH_KINDS = ("cuda", "mps", "xpu")
NAMELESS = "a function without a name"  # what a reading calls a lambda
_LOOKED_INTO = 100  # items of a result that is a list, a tuple or a dict


def name_of(fn: Callable) -> str:
    """What a message or a reading calls a function."""
    name = getattr(fn, "__name__", type(fn).__name__)
    return NAMELESS if name == "<lambda>" else name


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
                raise TypeError(
                    f"{name_of(called)} is {kind}: calling it runs none of its lines. {cure}"
                )


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
    """Raise TypeError for a result that stands for work which has not been done: `name` gave it.

    In a list, a tuple or a dict, too.
    """
    for value in chain([result], _items(result)):
        kind = next((kind for kind, is_kind in _UNFINISHED.items() if is_kind(value)), None)
        if kind is None:
            continue
        if inspect.iscoroutine(value) or inspect.isgenerator(value):
            value.close()  # or Python warns that nobody awaited it
        raise TypeError(
            f"{name} returned {kind}, so its work was not done when the call came back. Measure a "
            f"function that returns when all is done: one that runs the loop to its end, or asks "
            f"for the result."
        )


def _items(result):
    """The first items of what holds several."""
    if isinstance(result, Mapping):
        result = result.values()
    elif not isinstance(result, (list, tuple)):
        return ()
    return islice(result, _LOOKED_INTO)


def _is_lazy(value):
    """map, filter, zip, itertools: they do their work when they are asked for the next item."""
    return isinstance(value, Iterator) and type(value).__module__ in ("builtins", "itertools")


def _is_pending(value):
    """Of an executor or a pool; of one that is done the result is there."""
    kinds = (("concurrent.futures", "Future"), ("multiprocessing.pool", "AsyncResult"))
    return any(_is_a(value, *kind) for kind in kinds)


def _is_running(value):
    is_worker = any(
        _is_a(value, module, kind)
        for module, kind in (("threading", "Thread"), ("multiprocessing.process", "BaseProcess"))
    )
    if is_worker:
        return value.is_alive()
    return _is_a(value, "subprocess", "Popen") and value.poll() is None


def _is_a(value, module, kind):
    """Whether it is of a class whose module somebody has imported."""
    cls = getattr(sys.modules.get(module), kind, None)
    return cls is not None and isinstance(value, cls)


_UNFINISHED = {
    "a coroutine": inspect.iscoroutine,
    "a generator": inspect.isgenerator,
    "an asynchronous generator": inspect.isasyncgen,
    "an awaitable": inspect.isawaitable,
    "an iterator that has not begun": _is_lazy,
    "a future": _is_pending,
    "a thread or process that still runs": _is_running,
}


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
