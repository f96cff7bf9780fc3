"""Random kernels: nested control flow over a few integers, as source text.

The same text runs on the executor, in all threads at once, and in plain Python, thread by thread.
"""

import linecache

import numpy as np
from hypothesis import strategies as st

NAMES = ("a", "b", "c")
CONDITIONS = (
    "a < b",
    "b % 3 == 0",
    "c > a and b != 2",
    "a % 2 == 1 or c < 3",
    "i % 4 < 2",
    "not a > c",
)
VALUES = (
    "a + 1",
    "b - c",
    "c * 2 % 7",
    "i % 5",
    "3",
    "(a if a > b else c)",
    "add(a, b)",
    "min(b, c)",
)
STATEMENTS = st.deferred(lambda: st.one_of(ASSIGNMENTS, ENDINGS, BRANCHES, FORS, WHILES))
BLOCKS = st.lists(STATEMENTS, min_size=1, max_size=3)
ASSIGNMENTS = st.builds(
    lambda n, v: [f"{n} = {v}"], st.sampled_from(NAMES), st.sampled_from(VALUES)
)
ENDINGS = st.sampled_from(
    (["END break"], ["END continue"], ["END return"], ["y[i] += 1"], ["y[i] -= c"])
)
BRANCHES = st.builds(
    lambda c, then, other: [f"if {c}:", *indent(then), "else:", *indent(other)],
    st.sampled_from(CONDITIONS), BLOCKS, BLOCKS,
)  # fmt: skip
FORS = st.builds(
    lambda n, v, body: [f"for {n}_ in range({v} % 4):", *indent(body, loop=True)],
    st.sampled_from(NAMES), st.sampled_from(VALUES), BLOCKS,
)  # fmt: skip
WHILES = st.builds(
    lambda n, c, body: [f"while turns < 9 and ({c}):", "    turns += 1", *indent(body, loop=True)],
    st.sampled_from(NAMES), st.sampled_from(CONDITIONS), BLOCKS,
)  # fmt: skip


def indent(block, loop=False):
    lines = []
    for statement in block:
        for line in statement:
            text = line.strip()
            if text.startswith("END ") and (loop or text == "END return"):
                line = line.replace("END ", "")
            lines.append("    " + line)
    return lines


def source(block):
    """The text of a kernel; `break` and `continue` outside a loop are dropped."""
    lines = [line for line in indent(block) if "END b" not in line and "END c" not in line]
    lines = [line + "\n" for line in _never_empty(lines)]
    head = "def kernel(x, y):\n    i = cuda.grid(1)\n    if i >= x.size:\n        return\n"
    head += "    a = x[i]\n    b = i % 3\n    c = a - i\n    turns = 0\n"
    return head + "".join(lines) + "    y[i] += 100 * a + 10 * b + c\n"


def _never_empty(lines):
    """A block whose statements were all dropped needs a `pass`."""
    found = []
    for n, line in enumerate(lines):
        found.append(line)
        depth = len(line) - len(line.lstrip())
        after = lines[n + 1] if n + 1 < len(lines) else ""
        if line.endswith(":") and len(after) - len(after.lstrip()) <= depth:
            found.append(" " * (depth + 4) + "pass")
    return found


def compiled(text, name, **space):
    """The function of a source text, whose lines can be looked up."""
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), space)
    return space["kernel"]


class OneThread:
    """`cuda` for one thread of plain Python."""

    def __init__(self, i):
        self.i = i

    def grid(self, ndim):
        return self.i


def thread_by_thread(text, x, y):
    """Run the kernel in Python, one thread after the other."""
    values, result = [int(v) for v in x], [int(v) for v in y]

    class Values(list):
        size = len(values)

    for i in range(len(x)):
        kernel = compiled(text, "<python>", cuda=OneThread(i), add=lambda a, b: a + b)
        kernel(Values(values), result)
    return np.array(result)
