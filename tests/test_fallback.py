"""An experiment runs where its library is, and the recorded run stands in where it is not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.reading import NotListedError, Origin
from labkit.results import recorded
from labkit.teach import run_or_recorded
from labkit.teach.line import line

ROOT = Path(__file__).parents[1]
LESSON = ROOT / "lessons/lesson_22_future_accelerators/lesson.py"
LIBRARIES = (
    "snntorch", "sklearn", "qiskit", "qiskit_aer", "stim", "pymatching", "aihwkit_lightning",
    "perceval",
)  # fmt: skip
KEY = "photons"  # any recorded run


def without_a_library():
    import a_library_that_nobody_wrote  # noqa: F401

    yield {}


def test_what_runs_here_is_taken(capsys):
    rows = run_or_recorded(KEY, lambda: iter([{"n": 1}, {"n": 2}]), install="x")
    assert (rows.column("n"), rows.origin, rows.source) == ([1, 2], Origin.MEASURED, None)
    assert capsys.readouterr().out == ""


def test_a_missing_library_gives_the_recorded_rows_and_says_how_to_install_it(capsys):
    rows = run_or_recorded(KEY, without_a_library, install="the-library", origin="simulated")
    assert rows.rows == recorded(KEY).rows
    assert (rows.origin, rows.source) == (Origin.RECORDED, recorded(KEY).source)
    said = capsys.readouterr().out
    assert said.startswith("[recorded] a_library_that_nobody_wrote: not installed here")
    assert "pip install the-library" in said


def test_another_failure_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_or_recorded(KEY, lambda: [{"n": 1 / 0}], install="x")


def test_an_experiment_that_was_never_recorded_is_a_slip_of_the_course():
    with pytest.raises(NotListedError, match="No recorded result 'nothing'"):
        run_or_recorded("nothing", list, install="x")


def test_a_reading_has_the_origin_and_the_note_of_its_rows():
    rows = run_or_recorded(KEY, lambda: [{}], install="x", origin="simulated", note="sampled")
    assert str(rows.reading("share", 0.5, "%")) == "[simulated] share: 50 % (sampled)"


def test_of_what_was_sampled_only_the_name_is_compared():
    rules = (ROOT / "tests/sanitize.cfg").read_text("utf-8")
    pattern, replace = re.search(r"sampled\]\nregex: (.*)\nreplace: (.*)", rules).groups()
    for text in ("[simulated] share: 50 % (sampled)", "[modelled] a ratio: 2 (from x; sampled)"):
        assert re.sub(pattern, replace, text).endswith(": ...")
        assert "lk-varies" in line(text).html
    assert "lk-varies" not in line("[simulated] share: 50 %").html


def test_the_lesson_runs_whole_without_any_of_its_libraries():
    program = (
        f"import sys, runpy; sys.modules.update(dict.fromkeys({LIBRARIES!r})); "
        f"runpy.run_path({str(LESSON)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    for library in ("snntorch", "qiskit", "pymatching", "aihwkit", "perceval"):
        assert f"[recorded] {library}" in done.stdout
    assert "[recorded] threshold: 0.8" in done.stdout


# What was recorded is what the trial found.


def by(key, *columns):
    return {tuple(row[column] for column in columns): row for row in recorded(key).rows}


def test_spikes():
    (row,) = recorded("digits-spiking").rows
    assert row["accuracy"] == pytest.approx(0.952, abs=0.015)
    added = 128 * row["input_spikes"] + 10 * row["hidden_spikes"]
    assert added == pytest.approx(41_163, rel=0.03)


def test_noisy_qubits():
    agree = {row["n_qubits"]: row["agree"] for row in recorded("qubits-noisy").rows}
    for n, found in {2: 0.998, 4: 0.981, 8: 0.952, 12: 0.926}.items():
        assert agree[n] == pytest.approx(found, abs=0.02)


def test_logical_errors():
    rows = by("surface-code", "p", "distance")
    found = {
        0.004: (0.0074, 0.0042, 0.0021), 0.008: (0.025, 0.029, 0.024), 0.012: (0.054, 0.075, 0.097)
    }  # fmt: skip
    for p, rates in found.items():
        for distance, rate in zip((3, 5, 7), rates, strict=True):
            error = (rate / 20_000) ** 0.5
            assert rows[p, distance]["rate"] == pytest.approx(rate, abs=4 * error + 5e-4)


def test_analog_weights():
    rows = by("digits-analog", "bits", "noise")
    assert rows[None, 0.0]["accuracy"] == pytest.approx(0.90, abs=0.01)
    assert rows[2, 0.0]["accuracy"] == pytest.approx(0.83, abs=0.02)
    noisiest = rows[4, 0.4]
    assert noisiest["worst"] < noisiest["accuracy"] < noisiest["best"]


def test_photons():
    rows = recorded(KEY).rows
    assert [row["probability"] for row in rows[:3]] == [0.5, 0.25, 0.0]
    assert [row["probability"] for row in rows[3:]] == [
        pytest.approx(0.9 ** row["n"]) for row in rows[3:]
    ]
