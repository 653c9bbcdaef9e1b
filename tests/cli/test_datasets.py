"""`candleloop dataset …` as a script sees it."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mllib.cli import main
from mllib.pipeline.workspace import open_workspace
from tests.naive import sample
from tests.pipeline.conftest import store_candles

EURUSD = ("--pair", "EURUSD", "--timeframe", "1h")


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def candleloop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """`candleloop` in this process, on a home with candles."""
    monkeypatch.setenv("CANDLELOOP_HOME", str(tmp_path / "home"))
    with open_workspace(tmp_path / "home") as ws:
        store_candles(ws, sample("EURUSD_1h")[:300])

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["candleloop", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capfd.readouterr())

    return run


def test_datasets_are_built_listed_described_and_compared(candleloop):
    built = json.loads(candleloop("dataset", "build", *EURUSD, "--labels", "talib", "--json").stdout)
    assert built["row_count"] == 300
    fewer = ("--set", "stages.annotation_ingestion.talib_patterns=[CDLDOJI]")
    other = json.loads(candleloop("dataset", "build", *EURUSD, *fewer, "--json").stdout)
    listed = json.loads(candleloop("dataset", "list", "--json").stdout)
    assert [one["version"] for one in listed] == [other["version"], built["version"]]
    assert json.loads(candleloop("dataset", "info", "--json").stdout) == other
    changes = json.loads(candleloop("dataset", "diff", "--json").stdout)
    gone = next(row for row in changes if row["of"] == "bullish_engulfing, talib")
    assert gone["removed"] == next(c["count"] for c in built["counts"] if c["label"] == "bullish_engulfing")
    same = candleloop("dataset", "diff", other["version"], other["version"])
    assert (same.returncode, same.stderr) == (0, "Nothing has changed.\n")
    assert other["version"] in candleloop("dataset", "list").stdout


def test_what_is_not_there_is_said_in_one_line(candleloop):
    for arguments, said in (
        (("list", "--json"), None),
        (("diff",), "dataset: none was built yet"),
        (("push",), "found none to push"),
        (("restore", "nobody"), "nobody"),
        (("build", *EURUSD, "--labels", "human"), "found no span in EURUSD 1h"),
    ):
        done = candleloop("dataset", *arguments)
        assert done.returncode == (0 if said is None else 1)
        assert said is None or (said in done.stderr and done.stderr.count("\n") == 1), done.stderr
    refused = candleloop("stage", "fly")
    assert (refused.returncode, "expected one of annotations, features" in refused.stderr) == (1, True)
