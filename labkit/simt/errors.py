"""What an executed kernel may complain of: one error, which is a sentence and knows its place."""


class KernelError(Exception):
    """A kernel cannot go on, or was refused: `kind`, `function`, `line`, `thread`, `block`.

    kind     `refused`, `out-of-bounds`, `divergent-barrier`, `divergent-warp`,
             `uninitialised`, `livelock`,
             `needs-independent-scheduling` or `error`
    thread   index of the thread in its block (an int, or a tuple for 2-D and 3-D blocks), or None
    block    index of the block in the grid, likewise
    """

    def __init__(self, sentence, kind="error", function=None, line=None, **details):
        place = f"{kind.replace('-', ' ')} at {function}, line {line}: " if function else ""
        super().__init__(place + sentence)
        self.sentence, self.kind, self.function, self.line = sentence, kind, function, line
        self.thread, self.block = details.pop("thread", None), details.pop("block", None)
        self.details = details

    def at(self, function: str | None, line: int | None) -> "KernelError":
        """The same complaint with the place where it arose, if it has none yet."""
        if self.function is not None:
            return self
        details = {"thread": self.thread, "block": self.block, **self.details}
        return type(self)(self.sentence, self.kind, function, line, **details)


class Stuck(KernelError):  # noqa: N818 (it may yet be helped)
    """A livelock, unless finer groups help.

    waiting   [(batch or group, mask of its lanes that wait)]
    """

    waiting = ()

    def at(self, function, line):
        found = super().at(function, line)
        found.waiting = self.waiting
        return found


def refuse(sentence, **where):
    """Raise the error for something that a kernel may not do here."""
    raise KernelError(sentence, "refused", **where)
