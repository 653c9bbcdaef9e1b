"""`candleloop disagreements` as a script and a person see it."""

import json
import shutil
from pathlib import Path

import pytest

from mllib.pipeline.annotations import label_series
from mllib.pipeline.workspace import open_workspace
from mllib.spans import Annotation, ReviewedRange
from tests.naive import sample
from tests.pipeline.conftest import TrainedHome, store_candles, trained

__all__ = ["trained"]
"""The use cases' own home; pytest finds its fixture by this name."""

ASKED = ("disagreements", "--pair", "EURUSD", "--timeframe", "1h", "--between", "human,talib")


@pytest.fixture
def start_time(tmp_path: Path) -> int:
    """Where a person drew a doji two candles long, where TA-Lib has one."""
    with open_workspace(tmp_path / "home") as ws:
        candles = store_candles(ws, sample("EURUSD_1h")[:300])
        label_series(ws, pair="EURUSD", timeframe="1h", functions=["CDLDOJI"])
        doji = ws.store.talib.spans("EURUSD", "1h")[5]
        drawn = Annotation("bullish_doji", doji.start_time, doji.start_time + 3_600, id="a")
        looked = ReviewedRange(int(candles.time[0]), int(candles.time[-1]), frozenset({"bullish_doji"}))
        ws.store.annotations.add("EURUSD", "1h", [drawn], reviewed=[looked])
    return doji.start_time


def test_differences_are_listed_and_counted(candleloop, start_time: int) -> None:
    told = candleloop(*ASKED, "--kinds", "boundary_mismatch")
    assert "+0 / -1" in told.stdout
    assert "bounds off by 0.5 candles in the median" in told.stderr
    shown = json.loads(candleloop(*ASKED, "--kinds", "boundary_mismatch", "--json").stdout)
    (one,) = shown["disagreements"]
    drawn = {"label": "bullish_doji", "start_time": start_time, "end_time": start_time + 3_600}
    assert one["human"] == drawn
    assert one["talib"] == {**drawn, "end_time": start_time}
    assert (one["kind"], one["start_bars"], one["end_bars"], one["iou"]) == ("boundary_mismatch", 0, -1, 0.5)
    counts = {(each["label"], each["kind"]): each["count"] for each in shown["summary"]["counts"]}
    assert counts["bullish_doji", "missed_by_human"] > 10
    assert shown["notes"] == []
    assert len(json.loads(candleloop(*ASKED, "--limit", "7", "--json").stdout)["disagreements"]) == 7


def test_a_model_and_its_versions_are_compared(candleloop, trained: TrainedHome, tmp_path: Path) -> None:
    shutil.copytree(trained.ws.home, tmp_path / "home", ignore=shutil.ignore_patterns("mlflow"))
    asked = ("disagreements", "--pair", "EURUSD", "--timeframe", "1h", "--limit", "1000", "--json")
    changes = json.loads(candleloop(*asked, "--versions", "1", "v2").stdout)
    assert changes["notes"] == []
    kinds = {one["kind"] for one in changes["disagreements"]}
    assert kinds <= {"moved", "relabelled", "dropped", "added"}
    assert "added" in kinds
    added = next(one for one in changes["disagreements"] if one["kind"] == "added")
    assert (added["1"], added["2"]["label"] in trained.champion.metrics["span_counts"]) == (None, True)
    layers = json.loads(candleloop(*asked, "--between", "talib,model").stdout)
    assert {one["kind"] for one in layers["disagreements"]} <= {
        *("label_mismatch", "missed_by_talib", "missed_by_model")
    }
    assert layers["summary"]["counts"]
    refused = candleloop(*asked, "--versions", "1", "2", "--kinds", "missed_by_model")
    assert "kinds: found missed_by_model, expected some of kept, moved" in refused.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--between", "human"), "expected two of human, talib, model"),
        (("--kinds", "moved"), "kinds: found moved"),
        (("--kinds", "missed_by_model"), "kinds: found missed_by_model"),
        (
            ("--labels", "bullish_doji,dodji"),
            "labels: found dodji, expected some of bullish_doji",
        ),
        (("--versions", "7", "8"), "model 7: found no such version or run"),
        (("--between", "human,model"), "there is none yet"),
    ],
)
def test_what_cannot_be_compared_is_refused(candleloop, start_time: int, options, said: str) -> None:
    done = candleloop(*ASKED, *options)
    assert done.returncode == 1
    assert said in done.stderr
