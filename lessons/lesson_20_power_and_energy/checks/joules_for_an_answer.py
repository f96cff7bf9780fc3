"""Exercise 20.5: joules for an answer."""

import math

from labkit.teach.registry import always, exercise, solution

_written = solution("20.5")


@exercise(
    "20.5",
    title="joules for an answer",
    wrong=[
        (always(0.119), "fresh numbers"),
        (lambda nr, nw, r, w, rw, ww: ww / w, "reading is missing"),
        (lambda nr, nw, r, w, rw, ww: nr / r * rw + nw / w * ww, "whole answer"),
        (lambda *a: _written(*a) * a[1] / (a[0] + a[1]), "written tokens only"),
        (lambda nr, nw, r, w, rw, ww: _written(nr, nw, r, w, ww, rw), "exchanged"),
        (lambda nr, nw, r, w, rw, ww: rw / r + ww / w, "as many times"),
        (lambda nr, nw, r, w, rw, ww: (nr / r + nw / w) / nw, "seconds"),
        (lambda *a: _written(*a) * a[1] / a[0], "tokens written, not"),
        (
            lambda nr, nw, r, w, rw, ww: (nr / r + nw / w) * (rw + ww) / 2 / nw,
            "each power counts for its own time",
        ),
    ],
)
def written_token_j(answer, rng):
    for _ in range(10):
        given = (
            rng.randint(200, 4000), rng.randint(50, 900), rng.uniform(5e3, 5e4),
            rng.uniform(500, 8000), rng.uniform(500, 700), rng.uniform(250, 450),
        )  # fmt: skip
        n_read, n_written, read_per_s, write_per_s, read_w, write_w = given
        got, right = answer(*given), _written(*given)
        if math.isclose(got, right, rel_tol=1e-6):
            continue
        for wrong_j, hint in (
            (write_w / write_per_s, "the share of the reading is missing"),
            (right * n_written, "that is the energy of the whole answer: divide by its tokens"),
            (right * n_written / (n_read + n_written), "divide by the written tokens only"),
            (_written(*given[:4], write_w, read_w), "the two powers are exchanged"),
            (
                read_w / read_per_s + write_w / write_per_s,
                "each written token pays for as many times a read token as n_read / n_written",
            ),
            (right * n_written / n_read, "share it out to the tokens written, not to those read"),
            (
                (n_read / read_per_s + n_written / write_per_s)
                * ((read_w + write_w) / 2 / n_written),
                "each power counts for its own time: don't average the two",
            ),
            (
                (n_read / read_per_s + n_written / write_per_s) / n_written,
                "those are seconds: energy is power times time",
            ),
        ):
            assert not math.isclose(got, wrong_j, rel_tol=1e-6), hint
        raise AssertionError(f"wrong on fresh numbers: got {got:.4g} J, expected {right:.4g} J")
