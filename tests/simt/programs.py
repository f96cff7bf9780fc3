"""Kernels as source text: random control flow, random sharing, and correct patterns of any size.

The same text runs on the executor, in all threads at once, and in plain Python, thread by thread.
"""

import linecache
import textwrap

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


# Kernels whose threads share memory, right or wrong as it comes

PLACES = {
    "s": ("(t + 1) % 64", "(t + 32) % 64", "63 - t", "t // 2", "t // 32", "t ^ 1", "t % 32", "0"),
    "y": ("(i + 64) % 128", "i // 2", "t", "i // 64", "(i + 1) % 128", "127 - i"),
}
WHO = ("t < 32", "t < 16", "t == 0", "t % 2 == 0", "t >= 32", "cuda.blockIdx.x == 0", "i < 100")


def sharing(rng):
    """The text of a kernel of blocks of 64 threads over x, y and out: loads, stores, atomics and
    barriers at random, most of them on a thread's own elements."""
    lines = ["s = cuda.shared.array(64, cuda.int64)", "i, t = cuda.grid(1), cuda.threadIdx.x"]
    lines += ["v = u = x[i]"] + ["s[t] = x[i]"] * (rng.random() < 0.8) + ["cuda.syncthreads()"]
    for _ in range(rng.randint(3, 9)):
        lines += _one_of(rng)
    lines += ["cuda.syncthreads()"] * (rng.random() < 0.5)
    lines += ["out[i] += 100 * v + s[t] + u"]
    return "def kernel(x, y, out):\n" + "".join(f"    {line}\n" for line in lines)


def _one_of(rng, depth=0):
    kind = rng.random()
    if kind < 0.25 and not depth:
        return [rng.choice(("cuda.syncthreads()", "cuda.syncthreads()", "cuda.syncwarp()"))]
    if kind < 0.4 and not depth:
        body = [line for _ in range(rng.randint(1, 3)) for line in _one_of(rng, depth + 1)]
        head = f"if {rng.choice(WHO)}:" if rng.random() < 0.75 else "for k in range(3):"
        return [head, *(f"    {line}" for line in body)]
    array = rng.choice("ssy")
    own = rng.random() < 0.6
    place = f"{array}[{'ti'[array == 'y'] if own else rng.choice(PLACES[array])}]"
    value = rng.choice(("v", "u", "t", "3", "x[i]", "v + 1"))
    operation = "add" if array == "y" else "max"  # of one kind: then their order does not matter
    atomic = f"cuda.atomic.{operation}({array}, {place[2:-1]}, {value})"
    kept = rng.choice("vu")
    forms = f"{place} = {value}", f"{place} += {value}", f"{kept} = {place}", f"{kept} += {place}"
    return [rng.choice((*forms, forms[2], atomic))]


# Correct kernels, of any number of threads in a block

CLEAN = {
    "reduction": """
        s = cuda.shared.array({n}, cuda.float32)
        t = cuda.threadIdx.x
        s[t] = x[cuda.grid(1)]
        cuda.syncthreads()
        k = {n}
        while k > 1:
            half = (k + 1) // 2
            if t + half < k:
                s[t] += s[t + half]
            cuda.syncthreads()
            k = half
        if t == 0:
            out[cuda.blockIdx.x] = s[0]
    """,
    "scan": """
        s = cuda.shared.array({n}, cuda.float32)
        t = cuda.threadIdx.x
        mine = x[cuda.grid(1)]
        k = 1
        while k < {n}:
            s[t] = mine
            cuda.syncthreads()
            if t >= k:
                mine += s[t - k]
            cuda.syncthreads()
            k *= 2
        out[cuda.grid(1)] = mine
    """,
    "transpose": """
        s = cuda.shared.array(({m}, {n}), cuda.float32)
        t = cuda.threadIdx.x
        for row in range({m}):
            s[row, t] = x[row * {n} + t]
        cuda.syncthreads()
        for k in range(t, {m} * {n}, {n}):
            out[cuda.blockIdx.x * {m} * {n} + k] = s[k % {m}, k // {m}]
    """,
    "histogram": """
        s = cuda.shared.array({m}, cuda.int32)
        t = cuda.threadIdx.x
        for k in range(t, {m}, {n}):
            s[k] = 0
        cuda.syncthreads()
        cuda.atomic.add(s, int(x[cuda.grid(1)]) % {m}, 1)
        cuda.syncthreads()
        for k in range(t, {m}, {n}):
            cuda.atomic.add(out, k, s[k])
    """,
    "stencil": """
        s = cuda.shared.array(({m}, {n}), cuda.float32)
        t = cuda.threadIdx.x
        s[0, t] = x[cuda.grid(1)]
        for k in range(1, {m}):
            cuda.syncthreads()
            s[k, t] = s[k - 1, (t + k) % {n}] + s[k - 1, t]
        out[cuda.grid(1)] = s[{m} - 1, t]
    """,
}


def correct(kind, n, m):
    """The text of a correct kernel for blocks of n threads; m is another size in it."""
    body = textwrap.dedent(CLEAN[kind].format(n=n, m=m)).strip("\n")
    return "def kernel(x, out):\n" + textwrap.indent(body, "    ") + "\n"
