"""Exercise 07.1: which tool."""

from labkit.teach.registry import exercise, solution

_COUNTER = "All threads of all blocks add to one counter."
_PARTIAL = "Every block reads the partial sums that all other blocks have stored."
_ALONE = "Each thread reads and writes elements that nobody else touches."
_TOOLS = solution("07.1")
_WHY = {
    "syncwarp": "the two are in one warp, whose own barrier is cheaper than any other; an atomic "
    "orders nothing",
    "syncthreads": "the warps of a block meet at its barrier only",
    "atomic": "load, add and store must be one step, whoever comes first",
    "launch": "a barrier orders its own block only, and blocks meet at the end of a launch",
    "nothing": "a race needs two threads at one address",
}


@exercise(
    "07.1",
    title="which tool",
    wrong=[
        (dict.fromkeys(_TOOLS, ...), "in place of", "todo"),
        (dict.fromkeys(_TOOLS, "atomic"), "orders nothing"),
        (dict.fromkeys(_TOOLS, "syncthreads"), "cheaper"),
        (_TOOLS | {_COUNTER: "syncthreads"}, "one step"),
        (_TOOLS | {_PARTIAL: "syncthreads"}, "its own block"),
        (_TOOLS | {_ALONE: "syncwarp"}, "two threads"),
        (dict.fromkeys(_TOOLS, "launch"), "cheaper"),
        (dict.fromkeys(_TOOLS, "nothing"), "in one warp"),
        (_TOOLS | {_PARTIAL: "atomic"}, "its own block"),
        (dict.fromkeys(_TOOLS, "barrier"), "use one of"),
    ],
)
def which_tool(answer, rng):
    for sentence, right in _TOOLS.items():
        assert sentence in answer, f"keep this sentence as it is: {sentence}"
        got = answer[sentence]
        assert got in list(_WHY), f"use one of {', '.join(_WHY)}; got {got!r}"
        assert got == right, f"{sentence} Not {got}: {_WHY[right]}"
