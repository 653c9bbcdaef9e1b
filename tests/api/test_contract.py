"""The names and shapes that the annotation tool relies on, endpoint by endpoint."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mllib.inference import Predictor
from mllib.pipeline.workspace import Workspace

Make = Callable[..., dict[str, Any]]
MODEL_INFO = {
    *("model_name", "model_version", "model_type", "experiment_name", "run_id", "trained_at"),
    *("feature_count", "label_names"),
}
SPAN = {"label", "start_time", "end_time", "avg_confidence", "candle_count"}
PREDICTION = {"label": "x", "start_time": 0, "end_time": 0}


def test_predictions_have_the_tools_shape(client: TestClient, body: Make) -> None:
    chart = client.post("/predict", json=body()).json()
    assert set(chart) == {"pair", "timeframe", "spans", "per_candle", "model_info"}
    batch = client.post("/predict/batch", json={"pair": "EURUSD", "timeframe": "1H"}).json()
    assert set(batch) == {*chart, "candle_count"}
    for answer in (chart, batch):
        assert answer["spans"]
        assert all(set(span) == SPAN and 0 <= span["avg_confidence"] <= 1 for span in answer["spans"])
        assert all(set(bar) == {"time", "label", "confidence"} for bar in answer["per_candle"])
        assert not any(bar["label"].startswith(("B-", "I-")) for bar in answer["per_candle"])
        assert set(answer["model_info"]) >= MODEL_INFO


def test_a_model_says_on_how_many_candles_its_word_may_change(client: TestClient, ws: Workspace) -> None:
    told = client.get("/model/info").json()
    info, encoder = told["model_info"], Predictor.load(ws.predictors / told["model_info"]["run_id"]).encoder
    assert info["provisional_bars"] == encoder.provisional_bars > 0
    by_label = {label["name"]: label["provisional_bars"] for label in told["label_config"]}
    assert by_label == {name: encoder.provisional_bars_of(name) for name in info["label_names"]}


def test_the_model_is_described_in_the_tools_shape(client: TestClient, ws: Workspace) -> None:
    info = client.get("/model/info").json()
    assert set(info) == {"model_info", "metrics", "label_config"}
    assert set(info["model_info"]) >= MODEL_INFO
    assert {"accuracy", "f1_macro", "f1_weighted", "per_class"} <= set(info["metrics"])
    for scores in info["metrics"]["per_class"].values():
        assert set(scores) == {"precision", "recall", "f1_score", "support"}
    assert all(set(label) >= {"name", "color"} for label in info["label_config"])
    loaded = client.post("/model/load", json={"run_id": ws.store.runs.list()[0].run_id}).json()
    assert set(loaded) == {"model_info"}


def test_health_and_patterns_have_the_tools_shape(client: TestClient, body: Make) -> None:
    assert set(client.get("/health").json()) == {"status", "model_loaded", "model_version"}
    available = client.get("/patterns/available").json()
    assert {"function_name": "CDLHAMMER", "display_name": "Hammer"} in available
    asked = {"candles": body()["candles"], "patterns": ["CDLENGULFING"]}
    found = client.post("/patterns/detect", json=asked).json()
    assert found["metadata"] == {"count": len(found["annotations"])}
    for one in found["annotations"]:
        assert set(one) == {"start_time", "end_time", "label", "confidence", "source"}
        assert (one["source"], 0 < one["confidence"] <= 1) == ("talib", True)
        assert one["label"] in ("bullish_engulfing", "bearish_engulfing")


def test_runs_and_datasets_have_the_tools_shape(client: TestClient) -> None:
    keys = {"run_id", "model_type", "status", "created_at", "completed_at", "metrics", "error"}
    runs = client.get("/training/runs").json()
    assert all(keys <= set(run) for run in runs)
    assert {"path", "exists", "size_bytes", "row_count", "counts"} <= set(
        client.get("/training/dataset-info").json()
    )
    started = client.post(
        "/training/start", json={"model_type": "xgboost", "pair": "EURUSD", "labels": ["talib"]}
    )
    assert (started.status_code, set(started.json())) == (202, {"run_id", "status"})
    again = client.post(
        "/training/start", json={"model_type": "xgboost", "pair": "EURUSD", "labels": ["talib"]}
    )
    assert (again.status_code, again.json()["run_id"]) == (409, started.json()["run_id"])


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("post", "/predict", {"candles": []}),
        ("post", "/predict/batch", {}),
        ("post", "/training/start", {"model_type": "xgboost"}),
        ("post", "/training/build-dataset", {}),
        ("post", "/feedback", {"client_id": "c", "action": "confirm", "prediction": PREDICTION}),
        ("post", "/annotations", PREDICTION),
        ("post", "/annotations/import", None),
        ("post", "/candles/import", None),
        ("get", "/annotations", None),
        ("get", "/annotations/export", None),
        ("get", "/candles", None),
        ("get", "/disagreements", None),
        ("get", "/queue", None),
    ],
)
def test_a_month_or_a_minute_has_to_be_said_plainly(
    client: TestClient, refusal: Callable[..., None], method: str, path: str, asked: dict[str, Any] | None
) -> None:
    series = {"pair": "EURUSD", "timeframe": "1M"}
    where = {"params": series} if asked is None else {"json": {**series, **asked}}
    refusal(client.request(method, path, **where), 422, "1m for one minute or 1mo for one month")
