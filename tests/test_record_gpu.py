"""`tools/record_gpu.py` as it is tried where there is no GPU: every result has rows with units."""

import json

import pytest
import record_gpu

FAST = [key for key in record_gpu.RESULTS if key != "counters"]  # which runs all lessons


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    assert record_gpu.main(["--try", str(folder), "--only", *FAST]) is None
    (path,) = folder.iterdir()
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", FAST)
def test_a_result_says_machine_date_command_and_has_rows(recorded, key):
    result = recorded[f"no-gpu-a-try-{key}"]
    assert result["machine"].startswith("no GPU")
    assert result["date"]
    assert result["command"]
    assert result["rows"]


def test_a_time_stands_between_its_bounds(recorded):
    for result in recorded.values():
        for row in result["rows"]:
            if "time_lo_s" in row:
                assert 0 < row["time_lo_s"] <= row["time_s"] <= row["time_hi_s"]


def test_what_fails_is_said_and_the_rest_is_kept(tmp_path, monkeypatch):
    def broken(gpu, sizes):
        raise RuntimeError("no such unit")

    monkeypatch.setitem(record_gpu.RESULTS, "rates", ("Rates", broken))
    said = record_gpu.main(["--try", str(tmp_path), "--only", "rates", "copies"])
    assert "rates: RuntimeError: no such unit" in said
    (path,) = tmp_path.iterdir()
    assert list(json.loads(path.read_text(encoding="utf-8"))) == ["no-gpu-a-try-copies"]


def test_without_a_gpu_nothing_is_recorded(monkeypatch):
    monkeypatch.setattr(record_gpu.Gpu, "__init__", lambda self: (_ for _ in ()).throw(
        RuntimeError("Found no NVIDIA driver")))  # fmt: skip
    assert "find no GPU here (Found no NVIDIA driver)" in record_gpu.main([])
