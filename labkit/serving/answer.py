"""One request and its answer, and the latencies of the field, each defined once.

- **TTFT**, time to first token: from sending the request to its first token.
- **ITL**, inter-token latency: from one token to the next; an answer has many.
- **TPOT**, time per output token: the mean of these, (last token - first token) / (tokens - 1).
  TTFT is *not* in it (MLPerf LoadGen, vLLM and AIPerf agree). GuideLLM 0.8.1 divides the whole
  time of the request, TTFT included, by all tokens: `Answer.guidellm_tpot_s`.
- **latency**: from sending the request to its end.
- **goodput**: requests a second that meet a service level objective, `SLO`; the term and the two
  bounds are those of DistServe (Zhong et al. 2024, arXiv 2401.09670).
"""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came of one request.

    sent_s, end_s   when it was sent and when it ended, on the clock of `time.monotonic`
    token_times_s   when each token came, on the same clock; empty where it was not streamed
    n_tokens        made by the server, by its own count where it gives one
    status          of HTTP; None where the connection broke before there was one
    error           why it failed, in words; None for a whole answer
    n_resumed       how often the client went on with a stream that had broken
    server          what the server says of itself (llama.cpp's `timings`), empty for others
    """

    prompt: str
    text: str
    sent_s: float
    end_s: float
    token_times_s: tuple[float, ...] = ()
    n_tokens: int = 0
    status: int | None = None
    error: str | None = None
    n_resumed: int = 0
    server: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Is the answer whole?"""
        return self.error is None

    @property
    def latency_s(self) -> float:
        """From sending to the end, in s."""
        return self.end_s - self.sent_s

    @property
    def ttft_s(self) -> float | None:
        """Time to first token in s; None without a token."""
        return self.token_times_s[0] - self.sent_s if self.token_times_s else None

    @property
    def itl_s(self) -> tuple[float, ...]:
        """Inter-token latencies in s, one less than there are tokens."""
        return tuple(b - a for a, b in itertools.pairwise(self.token_times_s))

    @property
    def tpot_s(self) -> float | None:
        """Time per output token in s, without TTFT; None for fewer than two tokens."""
        if len(self.token_times_s) < 2:
            return None
        return (self.token_times_s[-1] - self.token_times_s[0]) / (self._n_timed - 1)

    @property
    def guidellm_tpot_s(self) -> float | None:
        """What GuideLLM 0.8.1 calls TPOT, in s: the time to the last token, over all tokens."""
        if not self.token_times_s:
            return None
        return (self.token_times_s[-1] - self.sent_s) / self._n_timed

    @property
    def _n_timed(self):
        """Tokens that the times are of: a server may send two in one piece."""
        return max(self.n_tokens, len(self.token_times_s))

    def __repr__(self) -> str:
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return f"Answer({shown!r}, {self.n_tokens} tokens" + f", {self.error})" * bool(self.error)


@dataclasses.dataclass(frozen=True, slots=True)
class SLO:
    """A service level objective: the first token within `ttft_s`, the others every `tpot_s`.

    percentile   share of the requests that should meet both
    """

    ttft_s: float
    tpot_s: float
    percentile: float = 0.9

    def __post_init__(self):
        if not (self.ttft_s >= 0 and self.tpot_s >= 0):
            raise ValueError(f"The bounds of an SLO are times in s: got {self}.")
        if not 0 <= self.percentile <= 1:
            raise ValueError(
                f"The percentile of an SLO is a share from 0 to 1, such as 0.9 for 90 % of the "
                f"requests, not {self.percentile}."
            )

    def met_by(self, answer: Answer) -> bool:
        """Did one answer keep to both bounds? A failed one did not."""
        ttft_s, tpot_s = answer.ttft_s, answer.tpot_s
        return (
            answer.ok
            and ttft_s is not None
            and ttft_s <= self.ttft_s
            and (tpot_s is None or tpot_s <= self.tpot_s)
        )
