"""Exercise 02.1: the intensity of a stencil, whose neighbours come from memory once."""

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right
from labkit.units import counted

_intensity = solution("02.1")


@exercise(
    "02.1",
    title="count a loop",
    wrong=[
        (always(0.625), "each of the"),
        (lambda n, size: (2 * n - 1) / 2, "count bytes, not numbers"),
        (lambda n, size: (2 * n - 1) / ((n + 1) * size), "from memory only once"),
        (lambda n, size: 2 * n / ((n + 1) * size), "from memory only once"),
        (lambda n, size: 2 * n / (2 * size), "one addition less"),
        (lambda n, size: (n - 1) / (2 * size), "multiplied by its weight"),
        (lambda n, size: n / (2 * size), "multiplied by its weight"),
        (lambda n, size: (2 * n - 1) / size, "written as well"),
        (lambda n, size: (2 * n - 1) / (3 * size), "leave the hidden read of out aside"),
        (lambda n, size: (2 * n - 1) // (2 * size), "may be a fraction"),
        (lambda n, size: 2 * size / (2 * n - 1), "FLOP stand above the line"),
        (lambda n, size: 5 / (2 * size), "each of the"),
        (lambda n, size: (2 * n - 1) / 8, "bytes, as many as itemsize says"),
        (lambda n, size: (2 * n - 1) / 2 / size + 1e-3, "expected"),
    ],
)
def stencil_intensity(answer, rng):
    for k in range(8):
        # With 4 and with 16 bytes no two of the wrong turns meet.
        n, size = rng.randint(4, 60), (4, 16)[k % 2]
        flop = 2 * n - 1
        suspects = [
            (flop / 2, f"count bytes, not numbers: each has {size}"),
            (flop / ((n + 1) * size), _ONCE),
            (2 * n / ((n + 1) * size), _ONCE),
            (n / size, f"{n} products need one addition less than there are products"),
            (n / (2 * size), "each point is multiplied by its weight, and then they are added up"),
            ((n - 1) / (2 * size), "each point is multiplied by its weight as well"),
            (flop / size, "out is written as well"),
            (flop / (3 * size), "leave the hidden read of out aside here"),
            (flop // (2 * size), "an intensity may be a fraction: use / and not //"),
            (2 * size / flop, "FLOP per byte: the FLOP stand above the line"),
            (
                flop / 8,
                f"numbers have {counted(size, 'byte')} here: bytes, as many as itemsize says",
            ),
        ]
        suspects = [(value, words) for value, words in suspects if value != flop / (2 * size)]
        case = f"{n} points, {counted(size, 'byte')} a number"
        hint = f"each of the {n} points takes a product; what is read, and what is written?"
        assert_right(answer(n, size), _intensity(n, size), case, suspects, hint)


_ONCE = "neighbours of out use the same numbers of x, so each comes from memory only once"
