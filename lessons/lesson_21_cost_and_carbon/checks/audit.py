"""Exercise 21.5: what a claimed carbon figure is."""

from labkit.teach.registry import always, exercise, solution

_VERDICTS = ("right", "no pue", "pue twice", "factor 1000", "unexplained")


_audited = solution("21.5")


def _audited_with(gpu_hours, power_w, pue, g_per_kwh, tonnes, without=(), close=0.01):
    """A wrong answer to 21.5: some verdicts are never given, or the limit is another one."""
    right = gpu_hours * power_w / 1000 * pue * g_per_kwh / 1e6
    suspects = (
        ("right", right), ("no pue", right / pue), ("pue twice", right * pue),
        ("factor 1000", right / 1000), ("factor 1000", right * 1000),
    )  # fmt: skip
    for verdict, value in suspects:
        if verdict not in without and abs(tonnes / value - 1) <= close:
            return verdict
    return "unexplained"


def _one_sided(*claim):
    right = _audited(*claim)
    return "unexplained" if right == "factor 1000" and claim[-1] > 1e5 else right


@exercise(
    "21.5",
    title="audit a claim",
    wrong=[
        (always("right"), "it is not right"),
        (always("unexplained"), "it is explained"),
        (lambda *claim: _audited_with(*claim, without=["no pue"]), "without the PUE"),
        (lambda *claim: _audited_with(*claim, without=["pue twice"]), "PUE squared"),
        (lambda *claim: _audited_with(*claim, without=["factor 1000"]), "kWh"),
        (_one_sided, "kWh"),
        (lambda *claim: _audited_with(*claim, close=1e-9), "within 1 %"),
        (lambda *claim: _audited_with(*claim, close=0.04), "1 % is the limit"),
        (lambda *claim: _audited(*claim).replace(" ", "_"), "one of the five texts"),
        (lambda h, w, p, g, t: _audited(h, w, p, g / 1e6, t), "the inputs give"),
    ],
)
def audit(answer, rng):
    for case in range(30):
        gpu_hours, power_w = rng.uniform(5e5, 5e6), rng.uniform(300, 800)
        pue, g_per_kwh = rng.uniform(1.06, 1.5), rng.uniform(100, 700)
        exact = gpu_hours * power_w / 1000 * pue * g_per_kwh / 1e6
        factors = (1, 1 / pue, pue, 1e-3, 1e3, 1.025, rng.choice((0.3, 2.7)))
        tonnes = exact * factors[case % 7] * rng.uniform(0.994, 1.006)
        claim = (gpu_hours, power_w, pue, g_per_kwh, tonnes)
        got, right = answer(*claim), _audited(*claim)
        assert got in _VERDICTS, f"got {got!r}: answer with one of the five texts"
        if got == right:
            continue
        said = f"a claim of {tonnes:.4g} t, where the inputs give {exact:.4g} t"
        assert got == "unexplained" or right != "unexplained" or factors[case % 7] != 1.025, (
            f"{said}: 1 % is the limit, so this is unexplained"
        )
        assert got != "right", f"{said}: it is not right, but {right}"
        hint = {
            "right": f"{said}: it is right, within 1 %",
            "no pue": f"{said}: that is the figure without the PUE ({pue:.2f})",
            "pue twice": f"{said}: that is the figure with the PUE squared ({pue:.2f})",
            "factor 1000": f"{said}: a thousand too little or too much, as from kWh for MWh",
            "unexplained": f"{said}: none of the four explains it",
        }[right]
        raise AssertionError(
            f"it is explained: {hint}" if got == "unexplained" else f"{hint}, and not {got}"
        )
