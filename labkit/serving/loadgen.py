"""MLPerf's LoadGen against any server that speaks OpenAI's protocol.

LoadGen decides when requests are sent, and whether a run is VALID; the answers come from `ask`. It
runs in a process of its own, because it is C++ that no interrupt reaches, and that ends its whole
process where a setting does not please it. Scenarios, from its own documentation
(github.com/mlcommons/inference/blob/master/loadgen/README.md):

- `SingleStream`: the next request when the last one is answered
- `Offline`: all requests at once
- `Server`: requests at random moments (Poisson) at a given rate, whether or not it keeps up
"""

import dataclasses
import importlib.util
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from labkit.serving.address import HasUrl, base_of
from labkit.serving.answer import SLO, Answer
from labkit.serving.client import ask
from labkit.serving.errors import ServingError
from labkit.serving.load import LoadRun, question
from labkit.serving.process import Child

SCENARIOS = ("SingleStream", "Offline", "Server")
INTERACTIVE = SLO(ttft_s=1.0, tpot_s=0.2)
_SUMMARY = "mlperf_log_summary.txt"
_MOST_REQUESTS = 10_000  # LoadGen lays out all of them before it begins
_MOST_AT_ONCE = 64  # requests under way; more wait in the client


@dataclasses.dataclass(frozen=True, repr=False)
class LoadGenRun(LoadRun):
    """A LoadRun that LoadGen has judged.

    verdict   VALID or INVALID
    reasons_given   why it is INVALID, in LoadGen's words
    summary   all that LoadGen says of the run
    """

    scenario: str
    verdict: str
    reasons_given: tuple[str, ...]
    summary: str

    def __repr__(self) -> str:
        why = f": {'; '.join(self.reasons_given)}" if self.reasons_given else ""
        return f"{self.scenario}, {super().__repr__()}, {self.verdict}{why}"


def loadgen(
    at: HasUrl | str, scenario: str = "Server", *, rate_per_s: float, time_s: float = 6.0,
    slo: SLO = INTERACTIVE, max_tokens: int = 8, least_requests: int = 20,
) -> LoadGenRun:  # fmt: skip
    """Run one of SCENARIOS for at least `time_s`.

    rate_per_s      Server: requests a second. The other two: what is expected, from which LoadGen
                    works out how many requests it takes to fill the time
    slo             what a VALID Server run has to keep to
    least_requests  a run with fewer is INVALID

    Raises ServingError, a sentence, for an unknown scenario or an address that isn't a server's,
    and where LoadGen is missing.
    """
    if scenario not in SCENARIOS:
        raise ServingError(f"LoadGen has {', '.join(SCENARIOS)}, not {scenario!r}.")
    if not rate_per_s > 0 or not time_s > 0 or not rate_per_s * time_s <= _MOST_REQUESTS:
        raise ServingError(
            f"A rate and a time are above 0, and make {_MOST_REQUESTS:,} requests at most: not "
            f"{rate_per_s} a second for {time_s} s."
        )
    for name, value in (("max_tokens", max_tokens), ("least_requests", least_requests)):
        if type(value) is not int or value < 1:
            raise ServingError(f"{name} is a whole number from 1, not {value!r}.")
    if importlib.util.find_spec("mlperf_loadgen") is None:
        raise ServingError(
            "LoadGen is not installed; not every Python and machine has a wheel of it. In a "
            "terminal: python -m pip install mlcommons-loadgen. Or use closed_loop."
        )
    with tempfile.TemporaryDirectory(prefix="labkit-loadgen-") as folder:
        settings = {
            "url": base_of(at), "scenario": scenario,
            "model": getattr(at, "model", "m"), "api_key": getattr(at, "api_key", None),
            "rate_per_s": rate_per_s, "time_s": time_s, "max_tokens": max_tokens,
            "slo": dataclasses.astuple(slo), "least_requests": least_requests, "folder": folder,
        }  # fmt: skip
        child = Child("loadgen", settings)
        try:
            code = child.wait()
            said = "" if code == 0 else child.said()
        finally:
            child.stop()
        result = Path(folder) / "answers.json"
        if code or not result.exists():
            raise ServingError(f"LoadGen ended with exit code {code}: {said.strip()[-300:]}")
        return _read(result, (Path(folder) / _SUMMARY).read_text("utf-8"), scenario)


