"""Every kernel of the course, with each barrier, fence, atomic and guard deleted in turn.

A scheduler of its own runs the threads one by one and tries to make each mutant go wrong; whatever
it can break, `sanitize` must find.
"""

import collections
import dataclasses
import functools
import random

import clean_kernels
import numpy as np
import programs
import pytest
from course_kernels import course_launches
from mutants import Mutant, Program, mutants_of, program_of
from scheduler import Misbehaviour, World, generator, schedules

from labkit.simt import KernelError, cuda, sanitize
from labkit.simt.kernel import Kernel

# Kernels that a lesson shows because they are wrong, and what is found in them.
EXHIBITS = {
    ("05_first_kernels/lesson", "no_guard"): "out-of-bounds",
    ("07_barriers_and_races/lesson", "histogram"): "race",
    ("07_barriers_and_races/lesson", "ranks"): "race",
    ("07_barriers_and_races/lesson", "scan"): "race",
    ("07_barriers_and_races/lesson", "last_warp"): "race",
    ("07_barriers_and_races/lesson", "two_sums"): "race",
    ("07_barriers_and_races/lesson", "differences"): "divergent-barrier",
    ("07_barriers_and_races/exercises", "ranks_with_a_fault"): "race",
    ("09_tensor_cores_and_tiles/lesson", "half_a_warp"): "divergent-warp",
}

# Launches small enough to try every thread in many orders: grid, block, the shapes of the arrays,
# and constants of the source that shrink with them.
SMALL = {
    ("05_first_kernels/lesson", "fahrenheit"): (2, 48, (70, 70)),
    ("05_first_kernels/lesson", "times_table"): ((2, 2), (8, 8), (9, 14, (9, 14))),
    ("05_first_kernels/lesson", "collatz"): (2, 32, (50, 50)),
    ("05_first_kernels/lesson", "scale_add"): (2, 32, (None, 150, 150, 150)),
    ("05_first_kernels/exercises", "apply_logic"): (2, 32, (50, 50, 50, 50)),
    ("05_first_kernels/exercises", "max_pool"): ((2, 2), (8, 4), ((15, 27), (7, 13))),
    ("05_first_kernels/exercises", "one_over_x"): (2, 32, (50, None, None, 50)),
    ("05_first_kernels/exercises", "two_crowds"): (2, 32, (51, 51)),
    ("06_memory/lesson", "strided_copy"): (2, 32, (800, 50, None)),
    ("06_memory/lesson", "strided_loads"): ((2, 2), (8, 8), ((11, 13), (13, 11))),
    ("06_memory/lesson", "strided_stores"): ((2, 2), (8, 8), ((11, 13), (13, 11))),
    **{
        ("06_memory/lesson", name): (1, (32, 32), ((32, 32), (32, 32)))
        for name in ("transpose(width=32)", "transpose(width=33)", "loaded_by_columns")
    },
    ("06_memory/exercises", "scale_rows_slowly"): (2, 32, ((6, 9), 6, (6, 9))),
    ("06_memory/exercises", "scale_rows"): (2, 32, ((6, 9), 6, (6, 9))),
    ("06_memory/exercises", "smooth"): (3, 64, (129, 129)),
    ("06_memory/exercises", "transpose"): ((2, 1), (32, 32), ((20, 40), (40, 20))),
    ("07_barriers_and_races/lesson", "histogram_atomic"): (2, 64, (100, 10)),
    ("07_barriers_and_races/lesson", "ranks_mended"): (2, 64, (128, 128), {"THREADS": 64}),
    ("07_barriers_and_races/lesson", "two_sums_mended"): (2, 128, (256, 256, (2, 2))),
    ("07_barriers_and_races/exercises", "histogram_atomic"): (2, 64, (100, 16)),
    ("07_barriers_and_races/exercises", "histogram"): (2, 64, (300, 16), {"THREADS": 64}),
    ("07_barriers_and_races/exercises", "ranks"): (2, 64, (100, 100), {"THREADS": 64}),
    ("07_barriers_and_races/exercises", "scan"): (2, 64, (100, 100), {"THREADS": 64}),
    ("07_barriers_and_races/exercises", "total"): (2, 64, (200, 1), {"THREADS": 64}),
    **{
        ("07_barriers_and_races/lesson", f"version_{n}"): (2, 128, (256 if n < 4 else 512, 2))
        for n in range(1, 8)
    },
    ("08_matmul_ladder/lesson", "naive"): ((2, 2), (8, 4), ((13, 5), (5, 7), (13, 7))),
    ("08_matmul_ladder/lesson", "coalesced"): ((2, 2), (8, 4), ((7, 5), (5, 13), (7, 13))),
    ("08_matmul_ladder/lesson", "tiled"):
        ((2, 2), (8, 8), ((9, 13), (13, 11), (9, 11)), {"TILE": 8}),
    ("08_matmul_ladder/lesson", "register_tile"):
        ((2, 2), (16, 4), ((17, 21), (21, 18), (17, 18)), {"TILE": 16, "STEP": 4}),
    **{
        ("08_matmul_ladder/lesson", name):
            ((2, 1), (2, 2), ((16, 8), (8, 32), (16, 32)), {"SIDE": 16, "DEPTH": 4, "APART": 2})
        for name in ("square_tile", "vector_tile")
    },
    **{
        ("10_attention_and_precision/lesson", name): (2, 32, ((6, 50), (6, 50)), {"N": 6})
        for name in ("three_passes", "online", "fused")
    },
    ("10_attention_and_precision/lesson", "score"):
        ((2, 2), (8, 4), ((4, 13), (7, 4), (7, 13)), {"SIZE": 4}),
    ("10_attention_and_precision/lesson", "weighted_sum"):
        ((2, 2), (8, 4), ((6, 13), (6, 7), (7, 13))),
    ("10_attention_and_precision/lesson", "tiled"):
        (1, 64, ((2, 64), (128, 2), (128, 2), (2, 64)), {"SIZE": 2}),
    ("08_matmul_ladder/exercises", "turned_product"):
        ((2, 2), (8, 8), ((9, 13), (11, 13), (9, 11)), {"TILE": 8}),
    ("08_matmul_ladder/exercises", "square_product"):
        ((2, 2), (8, 8), ((17, 21), (21, 18), (17, 18)), {"SIDE": 16, "HALF": 8}),
}  # fmt: skip

