"""How a test opens a lesson, moves an explorer as a student does, and waits for what it says."""


def opened(new_lab, notebook, cells):
    """A lesson in which only the cells that hold these words have been run."""
    lab = new_lab().open_notebook(notebook)
    for text in cells:
        lab.run_cell(lab.find_cell(text))
    assert lab.raised() == []
    return lab


def explorer(lab, name):
    """The explorer that has a slider of this name."""
    found = lab.page.locator(".lk-explorer", has=lab.page.locator(f"input[name={name}]")).first
    found.scroll_into_view_if_needed()
    _wait_until_still(found)
    return found


def _wait_until_still(widget):
    """Outputs above it may still get their height, and a mouse would miss what moves."""
    before, now = None, widget.bounding_box()
    while now != before:
        widget.page.wait_for_timeout(300)
        before, now = now, widget.bounding_box()


def says(widget, words):
    """Wait until the alt text of the picture holds the words."""
    widget.locator(f"svg[aria-label*='{words}']").wait_for(timeout=10_000)


def drag(widget, name, to):
    """Move a slider's knob with the mouse to a share of its way."""
    slider = widget.locator(f"input[name={name}]")
    slider.scroll_into_view_if_needed()
    _wait_until_still(slider)
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    mouse = widget.page.mouse
    now = slider.evaluate("input => (input.value - input.min) / (input.max - input.min)")
    knob = 8  # half of its width, by which its way is shorter than the slider
    way = box["width"] - 2 * knob
    mouse.move(box["x"] + knob + now * way, middle)
    mouse.down()
    mouse.move(box["x"] + knob + to * way, middle, steps=10)
    mouse.up()
