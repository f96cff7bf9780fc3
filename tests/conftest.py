"""A toy course, built once for all tests: one lesson and its exercises."""

import shutil
from pathlib import Path

import build
import hypothesis
import pytest
import sources

# A busy machine is slow now and then: no rule of ours says how long one example may take.
hypothesis.settings.register_profile("course", deadline=None)
hypothesis.settings.load_profile("course")

ROOT = Path(__file__).parents[1]

LESSON = """\
# %% [markdown]
# # 07 · Toy

# %%
import time

for part in ("first", "second"):
    print(part)
    time.sleep(0.1)

# %%
import labkit as lk

now = lk.Reading("now", time.perf_counter() % 1e-3, "s", "measured")
lk.show(now, lk.Reading("answer", 42, "1", "modelled"), (2 * now).named("twice"))
lk.show(lk.Reading("twice the answer", time.perf_counter(), "1", of=now))
lk.expect(now, 0, 10**6 * (time.perf_counter_ns() % 2), inside="Early.", above="Late.")

# %% tags=["raises-exception"]
1 / 0
"""
EXERCISES = '''\
# %% [markdown]
# # 07 · Toy: exercises

# %%
def check(name, answer):
    try:
        verdict = "pass" if answer() == 6 else "again"
    except NotImplementedError:
        verdict = "todo"
    print(f"[{verdict}] {name}")

# %%
def six():
    """Six."""
    ### BEGIN SOLUTION
    return 2 * 3
    ### END SOLUTION

# %%
check("07.1", six)

# %%
### BEGIN SOLUTION
guess_s, rate = 1.5, {n: n for n in range(3)}
### END SOLUTION

# %% [markdown] tags=["solution"]
# Two times three.
'''


@pytest.fixture(scope="session", autouse=True)
def labkit_of_the_course():
    """A toy course has a folder `labkit` of its own, which must not hide the real package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        yield


@pytest.fixture
def toy_sources(tmp_path):
    """The root of a course that is not built yet."""
    return write_toy(tmp_path)


@pytest.fixture(scope="session")
def toy_built(tmp_path_factory):
    root = write_toy(tmp_path_factory.mktemp("toy"))
    for target in sources.targets(root):
        build.build(target)
    return root


@pytest.fixture
def toy(toy_built, tmp_path):
    """The root of a built course, to change at will."""
    return shutil.copytree(toy_built, tmp_path / "toy")


def write_toy(root):
    for folder in ("lessons/lesson_07_toy", "tests", "labkit"):
        (root / folder).mkdir(parents=True)
    for file in ("pyproject.toml", "tests/sanitize.cfg"):
        shutil.copy(ROOT / file, root / file)
    (root / "lessons/lesson_07_toy/lesson.py").write_text(LESSON, "utf-8")
    (root / "lessons/lesson_07_toy/exercises.py").write_text(EXERCISES, "utf-8")
    return root
