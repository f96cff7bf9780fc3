"""Other ways to predict a training run's rate, to hold beside our planner.

Each takes the runs to predict and all published runs, and returns id(run) -> tokens/s and chip for
those that it can describe, or a sentence that says why it could not be asked.
"""

import contextlib
import importlib
import json
import logging
import os
import statistics
import sys
from pathlib import Path

CALCULON = (
    "calculon: it is not here: the package of that name on PyPI is another one. Clone "
    "github.com/calculon-ai/calculon and set CALCULON to that folder."
)
MLSYSIM = "mlsysim: it is not here: `pip install mlsysim==0.3.0` into an environment of your own."
_CALCULON_SYSTEMS = {"a100": "a100_80g.json", "h100": "h100_80g_nvl8.json"}


def hfu(runs, known):
    """The naive rival: every chip reaches the same share of its peak as in all other sources."""
    rates = {}
    for run in runs:
        chip = run.job.chip
        others = [other for other in known if _tells(other) and other.source != run.source]
        same = [other for other in others if other.job.chip.name == chip.name]
        alike = same or [other for other in others if other.job.chip.family == chip.family]
        if alike:
            share = statistics.median(map(_utilisation, alike))
            rates[id(run)] = share * chip.peak_flop_per_s / _flop_per_token(run.job)
    return rates


def _tells(run):
    return run.complete and run.dense and run.tokens_per_s_chip is not None


def _utilisation(run):
    return run.tokens_per_s_chip * _flop_per_token(run.job) / run.job.chip.peak_flop_per_s


def _flop_per_token(job):
    """Hardware FLOP: what full recomputation computes twice is counted twice."""
    again = 4 / 3 if job.split.recompute in ("full", "offload") else 1
    return job.model.flop_per_token(job.seq) * again


def calculon(runs, known):
    """calculon (Apache-2.0), which knows no ZeRO 3, no context parallelism and no vocabulary."""
    folder = Path(os.environ.get("CALCULON", ""))
    if not (folder / "calculon" / "llm").is_dir():
        return CALCULON
    sys.path.insert(0, str(folder))
    package = importlib.import_module("calculon")
    llm = importlib.import_module("calculon.llm")
    logger = logging.getLogger("calculon")
    rates = {}
    for run in runs:
        page = folder / "systems" / _CALCULON_SYSTEMS[run.job.chip.family]
        system = package.System(json.loads(page.read_text(encoding="utf-8")))
        # It refuses many splits, some by an assertion: those runs are left out.
        with contextlib.suppress(llm.Llm.Error, AssertionError):
            model = llm.Llm(llm.Llm.Application(_calculon_model(run.job)), logger)
            model.compile(system, llm.Llm.Execution.from_json(_calculon_split(run.job)))
            model.run(system)
            job = run.job
            rates[id(run)] = job.global_batch * job.seq / model.get_total_time() / job.split.chips
    return rates


def _calculon_model(job):
    model = job.model
    return {
        "hidden": model.hidden,
        "feedforward": model.ffn * 3 // 2 if model.gated else model.ffn,  # as many parameters
        "seq_size": job.seq,
        "attn_heads": model.heads,
        "attn_size": model.head_dim,
        "num_blocks": model.layers,
    }


def _calculon_split(job):
    split = job.split
    rows = {"full": "full", "offload": "full", "selective": "attn_only", "minimal": "attn_only"}
    sequence = split.sequence_parallel and split.tp > 1
    return {
        "num_procs": split.tp * split.pp * split.dp,
        "tensor_par": split.tp,
        "pipeline_par": split.pp,
        "data_par": split.dp,
        "tensor_par_net": 0,
        "pipeline_par_net": 1,
        "data_par_net": 1 if split.chips > job.chip.server_chips else 0,
        "batch_size": int(job.global_batch),
        "microbatch_size": int(split.micro_batch),
        "datatype": "float16",
        "fused_activation": True,
        "attention_type": "multihead",
        "activation_recompute": rows.get(split.recompute, "none"),
        "pipeline_interleaving": split.vp if split.pp > 1 else 1,
        "optimizer_sharding": split.zero > 0 and split.dp > 1,
        "tensor_par_comm_type": "rs_ag" if sequence else "ar",
        "tensor_par_overlap": "ring" if split.overlap_tp and split.tp > 1 else "none",
        "seq_par_ag_redo": False,
        "data_par_overlap": split.overlap_dp and split.dp > 1,
        "weight_offload": False,
        "activations_offload": False,
        "optimizer_offload": False,
        "training": True,
    }


def mlsysim(runs, known):
    """mlsysim 0.3.0 (Apache-2.0) with its own defaults: half of the peak is reached."""
    try:
        package = importlib.import_module("mlsysim")
    except ImportError:
        return MLSYSIM
    solver = importlib.import_module("mlsysim.solvers").DistributedModel()
    registry = importlib.import_module("mlsysim.systems.registry")
    rates = {}
    for run in runs:
        # It refuses splits that do not divide, and models that it says do not fit.
        with contextlib.suppress(Exception):
            answer = solver.solve(
                **_mlsysim_split(run.job),
                model=_mlsysim_model(package, run.job),
                fleet=_mlsysim_fleet(package, registry, run.job),
            )
            step_s = answer.step_latency_total.m_as("second")
            job = run.job
            rates[id(run)] = job.global_batch * job.seq / step_s / job.split.chips
    return rates


def _mlsysim_split(job):
    split = job.split
    return {
        "batch_size": int(job.global_batch),
        "tp_size": split.tp,
        "pp_size": split.pp,
        "v_stages": split.vp,
        "microbatch_count": max(1, int(job.micro_batches)),
        "zero_stage": split.zero,
        "activation_recomputation": split.recompute in ("full", "offload"),
        "overlap_comm": split.overlap_dp,
        "seq_len": job.seq,
    }


def _mlsysim_model(package, job):
    model, unit = job.model, package.ureg
    return package.models.types.TransformerWorkload(
        name=model.name,
        architecture="Transformer",
        parameters=model.parameters * unit.param,
        layers=model.layers,
        hidden_dim=model.hidden,
        heads=model.heads,
        kv_heads=model.kv_heads,
    )


def _mlsysim_fleet(package, registry, job):
    fleets = next(value for value in vars(registry).values() if hasattr(value, "Training_1K_A100"))
    fleet = fleets.Training_1K_A100 if job.chip.family == "a100" else fleets.Training_512_H100
    fabric = fleet.fabric.model_copy(
        update={"bandwidth": job.nic_bytes_per_s * package.ureg.byte / package.ureg.second}
    )
    count = max(1, job.split.chips // fleet.node.accelerators_per_node)
    return fleet.model_copy(update={"count": count, "fabric": fabric})


ALL = (hfu, calculon, mlsysim)
