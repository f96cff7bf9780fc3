"""Frames: one call of a function, in all active lanes of a batch at once."""

from labkit.simt.errors import KernelError, refuse
from labkit.simt.lanes.masks import NONE
from labkit.simt.lanes.values import merge

UNSET = type("Unset", (), {"__repr__": lambda self: "unset"})()


class SourceLocation:
    """A place in the source: the key under which things are remembered about it.

    name    of the variable that an array made here is assigned to
    source  (function, line, file): what the counters count by
    polls   whether it stands in a `while` loop, which may wait for what it reads
    """

    __slots__ = ("function", "line", "name", "polls", "source")

    def __init__(self, function, line, filename, name=None, polls=False):
        self.function, self.line, self.name, self.polls = function, line, name, polls
        self.source = (function, line, filename)


class Frame:
    """The locals of a call, each with the mask under which it is defined, and the active mask."""

    __slots__ = (
        "batch",
        "broke",
        "code",
        "continued",
        "defs",
        "entry",
        "location",
        "mask",
        "memo",
        "parent",
        "ret",
        "ret_mask",
        "vals",
        "watch",
    )  # fmt: skip

    def __init__(self, code, batch, mask, parent=None):
        self.code, self.batch, self.parent = code, batch, parent
        self.watch, self.memo = batch.launch.watch, batch.memo
        self.mask = self.entry = mask
        self.vals, self.defs = [UNSET] * len(code.slots), [None] * len(code.slots)
        self.broke, self.continued = [], []
        self.ret, self.ret_mask, self.location = None, NONE, None

    def assign(self, slot, value):
        """Bind a local in the active lanes. Rebinding is enough unless other lanes may still read
        the old value: when the mask is the one under which the local is defined, or the entry's."""
        mask, defined = self.mask, self.defs[slot]
        if defined is mask:
            self.vals[slot] = value
        elif defined is None or mask is self.entry:
            self.vals[slot], self.defs[slot] = value, mask
        else:
            self._merge(slot, value, defined)

    def _merge(self, slot, value, defined):
        try:
            self.vals[slot] = merge(self.mask, value, self.vals[slot])
        except KernelError as error:
            name, _ = self.code.slots[slot]
            raise KernelError(error.sentence.replace("a variable", name), error.kind) from None
        if defined is not self.entry and not self.mask.within(defined):
            self.defs[slot] = self.entry

    def fail(self, kind, location, lane, sentence, error=KernelError, **details):
        """Raise what `complaint` makes."""
        raise self.complaint(kind, location, lane, sentence, error, **details)

    def complaint(self, kind, location, lane, sentence, error=KernelError, **details):
        """An error of a lane: `{who}` in the sentence becomes its thread and block."""
        thread, block = self.batch.name_of(int(lane))
        sentence = sentence.replace("{who}", f"thread {thread} of block {block}")
        details |= {"thread": thread, "block": block}
        return error(sentence, kind, location.function, location.line, **details)

    def jump(self, bucket):
        """Leave what is being run, in the active lanes; the loop takes them from its bucket."""
        bucket.append(self.mask)
        self.mask = NONE

    def leave(self, value):
        """Return from the call in the active lanes."""
        if self.ret_mask is NONE:
            self.ret, self.ret_mask = value, self.mask
        elif self.ret is not None or value is not None:
            self.ret = merge(self.mask, value, self.ret)
        if self.code.is_kernel:
            if value is not None:
                refuse("a kernel returns no value: store the result in an array")
            self.batch.live = self.batch.live.without(self.mask)
        self.mask = NONE
