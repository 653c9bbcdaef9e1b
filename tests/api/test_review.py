import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from api.routes import review
from mllib.candles import Candles
from mllib.pipeline.workspace import Workspace
from tests.api.conftest import BASE_URL
from tests.api.test_predictions import limited

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def test_the_queue_shows_what_nobody_has_judged(client: TestClient, history: Candles) -> None:
    params = {**EURUSD, "limit": 5, "end_time": int(history.time[900])}
    first = client.get("/queue", params=params).json()["spans"]
    assert len(first) == 5
    doubts = [abs(one["avg_confidence"] - 0.5) for one in first]
    assert doubts == sorted(doubts)
    names = ("label", "start_time", "end_time")
    prediction = {**{name: first[0][name] for name in names}, "confidence": first[0]["avg_confidence"]}
    said = {"client_id": "c", **EURUSD, "action": "dismiss", "prediction": prediction}
    assert client.post("/feedback", json=said).status_code == 201
    assert first[0] not in client.get("/queue", params=params).json()["spans"]


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
    monkeypatch.setattr(review, "find_undecided", lambda *_, **__: go_on.wait(10))
    with TestClient(create_app(limited(ws, batch_s=3)), base_url=BASE_URL) as client:
        answer = client.get("/queue", params=EURUSD)
        go_on.set()
    refusal(answer, 503, "found no answer within the time")
    assert int(answer.headers["Retry-After"]) > 0
