"""Exercise 15.3: rings in rings."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_hierarchical = solution("15.3")


def _of(whole_between=False, halves=2, parts_inside=True, factor_between=2, split_between=True):
    """Answers of one form; each argument is one way to go wrong."""

    def answer(n_bytes, n_hosts, n_per_host, inside, between):
        part = n_bytes / n_per_host
        inner = (n_per_host - 1) * (inside[0] + (part if parts_inside else n_bytes) / inside[1])
        outer = n_bytes if whole_between else part
        outer = outer / n_hosts if split_between else outer
        return halves * inner + factor_between * (n_hosts - 1) * (between[0] + outer / between[1])

    return answer


def _one_ring(n_bytes, n_hosts, n_per_host, inside, between):
    n = n_hosts * n_per_host
    return 2 * (n - 1) * (between[0] + n_bytes / n / between[1])


def _swapped(n_bytes, n_hosts, n_per_host, inside, between):
    return _hierarchical(n_bytes, n_hosts, n_per_host, between, inside)


def _as_max(n_bytes, n_hosts, n_per_host, inside, between):
    free = (0.0, float("inf"))
    inner = _hierarchical(n_bytes, n_hosts, n_per_host, inside, free)
    return max(inner, _hierarchical(n_bytes, n_hosts, n_per_host, free, between))


@exercise(
    "15.3",
    title="rings in rings",
    wrong=[
        (always(0.01), "expected"),
        (_of(whole_between=True), "only its part"),
        (_of(halves=1), "before and after"),
        (_of(halves=4), "one half of an all-reduce"),
        (_of(parts_inside=False), "parts inside"),
        (_of(factor_between=1), "both halves between"),
        (_of(split_between=False), "cut once more"),
        (_one_ring, "one ring of all ranks"),
        (_swapped, "swapped"),
        (_as_max, "one after the other"),
        (lambda b, h, g, i, o: _hierarchical(b, g, h, i, o), "swapped"),
        (lambda b, h, g, i, o: _hierarchical(b, h, g, (0, i[1]), (0, o[1])), "alpha"),
        (lambda b, h, g, i, o: _hierarchical(b, h, 8, i, o), "expected"),
    ],
)
def hierarchical(answer, rng):
    for n_per_host in (2, 4, 8, rng.randint(3, 16)):
        for n_hosts in (rng.randint(17, 300), 2):
            # Sizes for which neither alpha nor bytes, nor inside nor between, can be left out.
            inside = (10 ** rng.uniform(-6, -5), 10 ** rng.uniform(10, 11.5))
            between = (10 ** rng.uniform(-5.5, -4.5), 10 ** rng.uniform(9, 10.5))
            n_bytes = 10 ** rng.uniform(5.5, 7.5)
            _one(answer, n_bytes, n_hosts, n_per_host, inside, between)


def _one(answer, *case):
    n_bytes, n_hosts, n_per_host, inside, between = case
    suspects = [
        (_of(whole_between=True)(*case), "after the first half each rank sends only its part out"),
        (_of(halves=1)(*case), "inside there are rings before and after the one between hosts"),
        (_of(halves=4)(*case), "each ring inside is one half of an all-reduce, n - 1 steps"),
        (_of(parts_inside=False)(*case), "the messages inside a host are parts inside, not all"),
        (_of(factor_between=1)(*case), "an all-reduce needs both halves between hosts"),
        (_of(split_between=False)(*case), "between hosts the part is cut once more, by n_hosts"),
        (_one_ring(*case), "that's one ring of all ranks"),
        (_swapped(*case), "you swapped inside and between"),
        (
            _hierarchical(n_bytes, n_per_host, n_hosts, inside, between),
            "you swapped hosts and ranks",
        ),
        (_as_max(*case), "the three rings come one after the other"),
        (
            _hierarchical(n_bytes, n_hosts, n_per_host, (0, inside[1]), (0, between[1])),
            "each message costs its alpha, too",
        ),
    ]
    words = f"{n_bytes:.3g} bytes, {n_hosts} hosts of {n_per_host}"
    assert_right(answer(*case), _hierarchical(*case), words, suspects)
