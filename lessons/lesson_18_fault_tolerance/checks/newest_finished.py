"""Turn 18.t1: which checkpoint may be loaded?"""

import os
import shutil
import tempfile
from pathlib import Path

from labkit.teach.registry import always, exercise, solution

_newest_finished = solution("18.t1")


def _step(place):
    return int(place.name.removeprefix("step"))


def _finished(folder):
    return [place for place in folder.glob("step*") if (place / ".metadata").exists()]


def _of(choose, places=_finished):
    """An answer that takes one of some places, or none where there are none."""
    return lambda folder: choose(places(folder)).name if places(folder) else ""


def _newest(places):
    return max(places, key=_step)


def _written(place):
    return os.path.getmtime(place / ".metadata")


def _with_files(folder):
    return [place for place in folder.glob("step*") if len(list(place.iterdir())) > 1]


def _with_any_metadata(folder):
    return [place for place in folder.glob("step*") if any(place.glob(".metadata*"))]


def _newest_or_none(folder):
    newest = _newest(list(folder.glob("step*"))) if any(folder.glob("step*")) else None
    return newest.name if newest and (newest / ".metadata").exists() else ""


def _tidies_up(folder):
    newest = _newest_finished(folder)
    for place in folder.glob("step*"):
        if not (place / ".metadata").exists():
            shutil.rmtree(place)
    return newest


@exercise(
    "18.t1",
    title="the newest finished checkpoint",
    wrong=[
        (always("step40"), "expected"),
        (_of(_newest, lambda folder: list(folder.glob("step*"))), "is torn"),
        (_of(_newest, _with_files), "is torn"),
        (_of(_newest, _with_any_metadata), "is torn"),
        (_of(lambda places: max(places, key=lambda place: place.name)), "as numbers"),
        (_of(lambda places: max(places, key=os.path.getmtime)), "there is a newer one"),
        (_of(lambda places: max(places, key=_written)), "there is a newer one"),
        (_of(lambda places: min(places, key=_step)), "there is a newer one"),
        (_newest_or_none, "an older one is finished"),
        (lambda folder: _newest(_finished(folder)).name, "an empty text", "error"),
        (lambda folder: _newest_finished(folder) or None, "there the answer is an empty text"),
        (_tidies_up, "only look at it"),
        (lambda folder: _newest_finished(folder) or "step0", "nothing here is finished"),
        (lambda folder: str(folder / _newest_finished(folder)), "the name alone"),
    ],
)
def newest_finished(answer, rng):
    near, far = 10 * rng.randint(1, 4), 100 * rng.randint(1, 5)
    _one_folder(answer, {near: True, near + 10: True, near + 20: True})
    _one_folder(answer, {near: True, near + 10: False})
    _one_folder(answer, {near: True, near + 50: True, far: True})
    _one_folder(answer, {near: True, far: True, far + 10: False, far + 20: False})
    _one_folder(answer, {near: False, far: False})
    _one_folder(answer, {})


def _one_folder(answer, checkpoints):
    """Try the answer on a folder with these checkpoints, step -> is it finished?"""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for age, (step, is_finished) in enumerate(sorted(checkpoints.items())):
            _write(folder / f"step{step}", is_finished, age)
        told = [f"step{s} ({'finished' if ok else 'torn'})" for s, ok in checkpoints.items()]
        case = f"a folder with {', '.join(told) or 'no checkpoint'}"
        right, before = _newest_finished(folder), sorted(folder.rglob("*"))
        try:
            got = answer(folder)
        except (AssertionError, ValueError, IndexError) as error:  # the first where it gives None
            if right:
                raise
            words = f"{error} (in {case}: there the answer is an empty text)"
            raise type(error)(words) from None
        assert sorted(folder.rglob("*")) == before, (
            f"{case}: your function changes what is in the folder: only look at it"
        )
        hint = _hint(got, right, checkpoints, str(folder))
        assert got == right, f"{case}: got {got!r}, expected {right!r}: {hint}"


def _write(place, is_finished, age):
    """A checkpoint of two ranks; one that was copied back later looks younger than it is."""
    place.mkdir()
    for rank in (0, 1):
        (place / f"__{rank}_0.distcp").write_bytes(b"shard")
    (place / (".metadata" if is_finished else ".metadata.tmp")).write_bytes(b"who has what")
    moment = 10**9 - 100 * age
    for path in (*place.iterdir(), place):
        os.utime(path, (moment, moment))


def _hint(got, right, checkpoints, folder):
    if folder in got:
        return "return the name alone, without its folder"
    states = {f"step{step}": is_finished for step, is_finished in checkpoints.items()}
    if states.get(got) is False:
        return f"{got} is torn, as it has no file called .metadata"
    if not right:
        return "nothing here is finished"
    if not got:
        return "the newest is torn, but an older one is finished"
    if len(got) < len(right):
        return "compare the steps as numbers, or step90 comes after step100"
    return "there is a newer one that is finished"
