"""Exercise 17.1: model FLOP utilisation from tokens a second."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_mfu = solution("17.1")


def _by(*, per_parameter=6, per_score=12, of_chips=True):
    def mfu(tokens_per_s, parameters, layers, width, seq, chips, peak):
        flop = per_parameter * parameters + per_score * layers * width * seq
        return tokens_per_s * flop / ((chips if of_chips else 1) * peak)

    return mfu


@exercise(
    "17.1",
    title="utilisation from tokens a second",
    wrong=[
        (always(0.462), "fresh numbers"),
        (_by(per_score=0), "the attention is missing"),
        (_by(of_chips=False), "the peak of one chip"),
        (_by(per_parameter=2), "forward pass"),
        (_by(per_parameter=8), "computed twice"),
        (_by(per_score=6), "half of"),
        (lambda t, n, k, w, s, c, p: 100 * _mfu(t, n, k, w, s, c, p), "a fraction"),
        (lambda t, n, k, w, s, c, p: t * (6 * n + 12 * w * s) / (c * p), "every layer"),
        (lambda t, n, k, w, s, c, p: t * (6 * n + 12 * k * w) / (c * p), "the length of the"),
    ],
)
def mfu(answer, rng):
    for _ in range(10):
        layers, width = rng.randint(12, 128), 128 * rng.randint(8, 160)
        parameters, seq = 12 * layers * width**2 * rng.uniform(0.9, 1.3), rng.randint(1024, 32768)
        chips, peak = rng.randint(2, 16384), rng.uniform(1e14, 1e15)
        full = chips * peak / (6 * parameters + 12 * layers * width * seq)
        given = rng.uniform(0.2, 0.6) * full, parameters, layers, width, seq, chips, peak
        right = _mfu(*given)
        assert_right(
            answer(*given),
            right,
            f"{given[0]:.3g} tokens/s, {parameters:.3g} parameters, {layers} layers of width "
            f"{width}, seq {seq}, {chips} chips of {peak:.3g} FLOP/s",
            [
                (_by(per_score=0)(*given), "the attention is missing"),
                (_by(of_chips=False)(*given), "you divide by the peak of one chip"),
                (_by(per_parameter=2)(*given), "2 FLOP a parameter is the forward pass alone"),
                (_by(per_parameter=8)(*given), "8 counts what is computed twice: MFU does not"),
                (_by(per_score=6)(*given), "this counts half of the attention; PaLM counts all"),
                (100 * right, "give a fraction, not per cent"),
                (
                    given[0] * (6 * parameters + 12 * width * seq) / (chips * peak),
                    "there is attention in every layer",
                ),
                (
                    given[0] * (6 * parameters + 12 * layers * width) / (chips * peak),
                    "the attention grows with the length of the sequence",
                ),
            ],
            "wrong on fresh numbers: tokens/s × FLOP a token / (chips × peak)",
        )
