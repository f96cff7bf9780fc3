"""Serving a real language model: replicas, a router, load, and what happens when parts of it die.

- `Replica` runs llama.cpp with SmolLM2-135M on this machine, `Router` puts several behind one
  address, `Server` is one that somebody else runs: vLLM, or anything that speaks OpenAI's protocol
- `ask` sends one request and notes when each token came; `Answer` and `SLO` define TTFT, TPOT,
  inter-token latency and goodput
- `closed_loop` keeps a number of clients busy, `loadgen` is MLPerf's own load generator; both give
  a `LoadRun`; `Watch` asks the server itself meanwhile
- `decode_rate` and `CpuTime` measure a replica by its CPU time, so that a busy machine does as
  well; `read_rate` tells how fast one thread reads the file of its model
- `Fleet` is replicas and a router together, with `kill`, `kill_under_load` and `rolling_restart`

Everything listens on 127.0.0.1 and ends with the Python that started it, however that ends.
"""

from labkit.serving.address import Server, counters
from labkit.serving.answer import SLO, Answer
from labkit.serving.client import ask
from labkit.serving.cpu_time import CpuTime, decode_rate, read_rate
from labkit.serving.errors import ServingError
from labkit.serving.fleet import Fleet, FleetRun, Outage
from labkit.serving.load import LoadRun, Watch, burst, closed_loop, question
from labkit.serving.loadgen import SCENARIOS, LoadGenRun, loadgen
from labkit.serving.model import FORMATS, model_file
from labkit.serving.replica import Replica
from labkit.serving.router import CAREFUL, NOTHING, USUAL, Router

__all__ = [
    "CAREFUL", "FORMATS", "NOTHING", "SCENARIOS", "SLO", "USUAL", "Answer", "CpuTime", "Fleet",
    "FleetRun", "LoadGenRun", "LoadRun", "Outage", "Replica", "Router", "Server", "ServingError",
    "Watch", "ask", "burst", "closed_loop", "counters", "decode_rate", "loadgen", "model_file",
    "question", "read_rate",
]  # fmt: skip
