"""Sentences that nobody would say: `python tools/prose.py`, a small part of the stage lint.

A list of slips that came back again and again. It catches slips, and doesn't prove good prose:
that takes somebody who reads the lesson aloud.
"""

import ast
import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("lessons", "labkit")  # what a student reads, messages and docstrings included
_AFTER_NO = (
    "longer|more|less|fewer|better|worse|different|larger|smaller|faster|slower|one|matter|doubt|"
    "need|reason|use|good|wonder|surprise|other|such|accident|coincidence|secret|exception"
)


class Slip(NamedTuple):
    """A pattern, what to write instead, and a sentence that it has to find."""

    pattern: re.Pattern
    instead: str
    example: str


def _slip(pattern, instead, example):
    return Slip(re.compile(pattern), instead, example)


SLIPS = (
    _slip(
        rf"(?<![Tt]here )(?<!'s )\b(?:is|are|was|were) no (?!(?:{_AFTER_NO})\b)[a-z-]+",
        "English negates with `isn't a` or `doesn't`",
        "TDP is no power.",
    ),
    _slip(r"\bwhat is no\b", "say `anything that isn't a`", "Leave out what is no kernel."),
    _slip(
        r"\bknows? nothing (?:of|more)\b", "say what it leaves out", "It knows nothing of more."
    ),
    _slip(
        r"\b(?:Where|When|Why|How|What) (?:has|have) (?:the|an?|your|this|its) (?:\w+ ){1,3}"
        r"(?:its|their|an?|the)\b",
        "ask with `does`: `Where does the green line peak?`",
        "Where has the green line its hill?",
    ),
    _slip(r"\bBe (?:un)?kind\b", "no proverbs: say what to do", "Be unkind."),
    _slip(r"\bquickly fast\b", "no proverbs", "A wrong loop is quickly fast."),
    _slip(r"\b[Ff]or who \w+s\b", "say `for those who`", "For who wants to look inside."),
    _slip(r"\bhas a say in\b", "say `decides` or `shapes`", "All that has a say in it."),
    _slip(
        r"(?:^|[.!:] )Who (?!knows\b)[a-z]+s (?!how\b|what\b)[^?]*\.$",
        "begin with `If you` or `Whoever`",
        "Who measures once believes.",
    ),
    _slip(r"\ballows? to\b", "say `lets you`", "The pool allows to start threads."),
    _slip(r"\bdepends? from\b", "say `depends on`", "It depends from the clock."),
    _slip(r"\b[Hh]ow (?:it|they|this|that) looks? like\b", "say `what it looks like`",
          "This is how it looks like."),
    _slip(
        r"\bsince (?:\d+|two|three|four|five|ten|many|some) (?:years|months|weeks|days|hours)\b",
        "say `for ten years`",
        "It has been known since ten years.",
    ),
    _slip(r"\b(?:informations|softwares|hardwares|advices|knowledges)\b", "these have no plural",
          "Many informations."),
    _slip(r"\bdiscuss(?:es|ed)? about\b", "say `discuss`", "We discuss about caches."),
    _slip(r"\b(?:[Oo]nly|[Jj]ust) (?:its|the) abstract was read\b", "this belongs in the ledger",
          "(Only its abstract was read.)"),
)  # fmt: skip


def slips(text: str) -> list[str]:
    """What is wrong with the sentences of a text, each with what to write instead."""
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(text.split()))
    return [
        f"{found[0].strip()!r} in {sentence.strip()[:100]!r}: {slip.instead}"
        for sentence in sentences
        for slip in SLIPS
        if (found := slip.pattern.search(sentence))
    ]


def prose(path: Path) -> list[str]:
    """The texts of a source: text cells and other comments, docstrings, and what is in quotes."""
    source = path.read_text(encoding="utf-8")
    return [*_comments(source), *_quoted(ast.parse(source))]


def _comments(source):
    """Comments on lines of their own; those on neighbouring lines are one text."""
    lines = []
    for line in [*source.splitlines(), ""]:
        words = line.strip()
        if words.startswith("#") and not words.startswith("# %%"):
            lines.append(words.lstrip("# >"))
        elif lines:
            yield " ".join(lines)
            lines = []


def _quoted(tree):
    """Docstrings and texts; a value that is put into one stands there as `{}`."""
    parts = set()
    for node in ast.walk(tree):  # a whole comes before its parts
        if isinstance(node, ast.JoinedStr):
            parts.update(map(id, node.values))
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(getattr(node, "value", None), str) and id(node) not in parts:
            yield node.value


def problems(root: Path) -> list[str]:
    """Every slip of the lessons and of labkit, as `lessons/lesson_NN_name/file.py: what`."""
    return [
        f"{path.relative_to(root).as_posix()}: {slip}"
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
        for slip in dict.fromkeys(slip for text in prose(path) for slip in slips(text))
    ]


if __name__ == "__main__":
    found = problems(ROOT)
    sys.exit("\n".join(found) if found else 0)
