"""The pictures of a product in tiles: what a block fetches, and whose elements are whose."""

import itertools
import re

import pytest

from labkit.draw import register_tile, tile_frames


def rows_and_columns(picture):
    said = re.search(r"rows ([\d ]+), columns ([\d ]+)$", picture.alt)
    return [list(map(int, part.split())) for part in said.groups()]


@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize(("threads", "each"), [(4, 4), (2, 8), (8, 2), (3, 5)])
def test_the_threads_of_a_block_make_every_element_once(threads, each, side_by_side):
    made = []
    for x, y in itertools.product(range(threads), repeat=2):
        picture = register_tile(x, y, threads=threads, each=each, side_by_side=side_by_side)
        made += itertools.product(*rows_and_columns(picture))
    n = threads * each
    assert sorted(made) == list(itertools.product(range(n), repeat=2))


def test_neighbours_are_those_of_a_thread_or_of_neighbouring_threads():
    assert rows_and_columns(register_tile(3, 1)) == [[1, 5, 9, 13], [3, 7, 11, 15]]
    side_by_side = register_tile(3, 1, side_by_side=True)
    assert rows_and_columns(side_by_side) == [[4, 5, 6, 7], [12, 13, 14, 15]]


def test_a_thread_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"no thread \(4, 0\): both numbers run from 0 to 3"):
        register_tile(4, 0)


def test_a_block_walks_along_a_row_of_a_and_down_a_column_of_b():
    said = [frame.alt for frame in tile_frames(3, row=2, column=1)]
    assert said == [
        f"step {k + 1} of 3: the block fetches tile (2, {k}) of A and ({k}, 1) of B"
        for k in range(3)
    ]


def test_a_tile_that_c_lacks_is_refused():
    with pytest.raises(ValueError, match=r"no tile \(1, 4\): both numbers run from 0 to 3"):
        tile_frames(4, row=1, column=4)
