import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from api.routes import disagreements
from mllib.candles import Candles
from mllib.pipeline.annotations import label_series
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, ReviewedRange
from tests.api.conftest import BASE_URL
from tests.api.test_predictions import limited

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}
ENGULFING = frozenset({"bullish_engulfing", "bearish_engulfing"})


@pytest.fixture
def expected(client: TestClient, ws: Workspace, history: Candles) -> list[dict[str, Any]]:
    """The model's spans where people looked for engulfing candles and drew none, newest first."""
    first, last = int(history.time[300]), int(history.time[900])
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[ReviewedRange(first, last, ENGULFING)])
    batch = client.post("/predict/batch", json={**EURUSD, "start_date": first, "end_date": last}).json()
    found = [
        one
        for one in batch["spans"]
        if one["label"] in ENGULFING and one["start_time"] >= first and one["end_time"] <= last
    ]
    assert found
    return sorted(found, key=lambda one: (-one["start_time"], one["label"]))


def test_predictions_that_people_did_not_draw_are_told_where_they_looked(
    client: TestClient, expected: list[dict[str, Any]]
) -> None:
    answer = client.get("/disagreements", params={**EURUSD, "timeframe": "1H"}).json()
    found = answer["disagreements"]
    assert [one["predicted"] for one in found] == expected
    assert {(one["kind"], one["human"]) for one in found} == {("missed_by_human", None)}
    assert (answer["timeframe"], answer["model_version"]) == ("1h", "1")
    assert answer["summary"]["agreement_rate"] == 0.0
    assert sum(one["count"] for one in answer["summary"]["counts"]) == len(expected)


def test_other_bounds_and_agreement_are_told_where_they_are_asked_for(
    client: TestClient, ws: Workspace, expected: list[dict[str, Any]]
) -> None:
    same, longer = expected[0], expected[1]
    drawn = [
        Annotation(same["label"], same["start_time"], same["end_time"], id="same"),
        Annotation(longer["label"], longer["start_time"], longer["end_time"] + 3_600, id="longer"),
    ]
    ws.store.annotations.add("EURUSD", "1h", drawn)
    usual = client.get("/disagreements", params=EURUSD).json()
    assert len(usual["disagreements"]) == len(expected) - 2
    asked = {**EURUSD, "kinds": ["agreement", "boundary_mismatch"]}
    answer = client.get("/disagreements", params=asked).json()
    told = [(one["kind"], one["start_bars"], one["end_bars"]) for one in answer["disagreements"]]
    assert told == [("agreement", 0, 0), ("boundary_mismatch", 0, -1)]
    assert answer["disagreements"][1]["human"]["end_time"] == longer["end_time"] + 3_600
    assert answer["summary"] == usual["summary"]
    assert answer["summary"]["agreement_rate"] == pytest.approx(2 / len(expected))


def test_filters_narrow_what_is_told(client: TestClient, expected: list[dict[str, Any]]) -> None:
    def told(**filters: Any) -> list[dict[str, Any]]:
        answer = client.get("/disagreements", params={**EURUSD, **filters}).json()
        return [one["predicted"] for one in answer["disagreements"]]

    assert told(labels=["bullish_engulfing"]) == [
        one for one in expected if one["label"] == "bullish_engulfing"
    ]
    assert told(least_confidence=0.6) == [one for one in expected if one["avg_confidence"] >= 0.6]
    assert told(start_time=expected[2]["start_time"]) == expected[:3]
    assert told(limit=1) == expected[:1]
    names = ("label", "start_time", "end_time")
    prediction = {**{name: expected[0][name] for name in names}}
    said = {"client_id": "c", **EURUSD, "action": "skip", "prediction": prediction}
    assert client.post("/feedback", json=said).status_code == 202
    assert told(judged=False) == expected[1:]
    assert told(judged=True) == expected[:1]


def test_people_and_talib_are_compared_without_a_model(
    modelless: TestClient, empty_ws: Workspace, history: Candles
) -> None:
    empty_ws.candles.merge(history)
    looked = ReviewedRange(int(history.time[0]), int(history.time[-1]), ENGULFING)
    empty_ws.store.annotations.add("EURUSD", "1h", [], reviewed=[looked])
    label_series(empty_ws, pair="EURUSD", timeframe="1h", functions=["CDLENGULFING"])
    answer = modelless.get("/disagreements", params={**EURUSD, "between": "human,talib"}).json()
    spans = empty_ws.store.talib.spans("EURUSD", "1h")
    assert len(answer["disagreements"]) == len(spans) > 0
    assert answer["disagreements"][0]["talib"]["start_time"] == spans[-1].start_time
    assert {one["kind"] for one in answer["disagreements"]} == {"missed_by_human"}
    assert (answer["model_version"], answer["disagreements"][0]["predicted"]) == (None, None)


