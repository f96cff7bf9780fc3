"""A client of OpenAI's protocol that notes when each token comes, and goes on where it broke."""

import dataclasses
import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from labkit.serving.address import HasUrl, base_of, connect, headers
from labkit.serving.answer import Answer
from labkit.serving.errors import ServingError

TIMEOUT_S = 30.0
_TRIES = 12  # of a stream that breaks again and again
_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0  # before the next try; twice as long each time
_GIVEN_UP = ("abort", "error")  # vLLM's reasons for an end that is no end
_FATAL = (400, 401, 403, 404, 405, 413, 422)  # trying again would change nothing


def ask(
    at: HasUrl | str,
    prompt: str,
    *,
    max_tokens: int = 32,
    stream: bool = True,
    resume: bool = False,
    whole: bool = True,
    timeout_s: float = TIMEOUT_S,
    on_first_token: Callable[[], Any] | None = None,
) -> Answer:
    """Ask a server one question and wait for the whole answer.

    at       a Replica, a Router, a Fleet, a Server, or an address
    stream   have the tokens sent one by one, so that TTFT and TPOT can be told
    resume   go on with a stream that breaks: the request is sent again with the text so far
    whole    make exactly `max_tokens` tokens, however soon the model would end its answer; not
             every server can be asked for that
    timeout_s   how long to wait for the next piece of an answer
    on_first_token   called once, when the first token is here

    The most likely token is taken each time, so the same question has the same answer. Never raises
    for what goes wrong on the way: `answer.error` says it. Raises ServingError for an `at` that
    isn't an address, and for nonsense among the other arguments.
    """
    if not isinstance(prompt, str):
        raise ServingError(f"A prompt is a text, not {prompt!r}.")
    if type(max_tokens) is not int or max_tokens < 1:
        raise ServingError(f"max_tokens is a whole number from 1, not {max_tokens!r}.")
    if not isinstance(timeout_s, (int, float)) or not 0 < timeout_s < 1e9:
        raise ServingError(f"timeout_s is a number of seconds above 0, not {timeout_s!r}.")
    request = _Request(at, prompt, max_tokens, stream, whole, timeout_s, on_first_token)
    for n_resumed in range(_TRIES if stream and resume else 1):
        if n_resumed:
            time.sleep(min(_PAUSE_S * 2 ** (n_resumed - 1), _LONGEST_PAUSE_S))
        request.send(n_resumed)
        if request.error is None or request.status in _FATAL:
            break
    return request.answer()


@dataclasses.dataclass
class _Request:
    """A request under way, over all of its tries."""

    at: HasUrl | str
    prompt: str
    max_tokens: int
    stream: bool
    whole: bool
    timeout_s: float
    on_first_token: Callable[[], Any] | None = None

    def __post_init__(self):
        self.url = base_of(self.at)
        self.sent_s = time.monotonic()
        self.text, self.token_times_s, self.n_counted = "", [], 0
        self.status, self.error, self.server, self.n_resumed = None, None, {}, 0

    def send(self, n_resumed):
        self.error, self.status, self.n_resumed = None, None, n_resumed
        if len(self.token_times_s) >= self.max_tokens:  # it broke after the last token
            return
        connection, path = connect(self.url, self.timeout_s)
        try:
            body = json.dumps(self._body())
            connection.request(
                "POST", f"{path}/v1/chat/completions", body,
                headers(getattr(self.at, "api_key", None)),
            )  # fmt: skip
            response = connection.getresponse()
            self.status = response.status
            if response.status != 200:
                said = " ".join(response.read(500).decode("utf-8", "replace").split())
                self.error = f"HTTP {response.status}: {said[:120]}".removesuffix(": ")
            elif self.stream:
                self._read_stream(response)
            else:
                self._read_whole(json.loads(response.read()))
        except (OSError, http.client.HTTPException) as error:
            self.error = f"{type(error).__name__}: {str(error)[:80]}"
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self.error = f"no answer of OpenAI's protocol ({type(error).__name__})"
        finally:
            connection.close()

    def _body(self):
        messages = [{"role": "user", "content": self.prompt}]
        body: dict[str, Any] = {
            "model": getattr(self.at, "model", "m"), "messages": messages, "stream": self.stream,
            "max_tokens": self.max_tokens - len(self.token_times_s), "temperature": 0, "seed": 1,
        }  # fmt: skip
        if self.whole:
            body["ignore_eos"] = True
        if self.stream:
            body["stream_options"] = {"include_usage": True}
        if self.text:  # llama.cpp goes on with an assistant's message; vLLM has to be told to
            messages.append({"role": "assistant", "content": self.text})
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return body

    def _read_stream(self, response):
        finished, before = False, len(self.token_times_s)
        for line in response:
            if not line.startswith(b"data:") or line[5:].strip() == b"[DONE]":
                continue
            event = json.loads(line[5:])
            if event.get("error"):
                self.error = f"the server sent an error: {str(event['error'])[:120]}"
                return
            choice = (event.get("choices") or [{}])[0]
            if piece := _text(choice.get("delta")):
                self.token_times_s.append(time.monotonic())
                if len(self.token_times_s) == 1 and self.on_first_token:
                    self.on_first_token()
                self.text += piece
            if choice.get("finish_reason") in _GIVEN_UP:
                self.error = f"the server gave up: finish_reason {choice['finish_reason']!r}"
                return
            finished = finished or bool(choice.get("finish_reason"))
            self.server = event.get("timings") or self.server
            if isinstance(n_tokens := (event.get("usage") or {}).get("completion_tokens"), int):
                self.n_counted = before + n_tokens
        if not finished:
            self.error = "the stream broke off"

    def _read_whole(self, answer):
        self.text = _text(answer["choices"][0]["message"])
        self.n_counted = int(answer["usage"]["completion_tokens"])
        self.server = answer.get("timings") or {}

    def answer(self):
        return Answer(
            self.prompt, self.text, self.sent_s, time.monotonic(), tuple(self.token_times_s),
            max(self.n_counted, len(self.token_times_s)), self.status, self.error, self.n_resumed,
            self.server,
        )  # fmt: skip


def _text(message):
    """What a message, or a piece of one, says."""
    text = (message or {}).get("content") or ""
    if not isinstance(text, str):
        raise TypeError(f"its content is of type {type(text).__name__}")
    return text
