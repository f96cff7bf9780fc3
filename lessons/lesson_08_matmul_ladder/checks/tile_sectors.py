"""Exercise 08.1: sectors of a tiled product."""

from labkit.teach.registry import always, exercise, solution

_tile_sectors = solution("08.1")


@exercise(
    "08.1",
    title="sectors of a tiled product",
    wrong=[
        (always(16384), "expected"),
        (lambda n, tile: 2 * (n // tile) ** 3 * tile * tile * 4, "32 bytes"),
        (lambda n, tile: (n // tile) ** 3 * tile * tile * 4 // 32, "a tile of A and a tile of B"),
        (lambda n, tile: 5 * n**3 // 32, "once a block"),
        (lambda n, tile: 2 * (n // tile) ** 2 * tile * tile * 4 // 32, "steps"),
        (lambda n, tile: 2 * (n // tile) ** 3 * tile * tile // 32, "4 bytes"),
        (lambda n, tile: 2 * (n // tile) ** 3 * tile * tile * 4 // 128, "a sector 32"),
        (lambda n, tile: 2 * n**3 * 4 // 32, "how many steps"),
    ],
)
def tile_sectors(answer, rng):
    for _ in range(10):
        tile = 8 * rng.choice((1, 2, 3, 5, 6, 7, 8))  # by 32 other slips would be off, too
        n = tile * (2 * rng.randint(1, 20) + 1)  # an odd number: no other slip is off by it
        got, right = answer(n, tile), _tile_sectors(n, tile)
        case = f"n = {n}, tiles of {tile} × {tile}: got {got}, expected {right}"
        assert got != 32 * right, f"{case}. Those are bytes; a sector has 32 bytes"
        assert 4 * got not in range(right - 3, right + 4), (
            f"{case}. A number has 4 bytes, and a sector 32"
        )
        assert 2 * got != right, f"{case}. Each step brings a tile of A and a tile of B"
        assert got != 5 * n**3 // 32, f"{case}. A number of a tile is loaded once a block"
        assert got * (n // tile) != right, f"{case}. A block goes through n / tile steps"
        assert got == right, (
            f"{case}. How many blocks are there, how many steps does each make, and how many "
            f"sectors does a tile fill?"
        )
