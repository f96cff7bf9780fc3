"""What can go wrong with a server, as sentences."""


class ServingError(RuntimeError):
    """A sentence: what was wrong with a server, where, and what to do."""