# What is reported although no schedule shows it, and why that is so.
UNNEEDED = {
    "07_barriers_and_races/lesson/version_5: barrier: cuda.syncwarp()":
        "the lanes that are read store once more what they have stored before",
}  # fmt: skip
# What no checker can find: a kernel that is sound, in every order, and does another thing.
ANOTHER_MEANING = {
    "07_barriers_and_races/exercises/total: guard: if t == 0:  ->  if True:":
        "every thread of a block adds the block's sum, one after the other",
    "guarded: guard: if i < 250:  ->  if True:":
        "the six last elements are written, too",
}  # fmt: skip
N_RANDOM, MANY = 3, 60  # schedules of each random kind
MAX_THREADS = 1 << 13  # of a launch whose original is checked as it stands
MAX_STEPS = 60_000  # of a launch, so that it can be tried in many orders


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """A program with a launch of it."""

    name: str
    program: Program | Kernel
    grid: tuple
    block: tuple
    args: tuple

    def of(self, program):
        return dataclasses.replace(self, program=program)

    def copies(self):
        return [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in self.args]

    @functools.cached_property
    def launch(self):
        kernel = self.program.kernel() if isinstance(self.program, Program) else self.program
        return kernel[self.grid, self.block]

    def findings(self):
        return sanitize(self.launch, *self.copies())

    def agrees(self, results):
        """Does one run on the executor give these results, array by array?"""
        args = self.copies()
        self.launch(*args)
        arrays = [arg for arg in args if isinstance(arg, np.ndarray)]
        return any(arg.dtype.kind == "V" for arg in arrays) or all(  # the scheduler draws nothing
            np.allclose(array.ravel(), result, rtol=1e-6, equal_nan=True)
            for array, result in zip(arrays, results, strict=True)
        )

    @functools.cached_property
    def threads(self):
        return generator(self.program.trees, self.program.scope, self.program.name)

    @functools.cached_property
    def reference(self):
        """-> (its results, what its schedules may leave out, and after how many steps to stop)."""
        world = self.world(next(schedules(0)), limit=MAX_STEPS)
        try:
            right = world.results()
        except Misbehaviour as error:
            error.add_note(f"{self.name}: if it has too many steps, give it a launch in SMALL")
            raise
        return right, {"written": world.written, "limit": 4 * (MAX_STEPS - world.left) + 1000}

    def world(self, schedule, **options):
        return World(self.threads, self.grid, self.block, self.args, schedule, **options)


