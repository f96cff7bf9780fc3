"""The picture of a growing answer, and a player that grows while a cell runs."""

import json
import re
import zlib

import pytest

from labkit.draw import Picture, Player, answer, live

LAYERS = [{"matrices": 10e6, "cache": 2e3}] * 3 + [{"output matrix": 40e6}]
PIECES = ["The", " capital", "\n", " is"]


def words(picture):
    return re.findall(r">([^<>]+)</text>", picture.svg)


def test_it_shows_each_token_and_how_far_it_is():
    told = words(answer(PIECES, 2, 8, LAYERS, "1.2 s a token"))
    assert {"The", "capital", "↵", "is", "Token 4 of 8", "1.2 s a token"} <= set(told)


def test_each_part_stands_with_its_bytes_in_all_layers():
    told = words(answer(PIECES, 2, 8, LAYERS))
    assert {"matrices 30 MB", "cache 6 kB", "output matrix 40 MB"} <= set(told)


def test_only_what_holds_a_measured_time_is_measured():
    assert not answer(PIECES, 2, 8, LAYERS).measured
    assert answer(PIECES, 2, 8, LAYERS, "1 s", measured=True).alt.startswith(
        "[measured] The answer"
    )


def test_a_long_text_keeps_its_last_lines():
    told = words(answer([f"word{n}" for n in range(200)], 2, 200, LAYERS))
    assert "word199" in told
    assert "word0" not in told


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one piece"):
        answer([], 0, 8, LAYERS)


def card(n):
    return Picture(f'<svg xmlns="http://www.w3.org/2000/svg"><text>{n}</text></svg>', f"card {n}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:(ipywidgets|traitlets)")
def test_a_frame_that_is_added_is_shown_at_once(capsys):
    with live(Player([card(0)])) as player:
        for n in (1, 2):
            player.add(card(n))
            assert player.i == n
    assert len(json.loads(zlib.decompress(player.packed))) == 3
    assert "card 2" in player._still()["text/html"]
    assert repr(player) == "[measured] Player: 3 frames"
    assert "[measured] Player: 1 frame" in capsys.readouterr().out
