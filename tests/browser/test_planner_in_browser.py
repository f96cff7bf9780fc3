"""The planner and the scatter plot of lesson 17, as a student drives them."""

import pytest

LESSON = "start/17_planning_a_training_run.ipynb"


@pytest.fixture(scope="module")
def lesson(ran):
    return ran(LESSON)


@pytest.fixture(scope="module")
def planner(lesson):
    explorer = lesson.page.locator(".lk-explorer").first
    explorer.scroll_into_view_if_needed()
    return explorer


@pytest.fixture(scope="module")
def dots(lesson):
    scatter = lesson.page.locator(".lk-dots").first
    scatter.scroll_into_view_if_needed()
    return scatter


def wait_for(locator, text):
    locator.filter(has_text=text).first.wait_for(timeout=15_000)


def choose(planner, **values):
    for name, value in values.items():
        planner.locator(f"select[name={name}]").select_option(str(value))


def test_the_planner_names_the_constraint_that_binds(lesson, planner):
    choose(planner, tp=8, pp=8)
    wait_for(planner, "Arithmetic binds")
    assert planner.locator("text", has_text="MFU:").count() == 1
    lesson.screenshot("planner", planner)


def test_a_model_that_does_not_fit_is_bound_by_memory(planner):
    choose(planner, tp=1, pp=1)
    wait_for(planner, "Memory binds: the fullest chip needs at least")
    wait_for(planner, "does not fit")
    choose(planner, tp=8, pp=8)
    wait_for(planner, "Arithmetic binds")


def test_a_split_that_cannot_be_shows_why(planner):
    choose(planner, chips=8, pp=64)
    wait_for(planner, "This split cannot be")
    wait_for(planner, "does not divide 8 chips")
    choose(planner, chips=1024, pp=8)
    wait_for(planner, "Arithmetic binds")


def test_the_bill_of_a_run_has_a_band(planner):
    for words in ("days (band", "energy:", "cost:"):
        assert planner.locator("text", has_text=words).count() == 1


def test_a_click_on_a_dot_shows_its_run_and_its_source(lesson, dots):
    wait_for(dots, "Click a dot")
    dots.locator("circle[data-dot='0']").dispatch_event("click", center_of(dots, 0))
    details = dots.locator(".lk-details")
    wait_for(details, "measured")
    assert "source:" in details.inner_text()
    chosen = dots.locator("circle[r='9']")
    assert chosen.count() == 1
    lesson.screenshot("scatter", dots)


def test_arrow_keys_walk_through_the_dots(lesson, dots):
    details = dots.locator(".lk-details strong")
    before = details.inner_text()
    dots.locator(".lk-picture").focus()
    lesson.page.keyboard.press("ArrowRight")
    lesson.page.wait_for_function(
        "before => document.querySelector('.lk-details strong').textContent !== before", arg=before
    )
    lesson.page.keyboard.press("ArrowLeft")
    wait_for(details, before)


def test_a_click_beside_all_dots_shows_none(dots):
    box = dots.locator("svg").bounding_box()
    dots.locator(".lk-picture").dispatch_event(
        "click", {"clientX": box["x"] + 3, "clientY": box["y"] + 3, "bubbles": True}
    )
    wait_for(dots, "Click a dot")


def center_of(dots, number):
    """Where a dot lies on the page, as a mouse event says it."""
    box = dots.locator(f"circle[data-dot='{number}']").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return {"clientX": x, "clientY": y, "bubbles": True}
