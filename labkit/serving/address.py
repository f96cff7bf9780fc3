"""Addresses of servers, and HTTP to them; nothing but the standard library, and no proxy."""

import http.client
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from labkit.serving.errors import ServingError


class HasUrl(Protocol):
    """Anything that serves: a Replica, a Router, a Fleet or a Server."""

    @property
    def url(self) -> str: ...


class Response(NamedTuple):
    status: int
    text: str


class Server:
    """A server that somebody else runs: `Server("http://host:8000")`, vLLM's for example.

    url       of anything that speaks OpenAI's protocol, with or without `/v1`
    model     the name of its model; left out, the first that it lists
    api_key   sent with each request, if there is one

    Raises ServingError, a sentence, where nothing answers or something else does.
    """

    def __init__(self, url: str, model: str | None = None, api_key: str | None = None):
        self.url = base_of(url)
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ServingError(
                "The api_key holds a sign that cannot be sent, such as the end of a line. Copy it "
                "again."
            )
        self.api_key = api_key
        self.model = model or _first_model(self.url, api_key)

    def __repr__(self) -> str:
        return f"Server({self.url}, model {self.model})"


def base_of(at: Any) -> str:
    """The address of a server, or of what has a `url`, without a closing slash or `/v1`.

    Raises ServingError for anything that isn't an address.
    """
    url = getattr(at, "url", at)
    if not isinstance(url, str) or not _is_address(url := url.strip()):
        raise ServingError(
            f"{url!r} is not the address of a server. Write one like http://127.0.0.1:8000."
        )
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def _is_address(url):
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        named = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:  # a port that is no number, a bracket too few, a name too long
        return False
    whole = not parts.query and not parts.fragment and parts.path.isascii()
    return bool(named and whole and not re.search(r"\s", url))


def connect(url: str, timeout_s: float) -> tuple[http.client.HTTPConnection, str]:
    """A connection that is not open yet, and the path of `url` on it."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout_s), parts.path


def headers(api_key: str | None = None) -> dict[str, str]:
    """What goes with each request."""
    given = {"Content-Type": "application/json"}
    return given | ({"Authorization": f"Bearer {api_key}"} if api_key else {})


def get(url: str, timeout_s: float = 10.0, api_key: str | None = None) -> Response:
    """GET `url`. Raises OSError where nothing answers, or something that isn't HTTP does."""
    connection, path = connect(url, timeout_s)
    try:
        connection.request("GET", path or "/", headers=headers(api_key))
        response = connection.getresponse()
        return Response(response.status, response.read().decode("utf-8", "replace"))
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP: {type(error).__name__}") from None
    finally:
        connection.close()


def counters(at: HasUrl | str) -> Mapping[str, float]:
    """What a server counts itself, from its /metrics page: name -> value.

    Labels are dropped; of several values with one name the sum is given. llama.cpp's and vLLM's
    names differ. Raises ServingError where there is no such page.
    """
    url = base_of(at)
    try:
        response = get(f"{url}/metrics")
    except OSError as error:
        raise ServingError(f"Nothing answers at {url} ({error}). Is the server running?") from None
    if response.status != 200:
        raise ServingError(
            f"{url} has no page /metrics (status {response.status}), so it shows no counters."
        )
    found: dict[str, float] = {}
    for line in response.text.splitlines():
        if not line or line.startswith("#"):
            continue
        try:
            name, value = _COUNTER.match(line).groups()
            name = name.partition(":")[2] or name
            found[name] = found.get(name, 0.0) + float(value)
        except (AttributeError, ValueError):
            raise ServingError(
                f"The page {url}/metrics holds no counters: one of its lines is {line[:60]!r}."
            ) from None
    return found


# Prometheus: name, labels in braces, value; a time and an example may follow.
_COUNTER = re.compile(r'([A-Za-z_:][\w:]*)(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?\s+(\S+)')


def _first_model(url, api_key):
    try:
        response = get(f"{url}/v1/models", api_key=api_key)
    except OSError as error:
        raise ServingError(
            f"Nothing answers at {url} ({error}). Start the server there, or correct the address."
        ) from None
    if response.status in (401, 403):
        raise ServingError(f"{url} refuses us (status {response.status}): give its api_key.")
    try:
        model = json.loads(response.text)["data"][0]["id"]
    except (ValueError, LookupError, TypeError):
        model = None
    if not isinstance(model, str):
        raise ServingError(
            f"Something answers at {url}, but it does not speak OpenAI's protocol: its /v1/models "
            f"gave status {response.status} and no list of models. Is that the right port?"
        )
    return model
