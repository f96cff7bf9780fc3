"""The race microscope and the epoch timeline show what the sanitizer and the counters found."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.draw.epochs import epoch_timeline, interleaving, race_frames, two_additions
from labkit.draw.labels import text_width
from labkit.simt import cuda, profile, sanitize

SVG = "{http://www.w3.org/2000/svg}"
THREADS = 64


@cuda.jit
def racy(x, out):
    tile = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    if tile[THREADS - 1 - t] < x[t]:  # reads what another warp stores
        out[t] = 1


@cuda.jit
def mended(x, out):
    tile = cuda.shared.array(THREADS, cuda.float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    if tile[THREADS - 1 - t] < x[t]:
        out[t] = 1


@cuda.jit
def lost(x, out):
    out[0] += x[cuda.grid(1)]


@cuda.jit
def across_blocks(x, out):
    if cuda.blockIdx.x == 0:
        out[0] = x[0]
    elif cuda.threadIdx.x == 0:
        out[1] = out[0]


@cuda.jit
def looping(x, out):
    for i in range(9):
        out[cuda.threadIdx.x] = i
        cuda.syncthreads()


@cuda.jit
def idle(x, out):
    pass


def run(kernel, grid=1, block=THREADS):
    """-> (Profile, findings) of a kernel on arrays of ones."""
    x, out = np.ones(4 * THREADS, np.float32), np.zeros(4 * THREADS, np.float32)
    return profile(kernel[grid, block], x, out), sanitize(kernel[grid, block], x, out)


def texts(picture):
    return [element.text for element in ET.fromstring(picture.svg).iter(f"{SVG}text")]


def number_of(picture, what):
    return len(re.findall(what, picture.svg))


FRAMED, BAR = 'stroke-width="3"', 'stroke-dasharray="6 4"'

# The microscope


def test_a_race_is_shown_in_both_orders_and_mended():
    counts, findings = run(racy)
    one, other, end = race_frames(findings[0], counts)
    assert "A comes first" in one.alt
    assert "B comes first" in other.alt
    assert "Mended by a barrier" in end.alt


def test_the_order_decides_what_the_load_gets():
    _, findings = run(racy)
    one, other, _ = race_frames(findings[0])
    assert findings[0].accesses == ("store", "load")
    assert "loads A’s value" in texts(one)
    assert "loads the old value" in texts(other)


def test_the_frames_name_threads_address_and_source_lines():
    counts, findings = run(racy)
    shown = texts(race_frames(findings[0], counts)[0])
    (a, block), _ = findings[0].threads
    assert f"A: thread {a} of block {block}" in shown
    assert f"tile[{findings[0].index}]" in shown
    assert f"{findings[0].lines[0]}: tile[t] = x[t]" in shown


def test_a_load_and_store_on_one_line_ask_for_an_atomic():
    counts, findings = run(lost)
    assert "an atomic" in race_frames(findings[0], counts)[-1].alt


def test_no_barrier_is_offered_between_blocks():
    counts, findings = run(across_blocks, grid=2)
    end = race_frames(findings[0], counts)[-1]
    assert "No barrier reaches across blocks" in end.alt
    assert "syncthreads" not in end.svg


def test_only_races_go_under_the_microscope():
    @cuda.jit
    def beyond(x, out):
        out[cuda.grid(1)] = x[x.size]

    findings = sanitize(beyond[1, 32], np.ones(4), np.ones(32))
    with pytest.raises(ValueError, match="this finding is of the kind out-of-bounds"):
        race_frames(findings[0])


WORDS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=60)
STEPS = st.tuples(st.sampled_from([0, 1]), st.sampled_from(["load", "store"]), WORDS, WORDS)


@given(st.lists(STEPS, min_size=1, max_size=8))
def test_each_step_has_an_arrow_below_the_one_before(steps):
    picture = interleaving(steps, title="an order", memory="x[0] < y & z")
    heights = [float(y) for y in re.findall(r'<path d="M[\d.]+,([\d.]+)l', picture.svg)]
    assert len(heights) == len(steps)
    assert heights == sorted(set(heights))


def test_an_order_without_steps_is_a_sentence():
    with pytest.raises(ValueError, match="list of steps is empty"):
        interleaving([], title="none", memory="x")


@pytest.mark.parametrize(
    ("order", "end"), [("AAABBB", 7), ("BBBAAA", 7), ("ABABAB", 6), ("AABABB", 6), ("ABBBAA", 6)]
)
def test_an_addition_is_lost_unless_one_thread_stores_before_the_other_loads(order, end):
    picture = two_additions(order, start=5)
    assert f"Order {order}: 5 + 1 + 1 = {end}" in picture.alt
    assert f"stores {end}" in picture.alt


@pytest.mark.parametrize("order", ["", "AAABB", "AAABBC", "AAAABB"])
def test_half_an_order_is_a_sentence(order):
    with pytest.raises(ValueError, match="three steps of A and three of B"):
        two_additions(order, start=5)


# The epochs


def test_both_sides_of_a_race_are_framed_in_their_epoch():
    counts, findings = run(racy)
    picture = epoch_timeline(counts, findings)
    assert number_of(picture, FRAMED) == 2
    assert "race in epoch 0" in picture.alt


def test_a_clean_kernel_has_no_frame():
    counts, findings = run(mended)
    assert findings == []
    assert number_of(epoch_timeline(counts, findings), FRAMED) == 0


def test_a_barrier_makes_an_epoch():
    assert number_of(epoch_timeline(run(racy)[0]), BAR) == 0
    assert number_of(epoch_timeline(run(mended)[0]), BAR) == 1


def test_the_two_sides_stand_in_different_epochs_once_mended():
    counts, _ = run(mended)
    heads = [words for words in texts(epoch_timeline(counts)) if words.startswith("epoch ")]
    assert heads == ["epoch 0", "epoch 1"]


def test_an_access_shows_its_array_and_its_threads():
    shown = texts(epoch_timeline(run(mended)[0]))
    assert "store tile" in shown
    assert str(THREADS) in shown


def test_more_epochs_than_asked_for_are_counted():
    picture = epoch_timeline(run(looping)[0], n_epochs=3)
    assert "the first 3 of 10" in picture.alt
    assert "epoch 3" not in texts(picture)


def test_a_kernel_without_accesses_is_a_sentence():
    with pytest.raises(ValueError, match="no access of idle was noted"):
        epoch_timeline(run(idle)[0])


@pytest.mark.parametrize("kernel", [racy, mended, lost, looping])
def test_no_word_leaves_the_page(kernel):
    counts, findings = run(kernel)
    pictures = [epoch_timeline(counts, findings)]
    pictures += [frame for finding in findings for frame in race_frames(finding, counts)]
    for picture in pictures:
        root = ET.fromstring(picture.svg)
        for element in root.iter(f"{SVG}text"):
            width = text_width(element.text, float(element.get("font-size")))
            left = float(element.get("x")) - width * {"middle": 0.5, "end": 1}.get(
                element.get("text-anchor"), 0
            )
            assert left >= 0, element.text
            assert left + width <= float(root.get("width")), element.text
