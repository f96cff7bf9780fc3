"""The turns of lesson 20: padding, race to idle, and when arithmetic costs as much as fetching."""

import math

from labkit.power import sensors
from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_padded = solution("20.t1")


@exercise(
    "20.t1",
    title="pad a meter that is late",
    wrong=[
        (always(120.0), "expected"),
        (lambda joules, a, b, pad, idle: joules(a, b), "while the program ran"),
        (lambda joules, a, b, pad, idle: joules(a - pad, b + pad), "take off"),
        (lambda joules, a, b, pad, idle: joules(a - pad, b + pad) - pad * idle, "on both sides"),
        (
            lambda joules, a, b, pad, idle: joules(a - pad, b + pad) - (b - a + 2 * pad) * idle,
            "net of idle",
        ),
        (lambda joules, a, b, pad, idle: joules(a - pad, b + pad) - 2 * idle, "times time"),
        (lambda joules, a, b, pad, idle: joules(a - pad, b) - pad * idle, "still to tell"),
        (lambda joules, a, b, pad, idle: joules(a, b + pad) - 2 * pad * idle, "only as much"),
        (lambda joules, a, b, pad, idle: joules(a + pad, b + pad), "later"),
        (
            lambda joules, a, b, pad, idle: joules(a - pad, b + pad) * (b - a) / (b - a + 2 * pad),
            "from start_s - pad_s",
        ),
        (lambda joules, a, b, pad, idle: joules(a - pad / 2, b + pad / 2) - pad * idle, "until"),
        (lambda joules, a, b, pad, idle: joules(a - 1.2, b + 1.2) - 2.4 * idle, "until"),
        (
            lambda joules, a, b, pad, idle: joules(a - pad - 1, b + pad + 1) - 2 * (pad + 1) * idle,
            "until",
        ),
    ],
)
def padded_j(answer, rng):
    for case in range(6):
        high_w, idle_w = rng.uniform(200, 400), rng.uniform(40, 80)
        start_s, length_s = rng.uniform(10, 12), rng.uniform(0.3, 0.8)
        # One meter remembers a second, another one two or three.
        update_s, window_s = rng.uniform(0.05, 0.1), rng.uniform(0.9, 1.2) + 1.5 * (case % 2)
        stop_s, pad_s = start_s + length_s, window_s + 2 * update_s
        # Idle for as long as the text says, and for the meter's memory before that; then busy.
        ends_s = start_s - 2 * pad_s
        times_s = (ends_s - 1, ends_s, start_s, stop_s, stop_s + pad_s)
        load = sensors.Load(times_s, (high_w, idle_w, high_w, idle_w, high_w))
        meter = sensors.PowerSensor(load, update_s, window_s, phase_s=rng.uniform(0, update_s))
        given = (meter.energy_between_j, start_s, stop_s, pad_s, idle_w)
        got, right_j = answer(*given), load.energy_between_j(start_s, stop_s)
        if math.isclose(got, right_j, rel_tol=0.05):  # it's asked every 10 ms
            continue
        all_j, idle_j = meter.energy_between_j(start_s - pad_s, stop_s + pad_s), pad_s * idle_w
        suspects = [
            (
                meter.energy_between_j(start_s, stop_s),
                "that's what it showed while the program ran; it's late, so it goes on telling",
            ),
            (all_j, "take off what the idle time before and after took"),
            (all_j - idle_j, "idle was watched on both sides, pad_s each"),
            (
                all_j - 2 * idle_j - length_s * idle_w,
                "that's net of idle; asked is all that was used between start_s and stop_s",
            ),
            (all_j - 2 * idle_w, "idle_w is a power: energy is power times time"),
            (
                meter.energy_between_j(start_s - pad_s, stop_s) - idle_j,
                "at stop_s the meter has most of it still to tell, so watch on",
            ),
            (
                meter.energy_between_j(start_s, stop_s + pad_s) - 2 * idle_j,
                "take off only as much idle as you watched",
            ),
            (
                meter.energy_between_j(start_s + pad_s, stop_s + pad_s),
                "it isn't enough to watch later: the mean spreads the burst over its whole window",
            ),
        ]
        case = f"a burst of {length_s:.2f} s at {high_w:.0f} W, in J"
        watch = (
            "watch from start_s - pad_s until stop_s + pad_s, and take off the idle time's energy"
        )
        assert_right(got, right_j, case, suspects, watch)


_period = solution("20.t2")


