"""Every published figure in the ledger is recomputed, and the ledger says truly what came out."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from ledger import LEDGER, Line, markdown

from labkit.results import published
from labkit.results.results import Published, _results

LINES = [line for entry in LEDGER for line in entry.lines()]


def name(line):
    return f"{line.entry.table}-{line.entry.recompute.__name__}-{line.row}"


@pytest.mark.parametrize("line", LINES, ids=name)
def test_a_figure_comes_out_unless_the_ledger_says_why_not(line):
    reason = line.entry.reason(line.row)
    assert line.agrees == (reason is None), f"{line.printed} printed, {line.recomputed} recomputed"


def test_a_reason_belongs_to_a_row_that_there_is():
    for entry in LEDGER:
        if isinstance(entry.not_reproduced, dict):
            assert set(entry.not_reproduced) <= {line.row for line in entry.lines()}


@pytest.mark.parametrize("line", LINES, ids=name)
def test_the_ledger_bites(line):
    """A figure printed twice as large, and one more, is no longer reproduced."""
    assert not dataclasses.replace(line, printed=2 * line.recomputed + 1).agrees


@pytest.mark.parametrize("entry", LEDGER, ids=lambda entry: entry.recompute.__name__)
def test_a_recomputation_never_sees_the_printed_value(entry):
    assert entry.column not in entry.inputs


def test_the_largest_deviation_still_allowed_is_the_tolerance():
    verdicts = [Line(LEDGER[0], "chip", 92e12, at, 0.5e12).verdict for at in (91.5e12, 91.4e12)]
    assert verdicts == ["reproduced", "not reproduced"]


def test_every_published_table_is_in_the_ledger():
    assert {entry.table for entry in LEDGER} == set(_results("published", Published))


def test_every_tolerance_belongs_to_a_printed_column():
    for key in _results("published", Published):
        result = published(key)
        printed = set().union(*result.rows)
        assert set(result.tolerance) <= printed
        assert {entry.column for entry in LEDGER if entry.table == key} == set(result.tolerance)


def test_the_ledger_prints_itself_as_a_table():
    ledger = Path(__file__).with_name("ledger.py")
    out = subprocess.run([sys.executable, ledger], capture_output=True, check=True)
    table = out.stdout.decode("utf-8").splitlines()
    assert table == markdown().splitlines()
    assert len(table) == 2 + len(LINES)
    assert len({line.count("|") for line in table}) == 1


def test_cnn1_reaches_15_percent_of_its_roof():
    """The figure of the lesson: the worst of the six, far below a roof that is the peak itself."""
    roof = {line.row: line for line in LEDGER[2].lines()}
    shares = [round(100 * roof[app].printed / roof[app].recomputed) for app in roof]
    assert shares == [90, 85, 85, 43, 93, 15]


def test_a_published_table_cannot_be_changed_by_a_lesson():
    with pytest.raises(TypeError):
        published("tpu-v1-peak").rows[0]["peak_op_per_s"] = 1


def test_a_published_table_shows_its_source_and_its_traps():
    text = repr(published("tpu-v1-applications"))
    assert text.startswith("[published] Six applications on the TPU v1: 6 rows (Jouppi et al. 2017")
    assert "not perfectly consistent" in text
