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


def _combined(*claim):
    """Wrong: two slips at once are taken for one of them."""
    *inputs, tonnes = claim
    verdicts = [_audited(*inputs, tonnes * times) for times in (1, 1000, 1 / 1000)]
    if verdicts[0] == "unexplained" and {*verdicts[1:]} != {"unexplained"}:
        return "factor 1000"
    return verdicts[0]


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
        (lambda *claim: _audited_with(*claim, close=0.02), "1 % is the limit"),
        (_combined, "none of the four"),
        (lambda *claim: _audited(*claim).replace(" ", "_"), "one of the five texts"),
        (lambda h, w, p, g, t: _audited(h, w, p, g / 1e6, t), "the inputs give"),
    ],
)
def audit(answer, rng):
    for _ in range(4):
        pue = rng.uniform(1.06, 1.5)
        for factor, off in _claims(rng, pue):
            _one_claim(answer, rng, pue, factor * off)


def _claims(rng, pue):
    """What is claimed over what the inputs give, and how far that is from a verdict's number.

    A claim is well within 1 % of its number, or as clearly beside it; for those with a PUE the
    first leaves room to whoever takes 1 % of another number than of the verdict's own.
    """
    known = (1, 1 / pue, pue, 1e-3, 1e3)
    for factor, most in zip(known, (0.009, 0.006, 0.006, 0.009, 0.009), strict=True):
        yield factor, 1 + rng.choice((-1, 1)) * rng.uniform(0.7, 1) * most
    for factor, least in zip(known, (0.012, 0.0165, 0.0165, 0.012, 0.012), strict=True):
        yield factor, 1 + rng.choice((-1, 1)) * rng.uniform(least, least + 0.0025)
    for factor in ((0.3, 2.7), (1 / 300, 300), (1e-3 / pue, 1e3 * pue)):
        yield rng.choice(factor), 1


def _one_claim(answer, rng, pue, factor):
    gpu_hours, power_w = rng.uniform(5e5, 5e6), rng.uniform(300, 800)
    g_per_kwh = rng.uniform(100, 700)
    exact = gpu_hours * power_w / 1000 * pue * g_per_kwh / 1e6
    tonnes = exact * factor
    claim = (gpu_hours, power_w, pue, g_per_kwh, tonnes)
    got, right = answer(*claim), _audited(*claim)
    assert got in _VERDICTS, f"got {got!r}: answer with one of the five texts"
    if got == right:
        return
    said = f"a claim of {tonnes:.4g} t, where the inputs give {exact:.4g} t"
    assert right != "unexplained" or got != _audited_with(*claim, close=0.02), (
        f"{said}: it's close to {got!r}, but 1 % is the limit, so this is unexplained"
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
