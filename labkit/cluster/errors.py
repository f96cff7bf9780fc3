"""What can go wrong with ranks, as exceptions whose text is for a person."""


class RankError(RuntimeError):
    """A rank failed, or something that starts ranks did.

    rank       the rank that failed first, or None when it was not a rank
    traceback  that rank's own traceback; empty when it left none
    """

    def __init__(self, message: str, rank: int | None = None, traceback: str = ""):
        super().__init__(f"{message}\n\n{traceback}" if traceback else message)
        self.rank = rank
        self.traceback = traceback


class RankTimeoutError(RankError):
    """The ranks had not ended in time, and were stopped."""
