"""Reading XLA's output, the optimised HLO of a compiled JAX function."""

import collections as counting
import re

_KINDS = "all-gather|all-reduce|reduce-scatter|all-to-all|collective-permute"
_NOISE = r", (?:metadata|backend_config|frontend_attributes|sharding)=.*"


def entry(compiled):
    """The lines of the program's entry, one for each kernel, without names of source files."""
    text = compiled.as_text()
    body = text[text.index("\nENTRY ") + 1 :]
    return re.sub(_NOISE, "", body[: body.index("\n}") + 2])


def collectives(compiled):
    """How often each collective occurs in the program: `{"all-gather": 2, "all-reduce": 1}`."""
    kinds = re.findall(rf" ({_KINDS})(?:-start)?\(", compiled.as_text())
    return dict(sorted(counting.Counter(kinds).items()))
