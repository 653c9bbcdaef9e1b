"""`candleloop verdicts …` and `candleloop annotations agreement` as a script and a person see them."""

import json
from pathlib import Path

import pytest

from mllib.pipeline.review import record_verdict
from mllib.pipeline.workspace import open_workspace
from mllib.spans import JudgedPrediction
from mllib.store import Feedback
from tests.naive import sample
from tests.pipeline.conftest import store_candles


@pytest.fixture
def said(tmp_path: Path) -> None:
    """Ann and Ben judge two predictions of version 3 and differ on the first."""
    with open_workspace(tmp_path / "home") as ws:
        candles = store_candles(ws, sample("EURUSD_1h")[:300])
        for name, bar, action in (
            ("ann", 10, "confirm"),
            ("ben", 10, "dismiss"),
            ("ann", 50, "confirm"),
            ("ben", 50, "confirm"),
        ):
            judged = JudgedPrediction(
                label="flag",
                confidence=0.8,
                model_version="3",
                start_time=int(candles.time[bar]),
                end_time=int(candles.time[bar + 9]),
            )
            client_id = f"{name} {bar}"
            record_verdict(
                ws,
                Feedback(
                    client_id=client_id,
                    pair="EURUSD",
                    timeframe="1h",
                    action=action,
                    prediction=judged,
                    annotator=name,
                ),
            )


def test_differences_are_told_and_settled(candleloop, said):
    told = candleloop("annotations", "agreement").stdout
    assert "ann and ben" in told
    (row,) = (line for line in told.splitlines() if "any or none" in line)
    assert [cell.strip() for cell in row.split("│")[2:-1]] == ["2", "2", "1", "0.000", "1.000"]
    assert "1 to settle, 0 settled" in told
    assert "no flag" in told
    (found,) = json.loads(candleloop("annotations", "agreement", "--json").stdout)
    (one,) = found["differences"]
    ids = [one[side]["verdict_id"] for side in ("second", "first")]
    assert "Remove it" in candleloop("verdicts", "adjudicate", *ids, "--annotator", "a\nb").stderr
    done = json.loads(candleloop("verdicts", "adjudicate", *ids, "--annotator", "cleo", "--json").stdout)
    assert (done["action"], sorted(done["settles"])) == ("dismiss", sorted(ids))
    (settled,) = json.loads(candleloop("annotations", "agreement", "--json").stdout)
    assert (settled["differences"], settled["settled"]) == ([], 1)
    assert "is taken back" in candleloop("verdicts", "undo", done["id"]).stderr
    assert (
        "1 to settle" in candleloop("annotations", "agreement", "--between", "ann", "--between", "ben").stdout
    )
    assert "found ann alone" in candleloop("annotations", "agreement", "--between", "ann").stderr


def test_without_a_second_annotator_it_says_so(candleloop):
    assert "No two annotators" in candleloop("annotations", "agreement").stderr


def test_history_tells_a_week_in_a_row(candleloop, said):
    (row,) = (line for line in candleloop("verdicts", "history").stdout.splitlines() if "v3" in line)
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells[1:7] == ["v3", "queue", "4", "3", "1", "0"]
    assert cells[7].startswith("0.86 (")
    assert cells[9:] == ["0.800", "0.050"]
    (week,) = json.loads(candleloop("verdicts", "history", "--json").stdout)
    assert (week["verdicts"], week["confirmed"]) == (4, 0.75)
    assert "No verdicts yet" in candleloop("verdicts", "history", "--pair", "GBPUSD").stderr
