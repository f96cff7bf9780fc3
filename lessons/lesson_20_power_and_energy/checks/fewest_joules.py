"""Exercise 20.4: the fewest joules in time."""

import statistics

from labkit.teach.registry import always, exercise


def _best(
    settings, max_time_s, *, limit=True, share=0.5, cost="energy", middle=statistics.fmean,
    over_all=False,
):  # fmt: skip
    """The answer to 20.4 with one of its rules changed."""
    allowed = []
    for batch, cap_w, epochs, epoch_s, power_w in settings:
        reached = [n for n in epochs if n is not None]
        if not reached or len(reached) < share * len(epochs):
            continue
        time_s = middle(reached) * epoch_s * (len(reached) / len(epochs) if over_all else 1)
        if time_s <= max_time_s or not limit:
            costs = {
                "energy": time_s * power_w, "power": power_w, "time": time_s,
                "epoch": epoch_s * power_w,
            }  # fmt: skip
            allowed.append((costs[cost], batch, cap_w))
    return min(allowed)[1:]


def _sooner(settings, max_time_s):
    """Takes only what needs less than the limit, and nothing that needs all of it."""
    return _best(settings, max_time_s * (1 - 1e-9))


def _two_may_fail(settings, max_time_s):
    """Leaves out settings with more than two failed runs, however many there were."""
    return _best([s for s in settings if s[2].count(None) <= 2], max_time_s)


@exercise(
    "20.4",
    title="the fewest joules in time",
    wrong=[
        (always((17, 17)), "none of the settings"),
        (lambda s, t: _best(s, t, limit=False), "takes too long"),
        (lambda s, t: _best(s, t, share=0), "fewer than half"),
        (lambda s, t: _best(s, t, share=0.4), "fewer than half"),  # half of five, rounded down
        (lambda s, t: _best(s, t, share=1), "may fail"),
        (lambda s, t: _best(s, t, share=0.501), "may fail"),
        (lambda s, t: _best(s, t, middle=statistics.median), "the mean of its runs"),
        (lambda s, t: _best(s, t, middle=min), "the mean of its runs"),
        (lambda s, t: _best(s, t, middle=max), "one bad run"),
        (lambda s, t: _best(s, t, over_all=True), "doesn't count as 0"),
        (lambda s, t: _best(s, t, cost="power"), "least power"),
        (lambda s, t: _best(s, t, cost="time"), "fastest"),
        (lambda s, t: _best(s, t, cost="epoch"), "of an epoch"),
        (lambda s, t: _best(s, t)[0], "a pair"),
        (lambda s, t: _best(s, t)[::-1], "batch first"),
        (_two_may_fail, "may fail"),
        (_sooner, "takes exactly"),
    ],
)
def best_setting(answer, rng):
    for case in range(10):
        n_runs = (4, 4, 5, 5, 6, 6)[case % 6]
        settings, max_time_s = _lab(rng, n_runs, right_fails=case % 2 == 0)
        got, right = answer(list(settings), max_time_s), _best(settings, max_time_s)
        is_pair = isinstance(got, (tuple, list)) and len(got) == 2
        assert is_pair, f"the answer is a pair (batch, cap_w), got {got!r}"
        got = tuple(got)
        if got == right:
            continue
        assert got != right[::-1], "the pair has the batch first, then the cap"
        known = [setting[:2] for setting in settings]
        assert got in known, f"{got} is none of the settings: they are {known}"
        for slip, hint in (
            ({"limit": False}, "needs the least energy, but takes too long"),
            ({"share": 0}, "looks good, but fewer than half of its runs reached the target"),
            (
                {"share": 1},
                f"isn't the best: half of a setting's runs may fail, as those of {right} do",
            ),
            (
                {"middle": statistics.median},
                "has a low median, but time to target is the mean of its runs, and one took long",
            ),
            (
                {"middle": min},
                "has one lucky run; time to target is the mean of its runs that reached it",
            ),
            (
                {"middle": max},
                f"has no bad run, but the mean counts, and {right} has only one bad run",
            ),
            ({"over_all": True}, "has runs that never got there: None doesn't count as 0 epochs"),
            ({"cost": "power"}, "draws the least power, but for long: energy is power times time"),
            ({"cost": "time"}, "is the fastest of those allowed; the least energy is asked for"),
            ({"cost": "epoch"}, "has the least energy of an epoch, but it needs more of them"),
        ):
            assert got != _best(settings, max_time_s, **slip), f"{got} {hint}"
        raise AssertionError(f"got {got}, expected {right}: the least energy to target in time")
    # Whole numbers and powers of two, so that no way of taking the mean rounds.
    just = [(32, 100, (30, 34, None), 64.0, 100.0), (64, 200, (32,), 32.0, 300.0)]
    got = tuple(answer(just, 2048.0))
    assert got == (32, 100), (
        f"got {got}, expected (32, 100), which takes exactly the time that is allowed, and that is "
        f"still within it"
    )


def _lab(rng, n_runs, *, right_fails):
    """Nine settings and a limit of time; each but the right one falls to a rule of its own."""
    even = [1] * n_runs  # epochs of the runs over their mean
    uneven = [0.6] * (n_runs - 1) + [0.6 + 0.4 * n_runs]
    epochs, epoch_s, power_w = rng.uniform(20, 40), rng.uniform(50, 200), rng.uniform(150, 220)
    half = n_runs // 2
    # Against the right one: epochs, time of an epoch and power, as factors, and how many of the
    # runs failed.
    plan = {
        "right": (1, 1, 1, half * right_fails), "slow": (1, 2, 0.4, 0),
        "failing": (0.7, 0.8, 0.8, half + 1),
        "weak": (1.35, 1.3, 0.65, 0), "fast": (1, 0.7, 1.65, 0), "short": (2.2, 0.8, 0.7, 0),
        "middling": (1, 1, 1.08, 0), "uneven": (1.3, 1, 0.9, 0),
        "flaky": (1.16, 1, 1, half),
    }  # fmt: skip
    batches = rng.sample((16, 32, 64, 128, 256, 512, 1024, 2048, 4096), len(plan))
    caps = rng.sample((75, 100, 125, 150, 175, 200, 225, 250, 275), len(plan))
    settings = []
    for batch, cap_w, (name, (epochs_x, epoch_x, power_x, n_failed)) in zip(
        batches, caps, plan.items(), strict=True
    ):
        is_uneven = name == "uneven" or (name == "right" and not right_fails)
        spread = uneven if is_uneven else even
        runs = [epochs * epochs_x * each * rng.uniform(0.98, 1.02) for each in spread[n_failed:]]
        runs += [None] * n_failed
        rng.shuffle(runs)
        settings.append((batch, cap_w, tuple(runs), epoch_s * epoch_x, power_w * power_x))
    rng.shuffle(settings)
    return settings, 1.88 * epochs * epoch_s
