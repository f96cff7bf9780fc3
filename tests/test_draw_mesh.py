"""Pictures of matrices in blocks: who holds what, and what a Pallas grid fetches."""

from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from labkit.draw.mesh import block_frames, held_by, shards

BLOCK = (128, 128)
X = ((256, 256), BLOCK, lambda i, j, k: (i, k))
W = ((256, 256), BLOCK, lambda i, j, k: (k, j))
Y = ("y", (256, 256), BLOCK, lambda i, j, k: (i, j))


class Device(NamedTuple):
    id: int


class Sharding:
    """What JAX's shardings look like: rows cut in `n_blocks`, each on `n_copies` devices."""

    def __init__(self, n_blocks, n_copies):
        self.n_blocks, self.n_copies = n_blocks, n_copies

    def devices_indices_map(self, shape):
        rows = shape[0] // self.n_blocks
        return {
            Device(n): (
                slice(n // self.n_copies * rows, (n // self.n_copies + 1) * rows),
                slice(None),
            )
            for n in range(self.n_blocks * self.n_copies)
        }


def frames():
    return block_frames((2, 2, 2), {"x": X, "w": W}, Y)


def test_each_block_lists_the_devices_that_hold_it():
    assert held_by(Sharding(2, 2), (8, 4)) == {(0, 4, 0, 4): [0, 1], (4, 8, 0, 4): [2, 3]}


def test_the_alt_says_blocks_and_copies():
    picture = shards({"x": ((8, 4), Sharding(4, 2))}, "1 all-reduce")
    assert picture.alt == "1 all-reduce. x: 4 blocks, each on 2 devices"


def test_a_run_of_devices_is_written_short():
    assert ">0–7</text>" in shards({"x": ((8, 8), Sharding(1, 8))})


def test_a_cut_matrix_has_a_box_for_each_block():
    one, four = (shards({"x": ((8, 8), Sharding(n, 1))}).count("<rect") for n in (1, 4))
    assert four - one == 3


def test_there_is_a_frame_for_each_step():
    assert len(frames()) == 8


def test_a_frame_says_what_is_fetched_and_written():
    heads = [frame.alt.split(". ")[0] for frame in frames()]
    assert heads[0] == "Step 1 of 8, grid (0, 0, 0): fetch x and w"
    assert heads[1] == "Step 2 of 8, grid (0, 0, 1): fetch x and w, write y back"


def test_a_block_that_stays_is_not_fetched_again():
    kept = ((256, 256), BLOCK, lambda i, j, k: (i, 0))
    alts = [frame.alt for frame in block_frames((2, 2, 2), {"x": kept, "w": W}, Y)]
    assert "fetch w" in alts[1]
    assert alts[1].endswith("In the whole grid: 2 of x, 8 of w")


@pytest.mark.parametrize("picture", [shards({"x": ((8, 8), Sharding(2, 1))}), *frames()])
def test_a_picture_is_well_formed_xml(picture):
    ElementTree.fromstring(picture.svg)


def test_the_same_call_gives_the_same_text():
    assert frames() == frames()


@pytest.mark.parametrize(
    ("matrices", "words"),
    [
        ({}, "nothing to draw"),
        ({"x": ((8,), Sharding(1, 1))}, "only matrices can be drawn"),
    ],
)
def test_what_is_no_matrix_is_refused(matrices, words):
    with pytest.raises(ValueError, match=words):
        shards(matrices)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (((256, 250), BLOCK, X[2]), "do not divide x"),
        (((256, 256), BLOCK, lambda i, j, k: (i + 1, k)), "gives block .*2 × 2 blocks"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(x, words):
    with pytest.raises(ValueError, match=words):
        block_frames((2, 2, 2), {"x": x, "w": W}, Y)
