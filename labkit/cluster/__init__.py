"""Real ranks from a notebook: real processes, real bytes, real kills, on torch's own elastic agent.

A *rank* is one process of a program that runs many times at once, as `torchrun` starts it: it finds
`RANK`, `WORLD_SIZE` and the address of its peers in its environment, so it begins with
`torch.distributed.init_process_group("gloo")`. The program is a script, or a function:

    import labkit as lk

    def add_up(x):                                  # every rank runs this
        import torch, torch.distributed as dist
        dist.init_process_group("gloo")
        total = torch.tensor([x * dist.get_rank()])
        dist.all_reduce(total)
        lk.cluster.report(total=total.item())       # arrives while the ranks still run
        return total.item()                         # arrives at the end

    run = lk.run_ranks(add_up, 4, args=(10,), timeout_s=30)
    run.returned                                    # [60, 60, 60, 60], by rank
    run.reports[0].rank, run.reports[0].time_s, run.reports[0].values
    lk.run_ranks("train.py", 2, args=("--steps", 10))   # a script gets `args` as its sys.argv

Inside a rank, `labkit.cluster.traffic.Traffic` counts collectives with their bytes. From the
notebook, `run_pipelines` trains by torch's pipeline schedules and tells when each task ran.

`run_ranks` prints what the ranks print, line by line, and returns when all have ended. If a rank
fails, it raises `RankError` with that rank's own traceback; after `timeout_s` it stops all of them
and raises `RankTimeoutError`, which says where each one was. An interrupt stops them all.

To watch a run, or to hurt it, start it without waiting:

    with lk.start_ranks("train.py", 2, restarts=3) as run:      # leaving the block stops all
        for report in run.follow():                 # reports as they come, until the end
            if report.values["step"] == 20:
                run.kill(1)                         # SIGKILL; run.kill(0, 1) kills both at once
        run.pids, run.attempt, run.is_running       # {0: 4711, 1: 4712}, restarts so far, bool
        run.wait()                                  # raises as run_ranks does

Between hosts there are links. `hosts=4, link_bit_per_s=100e6` lays out four network namespaces on
this machine, each behind a link of 100 Mbit/s, with root or in a user namespace without it.
`hosts=2, rendezvous="10.0.0.1:29500"` joins real ones: `torchrun_command` gives what to type there.

The first run in a notebook takes about four seconds: a launcher imports torch once. From then on
it forks the ranks, so they start in a fraction of a second and share that memory. Nothing is left
running when the notebook, the launcher, an agent or a rank is killed. Where processes cannot be
forked safely (macOS), ranks are started as torchrun starts them, which takes seconds.
"""

from labkit.cluster.all_reduce import time_all_reduces, watch_links
from labkit.cluster.errors import RankError, RankTimeoutError
from labkit.cluster.hosts import why_no_hosts
from labkit.cluster.pipelines import PIPELINES, PipelineRun, run_pipelines
from labkit.cluster.report import Report, report
from labkit.cluster.ring import PracticeRing, RingError, RingLinks, all_reduce_by
from labkit.cluster.run import RankRun
from labkit.cluster.start import run_ranks, start_ranks, torchrun_command, why_no_ranks

__all__ = [
    "PIPELINES",
    "PipelineRun",
    "PracticeRing",
    "RankError",
    "RankRun",
    "RankTimeoutError",
    "Report",
    "RingError",
    "RingLinks",
    "all_reduce_by",
    "report",
    "run_pipelines",
    "run_ranks",
    "start_ranks",
    "time_all_reduces",
    "torchrun_command",
    "watch_links",
    "why_no_hosts",
    "why_no_ranks",
]
