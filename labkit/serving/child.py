"""What runs in a process of its own: `python labkit/serving/child.py KIND SETTINGS`.

KIND is `replica`, `router` or `loadgen`, SETTINGS is JSON. Standard input is a pipe of which the
process that started this one holds the other end. When that process ends, however it ends, the
pipe closes, and so does everything here: nothing has to be tidied up after a kill.
"""

import json
import os
import sys
import threading

from labkit.lifetime import die_with_parent, end_with_pipe


def replica(settings):
    """One llama.cpp server; it answers at /health once the model is in memory."""
    import xllamacpp

    end_with_pipe()
    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.hostnames, params.port = [settings["host"]], settings["port"]
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["slots"] * settings["context"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    params.endpoint_metrics, params.warmup = True, False
    if settings["speculate"]:
        ngram = xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE
        params.speculative.types = [ngram]
        params.speculative.ngram_simple.size_n, params.speculative.ngram_simple.size_m = 3, 24
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


def router(settings):
    """vllm-router in a child of this process, which ends it.

    The router never lets go of Python's lock, so a thread beside it could not watch the pipe.
    """
    parent, pid = os.getpid(), os.fork()
    if pid:
        end_with_pipe(pid)
        _, status = os.waitpid(pid, 0)
        os._exit(max(os.waitstatus_to_exitcode(status), 1))
    die_with_parent(parent)
    from vllm_router import launch_router

    sys.argv = ["vllm-router", *settings["flags"]]
    launch_router.main()


def loadgen(settings):
    """One run of LoadGen, whose result goes to the file that the settings name."""
    end_with_pipe()
    from labkit.serving.loadgen import run

    run(settings)


if __name__ == "__main__":
    {"replica": replica, "router": router, "loadgen": loadgen}[sys.argv[1]](json.loads(sys.argv[2]))