def triple(axes):
    axes = axes if isinstance(axes, tuple) else (axes,)
    return (*axes, *(1,) * (3 - len(axes)))


def whole_numbers(arg, shape, rng):
    """An array like one of the course, of another shape; sums of its numbers are exact."""
    if not isinstance(arg, np.ndarray):
        return arg
    if arg.dtype.kind == "V" or not np.nan_to_num(arg).any():
        return np.zeros(shape, arg.dtype)
    if arg.dtype.kind == "f":
        return rng.integers(-20, 100, shape).astype(arg.dtype)
    return rng.choice(arg.ravel(), shape)


def key_of(launch):
    return launch.source.removeprefix("lessons/lesson_").removesuffix(".py"), launch.name


def smaller(launch):
    """A launch of the course as a Trial, made smaller where SMALL says so."""
    key = key_of(launch)
    shapes = [np.shape(arg) for arg in launch.args]
    grid, block, shapes, *constants = SMALL.get(key, (launch.grid, launch.block, shapes))
    rng = np.random.default_rng(5)
    args = [whole_numbers(arg, n, rng) for arg, n in zip(launch.args, shapes, strict=True)]
    program = program_of(launch.kernel.py_func, **(constants[0] if constants else {}))
    return key, Trial("/".join(key), program, triple(grid), triple(block), tuple(args))


def clean(function):
    """A kernel of clean_kernels as a Trial: two blocks of 128 threads."""
    x = np.random.default_rng(3).integers(0, 16, 512).astype(np.float32) / 16  # exact sums
    args = [x, np.zeros(512, np.float32), np.zeros(512, np.float32), np.zeros(1, np.int32)]
    args = tuple(args[: function.__code__.co_argcount])
    return Trial(function.__name__, program_of(function), (2, 1, 1), (128, 1, 1), args)


