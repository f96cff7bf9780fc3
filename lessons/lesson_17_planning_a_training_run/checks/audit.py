"""Exercise 17.3: from hardware utilisation to model utilisation."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_mfu = solution("17.3")


def _counts(layers, hidden, seq, vocab):
    counted = 96 * (1 + seq / (6 * hidden) + vocab / (16 * layers * hidden))
    needed = 72 * (1 + seq / (6 * hidden) + vocab / (12 * layers * hidden))
    return counted, needed


def _upside_down(hfu, *sizes):
    counted, needed = _counts(*sizes)
    return hfu * counted / needed


def _same_head(hfu, layers, hidden, seq, vocab):
    counted, _ = _counts(layers, hidden, seq, vocab)
    needed = 72 * (1 + seq / (6 * hidden) + vocab / (16 * layers * hidden))
    return hfu * needed / counted


def _without_head(hfu, layers, hidden, seq, vocab):
    counted, _ = _counts(layers, hidden, seq, vocab)
    return hfu * 72 * (1 + seq / (6 * hidden)) / counted


def _one_layer(hfu, layers, hidden, seq, vocab):
    counted, needed = _counts(1, hidden, seq, vocab)
    return hfu * needed / counted


@exercise(
    "17.3",
    title="audit a paper",
    wrong=[
        (always(0.39), "fresh numbers"),
        (lambda hfu, *sizes: hfu, "the forward pass twice"),
        (lambda hfu, *sizes: 0.75 * hfu, "the output head"),
        (_upside_down, "cannot be above"),
        (_same_head, "the output head"),
        (_without_head, "the vocabulary"),
        (lambda hfu, *sizes: 100 * _mfu(hfu, *sizes), "a fraction"),
        (lambda hfu, *sizes: _counts(*sizes)[1] / _counts(*sizes)[0], "multiply by hfu"),
        (_one_layer, "all layers share"),
    ],
)
def mfu_from_hfu(answer, rng):
    for _ in range(10):
        layers, hidden = rng.randint(12, 60), 128 * rng.randint(6, 60)
        seq, vocab = rng.choice((1024, 2048, 8192)), rng.randint(30_000, 260_000)
        sizes = layers, hidden, seq, vocab
        hfu = rng.uniform(0.3, 0.6)
        counted, needed = _counts(*sizes)
        assert_right(
            answer(hfu, *sizes),
            _mfu(hfu, *sizes),
            f"hfu {hfu:.3g}, {layers} layers, hidden {hidden}, seq {seq}, vocab {vocab}",
            [
                (hfu, "hfu counts the forward pass twice, so the MFU is lower"),
                (0.75 * hfu, "the output head isn't recomputed, so it's not exactly 3/4"),
                (_upside_down(hfu, *sizes), "an MFU cannot be above the HFU: turn the ratio over"),
                (_same_head(hfu, *sizes), "the output head is 12 in one count and 16 in the other"),
                (_without_head(hfu, *sizes), "the vocabulary counts in both"),
                (100 * _mfu(hfu, *sizes), "give a fraction, not per cent"),
                (needed / counted, "this is the ratio of the two: multiply by hfu"),
                (
                    _one_layer(hfu, *sizes),
                    "all layers share the vocabulary: divide by L too",
                ),
            ],
            "wrong on fresh numbers: hfu × what is needed / what was counted",
        )
