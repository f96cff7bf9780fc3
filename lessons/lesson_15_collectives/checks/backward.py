"""Exercise 15.4: what overlap can't hide."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_backward = solution("15.4")


def _sums(layers, alpha_s, bytes_per_s):
    computing = sum(compute_s for compute_s, _ in layers)
    return computing, sum(alpha_s + n_bytes / bytes_per_s for _, n_bytes in layers)


def _max(layers, alpha_s, bytes_per_s):
    return max(_sums(layers, alpha_s, bytes_per_s))


def _both(layers, alpha_s, bytes_per_s):
    return sum(_sums(layers, alpha_s, bytes_per_s))


def _last_shows(layers, alpha_s, bytes_per_s):
    computing, _ = _sums(layers, alpha_s, bytes_per_s)
    return computing + alpha_s + layers[-1][1] / bytes_per_s


def _network_never_waits(layers, alpha_s, bytes_per_s):
    return layers[0][0] + _sums(layers, alpha_s, bytes_per_s)[1]


def _longer_of_each(layers, alpha_s, bytes_per_s):
    return sum(max(compute_s, alpha_s + n / bytes_per_s) for compute_s, n in layers)


def _no_queue(layers, alpha_s, bytes_per_s):
    computed, end = 0.0, 0.0
    for compute_s, n_bytes in layers:
        computed += compute_s
        end = max(end, computed + alpha_s + n_bytes / bytes_per_s)
    return end


def _one_alpha(layers, alpha_s, bytes_per_s):
    return alpha_s + _backward(layers, 0.0, bytes_per_s)


@exercise(
    "15.4",
    title="what overlap can't hide",
    wrong=[
        (always(0.2), "expected"),
        (_max, "can't begin before"),
        (_both, "at the same time"),
        (_last_shows, "may still be busy"),
        (_network_never_waits, "waits for the layer"),
        (_longer_of_each, "one layer's gradients beside the next layers"),
        (_no_queue, "one all-reduce at a time"),
        (_one_alpha, "each all-reduce costs its alpha"),
        (lambda layers, a, beta: _backward(layers[::-1], a, beta), "in the order given"),
        (lambda layers, a, beta: _backward(sorted(layers), a, beta), "in the order given"),
        (lambda layers, a, beta: _backward(layers, 0.0, beta), "alpha"),
        (lambda layers, a, beta: _backward(layers[:4], a, beta), "expected"),
    ],
)
def backward(answer, rng):
    # A case in which all known wrong turns end at different times.
    beta, scale = 10 ** rng.uniform(7, 11), rng.uniform(0.5, 2)
    times_s = ((0.05, 0.03), (0.10, 0.12), (0.04, 0.05))
    layers = [(scale * compute_s, scale * sent_s * beta) for compute_s, sent_s in times_s]
    _one(answer, layers, scale * 2e-3, beta)
    for n_layers in (4, rng.randint(5, 12), 3, 2, 1):
        for weight in (1.0, 3.0, 0.3):  # of communicating, as compared with computing
            for _ in range(3):
                beta, alpha_s = 10 ** rng.uniform(7, 11), 10 ** rng.uniform(-4, -2)
                layers = [
                    (rng.uniform(0.01, 0.1), weight * rng.uniform(0.01, 0.1) * beta)
                    for _ in range(n_layers)
                ]
                _one(answer, layers, alpha_s, beta)


def _one(answer, *case):
    layers, alpha_s, beta = case
    suspects = [
        (_longer_of_each(*case), "what overlaps is one layer's gradients beside the next layers"),
        (_max(*case), "the first all-reduce can't begin before its layer is computed"),
        (_both(*case), "computing and the network work at the same time"),
        (_backward(layers, 0.0, beta), "each all-reduce costs its alpha"),
        (_one_alpha(*case), "each all-reduce costs its alpha, not all of them together"),
        (_backward(layers[::-1], alpha_s, beta), "take the layers in the order given"),
        (_backward(sorted(layers), alpha_s, beta), "take the layers in the order given"),
        (_last_shows(*case), "the network may still be busy with earlier layers at the end"),
        (_network_never_waits(*case), "the network waits for the layer to be computed"),
        (_no_queue(*case), "the network does one all-reduce at a time"),
    ]
    words = f"{len(layers)} layer{'s' * (len(layers) > 1)}"
    assert_right(answer(*case), _backward(*case), words, suspects)
