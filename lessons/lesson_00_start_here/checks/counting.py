"""Exercises 00.1 to 00.3: traffic, work, and where a number comes from."""

from labkit.teach.labels import assert_labels
from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

ORIGINS = solution("00.3")
_SENTENCES = list(ORIGINS)


@exercise(
    "00.1",
    title="the traffic of a conversion",
    wrong=[
        (always(1200), "got 1200"),
        (lambda n, from_bytes, to_bytes: 2 * n * from_bytes, "to_bytes"),
        (lambda n, from_bytes, to_bytes: 2 * n * to_bytes, "from_bytes"),
        (lambda n, from_bytes, to_bytes: n * to_bytes, "read as well"),
        (lambda n, from_bytes, to_bytes: n * from_bytes, "written as well"),
        (lambda n, from_bytes, to_bytes: from_bytes + to_bytes, "one number"),
        (lambda n, from_bytes, to_bytes: n * (from_bytes + to_bytes) + 1, "read and written"),
        (lambda n, from_bytes, to_bytes: n * abs(from_bytes - to_bytes), "read and written"),
        (lambda n, from_bytes, to_bytes: n * from_bytes * to_bytes, "read and written"),
        (lambda n, from_bytes, to_bytes: 2 * n * (from_bytes + to_bytes), "read and written"),
        (lambda n, from_bytes, to_bytes: 2 * n * max(from_bytes, to_bytes), "bytes"),
        (lambda n, from_bytes, to_bytes: n * (from_bytes + to_bytes) % 2**31, "read and written"),
    ],
)
def conversion_bytes(answer, rng):
    for most in (99, *9 * [10**11]):
        n = rng.randint(2, most)
        from_bytes, to_bytes = rng.choice(((10, 4), (4, 10), (10, 3), (16, 6), (6, 16)))
        suspects = [
            (2 * n * from_bytes, "what is written has to_bytes bytes"),
            (2 * n * to_bytes, "what is read has from_bytes bytes"),
            (n * to_bytes, "each number is read as well"),
            (n * from_bytes, "each number is written as well"),
            (from_bytes + to_bytes, "that is the traffic of one number"),
        ]
        assert_right(
            answer(n, from_bytes, to_bytes), n * (from_bytes + to_bytes),
            f"{n} numbers of {from_bytes} bytes, converted to {to_bytes}", suspects,
            "each number is read and written once",
        )  # fmt: skip


@exercise(
    "00.2",
    title="the work of a matrix product",
    wrong=[
        (always(48), "each result needs k multiplications"),
        (lambda m, n, k: m * n * k, "and as many additions"),
        (lambda m, n, k: 2 * m**3, "need not be square"),
        (lambda m, n, k: 2 * m * n, "each result needs k multiplications"),
        (lambda m, n, k: m * n * (2 * k - 1), "by convention"),
    ],
)
def matmul_flop(answer, rng):
    got = answer(2, 3, 4)
    assert got != 24, (
        "that counts multiplications; there are as many multiplications and as many additions"
    )
    assert got != 42, (
        "the first addition adds to zero: strictly none is needed, but by convention it counts, "
        "so that the product is 2 m n k"
    )
    assert got != 16, "the matrices need not be square: m, n and k may all differ"
    for _ in range(10):
        m, n, k = (rng.randint(2, 5000) for _ in range(3))
        got = answer(m, n, k)
        assert got == 2 * m * n * k, (
            f"({m}, {k}) times ({k}, {n}): got {got!r}. There are m n results, and each result "
            f"needs k multiplications and k additions"
        )


@exercise(
    "00.3",
    title="which origin",
    wrong=[
        (dict.fromkeys(ORIGINS, ...), "write your answer", "todo"),
        (dict.fromkeys(ORIGINS, "measured"), "a data sheet"),
        (ORIGINS | {_SENTENCES[2]: "published"}, "calculates"),
        (ORIGINS | {_SENTENCES[3]: "measured"}, "another machine"),
        (ORIGINS | {_SENTENCES[4]: "modelled"}, "counts"),
        (ORIGINS | {_SENTENCES[0]: "data sheet"}, "isn't a label here"),
        (ORIGINS | {_SENTENCES[0]: ["published"]}, "isn't a label here"),
        ({}, "is missing"),
    ],
)
def origins(answer, rng):
    why = {
        "published": "somebody quotes a data sheet or a paper",
        "measured": "somebody timed this machine, just now",
        "modelled": "somebody calculates with a formula",
        "recorded": "it was measured on another machine, or on another day, and kept",
        "simulated": "a program, or a patient person, counts step by step",
    }
    assert_labels(answer, ORIGINS, why)
