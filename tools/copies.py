"""The student's own copies of the notebooks, in `work/`.

A copy that the student has touched is never written again: when the course's version changed, the
new one is put beside it. Standard library only.
"""

import hashlib
import itertools
import json
import re

from tools.environment import write


def copy_lessons(root):
    """Put a copy of each notebook into `work/`, outputs cleared; returns what there is to tell.

    A copy that the student has touched is never written again: when the course's version changed,
    the new one is put beside it.
    """
    work = root / "work"
    work.mkdir(exist_ok=True)
    record = read_record(work)
    notices = []
    for folder, ending in (("notebooks", ""), ("exercises", "_exercises")):
        for path in sorted((root / folder).glob("*.ipynb")):
            stem = path.stem + ending
            written = place(work, stem, cleared(path), record.setdefault(stem, {}))
            if written not in (None, stem + ".ipynb"):
                notices.append(
                    f"The course has a new version of {stem}. Yours is kept as it is: "
                    f"work/{stem}.ipynb. The new one is beside it: work/{written}."
                )
    write(record_path(work), json.dumps(record, indent=1, sort_keys=True))
    return notices


def place(work, stem, text, written):
    """Write `text` to the first free name of this lesson, unless the student has or had it.

    `written` maps each file to the hash of what was put there. Returns the name written to, if any.
    """
    new = digest_of(text.encode())
    for name in names_of(stem):
        path = work / name
        now = digest_of(path.read_bytes()) if path.exists() else None
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
    """The text of a notebook without outputs, its links pointing to the copies in `work/`."""
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        else:
            cell["source"] = relinked("".join(cell["source"])).splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def relinked(text):
    text = re.sub(r"\]\(\.\./exercises/(\w+)\.ipynb", r"](\1_exercises.ipynb", text)
    return re.sub(r"\]\(\.\./notebooks/(\w+)\.ipynb", r"](\1.ipynb", text)


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


def record_path(work):
    return work / ".copies.json"


def read_record(work):
    """What was put into `work/`; a lost or damaged record counts every copy as the student's."""
    try:
        record = json.loads(record_path(work).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
