"""Plans as pictures, and the scatter of published runs whose dots can be clicked."""

import re

import pytest
import traitlets

from labkit.draw import Axis, DotExplorer, RunDot, broken_plan, training_plan
from labkit.draw.dots import scatter
from labkit.plan import training

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(ipywidgets|traitlets)")

AXIS = Axis("rate per chip", "token/s", log=True)
DOTS = [
    RunDot(100.0, 110.0, "a100", ("first", "110 predicted")),
    RunDot(1000.0, 3000.0, "h100", ("second", "3000 predicted")),
    RunDot(50.0, 45.0, "a100", ("third",)),
]


def plan(**split):
    job = training.Job(
        model=training.models()["gpt-175B"], chip="a100-80", split=training.Split(**split),
        seq=2048, global_batch=1536, nic_bytes_per_s=25e9,
    )  # fmt: skip
    return training.plan_training(job)


def test_a_plan_shows_what_binds_and_every_figure_with_its_band():
    picture = training_plan(plan(tp=8, pp=8, dp=16), ("energy: 3 GJ",))
    for words in ("Arithmetic binds", "leanest stack", "usable", "MFU", "energy: 3 GJ"):
        assert words in picture.svg
    assert picture.svg.count("(band ") >= 3
    assert "Memory: fits" in picture.alt


def test_a_plan_that_does_not_fit_says_so_in_its_alt():
    picture = training_plan(plan(dp=1024))
    assert "Memory binds" in picture.alt
    assert "does not fit" in picture.alt


def test_the_parts_of_a_step_fill_its_bar():
    svg = training_plan(plan(tp=8, pp=8, dp=16)).svg
    bars = [float(width) for width in re.findall(r'width="([\d.]+)" height="26.0" fill="#', svg)]
    shares = [share for share in plan(tp=8, pp=8, dp=16).shares.values() if share > 0]
    assert sum(bars[: len(shares)]) == pytest.approx(744 - 118, abs=1)


def test_a_split_that_cannot_be_shows_the_sentence():
    picture = broken_plan("GPT-3 on 8 chips", "tp 3 does not divide 8 chips.")
    assert "tp 3 does not divide 8 chips." in picture.svg
    assert "This split cannot be" in picture.alt


def test_each_run_is_one_dot_and_the_alt_counts_those_in_the_band():
    picture = scatter(DOTS, AXIS, band=1.2, title="Three runs")
    assert re.findall(r'data-dot="(\d+)"', picture.svg) == ["0", "1", "2"]
    assert picture.alt == "Three runs: 3 runs, 67% of them predicted within a factor of 1.2"


def test_a_dot_on_the_diagonal_is_as_high_as_it_is_far_right():
    svg = scatter([RunDot(x, x, "a", ("x",)) for x in (10.0, 200.0, 1e5)], AXIS, band=1.2).svg
    dots = re.findall(r'data-dot="\d+" cx="([\d.]+)" cy="([\d.]+)"', svg)
    sums = {round(float(x) + float(y), 1) for x, y in dots}
    assert max(sums) - min(sums) < 0.3


def test_no_dots_make_no_picture():
    with pytest.raises(ValueError, match="There is no dot to draw"):
        scatter([], AXIS, band=1.2)


def test_an_explorer_of_dots_holds_a_still_picture_and_says_what_is_chosen():
    dots = DotExplorer(DOTS, AXIS, band=1.2, title="Three runs")
    data, _ = dots._repr_mimebundle_()
    assert 'alt="Three runs: 3 runs' in data["text/html"]
    assert data["text/plain"] == "DotExplorer(3 dots)"
    dots.chosen = 1
    assert repr(dots) == "DotExplorer(3 dots, shown: second)"


@pytest.mark.parametrize("number", [-2, 3])
def test_a_dot_that_is_not_there_cannot_be_chosen(number):
    dots = DotExplorer(DOTS, AXIS, band=1.2)
    with pytest.raises(traitlets.TraitError, match="numbered from 0 to 2"):
        dots.chosen = number
