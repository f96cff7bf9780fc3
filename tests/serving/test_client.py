"""The client, against a server that fails as it is told."""

import pytest

from labkit.serving import (
    Answer,
    LoadRun,
    Server,
    ServingError,
    Watch,
    ask,
    burst,
    closed_loop,
    counters,
)

FIRST_SIX = "w0 w1 w2 w3 w4 w5 "


def test_a_stream_says_when_each_token_came(scripted):
    answer = ask(scripted, "Hello", max_tokens=6)
    assert (answer.text, answer.n_tokens, answer.status, answer.ok) == (FIRST_SIX, 6, 200, True)
    assert len(answer.token_times_s) == 6
    assert sorted(answer.token_times_s) == list(answer.token_times_s)
    assert answer.sent_s < answer.token_times_s[0] <= answer.end_s


def test_a_plain_request_has_the_same_text_and_no_token_times(scripted):
    answer = ask(scripted, "Hello", max_tokens=6, stream=False)
    assert (answer.text, answer.n_tokens, answer.ttft_s) == (FIRST_SIX, 6, None)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("order", "error"),
    [(500, "HTTP 500"), (429, "HTTP 429"), ("silent", "RemoteDisconnected"),
     ("rubbish", "broke off|no answer of OpenAI's protocol")],
)  # fmt: skip
def test_a_failure_is_told_not_raised(scripted, stream, order, error):
    scripted.script = [order]
    answer = ask(scripted, "Hello", stream=stream)
    assert not answer.ok
    assert any(part in answer.error for part in error.split("|"))


def test_a_stream_that_breaks_is_no_whole_answer(scripted):
    scripted.script = ["cut 2"]
    answer = ask(scripted, "Hello", max_tokens=6)
    assert (answer.text, answer.error) == ("w0 w1 ", "the stream broke off")


def test_an_error_in_the_stream_is_told(scripted):
    scripted.script = ["error"]
    assert "it is all too much" in ask(scripted, "Hello", max_tokens=2).error


@pytest.mark.parametrize("orders", [["cut 2"], ["cut 0"], ["cut 5", 503, "silent"], ["cut 6"],
                                    ["cut 1", "cut 1", "error"]])  # fmt: skip
def test_a_resumed_stream_has_the_same_text(scripted, orders):
    scripted.script = list(orders)
    answer = ask(scripted, "Hello", max_tokens=6, resume=True)
    assert (answer.text, answer.n_tokens, answer.ok) == (FIRST_SIX, 6, True)
    assert answer.n_resumed == len(orders)


def test_what_was_received_is_sent_again_and_only_the_rest_asked_for(scripted):
    scripted.script = ["cut 2"]
    ask(scripted, "Hello", max_tokens=6, resume=True)
    again = scripted.bodies[1]
    assert again["messages"][-1] == {"role": "assistant", "content": "w0 w1 "}
    assert (again["max_tokens"], again["continue_final_message"]) == (4, True)


def test_a_request_that_is_wrong_is_not_sent_again(scripted):
    scripted.script = [400]
    assert not ask(scripted, "Hello", resume=True).ok
    assert len(scripted.bodies) == 1


def test_the_first_token_is_announced_once(scripted):
    told = []
    ask(scripted, "Hello", max_tokens=4, on_first_token=lambda: told.append(1))
    assert told == [1]


def test_a_server_that_somebody_else_runs(scripted):
    server = Server(f"{scripted.url}/v1/", api_key="secret")
    assert (server.url, server.model) == (scripted.url, "tiny")
    assert ask(server, "Hello", max_tokens=2).ok
    assert scripted.bodies[0]["model"] == "tiny"
    assert scripted.bodies[0]["key"] == "Bearer secret"


NO_ADDRESSES = [
    "nonsense", "ftp://host", "http://", "http://host:port", "http://[::1", "http://a b", "http://..",
    "http://host:1?x=1", "http://host:1/\u2603", "http://" + "a" * 300, None, 3,
]  # fmt: skip


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_address_is_said(url):
    with pytest.raises(ServingError, match="not the address of a server"):
        Server(url)


