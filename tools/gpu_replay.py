"""Launch the executor's kernels on a GPU: `python tools/gpu_replay.py jobs.pickle results.pickle`.

A job is a kernel as plain data (`tools/compile_kernels.py` packs it), its launch and its arguments.
The result of each is the arrays as the GPU left them, or the words of the refusal. Results are
written one by one, since a kernel that faults takes the whole process with it.
"""

import pickle
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "labkit" / "compilers" / "child"))


def replay(job):
    """The arrays of a job after its launch."""
    from numba import cuda
    from unpacked import function

    kernel = cuda.jit(function(job["kernel"]))
    # One array under two names stays one on the device, too.
    sent = {id(arg): cuda.to_device(arg) for arg in job["arguments"] if hasattr(arg, "shape")}
    arguments = [sent.get(id(arg), arg) for arg in job["arguments"]]
    kernel[(job["grid"], job["block"], 0, job["shared_bytes"])](*arguments)
    cuda.synchronize()
    return [arg.copy_to_host() for arg in arguments if hasattr(arg, "copy_to_host")]


def main(jobs_file, results_file):
    warnings.simplefilter("ignore")  # a small grid fills no GPU, which is known here
    jobs = pickle.loads(Path(jobs_file).read_bytes())
    with open(results_file, "wb") as results:
        for number, job in enumerate(jobs):
            try:
                found = replay(job)
            except Exception as error:  # whatever way numba and the driver have to say no
                found = f"{type(error).__name__}: {error}"
            pickle.dump((number, found), results)
            results.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
