"""`candleloop disagreements` as a script and a person see it."""

import json
from pathlib import Path

import pytest

from mllib.pipeline.annotations import label_series
from mllib.pipeline.workspace import open_workspace
from mllib.spans import Annotation, ReviewedRange
from tests.naive import sample
from tests.pipeline.conftest import store_candles

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
