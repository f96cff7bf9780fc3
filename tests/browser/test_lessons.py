"""Each lesson, as students open it, runs in JupyterLab from top to bottom and answers them."""

from pathlib import Path

import pytest

START = Path(__file__).parents[2] / "start"
LESSONS = sorted(path.stem for path in START.glob("*.ipynb"))

# The slider that is moved in a lesson, and the picture that must follow.
DRAGGED = {
    "02_roofline": "peak",
    "12_systolic_arrays": "batch",
    "19_serving": "rate",  # which loads the real server
    "20_power_and_energy": "window_start",  # the sensor microscope
}

CHIP_DESIGNER = "22_future_accelerators"
PLANNER = "17_planning_a_training_run"
KEPT_OPEN = {
    *DRAGGED,
    CHIP_DESIGNER,
    PLANNER,
}  # for the tests below and in the files after this one

# The exercise that is answered: what its blank and its check hold, and what a student might type,
# first the wrong way round, then right.
EXERCISE = "exercises/02_roofline.ipynb"
BLANK_HOLDS = "def stencil_intensity(n_points, itemsize):"
CHECK_HOLDS = 'lk.check("02.1"'
WRONG_ANSWER = f"{BLANK_HOLDS}\n    return 2 * itemsize / (2 * n_points - 1)"
RIGHT_ANSWER = f"{BLANK_HOLDS}\n    return (2 * n_points - 1) / (2 * itemsize)"


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_runs_from_top_to_bottom(ran, lesson):
    lab = ran(f"start/{lesson}.ipynb")
    assert lab.errors == []
    if lesson not in KEPT_OPEN:
        lab.shut_down()


@pytest.mark.parametrize("lesson", DRAGGED)
def test_a_picture_follows_its_slider(ran, lesson):
    lab = ran(f"start/{lesson}.ipynb")
    name = f"input[name={DRAGGED[lesson]}]"
    slider = lab.page.locator(f".lk-explorer {name}").first
    slider.scroll_into_view_if_needed()
    explorer = lab.page.locator(".lk-explorer", has=lab.page.locator(name)).first
    frame = explorer.locator(".lk-picture")
    before = frame.inner_html()
    slider.focus()
    for _ in range(5):
        lab.page.keyboard.press("ArrowRight")
    lab.page.wait_for_function(
        "([frame, before]) => frame.innerHTML !== before", arg=[frame.element_handle(), before]
    )
    lab.screenshot(f"{lesson}_explorer", explorer)
    assert lab.errors == []


def test_the_chip_designer_refuses_what_does_not_fit_and_draws_what_does(ran):
    lab = ran(f"start/{CHIP_DESIGNER}.ipynb")
    explorer = lab.page.locator(".lk-explorer", has=lab.page.locator("input[name=kilomacs]")).first
    frame, error = explorer.locator(".lk-picture"), explorer.locator(".lk-error")

    def push(slider, key, times):
        explorer.locator(f"input[name={slider}]").focus()
        for _ in range(times):
            lab.page.keyboard.press(key)

    push("links", "ArrowRight", 6)  # the A100's die is nearly full
    error.filter(has_text="take away MACs").wait_for(timeout=10_000)
    last = frame.inner_html()
    push("links", "ArrowRight", 1)
    lab.page.wait_for_timeout(300)
    assert frame.inner_html() == last
    push("kilomacs", "ArrowLeft", 20)
    lab.page.wait_for_function(
        "([frame, last]) => frame.innerHTML !== last", arg=[frame.element_handle(), last]
    )
    error.wait_for(state="hidden")
    lab.screenshot("chip_designer", explorer)
    assert lab.errors == []


def test_the_systolic_array_plays_pauses_and_steps(ran):
    lab = ran("start/12_systolic_arrays.ipynb")
    player = lab.page.locator(".lk-player").first
    player.scroll_into_view_if_needed()
    step = player.locator("input[type=range]")
    start = step.input_value()
    player.get_by_label("Play").click()
    lab.page.wait_for_function(
        "([input, start]) => input.value !== start", arg=[step.element_handle(), start]
    )
    player.get_by_label("Pause").click()
    step.fill("0")
    player.get_by_label("Step forward").click()
    assert step.input_value() == "1"
    lab.screenshot("systolic_player", player)
    assert lab.errors == []


def test_a_wrong_answer_gets_a_hint_and_a_right_one_passes(ran):
    lab = ran(EXERCISE)
    blank = lab.find_cell(BLANK_HOLDS)
    check = lab.find_cell(CHECK_HOLDS)
    assert min(blank, check) >= 0, f"{EXERCISE} has no {BLANK_HOLDS!r} or no {CHECK_HOLDS!r}"
    for answer, verdict in ((WRONG_ANSWER, "[again]"), (RIGHT_ANSWER, "[pass]")):
        lab.write_cell(blank, answer)
        lab.run_cell(blank)
        assert lab.run_cell(check).startswith(verdict)
    lab.screenshot("exercise")
    assert lab.errors == []
