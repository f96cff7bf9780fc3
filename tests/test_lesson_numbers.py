"""A lesson has one number: its name, its exercises and whoever speaks of it use that one."""

import csv
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
with (ROOT / "lessons/lessons.csv").open(encoding="utf-8", newline="") as table:
    TITLES = {row["lesson"]: row["title"] for row in csv.DictReader(table)}
ROOMS = sorted((ROOT / "lessons").glob("lesson_*/"))
BUILT = (
    "start/",
    "notebooks/",
    "exercises/",
    "solutions/",
)  # made from the sources, and held there
FOLDERS = {"", *(f"../{folder}".rstrip("/") for folder in BUILT)}
# Of examples and of tests, and a file of somebody else that begins with a date.
PLACEHOLDERS = {"name", "toy", "lost", "other", "start", "torchtitan"}


def tracked():
    """The text files that are written by hand, as (path, text)."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().strip("\0").split("\0"):
        path = ROOT / name
        if name.startswith(BUILT) or path == Path(__file__) or not path.is_file():
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@pytest.fixture(scope="module")
def texts():
    if not (ROOT / ".git").exists():
        pytest.skip("this copy of the course isn't a git checkout, so nothing says what is tracked")
    return dict(tracked())


def misnamed(text):
    """Names of lessons in a text that no lesson has."""
    names = re.findall(
        r"(?<![\w.%])(?:lesson_)?(\d\d_[a-z][a-z_]*?[a-z])(?:_exercises(?!\.py))?\b", text
    )
    return sorted({n for n in names if n not in TITLES and n[3:] not in PLACEHOLDERS})


def misnumbered(text):
    """Places that give a lesson's title another number: `04 · Memory`, `lesson 04 (Memory)`."""
    wrong = []
    for name, title in TITLES.items():
        patterns = [rf"\b(\d\d) · {re.escape(title)}\b"]
        if " " in title:  # a single word, such as memory, is not always a lesson
            patterns += [
                rf"(?i)\blessons? (\d\d)\b[^.\n\d]{{0,30}}\b{re.escape(title)}\b",
                rf"(?i)\b{re.escape(title)}\b \(lesson (\d\d)\b",
            ]
        wrong += [
            found[0]
            for pattern in patterns
            for found in re.finditer(pattern, text)
            if found[1] != name[:2]
        ]
    return wrong


def foreign_names(number, text):
    """Names of predictions, checks and turns that do not begin with their lesson's number."""
    called = re.findall(r'\b(?:predict|check|your_turn|exercise|solution)\(\s*"(\d\d)\.\w+"', text)
    return sorted(set(called) - {number})


def broken_links(text):
    """Links from a room's notebook to another that will not be there."""
    broken = []
    for words, link in re.findall(r"\[([^\]]*)\]\(([^)\s]+\.ipynb)[^)]*\)", text):
        folder, _, stem = link.removesuffix(".ipynb").rpartition("/")
        number = re.search(r"\b\d\d\b", words)
        leads_there = folder in FOLDERS and (ROOT / f"lessons/lesson_{stem}").is_dir()
        if not link.startswith("http") and not (
            leads_there and (not number or number[0] == stem[:2])
        ):
            broken.append(link)
    return broken


def test_every_lesson_that_is_named_exists(texts):
    assert {name: wrong for name, text in texts.items() if (wrong := misnamed(text))} == {}


def test_a_title_stands_beside_its_own_number(texts):
    assert {name: wrong for name, text in texts.items() if (wrong := misnumbered(text))} == {}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_names_in_a_room_begin_with_its_number(room):
    number = room.name.removeprefix("lesson_")[:2]
    for path in room.rglob("*.py"):
        assert foreign_names(number, path.read_text("utf-8")) == [], path.name


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_is_in_the_table_of_lessons(room):
    assert room.name.removeprefix("lesson_") in TITLES


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_links_between_notebooks_lead_somewhere(room):
    for source in ("lesson.py", "exercises.py"):
        assert broken_links((room / source).read_text("utf-8")) == []


def test_numbers_are_consecutive():
    assert [name[:2] for name in TITLES] == [f"{n:02}" for n in range(len(TITLES))]


# Each rule finds its flaw.


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (misnamed, "see 09_attention_and_precision"),
        (misnamed, "lessons/lesson_17_power_and_energy"),
        (misnamed, "open 02_roofline_exercises.py"),
        (misnumbered, "# 09 · Attention and precision"),
        (misnumbered, "lesson 11 (XLA and Pallas)"),
        (misnumbered, "Systolic arrays (lesson 10)"),
        (lambda text: foreign_names("10", text), 'lk.check("09.1", answer)'),
        (broken_links, "[lesson 09](09_attention.ipynb)"),
        (broken_links, "[lesson 03](02_roofline.ipynb)"),
        (broken_links, "[lesson 02](elsewhere/02_roofline.ipynb)"),
    ],
)
def test_each_rule_finds_its_flaw(rule, text):
    assert rule(text)


def test_what_is_right_is_left_alone():
    assert misnamed("lessons/lesson_02_roofline, 02_roofline.ipynb, 10_000 and 03_name") == []
    assert misnumbered("# 10 · Attention and precision, and lesson 08 for the matmul ladder") == []
    assert broken_links("[lesson 02](../notebooks/02_roofline.ipynb)") == []