@pytest.mark.parametrize("at", ["nonsense", None, 3, object()])
def test_a_question_to_what_is_no_address_is_said(at):
    with pytest.raises(ServingError, match="not the address of a server"):
        ask(at, "Hello")


@pytest.mark.parametrize("load", [
    lambda: closed_loop("nonsense", clients=1, time_s=1), lambda: burst("nonsense", 1),
    lambda: Watch("nonsense"), lambda: counters("nonsense"),
])  # fmt: skip
def test_a_load_on_what_is_no_address_is_said(load):
    with pytest.raises(ServingError, match="not the address of a server"):
        load()


def test_an_address_may_be_pasted_with_space_around_it(scripted):
    assert Server(f" {scripted.url}\n").url == scripted.url


def test_a_key_with_the_end_of_its_line_is_said(scripted):
    with pytest.raises(ServingError, match="api_key holds a sign that cannot be sent"):
        Server(scripted.url, api_key="secret\n")


@pytest.mark.parametrize("wrong", [
    {"max_tokens": 0}, {"max_tokens": -1}, {"max_tokens": 1.5}, {"timeout_s": 0}, {"prompt": None},
    {"timeout_s": float("nan")}, {"timeout_s": float("inf")}, {"timeout_s": "a"}, {"prompt": b"x"},
])  # fmt: skip
def test_nonsense_is_refused_and_nothing_is_sent(scripted, wrong):
    with pytest.raises(ServingError, match=f"{next(iter(wrong))} is"):
        ask(scripted, **({"prompt": "Hello"} | wrong))
    assert not scripted.bodies


@pytest.mark.parametrize("event", [
    [1], 3, None, {"choices": ["a"]}, {"choices": {"a": 1}}, {"choices": [{"delta": "a"}]},
    {"choices": [{"delta": {"content": 5}}]}, {"usage": [1], "choices": []},
])  # fmt: skip
def test_an_event_of_another_protocol_is_told_not_raised(scripted, event):
    scripted.script = [[event]]
    assert "no answer of OpenAI's protocol" in ask(scripted, "Hello").error


def piece(text, why=None, **more):
    return {"choices": [{"delta": {"content": text}, "finish_reason": why}], **more}


@pytest.mark.parametrize("n_tokens", [None, "many", float("inf"), float("nan"), -5])
def test_a_strange_count_of_tokens_costs_no_answer(scripted, n_tokens):
    usage = {"completion_tokens": n_tokens}
    scripted.script = [[piece("a", error=None), piece("b", "stop", usage=usage)]]
    answer = ask(scripted, "Hello")
    assert (answer.text, answer.n_tokens, answer.error) == ("ab", 2, None)


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_an_answer_that_the_server_gave_up_is_not_whole(scripted, reason):
    scripted.script = [[piece("a"), piece("", reason)]]
    assert ask(scripted, "Hello").error == f"the server gave up: finish_reason {reason!r}"


def test_signs_that_come_in_parts_are_put_together(scripted):
    scripted.script = [[piece("é☃"), piece("𝄞", "stop")]]
    assert ask(scripted, "Hello").text == "é☃𝄞"


def test_an_address_where_nothing_answers_is_said():
    with pytest.raises(ServingError, match=r"Nothing answers at http://127.0.0.1:9 "):
        Server("http://127.0.0.1:9")


def test_an_address_that_is_no_model_server_is_said(scripted, monkeypatch):
    monkeypatch.setattr("labkit.serving.address.json.loads", lambda text: {"nothing": 1})
    with pytest.raises(ServingError, match="does not speak OpenAI's protocol"):
        Server(scripted.url)


