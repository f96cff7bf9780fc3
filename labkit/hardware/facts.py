"""`Fact`: something that the system says of itself, or the reason why it is unknown."""

from typing import Any, NamedTuple


class Fact(NamedTuple):
    """A value, or None and the words to show instead: `unknown (...)` or `none (...)`."""

    value: Any
    why: str | None = None


def unknown(reason: str) -> Fact:
    """What is there but cannot be told, and why."""
    return Fact(None, f"unknown ({reason})")


def none(reason: str) -> Fact:
    """What is not there, and why."""
    return Fact(None, f"none ({reason})")
