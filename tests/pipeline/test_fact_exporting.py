import io
import json
import zipfile
from typing import Any

import pandas as pd
import pytest

from mllib.annotation_files import parse_annotations
from mllib.candles import Candles
from mllib.pipeline.datasets import build_dataset
from mllib.pipeline.fact_exporting import annotations_now, annotations_of, facts_now, verdicts_now
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction, ReviewedRange
from mllib.store import Feedback


@pytest.fixture
def said(ws: Workspace, candles: Candles) -> Workspace:
    """An annotation with its reviewed range, a correction and a skip."""
    t = candles.time.tolist()
    ws.store.annotations.add(
        "EURUSD",
        "1h",
        [Annotation("bull_flag", t[10], t[20], id="drawn", clarity=3)],
        reviewed=[ReviewedRange(t[0], t[50], frozenset({"bull_flag"}))],
    )
    judged = JudgedPrediction(
        label="bull_flag", confidence=0.8, model_version="4", start_time=t[60], end_time=t[70]
    )
    more: dict[str, Any] = {"pair": "EURUSD", "timeframe": "1h", "annotator": "ann"}
    ws.store.verdicts.record(
        Feedback(client_id="one", action="correct", prediction=judged, label="bear_flag", as_of=t[80], **more)
    )
    ws.store.verdicts.record(Feedback(client_id="two", action="dismiss", prediction=judged, **more))
    return ws


def test_where_nothing_is_missing_goes_out_as_a_verdict_and_a_range(
    said: Workspace, candles: Candles
) -> None:
    t = candles.time.tolist()
    bounds = {"start_time": t[90], "end_time": t[99]}
    place: dict[str, Any] = {"pair": "EURUSD", "timeframe": "1h", "labels": ("bull_flag",), **bounds}
    said.store.verdicts.record(Feedback(client_id="none", action="nothing", **place))
    row = pd.read_parquet(io.BytesIO(verdicts_now(said))).iloc[-1]
    assert (row["action"], row["label"], list(row["labels"])) == ("nothing", "O", ["bull_flag"])
    assert pd.isna(row["annotation_id"])
    facts = pd.read_parquet(io.BytesIO(facts_now(said)))
    assert t[90] in facts["start_time"].tolist()


def test_verdicts_go_out_as_a_row_each_with_typed_columns(said: Workspace, candles: Candles) -> None:
    rows = pd.read_parquet(io.BytesIO(verdicts_now(said)))
    assert rows["action"].tolist() == ["correct", "dismiss"]
    assert rows["prediction_label"].tolist() == ["bull_flag"] * 2
    assert rows["prediction_confidence"].tolist() == [0.8, 0.8]
    assert rows["as_of"].iloc[0] == candles.time[80]
    assert (rows["label"].iloc[0], rows["pair"].iloc[0], rows["annotator"].iloc[0]) == (
        "bear_flag",
        "EURUSD",
        "ann",
    )


def test_without_verdicts_the_columns_are_the_same(ws: Workspace, said: Workspace) -> None:
    full = pd.read_parquet(io.BytesIO(verdicts_now(said)))
    for verdict in said.store.verdicts.list():
        said.store.verdicts.retract(verdict.id)
    empty = pd.read_parquet(io.BytesIO(verdicts_now(said)))
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)


def test_facts_go_out_as_datasets_hold_them(said: Workspace) -> None:
    rows = pd.read_parquet(io.BytesIO(facts_now(said)))
    built = pd.read_parquet(build_dataset(said, said.config).files.annotations)
    people = built[built["source"] != "talib"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, people)


def test_annotations_go_out_in_the_tools_own_form(said: Workspace) -> None:
    with zipfile.ZipFile(io.BytesIO(annotations_now(said))) as packed:
        assert packed.namelist() == ["EURUSD_1h.annotations.json"]
        content = packed.read("EURUSD_1h.annotations.json")
    stored = said.store.annotations.list("EURUSD", "1h")
    assert parse_annotations(content, "x.json").annotations == stored
    of_dataset = annotations_of(build_dataset(said, said.config).files)
    with zipfile.ZipFile(io.BytesIO(of_dataset)) as packed:
        exported = json.loads(packed.read("EURUSD_1h.annotations.json"))["annotations"]
    assert {one["id"] for one in exported} == {one.id for one in stored}
