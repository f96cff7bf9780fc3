"""A server that does what a test tells it, and one real fleet for all tests that need one."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from labkit.serving import Fleet


class Scripted(ThreadingHTTPServer):
    """Speaks OpenAI's protocol. `script` holds what happens to the next requests, one each:

    a list holds the events of a stream, a number is an HTTP status, "cut N" breaks the stream after
    N tokens, "error" sends an error in the stream, "silent" closes without a word; when it is
    empty, answers are whole.
    """

    daemon_threads = True
    words = tuple(f"w{n} " for n in range(64))

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.bodies, self.metrics = [], [], ""
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        pages = {
            "/health": "{}",
            "/metrics": self.server.metrics,
            "/v1/models": json.dumps({"data": [{"id": "tiny"}]}),
        }
        text = pages.get(self.path)
        self.send_response(404 if text is None else 200)
        self.end_headers()
        self.wfile.write((text or "not here").encode())

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body | {"key": self.headers.get("Authorization")})
        order = self.server.script.pop(0) if self.server.script else "whole"
        if order == "silent":
            self.close_connection = True
            return
        self.send_response(order if isinstance(order, int) else 200)
        self.end_headers()
        if order == "rubbish":
            self.wfile.write(b"<html>hello</html>")
        elif not isinstance(order, int):
            (self._stream if body["stream"] else self._whole)(body, order)

    def _whole(self, body, _order):
        text = "".join(self.server.words[: body["max_tokens"]])
        usage = {"completion_tokens": body["max_tokens"]}
        answer = {"choices": [{"message": {"content": text}}], "usage": usage}
        self.wfile.write(json.dumps(answer).encode())

    def _stream(self, body, order):
        if isinstance(order, list):
            for event in order:
                self._event(event, piece_bytes=1)  # a network may cut in the middle of a sign
            return
        kept = body["messages"][-1]
        done = len(kept["content"].split()) if kept["role"] == "assistant" else 0
        n_tokens = body["max_tokens"]
        cut = int(order.split()[1]) if order.startswith("cut") else n_tokens
        for word in self.server.words[done : done + min(cut, n_tokens)]:
            self._event({"choices": [{"delta": {"content": word}}]})
        if order == "error":
            self._event({"error": {"message": "it is all too much"}})
        elif not order.startswith("cut"):
            self._event({"choices": [{"delta": {}, "finish_reason": "length"}]})
            self._event({"choices": [], "usage": {"completion_tokens": n_tokens}})

    def _event(self, event, piece_bytes=1 << 16):
        data = f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
        for place in range(0, len(data), piece_bytes):
            self.wfile.write(data[place : place + piece_bytes])


@pytest.fixture
def scripted():
    server = Scripted()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def fleet():
    """Two real replicas behind a real router, started once."""
    pytest.importorskip("xllamacpp")
    pytest.importorskip("vllm_router")
    with Fleet(2, slots=2, context=256) as fleet:
        yield fleet
