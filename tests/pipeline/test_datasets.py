import json
from pathlib import Path
from typing import Any

import pandas as pd

from mllib.candles import Candles
from mllib.pipeline.annotations import labelled_series
from mllib.pipeline.datasets import ANNOTATIONS_FILE, LABELED_FILE, write_dataset
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction, ReviewedRange
from mllib.store import Feedback
from mllib.training import LabelledSeries


def _written(ws: Workspace, run_id: str, layers: tuple[Any, ...] = ("human", "talib")) -> tuple[str, Path]:
    ingestion = ws.config.stages.annotation_ingestion
    one = labelled_series(ws, pair="EURUSD", timeframe="1h", layers=layers, ingestion=ingestion)
    return write_dataset(ws, run_id, [one], ws.config), ws.datasets / run_id


def _verdict(ws: Workspace, candles: Candles, action: Any, start: int, end: int, **more: Any) -> None:
    judged = JudgedPrediction(
        label="bull_flag", confidence=0.8, model_version="4",
        start_time=int(candles.time[start]), end_time=int(candles.time[end]),
    )  # fmt: skip
    ws.store.verdicts.record(
        Feedback(client_id=f"{action}{start}", pair="EURUSD", timeframe="1h", action=action,
                 prediction=judged, annotator="ann", **more)
    )  # fmt: skip


def test_the_dataset_holds_every_verdict(ws: Workspace, candles: Candles) -> None:
    _verdict(ws, candles, "confirm", 10, 20)
    _verdict(ws, candles, "correct", 40, 50, label="bear_flag")
    _verdict(ws, candles, "dismiss", 70, 80)
    _, folder = _written(ws, "r1")
    rows = pd.read_parquet(folder / ANNOTATIONS_FILE)
    people = rows[rows["annotator"] == "ann"].set_index("start_time")
    start = [int(candles.time[i]) for i in (10, 40, 70)]
    assert people.loc[start, "label"].tolist() == ["bull_flag", "bear_flag", "O"]
    assert people.loc[start, "source"].tolist() == ["model_confirmed", "model_corrected", "human"]
    judged = json.loads(people.loc[start[2], "model_prediction"])
    assert judged == {"label": "bull_flag", "confidence": 0.8, "model_version": "4"}
    assert set(rows["source"]) == {"model_confirmed", "model_corrected", "human", "talib"}


def test_candles_carry_the_enriched_columns_and_bio_tags(ws: Workspace, candles: Candles) -> None:
    time = candles.time.tolist()
    spans = [Annotation("bull_flag", time[a], time[b], id=f"{a}") for a, b in ((10, 13), (60, 62))]
    ws.store.annotations.add(
        "EURUSD", "1h", spans, reviewed=[ReviewedRange(time[8], time[20], frozenset({"bull_flag"}))]
    )
    _, folder = _written(ws, "r1")
    rows = pd.read_parquet(folder / LABELED_FILE)
    assert len(rows) == 300
    assert list(rows.columns[:3]) == ["pair", "timeframe", "time"]
    assert {"body_size", "body_direction", "bio_bull_flag", "bio_bullish_engulfing"} <= set(rows.columns)
    tags = rows["bio_bull_flag"].astype("str").where(rows["bio_bull_flag"].notna(), "?")
    assert "".join(tags[5:25]) == "???OOBIIIOOOOOOO????"
    assert "".join(tags[58:65]) == "??BII??"
    assert rows["bio_bullish_engulfing"].notna().all()


def test_the_version_is_that_of_the_content(ws: Workspace, candles: Candles) -> None:
    one, _ = _written(ws, "r1")
    again, _ = _written(ws, "r2")
    assert one == again
    _verdict(ws, candles, "dismiss", 70, 80)
    other, _ = _written(ws, "r3")
    assert other != one


def test_a_series_without_spans_makes_a_dataset_too(ws: Workspace) -> None:
    _, folder = _written(ws, "r1", ("human",))
    assert len(pd.read_parquet(folder / ANNOTATIONS_FILE)) == 0
    assert len(pd.read_parquet(folder / LABELED_FILE)) == 300


def test_several_series_lie_one_after_another(ws: Workspace, candles: Candles) -> None:
    ingestion = ws.config.stages.annotation_ingestion
    one = labelled_series(ws, pair="EURUSD", timeframe="1h", layers=("talib",), ingestion=ingestion)
    bare = Candles("GBPUSD", "1h", *(getattr(candles, n) for n in ("time", "open", "high", "low", "close")))
    write_dataset(ws, "r1", [one, LabelledSeries(bare, [], [])], ws.config)
    rows = pd.read_parquet(ws.datasets / "r1" / LABELED_FILE)
    assert rows["pair"].tolist() == ["EURUSD"] * 300 + ["GBPUSD"] * 300
    assert rows["bio_bullish_engulfing"][300:].isna().all()