def test_counters_are_read_by_name(scripted):
    scripted.metrics = '# HELP x\nllamacpp:tokens 3\nvllm:hits{model="a"} 1\nvllm:hits{model="b"} 2'
    assert counters(scripted) == {"tokens": 3, "hits": 3}


def test_counters_may_have_times_examples_and_odd_labels(scripted):
    scripted.metrics = 'x 3 1700000000\ny{le="+Inf",a="} {"} 4 # {id="a"} 1\nz +Inf'
    assert counters(scripted) == {"x": 3, "y": 4, "z": float("inf")}


@pytest.mark.parametrize("page", ["<html>", "nothing", "a b c"])
def test_a_page_without_counters_is_said(scripted, page):
    scripted.metrics = page
    with pytest.raises(ServingError, match="holds no counters"):
        counters(scripted)


def test_what_a_client_raises_is_raised(scripted):
    def prompt(client, number):
        raise LookupError("there is no question")

    with pytest.raises(LookupError, match="there is no question"):
        closed_loop(scripted, clients=2, time_s=60, prompt=prompt)


@pytest.mark.parametrize("n_requests", [0, -1, 1.5])
def test_a_burst_of_nothing_is_refused(scripted, n_requests):
    with pytest.raises(ServingError, match="one request or more"):
        burst(scripted, n_requests)


def test_a_closed_loop_keeps_its_clients_busy(scripted):
    run = closed_loop(scripted, clients=3, time_s=0.2, max_tokens=2)
    assert not run.lost
    assert run.n_requests >= 3
    assert {answer.prompt.split(",")[0] for answer in run.answers} == {
        f"Client {n}" for n in range(3)
    }


def test_no_question_is_asked_twice(scripted):
    run = closed_loop(scripted, clients=2, time_s=0.2, max_tokens=1)
    prompts = [answer.prompt for answer in run.answers]
    assert len(set(prompts)) == len(prompts)


def test_an_interrupt_stops_the_clients(scripted):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        closed_loop(scripted, clients=2, time_s=60, max_tokens=1, meanwhile=interrupt)


def test_a_burst_is_sent_at_once(scripted):
    scripted.script = [429, 429]
    run = burst(scripted, 5)
    assert (run.n_requests, run.reasons) == (5, {"HTTP 429": 2})


@pytest.mark.parametrize(
    ("clients", "time_s"), [(0, 1), (1.5, 1), (1, 0), (1, float("nan")), (1, float("inf"))]
)
def test_a_load_of_nothing_is_refused(scripted, clients, time_s):
    with pytest.raises(ServingError, match="needs a client and some time"):
        closed_loop(scripted, clients=clients, time_s=time_s)


def test_a_watch_sees_what_the_server_counts(scripted):
    scripted.metrics = "llamacpp:requests_processing 3\nllamacpp:requests_deferred 2"
    with Watch(scripted, every_s=0.01) as seen:
        run = closed_loop(scripted, clients=1, time_s=0.2, max_tokens=1)
    assert seen.mean_during(run) == 5


def test_a_watch_leaves_out_what_was_before_a_run_and_after_it(scripted):
    seen = Watch(scripted)
    seen._samples = [(9.0, 0), (10.5, 3), (11.5, 5), (13.0, 0)]
    one = Answer("?", "!", sent_s=10.0, end_s=12.0)
    assert seen.mean_during(LoadRun((one,), 10.0, 1.0)) == 4
    assert seen.mean_during(LoadRun((), 10.0, 1.0)) is None


def test_a_server_without_counters_is_watched_in_vain(scripted):
    with Watch(scripted, every_s=0.01) as seen:
        run = closed_loop(scripted, clients=1, time_s=0.1, max_tokens=1)
    assert seen.mean_during(run) is None


def test_what_was_lost_is_a_measured_share(scripted):
    scripted.script = [500]
    lost = burst(scripted, 4).share_lost("lost")
    assert (lost.value, str(lost.origin), lost.unit) == (0.25, "measured", "%")
