"""The list of slips finds what it names, passes plain English, and finds nothing in the course."""

import prose
import pytest
import sources

PLAIN = [
    "Anything that isn't a kernel is left out.",
    "There is no GPU here, and there's no sensor.",
    "It is no longer cold, and no one minds.",
    "Where does the green line peak?",
    "What has the course measured?",
    "Who starts the threads?",
    "Nobody knows who starts first.",
    "A pool lets you start threads, and one is allowed to wait.",
    "It depends on the clock.",
    "What does it look like?",
    "It has been known for ten years, since 1988.",
]


@pytest.mark.parametrize("slip", prose.SLIPS, ids=lambda slip: slip.pattern.pattern[:30])
def test_each_pattern_finds_its_example_and_says_what_to_write(slip):
    assert any(slip.instead in found for found in prose.slips(slip.example))


@pytest.mark.parametrize("sentence", PLAIN)
def test_plain_english_passes(sentence):
    assert prose.slips(sentence) == []


def test_a_sentence_is_found_across_lines_in_each_place(tmp_path):
    source = tmp_path / "lessons/lesson_00_x/lesson.py"
    source.parent.mkdir(parents=True)
    source.write_text(
        "# %% [markdown]\n# The law knows\n# nothing of more.\n\n# %%\n"
        'def f():\n    """All that has a\n    say in it."""\n'
        '    raise ValueError(f"{f} is "\n                     f"no kernel")\n'
    )
    found = prose.problems(tmp_path)
    assert len(found) == 3
    assert all(line.startswith("lessons/lesson_00_x/lesson.py: ") for line in found)


def test_the_course_has_no_such_sentence():
    assert prose.problems(sources.ROOT) == []
