"""Record on an NVIDIA GPU what the lessons show where there is none: `python tools/record_gpu.py`.

Takes at most 8 minutes and writes one file a machine, labkit/results/recorded/gpu_NAME.json. The
card is measured as it is found: no clock, no power limit is touched. `--try FOLDER` runs the same
code in small on the executor and the CPU and writes into FOLDER: so it can be tested anywhere.
"""

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import os
import re
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # some lessons use JAX, too

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "stacks")]

import gpu_counters  # noqa: E402
import gpu_power  # noqa: E402
import numpy as np  # noqa: E402

from labkit.teach.source import definition_in  # noqa: E402

RECORDED = ROOT / "labkit" / "results" / "recorded"
COMMAND = "python tools/record_gpu.py"
N_SAMPLES, LEAST_SAMPLE_S = 20, 3e-3


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large everything is: on a GPU several times the L2 cache, in a try very small."""

    transpose: int = 4096
    reduction: int = 2**26
    ladder: int = 4096
    matmul: int = 8192
    batches: tuple = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    layer: tuple = (4096, 22016)  # of Llama-2-7B, as the recorded sweep of vidur has it
    copy_bytes: int = 2**30
    phase_s: float = 3.0


SMALL = Sizes(64, 2**14, 128, 64, (1, 4), (64, 128), 2**16, 0.1)


class Gpu:
    """The GPU, timed by its own events: many launches between two of them, so that none waits."""

    def __init__(self):
        import torch
        from numba import cuda

        self.cuda, self.torch, self.device = cuda, torch, "cuda"
        self.name = torch.cuda.get_device_name()

    def to_device(self, array):
        return self.cuda.to_device(array)

    def times_s(self, run):
        """Seconds of one `run()`, N_SAMPLES of them."""
        torch = self.torch
        run()
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        repeats = max(1, int(LEAST_SAMPLE_S / (time.perf_counter() - start)))
        return [self._sample_s(run, repeats) for _ in range(N_SAMPLES)]

    def _sample_s(self, run, repeats):
        # numba launches on the legacy default stream, as torch's current stream is.
        start, stop = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(repeats):
            run()
        stop.record()
        stop.synchronize()
        return start.elapsed_time(stop) * 1e-3 / repeats


class Stand:
    """The executor and the CPU in place of a GPU: the same calls, for a try."""

    name, device = "no GPU, a try", "cpu"

    def __init__(self):
        import torch

        from labkit.simt import cuda

        self.cuda, self.torch = cuda, torch

    def to_device(self, array):
        return self.cuda.to_device(array)

    def times_s(self, run):
        start = time.perf_counter()
        run()
        return [time.perf_counter() - start]


def lesson(name):
    return ROOT / "lessons" / f"lesson_{name}" / "lesson.py"


def timed(gpu, run, **row):
    """One row: the median of the times and the middle half of them."""
    times_s = sorted(gpu.times_s(run))
    return row | {
        "time_s": float(f"{statistics.median(times_s):.5g}"),
        "time_lo_s": float(f"{times_s[len(times_s) // 4]:.5g}"),
        "time_hi_s": float(f"{times_s[-1 - len(times_s) // 4]:.5g}"),
        "n_samples": len(times_s),
    }


# What is recorded: each gives the rows of one result


def transposes(gpu, sizes):
    """The transposes of lesson 06 on square matrices of doubles; bytes are read plus written."""
    n = sizes.transpose
    matrix = np.random.default_rng(0).random((n, n))
    a, out = gpu.to_device(matrix), gpu.to_device(np.zeros((n, n)))
    names = ("strided_loads", "strided_stores", "tiled", "loaded_by_columns", "padded")
    for name in names:
        launch = definition_in(lesson("06_memory"), name)[(n // 32, n // 32), (32, 32)]
        yield timed(gpu, lambda launch=launch: launch(a, out), kernel=name, n=n,
                    bytes=2 * matrix.nbytes)  # fmt: skip
        assert (out.copy_to_host() == matrix.T).all(), name


def reductions(gpu, sizes):
    """The seven reductions of lesson 07 on float32; bytes are those of the numbers."""
    n, threads = sizes.reduction, definition_in(lesson("07_barriers_and_races"), "THREADS")
    numbers = np.random.default_rng(0).integers(0, 3, n).astype(np.float32)
    x = gpu.to_device(numbers)
    for version in range(1, 8):
        blocks = n // threads // (1 if version < 4 else 2)
        blocks = blocks if version < 7 else min(blocks, 2048)
        sums = gpu.to_device(np.zeros(blocks, np.float32))
        kernel = definition_in(lesson("07_barriers_and_races"), f"version_{version}")
        launch = kernel[blocks, threads]
        yield timed(gpu, lambda launch=launch, sums=sums: launch(x, sums), version=version,
                    n_elements=n, blocks=blocks, threads=threads, bytes=numbers.nbytes)  # fmt: skip
        total = sums.copy_to_host().astype(np.float64).sum()
        assert total == numbers.sum(dtype=np.float64), version


def ladder(gpu, sizes):
    """The matrix products of lesson 08 and the vendor's own, fp32."""
    n, source = sizes.ladder, lesson("08_matmul_ladder")
    tile, step, side, apart = (
        definition_in(source, name) for name in ("TILE", "STEP", "SIDE", "APART")
    )
    draw = np.random.default_rng(0)
    left, right = (draw.integers(0, 3, (n, n)).astype(np.float32) for _ in range(2))
    a, b = gpu.to_device(left), gpu.to_device(right)
    shapes = {
        "naive": ((n // 32, n // 8), (32, 8)),
        "coalesced": ((n // 32, n // 8), (32, 8)),
        "tiled": ((n // tile, n // tile), (tile, tile)),
        "register_tile": ((n // tile, n // tile), (tile, step)),
        "square_tile": ((n // side, n // side), (apart, apart)),
        "vector_tile": ((n // side, n // side), (apart, apart)),
    }
    expected = (gpu.torch.tensor(left[:64]) @ gpu.torch.tensor(right)).numpy()
    for name, (grid, block) in shapes.items():
        out = gpu.to_device(np.zeros((n, n), np.float32))
        launch = definition_in(source, name)[grid, block]
        yield timed(gpu, lambda launch=launch, out=out: launch(a, b, out), kernel=name, n=n,
                    flop=2 * n**3)  # fmt: skip
        assert (out.copy_to_host()[:64] == expected).all(), name
    x, y = (gpu.torch.tensor(matrix, device=gpu.device) for matrix in (left, right))
    yield timed(gpu, lambda: gpu.torch.matmul(x, y), kernel="cuBLAS, fp32", n=n, flop=2 * n**3)


def batches(gpu, sizes):
    """One layer in bf16 by batch, as lesson 04 measures it; the time on the GPU alone."""
    inner, columns = sizes.layer
    weights = gpu.torch.randn(inner, columns, device=gpu.device, dtype=gpu.torch.bfloat16)
    for n_rows in sizes.batches:
        x = gpu.torch.randn(n_rows, inner, device=gpu.device, dtype=gpu.torch.bfloat16)
        yield timed(gpu, lambda x=x: gpu.torch.matmul(x, weights), n_rows=n_rows, n_inner=inner,
                    n_columns=columns)  # fmt: skip


def rates(gpu, sizes):
    """Square products on random numbers by data type: what of the data sheet's peak is reached."""
    torch, n = gpu.torch, sizes.matmul
    for name, dtype, tf32 in (
        ("fp32", torch.float32, False), ("tf32", torch.float32, True),
        ("fp16", torch.float16, False), ("bf16", torch.bfloat16, False),
    ):  # fmt: skip
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(n, n, device=gpu.device, dtype=dtype) for _ in range(2))
        yield timed(gpu, lambda a=a, b=b: torch.matmul(a, b), dtype=name, n=n, flop=2 * n**3)
    torch.backends.cuda.matmul.allow_tf32 = False


def copies(gpu, sizes):
    """Copies on the card (read plus written) and over the link (one way), pinned and pageable."""
    torch, n = gpu.torch, sizes.copy_bytes
    here = torch.ones(n, dtype=torch.uint8, device=gpu.device)
    there = torch.empty_like(here)
    pinned = torch.ones(n, dtype=torch.uint8, pin_memory=gpu.device == "cuda")
    pageable = torch.ones(n, dtype=torch.uint8)
    for path, target, source, moved in (
        ("on the card", there, here, 2 * n), ("to the card, pinned", here, pinned, n),
        ("from the card, pinned", pinned, here, n), ("to the card, pageable", here, pageable, n),
    ):  # fmt: skip
        yield timed(gpu, lambda t=target, s=source: t.copy_(s, non_blocking=True), path=path,
                    bytes=moved)  # fmt: skip


def counters(gpu, sizes):
    """Nsight Compute's counters of the course's kernels: the executor's are held against them."""
    from labkit.compilers.packing import spelled
    from labkit.simt.ptxas_records import fingerprint
    from tests.simt.course_kernels import course_launches

    launches = [launch for launch in course_launches() if _stays_inside(launch)]
    launches = launches if gpu.device == "cuda" else launches[:2]
    jobs = [gpu_counters.job_of(launch) for launch in launches]
    hardware = gpu_counters.counted(jobs) if gpu.device == "cuda" else [{} for _ in jobs]
    for launch, theirs in zip(launches, hardware, strict=True):
        yield {
            "source": launch.source, "kernel": launch.name,
            "arguments": ", ".join(map(spelled, launch.args)),
            "fingerprint": fingerprint(launch.kernel.py_func), "grid": launch.grid,
            "block": launch.block, "shapes": [np.shape(arg) for arg in launch.args],
            "nsight": theirs,
        }  # fmt: skip


def _stays_inside(launch):
    """Some kernels of the lessons leave an array, on purpose: a GPU is spared these."""
    from labkit.simt import KernelError

    try:
        gpu_counters.profiled(launch)
    except KernelError:
        return False
    return True


RESULTS = {  # key -> (what it is, its rows)
    "transposes": ("Transposes of lesson 06", transposes),
    "reductions": ("The seven reductions of lesson 07", reductions),
    "ladder": ("The matrix products of lesson 08", ladder),
    "batches": ("One layer of Llama-2-7B by batch, bf16", batches),
    "rates": ("Square matrix products by data type", rates),
    "copies": ("Copies on the card and over its link", copies),
    "power": ("Power and energy by the driver, under known loads", gpu_power.trace),
    "counters": ("Nsight Compute's counters of the course's kernels", counters),
}


def slug_of(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def about(gpu, title, machine):
    return {
        "title": f"{title}, on one {gpu.name}",
        "machine": machine,
        "date": datetime.date.today().isoformat(),
        "command": COMMAND,
        "provenance": "made for this course",
        "notes": ["Clocks and limits as found. Times are medians by the GPU's own events."],
    }


def machine_of(gpu):
    """The card, its driver, and the versions of what ran."""
    parts = [gpu.name]
    if gpu.device == "cuda":
        parts += [f"driver {gpu_power.driver_version()}", f"CUDA {gpu.torch.version.cuda}"]
    for package in ("numba-cuda", "torch"):
        try:
            parts.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(parts)


def record(gpu, sizes, target, only):
    """Write what was asked for, after each result: what is done is kept if the next one fails."""
    machine, found, failed = machine_of(gpu), {}, []
    if target.exists():
        found = json.loads(target.read_text(encoding="utf-8"))
    for key, (title, rows) in RESULTS.items():
        if only and key not in only:
            continue
        start = time.perf_counter()
        try:
            made = about(gpu, title, machine) | {"rows": list(rows(gpu, sizes))}
        except Exception as error:
            failed.append(f"{key}: {type(error).__name__}: {error}")
            print(failed[-1], flush=True)
            continue
        found[f"{slug_of(gpu.name)}-{key}"] = made
        target.write_text(written(found), encoding="utf-8")
        print(
            f"{key:12} {len(made['rows']):4} rows {time.perf_counter() - start:6.1f} s", flush=True
        )
    return failed


def written(found):
    """The results as JSON, one row a line."""
    parts = []
    for key, result in found.items():
        head = json.dumps({**result, "rows": []}, indent=2).replace("\n", "\n  ")
        rows = ",\n".join(f"      {json.dumps(row)}" for row in result["rows"])
        parts.append(f'  "{key}": ' + head.replace('"rows": []', f'"rows": [\n{rows}\n    ]'))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--try", dest="folder", type=Path, help="in small, without a GPU")
    parser.add_argument("--only", nargs="+", choices=RESULTS, default=[], help="these results")
    options = parser.parse_args(arguments)
    os.environ["LABKIT_CUDA"] = "simt" if options.folder else "gpu"
    try:
        gpu = Stand() if options.folder else Gpu()
    except (ImportError, RuntimeError, AssertionError) as error:
        return f"Nothing was recorded: torch and numba-cuda find no GPU here ({error})."
    folder = options.folder or RECORDED
    target = folder / f"gpu_{slug_of(gpu.name).replace('-', '_')}.json"
    failed = record(gpu, SMALL if options.folder else Sizes(), target, options.only)
    return "\n".join(["Not recorded:", *failed]) if failed else None


if __name__ == "__main__":
    sys.exit(main())