def _read(path, summary, scenario):
    kept = json.loads(path.read_text("utf-8"))
    answers = [Answer(**{**one, "token_times_s": tuple(one["token_times_s"])}) for one in kept]
    answers.sort(key=lambda one: one.sent_s)
    start_s = answers[0].sent_s
    until_s = max(one.sent_s if scenario == "Server" else one.end_s for one in answers)
    verdict = re.search(r"Result is *: (\w+)", summary)
    return LoadGenRun(
        tuple(answers), start_s, max(until_s - start_s, 1e-9), scenario,
        verdict[1] if verdict else "INVALID", tuple(_reasons(summary)), summary,
    )  # fmt: skip


def _reasons(summary):
    """The lines of a summary that say why a run is not valid."""
    for line in summary.splitlines():
        if re.search(r"satisfied *: *NO", line, re.I):
            yield line.split(":")[0].strip().replace(" satisfied", " not satisfied")
    text = summary.partition("Recommendations:")[2]
    yield from (line.strip(" *") for line in text.splitlines() if line.startswith(" *"))


class _Target:
    """What `ask` needs to know of a server."""

    def __init__(self, settings):
        self.url, self.model = settings["url"], settings["model"]
        self.api_key = settings["api_key"]


def run(settings: dict[str, Any]) -> None:
    """One run, in this process; the answers go to `answers.json` in the folder of the settings."""
    from concurrent.futures import ThreadPoolExecutor

    import mlperf_loadgen as lg

    pool, target = ThreadPoolExecutor(_MOST_AT_ONCE), _Target(settings)
    answers: list[Answer] = []

    def serve(sample, issued_s):
        def first_token():
            lg.FirstTokenComplete([lg.QuerySampleResponse(sample.id, 0, 0)])

        prompt = question(sample.index, sample.id % 100_000)
        answer = ask(target, prompt, max_tokens=settings["max_tokens"], on_first_token=first_token)
        answers.append(dataclasses.replace(answer, sent_s=issued_s))
        if answer.ttft_s is None:
            first_token()  # LoadGen counts a request that failed as one that was slow
        n_tokens = max(answer.n_tokens, 1)
        lg.QuerySamplesComplete([lg.QuerySampleResponse(sample.id, 0, 0, n_tokens)])

    def issue(samples):
        issued_s = time.monotonic()  # waiting for a thread counts: the user waits, too
        for sample in samples:
            pool.submit(serve, sample, issued_s)

    test, output, log = lg.TestSettings(), lg.LogOutputSettings(), lg.LogSettings()
    test.scenario = getattr(lg.TestScenario, settings["scenario"])
    test.mode = lg.TestMode.PerformanceOnly
    test.min_duration_ms = int(settings["time_s"] * 1e3)
    test.max_duration_ms = int(settings["time_s"] * 3e3)
    test.min_query_count = settings["least_requests"]
    test.server_target_qps = test.offline_expected_qps = settings["rate_per_s"]
    test.single_stream_expected_latency_ns = int(1e9 / settings["rate_per_s"])
    ttft_s, tpot_s, percentile = settings["slo"]
    test.use_token_latencies = True
    test.ttft_latency, test.tpot_latency = int(ttft_s * 1e9), int(tpot_s * 1e9)
    test.server_target_latency_percentile = percentile
    output.outdir, output.copy_summary_to_stdout = settings["folder"], False
    log.log_output, log.enable_trace = output, False
    sut = lg.ConstructSUT(issue, lambda: None)
    library = lg.ConstructQSL(1024, 1024, lambda samples: None, lambda samples: None)
    lg.StartTestWithLogSettings(sut, library, test, log)
    lg.DestroyQSL(library)
    lg.DestroySUT(sut)
    kept = [dataclasses.asdict(answer) | {"server": {}} for answer in answers]
    (Path(settings["folder"]) / "answers.json").write_text(json.dumps(kept), "utf-8")
