"""Exercise 06.1: count sectors."""

from labkit.teach.registry import always, exercise, solution

_sectors = solution("06.1")


@exercise(
    "06.1",
    title="count sectors",
    wrong=[
        (always(4), "expected"),
        (len, "may share a sector"),
        (lambda addresses: 4 * len(addresses) // 32, "one address"),
        (lambda addresses: (max(addresses) - min(addresses)) // 32 + 1, "gaps"),
        (lambda addresses: len(set(addresses)), "32 lanes in a row"),
        (lambda addresses: len({a // 128 for a in addresses}), "expected 4"),
        (lambda addresses: len({(a - min(addresses)) // 32 for a in addresses}), "aligned"),
    ],
)
def sectors(answer, rng):
    start = 32 * rng.randint(0, 1000)
    row = [start + 4 * lane for lane in range(32)]
    cases = [
        ("32 lanes in a row", row, "several lanes may share a sector"),
        ("32 lanes, one address", [start] * 32, "several lanes may share a sector"),
        ("8 lanes, 128 bytes apart", row[:1] + [start + 128 * k for k in range(1, 8)], "look at "
         "the addresses: the gaps are not moved"),
        ("32 lanes from one float on", [a + 4 for a in row], "sectors are aligned: they begin at "
         "multiples of 32"),
    ]  # fmt: skip
    for _ in range(10):
        some = [start + 4 * rng.randint(0, 500) for _ in range(rng.randint(1, 32))]
        cases.append(("lanes anywhere", some, "a sector has 32 bytes, from a multiple of 32 on"))
    for name, addresses, hint in cases:
        got, right = answer(addresses), _sectors(addresses)
        assert got == right, f"{name}: got {got}, expected {right}. Hint: {hint}"
