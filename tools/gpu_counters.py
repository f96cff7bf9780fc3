"""What Nsight Compute counts of the course's kernels on a real GPU, beside the executor's counts.

Both run the same launches: those that the lessons and solutions make. The kernels run one after
the other under `ncu`, which reads the hardware's counters of each.
"""

import csv
import io
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
METRICS = {  # our counter -> Nsight Compute's
    "global_load_requests": "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum",
    "global_load_sectors": "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum",
    "global_store_requests": "l1tex__t_requests_pipe_lsu_mem_global_op_st.sum",
    "global_store_sectors": "l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum",
    "shared_load_wavefronts": "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum",
    "shared_store_wavefronts": "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_st.sum",
    "shared_load_conflicts": "l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_ld.sum",
    "shared_store_conflicts": "l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_st.sum",
}


def no_counters():
    """Why there are no hardware counters here, or None."""
    if not shutil.which("ncu"):
        return "Nsight Compute's ncu is not on the PATH"
    return None


def simulated(profile):
    """The executor's counters under the same names."""
    loads, stores = profile.global_loads, profile.global_stores
    from_tile, to_tile = profile.shared_loads, profile.shared_stores
    return {
        "global_load_requests": loads.requests,
        "global_load_sectors": loads.sectors,
        "global_store_requests": stores.requests,
        "global_store_sectors": stores.sectors,
        "shared_load_wavefronts": from_tile.wavefronts,
        "shared_store_wavefronts": to_tile.wavefronts,
        "shared_load_conflicts": from_tile.bank_conflicts,
        "shared_store_conflicts": to_tile.bank_conflicts,
    }


def profiled(launch):
    """The executor's Profile of a launch of the course, which keeps its arrays as they are."""
    import numpy as np

    from labkit.simt import profile

    args = [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in launch.args]
    shape = launch.grid, launch.block, 0, launch.dynamic_shared_bytes
    return profile(launch.kernel[shape], *args)


def job_of(launch):
    """A launch of the course as plain data, its arguments included."""
    from labkit.compilers.packing import packed

    return {
        "kernel": packed(launch.kernel.py_func), "arguments": launch.args, "grid": launch.grid,
        "block": launch.block, "shared_bytes": launch.dynamic_shared_bytes,
    }  # fmt: skip


def counted(jobs):
    """What Nsight Compute counts of each job: a list of dicts by our names.

    Raises RuntimeError, with its words, where it counts nothing, or another number of kernels.
    """
    with tempfile.TemporaryDirectory() as folder:
        task, results = Path(folder) / "jobs.pickle", Path(folder) / "results.pickle"
        task.write_bytes(pickle.dumps(jobs))
        command = [
            "ncu", "--csv", "--page", "raw", "--clock-control", "none", "--metrics",
            ",".join(METRICS.values()), sys.executable, str(ROOT / "tools" / "gpu_replay.py"),
            str(task), str(results),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    header = done.stdout.find('"ID"')
    if header < 0:
        raise RuntimeError(f"ncu counted nothing: {(done.stdout + done.stderr)[-2000:]}")
    rows = [row for row in csv.DictReader(io.StringIO(done.stdout[header:])) if row["ID"]]
    if len(rows) != len(jobs):
        raise RuntimeError(f"ncu counted {len(rows)} kernels of {len(jobs)}: some did not run.")
    return [{ours: _whole(row[theirs]) for ours, theirs in METRICS.items()} for row in rows]


def _whole(text):
    return int(float(text.replace(",", "")))
