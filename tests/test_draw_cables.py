"""The drawing of what each rank's cable carries."""

import pytest

from labkit import draw, plan


@pytest.mark.parametrize("name", sorted(plan.ALL_REDUCES))
@pytest.mark.parametrize("n_ranks", [2, 3, 8])
def test_it_says_what_every_rank_sends(name, n_ranks):
    picture = draw.cables(plan.ALL_REDUCES[name](n_ranks), n_ranks, title=name)
    assert picture.count(">rank ") == n_ranks
    assert f"rank {n_ranks - 1} sends" in picture.alt
    assert not picture.measured


def test_bars_of_all_transfers_are_drawn():
    ring = plan.ALL_REDUCES["ring"](4)
    assert draw.cables(ring, 4, title="ring").count("<rect") == 2 * len(ring) + 2  # and the legend


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="nobody sends anything"):
        draw.cables([], 2, title="nothing")
    with pytest.raises(ValueError, match="not one of 0 to 1"):
        draw.cables([(0, 0, 2, 1.0)], 2, title="a rank too many")
