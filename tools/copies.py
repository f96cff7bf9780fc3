"""The student's own copies of the notebooks, in `work/`.

A copy that the student has touched is never written again: when the course's version changed, the
new one is put beside it. Standard library only.
"""

import datetime
import hashlib
import itertools
import json
import os
import re

from tools.environment import LabError, write

FOLDERS = (("start", ""), ("exercises", "_exercises"))  # and what it adds to a copy's name


def copy_lessons(root):
    """Put a copy of each lesson and its exercises into `work/`, outputs cleared; returns what there
    is to tell, in sentences.

    Raises LabError where the course holds no lessons.
    """
    first_lesson(root)
    work = root / "work"
    work.mkdir(exist_ok=True)
    record, notices = read_record(work)
    for folder, ending in FOLDERS:
        for path in sorted((root / folder).glob("*.ipynb")):
            stem = path.stem + ending
            notices += copy(path, work, stem, record.setdefault(stem, {}))
    write(record_path(work), json.dumps(record, indent=1, sort_keys=True))
    return notices


def first_lesson(root):
    """The path of the copy that the course opens with, below `root`; or of the folder of copies."""
    lessons = sorted((root / "start").glob("00*.ipynb"))
    if not lessons:
        raise LabError("This copy of the course holds no start/00*.ipynb. Fetch it again.")
    copied = root / "work" / lessons[0].name
    return f"work/{copied.name}" if copied.is_file() else "work"


def copy(path, work, stem, written):
    """Copy one notebook of the course, and yield what there is to tell."""
    try:
        text = cleared(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        yield (
            f"The course's own {path.parent.name}/{path.name} is damaged, so it was not copied; "
            f"yours is kept as it is. To mend it: git checkout {path.parent.name}/{path.name}, or "
            f"fetch the course again."
        )
        return
    name = place(work, stem, text, written)
    if name not in (None, stem + ".ipynb"):
        yield (
            f"The course has a new version of {stem}. Yours is kept as it is: work/{stem}.ipynb. "
            f"The new one is beside it: work/{name}."
        )


def place(work, stem, text, written):
    """Write `text` to the first free name of this lesson, unless the student has or had it.

    `written` maps each file to the hash of what was put there. Returns the name written to, if any.
    """
    new = digest_of(text.encode())
    for name in names_of(stem):
        path = work / name
        now = digest_at(path)
        is_first = name == stem + ".ipynb"
        if now is not None:
            written.setdefault(name, new)  # the record was lost: take the copy for the student's
        if now == new or (written.get(name) == new and not (is_first and now is None)):
            written[name] = new
            return None
        if now is None or now == written[name]:  # missing, or never touched
            break
    write(path, text)
    written[name] = new
    return name


def names_of(stem):
    yield stem + ".ipynb"
    yield stem + ".new.ipynb"
    yield from (f"{stem}.new{number}.ipynb" for number in itertools.count(2))


def cleared(path):
    """The text of a notebook without outputs, its links pointing to the copies in `work/`.

    Raises what a damaged notebook makes Python raise.
    """
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        else:
            cell["source"] = relinked(source).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def relinked(text):
    text = re.sub(r"\]\(\.\./exercises/(\w+)\.ipynb", r"](\1_exercises.ipynb", text)
    return re.sub(r"\]\(\.\./(?:start|notebooks)/(\w+)\.ipynb", r"](\1.ipynb", text)


def digest_at(path):
    """The hash of a file, None where nothing is, and `student's` for what cannot be read."""
    if not os.path.lexists(path):
        return None
    try:
        return digest_of(path.read_bytes()) if path.is_file() else "student's"
    except OSError:
        return "student's"


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


def record_path(work):
    return work / ".copies.json"


def read_record(work):
    """What was put into `work/`, and what there is to tell; a damaged record is set aside.

    A record that is lost counts every copy as the student's.
    """
    path = record_path(work)
    if not os.path.lexists(path):
        return {}, []
    try:
        record = json.loads(path.read_text("utf-8")) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        record = None
    if is_record(record):
        return record, []
    stamp = datetime.datetime.now().strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f".copies.damaged-{stamp}.json")
    path.rename(aside)
    return {}, [
        f"work/{path.name}, which tells your notebooks from the course's, was damaged: it is now "
        f"work/{aside.name}, and every notebook in work/ counts as yours and is kept as it is."
    ]


def is_record(record):
    """Whether this is {stem: {file: hash}}."""
    return isinstance(record, dict) and all(
        isinstance(written, dict) and all(isinstance(mark, str) for mark in written.values())
        for written in record.values()
    )
