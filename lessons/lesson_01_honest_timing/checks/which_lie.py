"""Exercise 01.1: which lie."""

from labkit.teach.labels import assert_labels
from labkit.teach.registry import exercise, solution

LIES = solution("01.1")
_REPORTS = list(LIES)


@exercise(
    "01.1",
    title="which lie",
    wrong=[
        (dict.fromkeys(LIES, ...), "write your answer", "todo"),
        (dict.fromkeys(LIES, "mean"), "does not grow with the work"),
        (LIES | {_REPORTS[1]: "mean"}, "multiple of one step"),
        (LIES | {_REPORTS[2]: "first call"}, "a few very slow"),
        (LIES | {_REPORTS[3]: "mean"}, "paid once"),
        (LIES | {_REPORTS[4]: "clock"}, "fits in"),
        (LIES | {_REPORTS[0]: "async"}, "isn't a label here"),
    ],
)
def which_lie(answer, rng):
    why = {
        "not waited": "a time that does not grow with the work is the time of giving the order",
        "clock": "every answer is a multiple of one step: the clock's tick",
        "mean": "a few very slow ones drag the average; the median is 2 ms",
        "first call": "the compiler's seconds are paid once and smeared over the rest",
        "cache": "64 KiB fits in a cache, so memory was never asked",
    }
    assert_labels(answer, LIES, why)
