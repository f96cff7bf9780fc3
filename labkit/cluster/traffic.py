"""What ranks send to each other: the collectives of a piece of code, counted with their bytes.

Only ranks import this module: it needs torch, which a notebook's kernel does not.
"""

import collections
import math
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import _resolve_process_group
from torch.utils._python_dispatch import TorchDispatchMode

# How torch calls each collective: what it is, and which argument is sent.
_OPS = {
    "c10d.allreduce_": ("all-reduce", 0),
    "c10d._allgather_base_": ("all-gather", 1),
    "c10d._reduce_scatter_base_": ("reduce-scatter", 1),
    "c10d.alltoall_base_": ("all-to-all", 1),
    "c10d.broadcast_": ("broadcast", 0),
    "c10d.send": ("send", 0),
    "_c10d_functional.all_reduce": ("all-reduce", 0),
    "_c10d_functional.all_gather_into_tensor": ("all-gather", 0),
    "_c10d_functional.reduce_scatter_tensor": ("reduce-scatter", 0),
    "_c10d_functional.all_to_all_single": ("all-to-all", 0),
}
_SILENT = {
    "c10d.recv_", "c10d.recv_any_source_", "c10d.barrier", "_c10d_functional.wait_tensor",
    "_c10d_functional._wrap_tensor_autograd",
}  # fmt: skip


class Message(NamedTuple):
    """One collective: its kind, how many ranks take part, and the bytes that this one sends."""

    kind: str
    n_ranks: int
    sent_bytes: float


class Traffic(TorchDispatchMode):
    """Counts the collectives of what runs inside: `with Traffic() as traffic: loss.backward()`.

    messages   a Message for each, in the order in which they were asked for

    The bytes are those that a rank sends if data go around a ring, where an all-gather, a
    reduce-scatter or a broadcast of B bytes sends (n - 1) / n of them (a broadcast on average), and
    an all-reduce twice that. An all-to-all sends all but its own part. Raises NotImplementedError
    for a collective that it does not know, rather than to leave it out.
    """

    def __init__(self):
        super().__init__()
        self.messages: list[Message] = []

    def totals(self) -> dict[str, tuple[int, float]]:
        """Kind -> (how many, bytes sent by this rank), as plain values that can leave the rank."""
        counts, sent = collections.Counter(), collections.Counter()
        for kind, _, sent_bytes in self.messages:
            counts[kind] += 1
            sent[kind] += sent_bytes
        return {kind: (counts[kind], float(sent[kind])) for kind in counts}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
        if func.namespace in ("c10d", "_c10d_functional"):
            self._note(func, args)
        return func(*args, **(kwargs or {}))

    def _note(self, func, args):
        name = str(func).removesuffix(".default")
        if name in _OPS:
            kind, which = _OPS[name]
            n_ranks = _group(args).size()
            self.messages.append(Message(kind, n_ranks, _sent(kind, args, which, n_ranks)))
        elif name not in _SILENT:
            raise NotImplementedError(
                f"Traffic doesn't know what {name} sends: add it to the table in traffic.py."
            )


def _sent(kind, args, which, n_ranks):
    n_bytes = _bytes(args[which])
    if kind == "all-to-all":
        return n_bytes - _own_part(args, which, n_ranks)
    passes = {
        "all-reduce": 2 * (n_ranks - 1) / n_ranks, "all-gather": n_ranks - 1,
        "reduce-scatter": (n_ranks - 1) / n_ranks, "broadcast": (n_ranks - 1) / n_ranks,
    }  # fmt: skip
    return n_bytes * passes.get(kind, 1)


def _own_part(args, which, n_ranks):
    """The bytes of an all-to-all that a rank sends to itself, which never leave it."""
    tensor, group = args[which], _group(args)
    splits = next((a for a in reversed(args) if isinstance(a, (list, tuple))), None)
    rows = splits[dist.get_rank(group)] if splits else tensor.shape[0] // n_ranks
    return rows * math.prod(tensor.shape[1:]) * tensor.element_size()


def _bytes(tensors):
    if isinstance(tensors, torch.Tensor):
        return tensors.numel() * tensors.element_size()
    return sum(map(_bytes, tensors))


def _group(args):
    """The process group among the arguments: an object, or its name."""
    for arg in args:
        if isinstance(arg, torch.ScriptObject) and arg._type().qualified_name().endswith(
            "ProcessGroup"
        ):
            return dist.ProcessGroup.unbox(arg)
    return _resolve_process_group([arg for arg in args if isinstance(arg, str)][-1])
