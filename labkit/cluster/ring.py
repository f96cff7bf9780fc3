"""A ring of ranks: each sends to the next one and receives from the one before.

`RingLinks` is for real ranks; `PracticeRing` plays all ranks in one process, one after the other,
so that code with a deadlock ends at once and every message can be looked at.
"""

import collections
import contextlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Send = Callable[[np.ndarray], None]
Receive = Callable[[np.ndarray], np.ndarray]  # is given an array of the shape and dtype to come


class Message(NamedTuple):
    """One message: who sent it, how many bytes, and when it began and was done, in s."""

    sender: int
    n_bytes: int
    begin_s: float
    end_s: float


class RingLinks:
    """In a rank, after init_process_group: `send(array)` and `receive(like)` along the ring.

    Sending does not wait, so all ranks may send first and then receive; leaving the `with` block
    does. `messages` are those that this rank has received, on a clock that all ranks share.
    """

    def __init__(self):
        import torch.distributed as dist

        self.rank, self.n_ranks = dist.get_rank(), dist.get_world_size()
        self.messages: list[Message] = []
        self._sending: list[Any] = []

    def send(self, array: np.ndarray) -> None:
        """Send a copy of an array to the next rank."""
        import torch
        import torch.distributed as dist

        if array.size:
            tensor = torch.from_numpy(np.array(array))
            work = dist.isend(tensor, (self.rank + 1) % self.n_ranks)
            self._sending.append((work, tensor))  # the tensor has to live until it is sent

    def receive(self, like: np.ndarray) -> np.ndarray:
        """Wait for the array that the rank before sends: a new one of this shape and dtype."""
        import torch
        import torch.distributed as dist

        buffer = torch.from_numpy(np.empty_like(like))
        before = (self.rank - 1) % self.n_ranks
        if like.size:
            began = time.monotonic()
            dist.recv(buffer, before)
            self.messages.append(Message(before, like.nbytes, began, time.monotonic()))
        return buffer.numpy()

    def __enter__(self) -> "RingLinks":
        return self

    def __exit__(self, *exception: object) -> None:
        if exception == (None, None, None):
            for work, _ in self._sending:
                work.wait()


def all_reduce_by(
    reduce_scatter: Callable[..., Any], all_gather: Callable[..., Any], data: np.ndarray,
    links: Any,
) -> np.ndarray:  # fmt: skip
    """All-reduce one array by two functions (parts, rank, n_ranks, send, receive) of a ring."""
    parts = np.array_split(np.array(data), links.n_ranks)
    where = (links.rank, links.n_ranks, links.send, links.receive)
    reduce_scatter(parts, *where)
    all_gather(parts, *where)
    return np.concatenate(parts)


class RingError(RuntimeError):
    """The ranks of a practice ring got stuck, or misunderstood each other; it says who and how."""


class PracticeRing:
    """All ranks of a ring in one process: `PracticeRing(4).run(program)`.

    program  is called as program(rank, n_ranks, send, receive) for each rank. A rank runs until it
             has to wait for a message, then the next one does

    `sent[rank]` are copies of the arrays that a rank has sent in the last run, in order.
    """

    def __init__(self, n_ranks: int):
        if type(n_ranks) is not int or n_ranks < 1:
            raise ValueError(f"A ring has a whole number of ranks from 1, not {n_ranks!r}.")
        self.n_ranks = n_ranks
        self._empty()

    def run(self, program: Callable[..., Any]) -> list[Any]:
        """What `program` returns for each rank. Raises what it raises, and RingError."""
        import greenlet

        self._empty()
        hub = greenlet.getcurrent()
        ranks = [greenlet.greenlet(program, hub) for _ in range(self.n_ranks)]
        results: list[Any] = [None] * self.n_ranks
        begun, moved = [False] * self.n_ranks, True
        try:
            while not all(rank.dead for rank in ranks):
                if not moved:
                    raise RingError(self._stuck(ranks))
                moved = False
                for number, rank in enumerate(ranks):
                    if rank.dead or (begun[number] and not self._inbox[number]):
                        continue
                    moved, links = True, (self._send_from(number), self._receive_at(number, hub))
                    first = () if begun[number] else (number, self.n_ranks, *links)
                    begun[number] = True
                    result = rank.switch(*first)
                    if rank.dead:
                        results[number] = result
        finally:
            for rank in ranks:
                with contextlib.suppress(BaseException):
                    rank.throw()  # a rank that waits forever is let go of
        for number, inbox in enumerate(self._inbox):
            if inbox:
                raise RingError(
                    f"rank {number} has ended, and {len(inbox)} of the messages that "
                    f"{self._before(number)} sent were never received"
                )
        return results

    def _empty(self):
        self.sent: list[list[np.ndarray]] = [[] for _ in range(self.n_ranks)]
        self._inbox: list[collections.deque] = [collections.deque() for _ in range(self.n_ranks)]

    def _send_from(self, rank):
        def send(array):
            message = np.array(array)
            self.sent[rank].append(message)
            self._inbox[(rank + 1) % self.n_ranks].append(message)

        return send

    def _receive_at(self, rank, hub):
        def receive(like):
            while not self._inbox[rank]:
                hub.switch()
            message = self._inbox[rank].popleft()
            wanted = np.shape(like)
            if message.shape != wanted:
                raise RingError(
                    f"rank {rank} wants to receive {_size(wanted)}, and {self._before(rank)} sent "
                    f"{_size(message.shape)}: they don't speak of the same part"
                )
            given = np.asarray(like).dtype
            if message.dtype != given:  # on real ranks its bytes would be read as other numbers
                raise RingError(
                    f"rank {rank} is sent an array of {message.dtype} and gives an array of "
                    f"{given} to receive it: sender and receiver must agree on the type"
                )
            return message.copy()

        return receive

    def _before(self, rank):
        return f"rank {(rank - 1) % self.n_ranks}"

    def _stuck(self, ranks):
        waiting = [number for number, rank in enumerate(ranks) if not rank.dead]
        first = waiting[0]
        return (
            f"{len(waiting)} of {self.n_ranks} ranks wait forever: rank {first} waits for a "
            f"message of {self._before(first)}, which sends nothing more"
        )


def _size(shape):
    n = int(np.prod(shape))
    return f"{n} number{'s' * (n != 1)}"
