"""A lesson of toys, for the tests of `check`, `progress` and the wrong answers."""

from labkit.teach import always, exercise


def intensity(flop, n_bytes):
    return flop / n_bytes


def only_blank(flop, n_bytes): ...


def register():
    @exercise("90.1", title="arithmetic intensity", solution=intensity, max_time_s=0.5, wrong=[
        (only_blank, "body", "todo"),
        (always(2.0), "fraction"),
        (lambda flop, n_bytes: n_bytes / flop, "divide FLOP by bytes"),
        (lambda flop, n_bytes: flop // n_bytes, "fraction"),
        (lambda flop, n_bytes: flops / n_bytes, "NameError", "error"),  # noqa: F821
    ])  # fmt: skip
    def _(intensity, rng):
        assert intensity(10, 5) == 2, "10 FLOP over 5 B is 2 FLOP/B: divide FLOP by bytes"
        assert intensity(1, 4) == 0.25, "1 FLOP over 4 B is a fraction: use / and not //"
        for _ in range(20):
            flop, n_bytes = rng.randint(1, 10**9), rng.randint(1, 10**9)
            error = abs(intensity(flop, n_bytes) - flop / n_bytes)
            assert error <= 1e-12 * flop / n_bytes, f"wrong for {flop} FLOP and {n_bytes} B"

    @exercise("90.2", title="bytes of a copy", solution=512, wrong=[
        (256, "written as well"),
        ("512", "a number"),
        (1024, "512"),
        (0, "512"),
    ])  # fmt: skip
    def _(n_bytes, rng):
        assert n_bytes != 256, "what is read is written as well"
        assert n_bytes == 512, "256 read and 256 written is 512"

    @exercise("90.3", title="doubling in place", solution=double, in_place=True, wrong=[
        (always(None), "not doubled"),
        (lambda xs: [2 * x for x in xs], "not doubled"),
        (lambda xs: xs.clear(), "not doubled"),
        (lambda xs: xs.reverse(), "not doubled"),
    ])  # fmt: skip
    def _(double, rng):
        xs = [rng.random() for _ in range(5)]
        doubled = [2 * x for x in xs]
        double(xs)
        assert xs == doubled, "not doubled"

    @exercise("90.4", title="the largest", solution=max_of, wrong=[
        (always(3), "largest"),
        (min, "largest"),
        (len, "largest"),
        (sum, "largest"),
    ])  # fmt: skip
    def _(largest, rng):
        xs = [rng.random() for _ in range(9)]
        assert largest(xs) == max(xs), "not the largest"


def double(xs):
    for i, x in enumerate(xs):
        xs[i] = 2 * x


def max_of(xs):
    return max(xs)
