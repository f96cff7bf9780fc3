"""Exercise 21.2: the cheapest server that is fast enough."""

import operator

from labkit.teach.registry import always, exercise, solution

_cheapest = solution("21.2")


def _best(offers, n_tokens, limit_s, cost, keeps=operator.le):
    """A wrong answer to 21.2: another cost is the least, or the limit is another one."""
    allowed = [offer for offer in offers if keeps(n_tokens * offer[3], limit_s)]
    return min(allowed, key=cost)[0] if allowed else "none"


def _usd_per_token(offer):
    return offer[1] / offer[2]


def _usd_per_hour(offer):
    return offer[1]


def _gap_s(offer):
    return offer[3]


def _haste(offer):
    return -offer[3]


def _slowness(offer):
    return -offer[2]


def _dearness(offer):
    return -_usd_per_token(offer)


@exercise(
    "21.2",
    title="cheap and fast enough",
    wrong=[
        (always("nowhere"), "is called"),
        (lambda o, n, s: _best(o, n, s, _usd_per_token, keeps=lambda *_: True), "too late"),
        (lambda o, n, s: _best(o, 1, s, _usd_per_token), "too late"),
        (lambda o, n, s: _best(o, n - 1, s, _usd_per_token), "too late"),
        (lambda o, n, s: _best(o, n, s, _usd_per_token, keeps=operator.lt), "exactly"),
        (lambda o, n, s: _best(o, n, s, _haste), "only just in time"),
        (lambda o, n, s: _best(o, n, s, _usd_per_hour), "for an hour"),
        (lambda o, n, s: _best(o, n, s, _gap_s), "sooner than it has to"),
        (lambda o, n, s: _best(o, n, s, _slowness), "the most tokens"),
        (lambda o, n, s: _best(o, n, s, _dearness), "expected"),
        (lambda o, n, s: _best(o, n, s, lambda offer: offer[1] * offer[2]), "for an hour"),
        (lambda o, n, s: _cheapest(o, n, s).replace("none", o[0][0]), "return 'none'"),
        (lambda o, n, s: o[0][0], "expected"),
        (lambda o, n, s: _cheapest(o, n, s / 1000), "in time"),
        (
            lambda o, n, s: [offer for offer in o if offer[0] == _cheapest(o, n, s)],
            "what is asked for is a text",
        ),
    ],
)
def fast_enough(answer, rng):
    for case in range(12):
        offers, n_tokens, limit_s = _market(rng, is_exact=case % 2 == 1)
        if case % 4 == 3:
            limit_s /= 32  # too soon for all of them
        known = [offer[0] for offer in offers]
        right = _cheapest(offers, n_tokens, limit_s)
        got = answer(list(offers), n_tokens, limit_s)
        if got == right:
            continue
        asked = f"{n_tokens} tokens within {limit_s:.1f} s"
        assert got in [*known, "none"], f"no server is called {got!r}: there are {known}"
        assert right != "none", f"{asked}: all of them are too late, return 'none'"
        gap_s = next((offer[3] for offer in offers if offer[0] == got), 0.0)
        said = f"{asked}: got {got}, expected {right}"
        assert n_tokens * gap_s <= limit_s, (
            f"{said}: {got} is too late, its answer takes {n_tokens * gap_s:.1f} s"
        )
        exactly = _best(offers, n_tokens, limit_s, _usd_per_token, keeps=operator.lt)
        assert right == exactly or got != exactly, (
            f"{said}: {right} takes exactly {limit_s} s, and that's still in time"
        )
        assert got != "none", f"{said}, whose answer is in time"
        for cost, hint in (
            (_haste, "answers only just in time, and its tokens are dearer"),
            (_usd_per_hour, "is the cheapest for an hour, but makes few tokens in it"),
            (_gap_s, "is the fastest, and answers sooner than it has to"),
            (_slowness, "makes the most tokens, but its hour is dear"),
        ):
            assert got != _best(offers, n_tokens, limit_s, cost), f"{said}: {got} {hint}"
        raise AssertionError(f"{said}: compare dollars for a token, the price over the rate")


def _market(rng, is_exact):
    """Six offers, an answer's tokens and a limit; each wrong turn picks an offer of its own.

    Of each: the price of a token and the rate, over those of the right one, and the share of the
    limit that its answer takes. If `is_exact`, the right one takes all of it, and the late one
    half a token more. Tokens are a power of two and seconds whole, so that nothing rounds.
    """
    n_tokens, limit_s = 2 ** rng.randint(7, 11), rng.randint(5, 30)
    right, late = (1.0, 1 + 0.5 / n_tokens) if is_exact else (0.5, 1.25)
    plan = [
        (1.0, 1.0, right),  # the right one, never the first
        (0.6, 2.0, late),  # cheaper, and too late
        (4.0, 0.3, 0.125),  # the fastest
        (1.4, 3.0, 0.75),  # the most tokens of those allowed
        (1.2, 0.1, 0.625),  # the cheapest hour of those allowed
        (6.0, 0.5, 0.875),  # the dearest token
    ]
    rate, usd_per_token = rng.uniform(1000, 5000), rng.uniform(2e-7, 9e-7)
    names = rng.sample(("amber", "basalt", "copper", "delta", "ember", "flint", "garnet"), 6)
    offers = [
        (name, 3600 * usd_share * usd_per_token * part * rate, part * rate,
         share * limit_s / n_tokens)
        for name, (usd_share, part, share) in zip(names, plan, strict=True)
    ]  # fmt: skip
    others = rng.sample(offers[1:], 5)
    others.insert(rng.randint(1, 5), offers[0])
    return others, n_tokens, limit_s
