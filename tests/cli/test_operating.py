"""`candleloop prune` and `candleloop doctor` from the outside."""

import io
import json
import os
import time
from pathlib import Path

import pytest

from mllib.pipeline.workspace import open_workspace
from tests.naive import sample
from tests.pipeline.conftest import store_candles


@pytest.fixture
def old_predictions(tmp_path: Path) -> Path:
    """Predictions of a home that nobody has used for a month."""
    with open_workspace(tmp_path / "home"):
        pass
    file = tmp_path / "home" / "sweeps" / "a1b2c3d4" / "EURUSD_1h.npz"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * 2_000_000)
    then = time.time() - 30 * 86_400
    os.utime(file, (then, then))
    return file


def test_a_dry_run_says_what_would_go_and_removes_nothing(candleloop, old_predictions: Path) -> None:
    done = candleloop("prune", "--dry-run")

    assert done.returncode == 0
    assert "2.0 MB" in done.stdout
    assert "not used for 14 days" in done.stdout
    assert old_predictions.exists()


def test_nothing_is_removed_before_somebody_has_agreed(
    candleloop, old_predictions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    refused = candleloop("prune")
    assert (refused.returncode, old_predictions.exists()) == (1, True)

    agreed = candleloop("prune", "--yes")
    assert (agreed.returncode, old_predictions.exists()) == (0, False)
    assert "2.0 MB freed" in agreed.stderr


def test_scripts_get_json(candleloop, old_predictions: Path) -> None:
    (found,) = json.loads(candleloop("prune", "--dry-run", "--json").stdout)

    assert (found["kind"], found["paths"]) == ("predictions", [str(old_predictions)])


def test_the_doctor_ends_with_a_status_for_scripts(candleloop, tmp_path: Path) -> None:
    with open_workspace(tmp_path / "home"):
        pass
    well = candleloop("doctor")
    assert (well.returncode, "ok  Database: " in well.stdout) == (0, True)
    (tmp_path / "home" / "jobs.db").write_bytes(b"no database" * 1_000)

    broken = candleloop("doctor", "--json")

    assert broken.returncode == 1
    assert {one["name"] for one in json.loads(broken.stdout) if one["ok"] is False} == {"Job queue"}


def test_a_home_is_shared_and_the_doctor_says_when_it_was_not(
    candleloop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_workspace(tmp_path / "home") as ws:
        store_candles(ws, sample("EURUSD_1h")[:300])
    assert candleloop("share").returncode == 1
    monkeypatch.setenv("CANDLELOOP_STORAGE_URL", f"file://{tmp_path}/shared")
    for command in (["candles", "list"], ["share"]):
        refused = candleloop(*command)
        assert refused.returncode == 1
        assert f"found no folder {tmp_path}/shared, expected one. Mount it" in refused.stderr
    assert candleloop("prepare").stderr == "Ready.\n"
    assert "some at home. `candleloop share`" in candleloop("doctor").stdout
    done = candleloop("share")
    assert done.returncode == 0
    assert "Copied 1 series and 0 models; 0 datasets are there.\n" in done.stderr
    assert "1 series of 300 candles" in candleloop("doctor").stdout
    assert json.loads(candleloop("share", "--json").stdout)["series"] == []
