"""Exercise 17.4: an error that has not seen the answers."""

import statistics

from labkit.teach.registry import always, exercise, solution
from labkit.teach.suspects import assert_right

_honest = solution("17.4")


def _corrected(runs, factor_for, summary=statistics.median):
    return summary(
        [abs(factor_for(n) * predicted / measured - 1)
         for n, (_, predicted, measured) in enumerate(runs)]
    )  # fmt: skip


def _ratios(runs, keep):
    return [measured / predicted for n, (_, predicted, measured) in enumerate(runs) if keep(n)]


def _seen(runs):
    factor = statistics.median(_ratios(runs, lambda n: True))
    return _corrected(runs, lambda n: factor)


def _one_run_out(runs):
    return _corrected(runs, lambda n: statistics.median(_ratios(runs, lambda k: k != n)))


def _own_source(runs):
    return _corrected(
        runs, lambda n: statistics.median(_ratios(runs, lambda k: runs[k][0] == runs[n][0]))
    )


def _with_mean(runs):
    return _corrected(
        runs, lambda n: statistics.mean(_ratios(runs, lambda k: runs[k][0] != runs[n][0]))
    )


def _mean_error(runs):
    return _corrected(
        runs,
        lambda n: statistics.median(_ratios(runs, lambda k: runs[k][0] != runs[n][0])),
        statistics.mean,
    )


def _uncorrected(runs):
    return _corrected(runs, lambda n: 1.0)


def _divided(runs):
    return _corrected(
        runs, lambda n: 1 / statistics.median(_ratios(runs, lambda k: runs[k][0] != runs[n][0]))
    )


def _signed(runs):
    factors = [
        statistics.median(_ratios(runs, lambda k, n=n: runs[k][0] != runs[n][0]))
        for n in range(len(runs))
    ]
    return statistics.median(f * p / m - 1 for f, (_, p, m) in zip(factors, runs, strict=True))


@exercise(
    "17.4",
    title="don't look at the answers",
    wrong=[
        (always(0.05), "fresh numbers"),
        (_seen, "its own source is in"),
        (_one_run_out, "only the run itself"),
        (_own_source, "its own source alone"),
        (_with_mean, "not their mean"),
        (_mean_error, "median of the errors"),
        (_uncorrected, "not corrected"),
        (_divided, "multiply by it"),
        (_signed, "without their sign"),
    ],
)
def honest_error(answer, rng):
    for _ in range(8):
        runs = _draw(rng)
        assert_right(
            answer(list(runs)),
            _honest(runs),
            f"{len(runs)} runs of {len({run[0] for run in runs})} sources",
            [
                (_seen(runs), "its own source is in the median that corrects a run"),
                (_one_run_out(runs), "only the run itself is left out, not its whole source"),
                (_own_source(runs), "the factor is of its own source alone: take all others"),
                (_with_mean(runs), "take the median of the others' ratios, not their mean"),
                (_mean_error(runs), "return the median of the errors"),
                (_uncorrected(runs), "the predictions are not corrected"),
                (_divided(runs), "the factor is measured / predicted: multiply by it"),
                (_signed(runs), "take errors without their sign: abs"),
            ],
            "wrong on fresh numbers",
        )


def _draw(rng):
    """Runs of a few sources of unequal size, each with a factor of its own."""
    runs = []
    for source in rng.sample(("alpha", "beta", "gamma", "delta", "epsilon"), rng.randint(3, 5)):
        factor = rng.uniform(0.5, 1.1)
        for _ in range(rng.randint(2, 9)):
            predicted = 10 ** rng.uniform(1, 5)
            runs.append((source, predicted, predicted * factor * rng.uniform(0.85, 1.15)))
    return runs
