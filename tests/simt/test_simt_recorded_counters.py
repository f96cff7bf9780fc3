"""The executor's counters of the course's kernels are those that Nsight Compute read on a GPU.

The rows were recorded by `tools/record_gpu.py`. A kernel that was changed since has no row, nor
has a launch of other sizes.
"""

import numpy as np
import pytest
from gpu_counters import profiled, simulated

from labkit.compilers.packing import spelled
from labkit.results import recorded
from labkit.simt.ptxas_records import fingerprint
from tests.simt.course_kernels import course_launches

# Where a GPU shows another number, and why. What the compiler merges, no list of addresses tells.
HOISTED = "both sides of the branch load x[i]: the compiler loads it once, before the branch"
WIDE = "of neighbouring reads in a row of a tile the compiler makes one wide read"
ONE = "of 4,608 reads, one waited once, in one of two recorded launches"
WAITS = "the counter holds waits for other traffic, too: 4096 x 4096 doubles keep the unit busy"
DIFFERENT = {
    "mixed": (HOISTED, {"global_load_requests", "global_load_sectors"}),
    "odd_even": (HOISTED, {"global_load_requests", "global_load_sectors"}),
    "ranks_with_a_fault": (WIDE, {"shared_load_wavefronts"}),
    "ranks": (f"{WIDE}; {ONE}", {"shared_load_wavefronts", "shared_load_conflicts"}),
    "tiled": (WIDE, {"shared_load_wavefronts", "shared_store_wavefronts"}),
    "loaded_by_columns": (WAITS, {
        "shared_load_wavefronts", "shared_store_wavefronts", "shared_load_conflicts",
        "shared_store_conflicts",
    }),
}  # fmt: skip
NAMES = ("source", "kernel", "arguments", "fingerprint")
ROWS = recorded("nvidia-h200-counters").rows


def key_of(launch):
    types = ", ".join(map(spelled, launch.args))
    shapes = tuple(np.shape(arg) for arg in launch.args)
    mark = fingerprint(launch.kernel.py_func)
    return launch.source, launch.name, types, mark, launch.grid, launch.block, shapes


def key_of_row(row):
    shapes = tuple(map(tuple, row["shapes"]))
    return (*(row[name] for name in NAMES), tuple(row["grid"]), tuple(row["block"]), shapes)


@pytest.fixture(scope="module")
def launches():
    return {key_of(launch): launch for launch in course_launches()}


def test_counters_equal_the_hardwares_but_for_what_is_named(launches):
    compared, wrong = 0, {}
    for row in ROWS:
        launch = launches.get(key_of_row(row))
        if launch is None:
            continue
        ours, theirs = simulated(profiled(launch)), row["nsight"]
        _, other = DIFFERENT.get(row["kernel"], ("", set()))
        differing = {name for name in theirs if ours[name] != theirs[name]} - other
        compared += 1
        if differing:
            wrong[row["kernel"]] = {name: (ours[name], theirs[name]) for name in differing}
    assert wrong == {}
    assert compared >= 25, "record again: python tools/record_gpu.py --only counters"