def test_a_run_is_compared_with_another_version(client: TestClient, ws: Workspace) -> None:
    newest = ws.store.runs.list()[0]
    asked = {**EURUSD, "against": "v1"}
    answer = client.get(f"/models/{newest.run_id}/changes", params=asked).json()
    assert (answer["before"], answer["after"]) == ("1", str(newest.model_version))
    assert answer["changes"]
    for one in answer["changes"]:
        assert (one["before"] is None) == (one["kind"] == "added")
        assert (one["after"] is None) == (one["kind"] == "dropped")
    counts = {one["kind"] for one in answer["summary"]["counts"]}
    assert counts >= {one["kind"] for one in answer["changes"]} > {"added"}


def test_a_version_against_itself_changes_nothing(client: TestClient) -> None:
    asked = {**EURUSD, "against": "v1"}
    assert client.get("/models/1/changes", params=asked).json()["changes"] == []
    answer = client.get("/models/1/changes", params={**asked, "kinds": "kept", "limit": 3}).json()
    assert [one["before"] for one in answer["changes"]] == [one["after"] for one in answer["changes"]]
    assert len(answer["changes"]) == 3
    assert (answer["summary"]["agreement_rate"], answer["summary"]["mean_iou"]) == (1.0, 1.0)


@pytest.mark.parametrize("path", ["/disagreements", "/models/1/changes?against=1"])
@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"pair": "XAUUSD"}, 404, "XAUUSD 1h: found no stored candles"),
        ({"timeframe": "1M"}, 422, "1m for one minute or 1mo for one month"),
        ({"start_time": 2_000, "end_time": 1_000}, 422, "expected its start before its end"),
        ({"limit": 0}, 422, "query.limit"),
        ({"labels": ["bullish_engulfing", "nix"]}, 422, "labels: found nix, expected some of "),
        ({"kinds": "nix"}, 422, "query.kinds"),
        ({"least_confidence": 2}, 422, "query.least_confidence"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    client: TestClient,
    refusal: Callable[..., None],
    path: str,
    changed: dict[str, Any],
    status: int,
    said: str,
) -> None:
    name, _, query = path.partition("?")
    params = {**EURUSD, **({"against": "1"} if query else {}), **changed}
    refusal(client.get(name, params=params), status, said)


def test_an_unknown_version_and_unknown_layers_are_refused(
    client: TestClient, refusal: Callable[..., None]
) -> None:
    unknown = client.get("/models/1/changes", params={**EURUSD, "against": "77"})
    refusal(unknown, 404, "model 77: found no such version or run")
    refusal(client.get("/disagreements", params={**EURUSD, "between": "human"}), 422, "query.between")
    impossible = {**EURUSD, "between": "human,model", "kinds": "missed_by_talib"}
    refusal(client.get("/disagreements", params=impossible), 422, "kinds: found missed_by_talib")


def test_layers_that_say_nothing_are_told(
    modelless: TestClient, empty_ws: Workspace, history: Candles
) -> None:
    empty_ws.candles.merge(history)
    (people, talib) = modelless.get("/disagreements", params={**EURUSD, "between": "human,talib"}).json()[
        "notes"
    ]
    assert "Nobody has reviewed any of EURUSD 1h" in people
    assert "candleloop label --pair EURUSD --timeframe 1h" in talib


def test_without_a_model_there_is_nothing_to_compare_with_it(
    modelless: TestClient, refusal: Callable[..., None]
) -> None:
    refusal(modelless.get("/disagreements", params=EURUSD), 503, "model: none is loaded")


def test_what_takes_longer_than_a_batch_may_is_told_so(
    ws: Workspace, refusal: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(disagreements, "swept_disagreements", lambda *_, **__: go_on.wait(20) and [])
    with TestClient(create_app(limited(ws, batch_s=3)), base_url=BASE_URL) as client:
        answer = client.get("/disagreements", params=EURUSD)
        go_on.set()
    refusal(answer, 503, "found no answer within the time")
    assert int(answer.headers["Retry-After"]) > 0