@exercise(
    "20.t2",
    title="the energy of a period",
    wrong=[
        (always(90.0), "expected"),
        (lambda c, a, i=60, m=100, w=0.3, p=1: w / c * (i + a + m * c**3), "rest of the period"),
        (lambda c, a, i=60, m=100, w=0.3, p=1: _period(c, a, i, m, w * c * c, p), "divided by"),
        (
            lambda c, a, i=60, m=100, w=0.3, p=1: w / c * (a + m * c**3) + (p - w / c) * i,
            "draws idle_w as well",
        ),
        (lambda c, a, i=60, m=100, w=0.3, p=1: _period(c, a, i, m * c**-2, w, p), "cube"),
        (lambda c, a, i=60, m=100, w=0.3, p=1: p * (i + a) + w / c * m * c**3, "only while"),
        (
            lambda c, a, i=60, m=100, w=0.3, p=1: w / c * (i + a + m * c**3) + p * i,
            "for the rest",
        ),
        (lambda c, a, i=60, m=100, w=0.3, p=1: _period(c, a, i, m, w, p) - p * i, "above idle"),
        (lambda c, a, i=60, m=100, w=0.3, p=1: _period(c, a), "expected"),
        (lambda c, a, i=60, m=100, w=0.3, p=1: p * (i + a + m * c**3), "for work_s / clock"),
        (
            lambda c, a, i=60, m=100, w=0.3, p=1: w * (i + a + m * c**3) + (p - w) * i,
            "takes longer at a slower clock",
        ),
        (lambda c, a, i=60, m=100, w=0.3, p=1: _period(c, a, i, m / c, w, p), "cube"),
        (lambda c, a, i=60, m=150, w=0.3, p=1: _period(c, a, i, m, w, p), "first line"),
        (lambda c, a, i, m, w, p: _period(c, a, i, m, w, p), "it is called with"),
    ],
)
def period_j(answer, rng):
    for _ in range(8):
        clock, awake_w, idle_w = rng.uniform(0.4, 0.95), rng.uniform(10, 200), rng.uniform(20, 90)
        math_w, period_s = rng.uniform(80, 300), rng.uniform(0.5, 3)
        work_s = rng.uniform(0.2, 0.38) * period_s
        given = (clock, awake_w, idle_w, math_w, work_s, period_s)
        busy_s, busy_w = work_s / clock, idle_w + awake_w + math_w * clock**3
        right = _period(*given)
        suspects = [
            (busy_s * busy_w, "in the rest of the period it's idle, and that takes energy, too"),
            (
                _period(clock, awake_w, idle_w, math_w, work_s * clock**2, period_s),
                "at half the clock work takes twice as long: work_s divided by clock",
            ),
            (period_s * busy_w, "it works for work_s / clock, and not for the whole period"),
            (
                work_s * busy_w + (period_s - work_s) * idle_w,
                "work takes longer at a slower clock: work_s divided by clock",
            ),
            (
                _period(clock, awake_w, idle_w, math_w / clock, work_s, period_s),
                "arithmetic takes the cube of the clock",
            ),
            (right - busy_s * idle_w, "while it works it draws idle_w as well"),
            (
                _period(clock, awake_w, idle_w, math_w / clock**2, work_s, period_s),
                "arithmetic takes the cube of the clock",
            ),
            (
                period_s * (idle_w + awake_w) + busy_s * math_w * clock**3,
                "it's awake only while it works",
            ),
            (right + busy_s * idle_w, "it idles only for the rest, after work_s / clock"),
            (right - period_s * idle_w, "that's above idle; asked is all of it"),
        ]
        case = (
            f"work of {work_s:.2f} s in {period_s:.2f} s at {clock:.0%} of full clock, awake "
            f"{awake_w:.0f} W, in J"
        )
        assert_right(answer(*given), right, case, suspects)
    case = "80 % of full clock, awake 50 W and the rest left out, in J"
    hint = "leave the first line of the function as it was: the lesson counts on what stands in it"
    assert_right(answer(0.8, 50.0), _period(0.8, 50.0), case, hint=hint)


_even = solution("20.t3")


@exercise(
    "20.t3",
    title="as much arithmetic as fetching",
    wrong=[
        (always(106), "expected"),
        (lambda size, word_j, mac_j: word_j / mac_j, "8 bytes"),
        (lambda size, word_j, mac_j: size * word_j / mac_j, "8 bytes"),
        (lambda size, word_j, mac_j: 8 / size * word_j / mac_j, "smaller"),
        (lambda size, word_j, mac_j: mac_j / (size / 8 * word_j), "upside down"),
        (lambda size, word_j, mac_j: size / 8 * word_j / mac_j / 2, "one multiply-add"),
        (lambda size, word_j, mac_j: math.ceil(size / 8 * word_j / mac_j), "round"),
        (lambda size, word_j, mac_j: size / 8 * word_j, "share of one conversation"),
        (lambda size, word_j, mac_j: 2 / 8 * word_j / mac_j, "itemsize"),
        (lambda size, word_j, mac_j: 2 * size / 8 * word_j / mac_j, "fetched once"),
        (lambda size, word_j, mac_j: math.floor(size / 8 * word_j / mac_j), "round"),
    ],
)
def even_batch(answer, rng):
    for size in (2, 1, 4, 0.5):
        word_j, mac_j = rng.uniform(2e-10, 2e-9), rng.uniform(2e-13, 2e-12)
        right = _even(size, word_j, mac_j)
        suspects = [
            (8 / size * right, "word_j is for 8 bytes, and a weight has fewer"),
            (8 * right, "word_j is for 8 bytes, not for one"),
            ((8 / size) ** 2 * right, "a smaller weight takes less to fetch, not more"),
            (1 / right, "that's upside down: how many multiply-adds cost as much as one fetch?"),
            (right / 2, "each conversation takes one multiply-add, and mac_j is all of it"),
            (2 / size * right, "a weight may have any size: use itemsize"),
            (2 * right, "a weight is fetched once, and not written back"),
            (math.ceil(right), "don't round"),
            (math.floor(right), "don't round"),
            (right * mac_j, "that's what fetching takes; divide it by the share of one "
             "conversation"),
        ]  # fmt: skip
        case = f"itemsize {size}, {word_j * 1e12:.0f} pJ and {mac_j * 1e12:.2f} pJ"
        assert_right(answer(size, word_j, mac_j), right, case, suspects)
