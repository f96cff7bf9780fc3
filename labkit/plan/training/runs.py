"""Published training runs as jobs, with what was measured."""

import csv
import dataclasses
import functools
import gzip
import math
from pathlib import Path

from labkit.plan.training.job import Job, Split, Transformer
from labkit.results import training_runs_path

# Columns that a file of runs must have; others are carried along or ignored.
NEEDED = (
    "name", "source", "model", "layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "gated",
    "vocab", "tied", "seq", "global_batch", "micro_batch", "chip", "chips", "tp", "pp", "vp", "dp",
    "cp", "ep", "experts", "top_k", "moe_ffn", "recompute", "sequence_parallel", "dtype", "zero",
    "attention", "overlap_dp", "overlap_tp", "nic_gb_s", "tokens_per_s_chip",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One published run: its job, and the rate that its source measured.

    tokens_per_s_chip   None where the run failed or its source leaves the rate open
    complete            False where the source does not state the whole configuration
    memory_bytes        of the fullest chip, None where nobody says
    """

    name: str
    source: str
    job: Job
    tokens_per_s_chip: float | None
    complete: bool
    memory_bytes: float | None
    cited: str
    note: str

    @property
    def dense(self) -> bool:
        return not self.job.model.experts


def read_runs(path: str | Path | None = None) -> tuple[list[Run], list[str]]:
    """The runs of a CSV file, by default the published ones of this course.

    Also returns a sentence for each line that isn't a possible job, so that nothing is dropped
    silently. Raises ValueError for a file without the needed columns.
    """
    path = Path(path) if path else training_runs_path()
    unpacked = gzip.open if path.suffix == ".gz" else open
    with unpacked(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path.name} has no column {', '.join(missing)}.")
        rows = list(reader)
    runs, refused = [], []
    for number, row in enumerate(rows, start=2):
        try:
            runs.append(_run(row))
        except ValueError as error:
            refused.append(f"{path.name}, line {number} ({row['name']}): {error}")
    return runs, refused


@functools.cache
def published_runs() -> tuple[Run, ...]:
    """The published runs that travel with the course."""
    return tuple(read_runs()[0])


@functools.cache
def models() -> dict[str, Transformer]:
    """The models of the published runs, by name; of two with one name, the first in the file."""
    return {run.job.model.name: run.job.model for run in reversed(published_runs())}


def _run(row):
    measured = _number(row, "tokens_per_s_chip", default=None)
    memory = _number({"memory_gb": row.get("memory_gb")}, "memory_gb", default=None)
    return Run(
        name=row["name"],
        source=row["source"],
        job=_job(row),
        tokens_per_s_chip=measured or None,
        complete=row.get("complete", "1") == "1",
        memory_bytes=memory * 2**30 if memory else None,
        cited=row.get("source_path") or "",
        note=row.get("note") or "",
    )


def _job(row):
    split = _split(row)
    batch = _number(row, "global_batch", default=None) or split.dp * split.micro_batch
    return Job(
        model=_model(row),
        chip=row["chip"],
        split=split,
        seq=_whole(row, "seq"),
        global_batch=batch,
        nic_bytes_per_s=_number(row, "nic_gb_s", default=50) * 1e9,
    )


def _model(row):
    sizes = ("layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "vocab")
    return Transformer(
        name=row["model"],
        **{name: _whole(row, name) for name in sizes},
        **{name: _whole(row, name, default=0) for name in ("experts", "top_k", "moe_ffn")},
        gated=_flag(row, "gated"),
        tied=_flag(row, "tied"),
    )


def _split(row):
    sizes = {name: _whole(row, name, default=1) for name in ("tp", "pp", "vp", "cp", "ep")}
    chips, others = _whole(row, "chips"), sizes["tp"] * sizes["pp"] * sizes["cp"]
    dp = _whole(row, "dp", default=max(1, chips // others))
    if others * dp != chips:
        raise ValueError(f"tp × pp × cp × dp is {others * dp}, but there are {chips} chips.")
    return Split(
        **sizes,
        dp=dp,
        micro_batch=_number(row, "micro_batch", default=1),
        zero=_whole(row, "zero", default=0),
        recompute=row["recompute"] or "none",
        dtype=row["dtype"] or "bf16",
        attention=row["attention"] or "flash2",
        **{name: _flag(row, name) for name in ("sequence_parallel", "overlap_dp", "overlap_tp")},
    )


def _number(row, name, *, default=math.nan):
    text = (row[name] or "").strip()
    if not text:
        if default is math.nan:
            raise ValueError(f"{name} is empty.")
        return default
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, got {text!r}.") from None


def _whole(row, name, *, default=math.nan):
    number = _number(row, name, default=default)
    if number != int(number):
        raise ValueError(f"{name} must be a whole number, got {row[name]!r}.")
    return int(number)


def _flag(row, name):
    return bool(_number(row, name, default=0))
