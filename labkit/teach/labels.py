"""Exercises in which each sentence gets one label."""


def assert_labels(answer: dict[str, str], right: dict[str, str], why: dict[str, str]) -> None:
    """Hold labels against the right ones; the first that is wrong makes the hint.

    answer, right   sentence -> label
    why             label -> the reason for it, in words

    Raises AssertionError for a sentence that is missing, a label that is none, a wrong label.
    """
    for sentence, label in right.items():
        assert sentence in answer, f"the sentence {sentence!r} is missing: keep all {len(right)}"
        given = answer[sentence]
        is_label = isinstance(given, str) and given in why
        assert is_label, f"{given!r} isn't a label here; use one of: {', '.join(why)}"
        assert given == label, f"{sentence!r} is not {given!r}: {why[label]}"
