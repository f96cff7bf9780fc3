"""Turn 18.t1: which checkpoint may be loaded?"""

import os
import tempfile
from pathlib import Path

from labkit.teach.registry import always, exercise, solution

_newest_finished = solution("18.t1")


def _finished(folder):
    return [place for place in folder.glob("step*") if (place / ".metadata").exists()]


def _number(place):
    return int(place.name.removeprefix("step"))


def _last_in_the_alphabet(folder):
    return max((place.name for place in _finished(folder)), default=None)


def _any_newest(folder):
    return max(folder.glob("step*"), key=_number).name if any(folder.glob("step*")) else None


def _last_written(folder):
    finished = _finished(folder)
    return max(finished, key=os.path.getmtime).name if finished else None


def _newest_or_none(folder):
    newest = max(folder.glob("step*"), key=_number, default=None)
    return newest.name if newest and (newest / ".metadata").exists() else None


def _by_size(folder):
    full = [place for place in folder.glob("step*") if len(list(place.iterdir())) >= 2]
    return max(full, key=_number).name if full else None


def _any_metadata(folder):
    full = [place for place in folder.glob("step*") if any(place.glob(".metadata*"))]
    return max(full, key=_number).name if full else None


def _oldest(folder):
    return min(_finished(folder), key=_number).name if _finished(folder) else None


def _fails_when_empty(folder):
    return max(_finished(folder), key=_number).name


def _a_path(folder):
    name = _newest_finished(folder)
    return name and str(folder / name)


def _only_the_number(folder):
    name = _newest_finished(folder)
    return name and int(name[4:])


@exercise(
    "18.t1",
    title="the newest finished checkpoint",
    wrong=[
        (always("step40"), "expected"),
        (_any_newest, "is torn"),
        (_last_in_the_alphabet, "as numbers"),
        (_last_written, "the number in its name"),
        (_newest_or_none, "an older one that is finished"),
        (_by_size, "is torn"),
        (_any_metadata, "is torn"),
        (_oldest, "is newer"),
        (_fails_when_empty, "no finished checkpoint", "error"),
        (_a_path, "the name"),
        (_only_the_number, "the name"),
        (lambda folder: _newest_finished(folder) or "step0", "None"),
    ],
)
def newest_finished(answer, rng):
    ten = 10 * rng.randint(1, 4)
    far = 100 * rng.randint(1, 9)
    _one_folder(answer, rng, {ten: True, ten + 10: True, ten + 20: True})
    _one_folder(answer, rng, {ten: True, ten + 10: False})
    _one_folder(answer, rng, {ten: True, ten + 50: True, far: True}, "compare steps as numbers")
    _one_folder(answer, rng, {ten: False, far: True, far + 10: False})
    _one_folder(answer, rng, {ten: True, far: True, far + 20: False, far + 10: False})
    for states in ({}, {ten: False}):
        _one_folder(answer, rng, states)


def _one_folder(answer, rng, states, hint=""):
    """A folder of checkpoints, step -> is it finished?, in any order of writing."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        places = {step: folder / f"step{step}" for step in states}
        moments = rng.sample(range(1, 100), len(states))
        if len(states) > 1:  # the one to be found was not written last
            newest = _newest_of(states)
            moments.sort(reverse=True)
            moments = [m for _, m in sorted(zip(states, moments, strict=True), key=lambda p: p[0])]
            states = dict(sorted(states.items()))
        for (step, is_finished), moment in zip(states.items(), moments, strict=True):
            _write(places[step], is_finished, moment)
        right = _newest_finished(folder)
        case = "a folder with " + (", ".join(map(_told, states.items())) or "nothing in it")
        try:
            got = answer(folder)
        except (ValueError, IndexError) as error:
            if right is None:
                raise type(error)(f"{error} ({case}: there is no finished checkpoint)") from None
            raise
        _assert_name(got, right, case, states, hint)
