"""The bench of the planner reads any file of runs and says what a reader needs."""

import csv
import re

import pytest

from labkit.results import training_runs_path
from tools import bench_plan, plan_rivals


@pytest.fixture
def few_runs(tmp_path):
    """Every thirtieth published run, one of them of a chip that nobody knows."""
    with training_runs_path().open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[::30]
    rows[2]["chip"] = "abacus"
    path = tmp_path / "few.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def output(few_runs, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["bench_plan.py", "--runs", str(few_runs)])
    monkeypatch.delenv("CALCULON", raising=False)
    assert bench_plan.main() == 0
    return capsys.readouterr().out


def test_it_prints_a_line_for_each_source_and_one_for_all(output):
    figures = r"n \d+, mean [\d.]+%, median [\d.]+%, p90 [\d.]+%, worst [\d.]+%"
    assert re.search(rf"^llmfoundry_a100_40: {figures}$", output, re.MULTILINE)
    assert re.search(rf"^all rows: {figures}$", output, re.MULTILINE)


def test_it_names_the_lines_that_are_no_possible_job(output):
    assert "not planned: few.csv, line 4" in output
    assert "The planner knows no chip 'abacus'" in output


def test_it_says_why_a_rival_is_missing(output):
    assert "side by side, calculon: it is not here" in output or "CALCULON" in output
    assert "side by side, hfu: n " in output


@pytest.mark.parametrize(
    ("text", "words"), [(None, "No such file"), ("a,b\n1,2\n", "has no column name")]
)
def test_a_file_that_cannot_be_read_is_answered_by_a_sentence(
    text, words, tmp_path, capsys, monkeypatch
):
    path = tmp_path / "runs.csv"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr("sys.argv", ["bench_plan.py", "--runs", str(path)])
    assert bench_plan.main() == 2
    assert words in capsys.readouterr().out


def test_it_lists_every_constant_with_its_source(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["bench_plan.py", "--constants"])
    assert bench_plan.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(re.search(r" = .* \[(physics|fitted)\] \S", line) for line in lines)


def test_the_naive_rival_never_sees_the_source_itself():
    runs = [run for run in bench_plan.published_runs() if run.source == "llama3"]
    with_others = plan_rivals.hfu(runs, bench_plan.published_runs())
    without = plan_rivals.hfu(
        runs, [run for run in bench_plan.published_runs() if run.source != "llama3"]
    )
    assert with_others == without


def test_the_goals_of_published_runs_are_reached(capsys):
    """P1 to P4: three runs of a stack calibrate it, and no other prediction has seen its source."""
    bench_plan._report(bench_plan.published_runs())
    goals = re.findall(r"^(P\d).*: (reached|not reached)$", capsys.readouterr().out, re.MULTILINE)
    assert dict(goals) == dict.fromkeys(("P1", "P2", "P3", "P4"), "reached")


@pytest.mark.parametrize(("share", "value"), [(0, 1), (0.5, 2.5), (0.9, 3.7), (1, 4)])
def test_a_quantile_lies_on_a_line_between_neighbours(share, value):
    assert bench_plan._quantile([4, 1, 3, 2], share) == pytest.approx(value)