@functools.cache
def trials():
    """A small launch of every correct kernel of the course, and of the clean ones."""
    course = [smaller(launch) for launch in course_launches()]
    found = {trial.name: trial for key, trial in reversed(course) if key not in EXHIBITS}
    return [*reversed(found.values()), *map(clean, clean_kernels.CLEAN)]


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a mutant: how a schedule broke it (or None), and what `sanitize` says."""

    trial: Trial
    mutant: Mutant
    broken: str | None
    findings: list

    def __str__(self):
        return f"{self.trial.name}: {self.mutant.kind}: {self.mutant.what}"


@functools.cache
def outcomes():
    """Every mutant of every trial, tried and judged."""
    return [judged(trial, mutant) for trial in trials() for mutant in mutants_of(trial.program)]


def judged(trial, mutant):
    changed = trial.of(mutant.program)
    try:
        findings = changed.findings()
    except KernelError as error:
        findings = [error]
    right, options = trial.reference
    how = broken(changed, right, options, N_RANDOM)
    if findings and how is None:  # is it a false alarm? Try harder
        how = broken(changed, right, options, MANY)
    return Outcome(trial, mutant, how, findings)


def broken(trial, right, options, n_random):
    """How a schedule makes a trial misbehave, or None."""
    for schedule in schedules(n_random):
        try:
            if trial.world(schedule, **options).results() != right:
                return "wrong values"
        except Misbehaviour as error:
            return error.kind
    return None


def wrong_in_every_order(trial, mutant):
    """Are its values the same in every order, and is it a single run that shows them?"""
    changed, (right, options) = trial.of(mutant.program), trial.reference
    found = [changed.world(schedule, **options).results() for schedule in schedules(N_RANDOM)]
    return found[0] != right and all(one == found[0] for one in found) and changed.agrees(found[0])


# The originals


def test_no_schedule_breaks_an_original_and_the_executor_agrees_with_it():
    for trial in trials():
        right, options = trial.reference
        assert broken(trial, right, options, 0) is None, trial.name
        assert trial.agrees(right), trial.name


def test_at_least_100_originals_are_left_alone():
    launches = [one for one in course_launches() if key_of(one) not in EXHIBITS]
    originals = [Trial("/".join(key_of(one)), one.kernel, one.grid, one.block, one.args)
                 for one in launches if one.threads <= MAX_THREADS]  # fmt: skip
    originals += trials()
    alarms = {trial.name: found for trial in originals if (found := trial.findings())}
    assert alarms == {}
    assert len(originals) >= 100


def test_the_exhibits_are_found():
    found = {}
    for launch in course_launches():
        if key_of(launch) in EXHIBITS:
            _, trial = smaller(launch)
            found.setdefault(key_of(launch), {one.kind for one in trial.findings()})
    assert found == {key: {kind} for key, kind in EXHIBITS.items()}


@pytest.mark.parametrize("kind", programs.CLEAN)
def test_correct_patterns_of_any_size_are_left_alone(kind):
    rng = random.Random(kind)
    for _ in range(8):
        n, m, blocks = rng.randint(2, 150), rng.randint(2, 9), rng.randint(1, 3)
        kernel = cuda.jit(programs.compiled(programs.correct(kind, n, m), "<a pattern>", cuda=cuda))
        args = np.arange(n * max(m, blocks), dtype=np.float32), np.zeros(n * m * blocks, np.int64)
        assert sanitize(kernel[blocks, n], *args) == [], (n, m, blocks)


# The mutants


def test_every_mutant_that_can_misbehave_is_found():
    missed = [one for one in outcomes() if one.broken and not one.findings]
    assert {str(one) for one in missed} == set(ANOTHER_MEANING)
    assert all(wrong_in_every_order(one.trial, one.mutant) for one in missed)


def test_every_kind_of_mutant_was_tried_and_found():
    found = collections.Counter(one.mutant.kind for one in outcomes() if one.findings)
    assert found["guard"] >= 100
    assert found["barrier"] >= 60
    assert found["atomic"] >= 8
    assert found["fence"] >= 2


def test_what_is_reported_and_cannot_be_broken_is_explained():
    assert {str(one) for one in outcomes() if one.findings and not one.broken} == set(UNNEEDED)


@pytest.mark.parametrize("seed", range(30))
def test_a_random_kernel_is_reported_if_it_can_misbehave_and_only_if_threads_conflict(seed):
    text = programs.sharing(random.Random(seed))
    program = program_of(programs.compiled(text, f"<sharing {seed}>", cuda=cuda))
    rng = np.random.default_rng(seed)
    args = rng.integers(1, 1000, 128), rng.integers(1, 50, 128), np.zeros(128, np.int64)
    trial = Trial("sharing", program, (2, 1, 1), (64, 1, 1), args)
    try:
        world = trial.world(next(schedules(0)), log=True)
        world.results()
        how, conflict = broken(trial, *trial.reference, N_RANDOM), world.conflict()
    except Misbehaviour as error:
        how, conflict = error.kind, True
    findings = trial.findings()
    assert findings or not how, f"{how}\n{text}"
    assert conflict or not findings, f"{findings}\n{text}"
