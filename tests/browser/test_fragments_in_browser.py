"""The fragments of lesson 09, stepped lane by lane."""

from moves import opened, says

NOTEBOOK = "notebooks/09_tensor_cores_and_tiles.ipynb"


def test_the_fragments_are_stepped_lane_by_lane(new_lab):
    lab = opened(new_lab, NOTEBOOK, ["import labkit as lk", "lk.Player(lk.draw.fragment_frames"])
    player = lab.page.locator(".lk-player").first
    player.scroll_into_view_if_needed()
    says(player, "m16n8k16: lane 0 holds of A (0,0) (0,1) (8,0) (8,1)")
    player.get_by_role("button", name="Step forward").click()
    says(player, "lane 1 holds of A (0,2) (0,3) (8,2) (8,3)")
    player.locator("input[type=range]").fill("31")
    says(player, "lane 31 holds of A (7,6) (7,7) (15,6) (15,7)")
    lab.screenshot("fragments", player)
    assert lab.errors == []
