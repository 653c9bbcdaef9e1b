import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from api.routes import review
from mllib.candles import Candles
from mllib.inference import Predictor
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, ReviewedRange
from tests.api.conftest import BASE_URL
from tests.api.test_predictions import limited

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def test_the_queue_shows_places_with_reasons_until_somebody_judges_them(
    client: TestClient, history: Candles
) -> None:
    params = {**EURUSD, "limit": 10, "end_time": int(history.time[900])}
    answer = client.get("/queue", params=params).json()
    entries = answer["entries"]
    assert len(entries) == 10
    assert [one["origin"] for one in entries].count("audit") == 1
    assert all(one["why"].endswith(".") and ", " in one["regime"] for one in entries)
    assert all(one["span"]["end_time"] <= params["end_time"] for one in entries)
    assert answer["spans"] == [one["span"] for one in entries if one["span"]["label"] != "O"]
    assert any("No committee" in note for note in answer["notes"])
    first = entries[0]
    assert (first["origin"], first["human"]) == ("uncertainty", None)
    assert first["why"].startswith("The model is torn between")
    said = {"client_id": "c", **EURUSD, "action": "dismiss", "prediction": _judged(first["span"])}
    assert client.post("/feedback", json=said).status_code == 201
    assert first["span"] not in client.get("/queue", params=params).json()["spans"]


def _judged(span: dict[str, Any]) -> dict[str, Any]:
    names = ("label", "start_time", "end_time")
    return {**{name: span[name] for name in names}, "confidence": span["avg_confidence"]}


def test_the_queue_keeps_to_the_labels_asked_for(client: TestClient, refusal: Callable[..., None]) -> None:
    asked = {**EURUSD, "labels": ["bullish_engulfing"], "limit": 5}
    found = client.get("/queue", params=asked).json()["entries"]
    labels = {one["span"]["label"] for one in found}
    assert "bullish_engulfing" in labels
    assert labels <= {"bullish_engulfing", "O"}
    refusal(client.get("/queue", params={**EURUSD, "labels": "cup"}), 422, "labels: found cup, expected some")


def test_a_contradiction_shows_what_a_person_drew(
    client: TestClient, ws: Workspace, history: Candles
) -> None:
    time = history.time.tolist()
    quiet = Annotation("bullish_engulfing", time[500], time[520], id="a1", annotator="mia")
    reviewed = ReviewedRange(time[450], time[560], frozenset({"bullish_engulfing"}))
    ws.store.annotations.add("EURUSD", "1h", [quiet], reviewed=[reviewed])
    found = client.get("/queue", params={**EURUSD, "limit": 40}).json()["entries"]
    drawn = [one["human"] for one in found if one["human"] is not None]
    bounds = {"start_time": time[500], "end_time": time[520]}
    assert {"label": "bullish_engulfing", **bounds, "id": "a1", "annotator": "mia"} in drawn


def test_a_series_is_read_once_for_all_who_ask(
    client: TestClient, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/queue", params=EURUSD).json()
    (kept,) = ws.sweeps.glob("*/*.npz")
    monkeypatch.setattr(Predictor, "predict", lambda *_, **__: pytest.fail("it was computed again"))
    assert client.get("/queue", params=EURUSD).json() == first
    assert client.get("/disagreements", params=EURUSD).status_code == 200
    assert kept.exists()


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"pair": "XAUUSD"}, 404, "XAUUSD 1h: found no stored candles"),
        ({"timeframe": "1M"}, 422, "1m for one minute or 1mo for one month"),
        ({"start_time": 2_000, "end_time": 1_000}, 422, "expected its start before its end"),
        ({"limit": 0}, 422, "query.limit"),
    ],
)
def test_what_cannot_be_looked_through_is_refused(
    client: TestClient,
    refusal: Callable[..., None],
    changed: dict[str, Any],
    status: int,
    said: str,
) -> None:
    refusal(client.get("/queue", params={**EURUSD, **changed}), status, said)


def test_without_a_model_there_is_nothing_to_compare(
    modelless: TestClient, refusal: Callable[..., None]
) -> None:
    refusal(modelless.get("/queue", params=EURUSD), 503, "model: none is loaded")


def test_what_takes_longer_than_a_batch_may_is_told_so(
    ws: Workspace, refusal: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(review, "find_places", lambda *_, **__: go_on.wait(10))
    with TestClient(create_app(limited(ws, batch_s=3)), base_url=BASE_URL) as client:
        answer = client.get("/queue", params=EURUSD)
        go_on.set()
    refusal(answer, 503, "found no answer within the time")
    assert int(answer.headers["Retry-After"]) > 0
