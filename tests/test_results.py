"""Published and recorded results: each says where it is from, and nothing in it can be changed."""

import pytest

from labkit.results import published, recorded
from labkit.results.results import Published, Recorded, _results

ALL = [*_results("published", Published).values(), *_results("recorded", Recorded).values()]


@pytest.mark.parametrize("result", ALL, ids=lambda result: result.key)
def test_a_result_says_what_it_is_and_where_it_is_from(result):
    assert result.title
    assert result.source
    assert result.rows


@pytest.mark.parametrize("result", _results("recorded", Recorded).values(), ids=lambda r: r.key)
def test_a_recording_names_machine_date_and_command(result):
    assert result.machine in result.source
    assert result.date in result.source
    assert result.command
    assert result.provenance


def test_the_first_epoch_is_slower_in_every_recorded_run():
    """The figures of the log: 2.6 to 23.3 % below the mean of the later epochs."""
    shortfall = []
    for row in recorded("nersc-sc24-epochs").rows:
        first, *later = row["epochs_samples_per_s"]
        shortfall.append(1 - first * len(later) / sum(later))
    assert min(shortfall) == pytest.approx(0.026, abs=0.0005)
    assert max(shortfall) == pytest.approx(0.233, abs=0.0005)


CPU_RUNS = [r for r in _results("recorded", Recorded).values() if "record_cpu.py" in r.command]


def test_the_first_lessons_have_recorded_cpu_runs():
    assert len(CPU_RUNS) >= 7


@pytest.mark.parametrize("result", CPU_RUNS, ids=lambda result: result.key)
def test_a_recorded_cpu_run_holds_the_times_of_each_setting_in_order(result):
    for row in result.rows:
        assert row["samples_s"], f"{result.key}: {dict(row)} holds no time"
        assert list(row["samples_s"]) == sorted(row["samples_s"])
        assert row["samples_s"][0] > 0


def test_a_row_cannot_be_changed():
    with pytest.raises(TypeError, match="does not support item assignment"):
        published("tpu-v1-peak").rows[0]["clock_hz"] = 1


@pytest.mark.parametrize(
    ("find", "words"),
    [
        (published, "No published result 'tpu-v9'. There are: "),
        (recorded, "No recorded result 'tpu-v9'. There are: "),
    ],
)
def test_an_unknown_key_is_a_sentence_with_the_known_ones(find, words):
    with pytest.raises(KeyError) as error:
        find("tpu-v9")
    assert str(error.value).startswith(words)
    with pytest.raises(KeyError, match=r"result \['tpu-v9'\]\. There are: "):
        find(["tpu-v9"])
