import asyncio
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from api.routes import predictions
from mllib.candles import Candles
from mllib.errors import NotReady
from mllib.inference import Prediction, Predictor
from mllib.pipeline import predicting
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.workspace import Workspace
from tests.api.conftest import BASE_URL

Make = Callable[..., dict[str, Any]]


def limited(ws: Workspace, **limits: float) -> Workspace:
    """The same home under other limits."""
    stages = ws.config.stages
    api = stages.inference.api.model_copy(update=limits)
    inference = stages.inference.model_copy(update={"api": api})
    changed = stages.model_copy(update={"inference": inference})
    return replace(ws, config=ws.config.model_copy(update={"stages": changed}))


def _labels(answer: dict[str, Any]) -> list[tuple[int, str]]:
    return [(candle["time"], candle["label"]) for candle in answer["per_candle"]]


def test_predict_answers_in_the_contracts_shape(client: TestClient, body: Make) -> None:
    answer = client.post("/predict", json=body(timeframe="1H")).json()
    assert list(answer) == ["pair", "timeframe", "spans", "per_candle", "model_info"]
    assert (answer["pair"], answer["timeframe"], len(answer["per_candle"])) == ("EURUSD", "1h", 500)
    assert set(answer["spans"][0]) == {"label", "start_time", "end_time", "avg_confidence", "candle_count"}
    assert all(0 <= candle["confidence"] <= 1 for candle in answer["per_candle"])
    assert set(answer["model_info"]) == {
        *("model_name", "model_version", "model_type", "experiment_name"),
        *("run_id", "trained_at", "feature_count", "label_names", "provisional_bars"),
    }


def test_a_slice_has_the_labels_of_the_whole_history(client: TestClient, body: Make) -> None:
    series = {"pair": "EURUSD", "timeframe": "1h"}
    whole = dict(_labels(client.post("/predict/batch", json=series).json()))
    part = _labels(client.post("/predict", json=body(700, 760)).json())
    assert len(part) == 60
    assert len({label for _, label in part}) > 1
    assert part == [(time, whole[time]) for time, _ in part]


def test_a_batch_takes_dates_and_seconds_both_included(client: TestClient, history: Candles) -> None:
    first, last = int(history.time[300]), int(history.time[420])
    asked = {"pair": "EURUSD", "timeframe": "1h", "start_date": first, "end_date": last}
    answer = client.post("/predict/batch", json=asked).json()
    times = [candle["time"] for candle in answer["per_candle"]]
    assert (times[0], times[-1], answer["candle_count"]) == (first, last, 121)


def test_an_end_date_means_that_whole_day(client: TestClient, history: Candles) -> None:
    asked = {"pair": "EURUSD", "timeframe": "1h", "start_date": "2017-01-10", "end_date": "2017-01-10"}
    answer = client.post("/predict/batch", json=asked).json()
    day = np.datetime64("2017-01-10").astype("datetime64[s]").astype(int)
    assert answer["candle_count"] == ((history.time >= day) & (history.time < day + 86_400)).sum() > 1


def test_a_range_beside_the_candles_is_empty(client: TestClient) -> None:
    asked = {"pair": "EURUSD", "timeframe": "1h", "start_date": "2031-01-01"}
    answer = client.post("/predict/batch", json=asked).json()
    assert (answer["candle_count"], answer["spans"], answer["per_candle"]) == (0, [], [])


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ({"start_date": "2017-02-01", "end_date": "2017-01-01"}, r"\$.end_date: found '2017-01-01' before"),
        ({"start_date": "soon"}, r"\$.start_date: found 'soon', expected Unix seconds or an ISO 8601 date"),
        ({"start_date": "2017W03"}, r"\$.start_date: found '2017W03'.* Write 2020-01-31"),
        ({"start_date": "--5"}, r"\$.start_date: found '--5'"),
        ({"end_date": 1_700_000_000_000}, r"\$.end_date: found 1700000000000, expected seconds, not milli"),
        ({"end_date": 1.5}, r"\$.end_date: expected `int \| str \| null`, got `float`"),
        ({"enddate": 5}, r"\$: object contains unknown field `enddate`"),
    ],
)
def test_dates_that_cannot_be_meant_are_refused(
    client: TestClient, refusal: Callable[..., None], dates: dict[str, Any], said: str
) -> None:
    asked = {"pair": "EURUSD", "timeframe": "1h", **dates}
    refusal(client.post("/predict/batch", json=asked), 422, said)


def test_an_unknown_pair_is_not_found_in_a_batch(client: TestClient, refusal: Callable[..., None]) -> None:
    asked = {"pair": "XAUUSD", "timeframe": "1h"}
    refusal(client.post("/predict/batch", json=asked), 404, "XAUUSD 1h: found no stored candles")


def test_too_few_candles_of_an_unknown_pair_say_how_many(
    client: TestClient, body: Make, refusal: Callable[..., None]
) -> None:
    answer = client.post("/predict", json=body(0, 20, pair="OTHER"))
    refusal(answer, 422, r"OTHER 1h: found 20 candles, expected at least \d+")


def test_stored_context_fills_in_few_candles(client: TestClient, body: Make) -> None:
    answer = client.post("/predict", json=body(700, 705))
    assert answer.status_code == 200
    assert len(answer.json()["per_candle"]) == 5


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("null", "expected `float`, got `null`"),
        ("true", "expected `float`, got `bool`"),
        ('"1.1"', "expected `float`, got `str`"),
        ("1e999", "number out of range"),
        ("NaN", "found NaN or an infinity"),
        ("Infinity", "found NaN or an infinity"),
        ("-Infinity", "found NaN or an infinity"),
    ],
)
def test_a_price_that_is_no_finite_number_is_refused_with_its_place(
    client: TestClient, body: Make, refusal: Callable[..., None], written: str, said: str
) -> None:
    asked = body(0, 100)
    asked["candles"][3]["high"] = "HERE"
    content = json.dumps(asked).replace('"HERE"', written)
    refusal(client.post("/predict", content=content), 422, rf"^\$.candles\[3\].high: {said}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"time": 1.5}, r"\$.candles\[3\].time: expected `int`, got `float`"),
        ({"time": 2**70}, r"\$.candles\[3\].time: expected `int` <= "),
        ({"time": 1_483_318_800_000}, "candle 4: found time 1483318800000, .*looks like milliseconds"),
        ({"high": -1.0}, "candle 4 .*: found high -1.0, expected a finite price above 0"),
        ({"high": 0.1}, "candle 4 .*expected open and close from low to high"),
        ({"time": 1_483_225_200}, "candle 4 opens at .*, before candle 3"),
        ({"volume": 5.0}, r"\$.candles\[0\].volume: found none, but 1 of 100 candles have one"),
        ({"volume": None}, r"\$.candles\[3\].volume: expected `float`, got `null`"),
    ],
)
def test_a_wrong_candle_is_refused_with_its_place(
    client: TestClient, body: Make, refusal: Callable[..., None], change: dict[str, Any], said: str
) -> None:
    asked = body(0, 100)
    asked["candles"][3] |= change
    refusal(client.post("/predict", json=asked), 422, said)


def test_extreme_prices_and_volumes_are_computed_without_a_warning(client: TestClient, body: Make) -> None:
    asked = body()
    for i, candle in enumerate(asked["candles"]):
        low, high = (1e-15, 1e15) if i % 3 else (1e-15, 1e-15)
        candle |= {"open": low, "low": low, "high": high, "close": high, "volume": 1e30 * (i % 2)}
    assert client.post("/predict", json=asked | {"pair": "EXTREME"}).status_code == 200
    detected = client.post("/patterns/detect", json={"candles": asked["candles"], "patterns": []})
    assert detected.status_code == 200


def test_one_candle_without_a_volume_is_named(
    client: TestClient, body: Make, refusal: Callable[..., None]
) -> None:
    asked = body(0, 100)
    for candle in asked["candles"][:7] + asked["candles"][8:]:
        candle["volume"] = 1.0
    refusal(client.post("/predict", json=asked), 422, r"\$.candles\[7\].volume: found none, but 99 of 100")


def test_volumes_in_every_candle_are_taken(client: TestClient, body: Make) -> None:
    asked = body()
    for candle in asked["candles"]:
        candle["volume"] = 1.0
    assert client.post("/predict", json=asked).status_code == 200


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timeframe": "1M"}, "timeframe: found '1M'.*Write 1m for one minute or 1mo for one month"),
        ({"timeframe": "4h"}, "EURUSD 4h: found candles that open 1 h apart"),
        ({"pair": " "}, "pair: found ' '"),
        ({"candles": []}, "EURUSD 1h: found no candles"),
        ({"candles": {}}, r"\$.candles: expected `array`, got `object`"),
        ({"model": "x"}, r"\$: object contains unknown field `model`"),
    ],
)
def test_a_wrong_request_is_refused(
    client: TestClient, body: Make, refusal: Callable[..., None], change: dict[str, Any], said: str
) -> None:
    refusal(client.post("/predict", json=body(0, 100, **change)), 422, said)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"pair": "\\ud800"}', b"[" * 100_000, b"NaN"])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/patterns/detect"])
def test_a_body_that_is_no_json_is_refused(
    client: TestClient, refusal: Callable[..., None], path: str, content: bytes
) -> None:
    refusal(client.post(path, content=content), 422, "")


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_without_a_model_nothing_is_predicted(
    modelless: TestClient, empty_ws: Workspace, body: Make, refusal: Callable[..., None], path: str
) -> None:
    asked = body() if path == "/predict" else {"pair": "EURUSD", "timeframe": "1h"}
    answer = modelless.post(path, json=asked)
    refusal(answer, 503, "model: none is loaded")
    assert int(answer.headers["Retry-After"]) > 0


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The candles of every prediction that is really made."""
    made: list[int] = []
    real = predictions.predict_candles

    def predict(predictor: Predictor, stored: StoredCandles, candles: Candles, **more: Any) -> Prediction:
        made.append(len(candles))
        return real(predictor, stored, candles, **more)

    monkeypatch.setattr(predictions, "predict_candles", predict)
    return made


def test_the_same_candles_are_predicted_once_a_model(
    client: TestClient, ws: Workspace, body: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _counted(monkeypatch)
    first, again = (client.post("/predict", json=body()) for _ in range(2))
    assert first.content == again.content
    assert made == [500]
    other = ws.store.runs.list()[0]
    assert client.post("/model/load", json={"run_id": other.run_id}).status_code == 200
    swapped = client.post("/predict", json=body())
    assert swapped.json()["model_info"]["run_id"] == other.run_id != first.json()["model_info"]["run_id"]
    assert len(made) == 2


def test_new_stored_candles_make_a_kept_answer_void(
    client: TestClient, ws: Workspace, history: Candles, body: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _counted(monkeypatch)
    client.post("/predict", json=body())
    ws.candles.merge(replace(history[:10], close=history.close[:10] * 0.9999, low=history.low[:10] * 0.99))
    client.post("/predict", json=body())
    assert len(made) == 2


def test_an_answer_since_a_candle_holds_what_can_have_changed(client: TestClient, body: Make) -> None:
    whole = client.post("/predict", json=body()).json()
    since = whole["per_candle"][-3]["time"]
    answer = client.post("/predict", json=body(since=since)).json()
    changed = answer["changed_from"]
    assert changed == answer["per_candle"][0]["time"] < since
    assert len(answer["per_candle"]) < 500
    assert answer["per_candle"] == [one for one in whole["per_candle"] if one["time"] >= changed]
    assert answer["spans"] == [span for span in whole["spans"] if span["end_time"] >= changed]
    assert "changed_from" not in whole


def test_since_after_the_last_candle_is_refused(
    client: TestClient, body: Make, refusal: Callable[..., None]
) -> None:
    refusal(client.post("/predict", json=body(since=2**40)), 422, "found since 1099511627776, after the last")
    refusal(client.post("/predict", json=body(since="now")), 422, r"\$.since: expected `int \| null`")


def test_more_candles_than_a_request_may_have_are_refused(
    ws: Workspace, body: Make, refusal: Callable[..., None]
) -> None:
    small = limited(ws, candles=499)
    with TestClient(create_app(small), base_url=BASE_URL) as client:
        refusal(client.post("/predict", json=body()), 413, "found 500 candles, expected at most 499")
        asked = {"candles": body()["candles"], "patterns": []}
        refusal(client.post("/patterns/detect", json=asked), 413, "found 500 candles")
        assert client.post("/predict", json=body(0, 499)).status_code == 200


def test_a_batch_streams_the_same_in_lines_with_progress(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "SWEEP_BARS", 400)
    series = {"pair": "EURUSD", "timeframe": "1h"}
    whole = client.post("/predict/batch", json=series).json()
    answer = client.post("/predict/batch", json=series, headers={"accept": "application/x-ndjson"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    start, *parts, end = map(json.loads, answer.text.splitlines())
    assert start == {
        "type": "start",
        **series,
        "candle_count": 1_500,
        "model_info": whole["model_info"],
    }
    assert end == {"type": "end", "candle_count": 1_500}
    assert [part["type"] for part in parts] == ["part"] * 4
    assert [part["candles_done"] for part in parts] == [400, 800, 1_200, 1_500]
    assert [round(part["progress"], 3) for part in parts] == [0.267, 0.533, 0.8, 1.0]
    assert [one for part in parts for one in part["per_candle"]] == whole["per_candle"]
    assert [span for part in parts for span in part["spans"]] == whole["spans"]


def test_a_stream_that_breaks_off_says_why_in_its_last_line(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "SWEEP_BARS", 400)
    real, pieces = predicting.Sweep._predicted, iter(range(3))

    def broken(sweep: predicting.Sweep, first: int, last: int) -> Prediction:
        if next(pieces) == 2:
            raise NotReady("EURUSD 1h: found the disk gone, expected stored candles. Restore it.")
        return real(sweep, first, last)

    monkeypatch.setattr(predicting.Sweep, "_predicted", broken)
    asked = {"pair": "EURUSD", "timeframe": "1h"}
    answer = client.post("/predict/batch", json=asked, headers={"accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["type"] for line in lines] == ["start", "part", "part", "error"]
    problem = lines[-1]["problem"]
    assert (problem["status"], problem["type"]) == (503, "urn:candleloop:not-ready")
    assert problem["error"] == problem["detail"]
    assert "the disk gone" in problem["error"]


@pytest.mark.parametrize("spec", ["2.3", "2.4"])
def test_a_client_that_leaves_a_stream_ends_it_quietly(
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    spec: str,
) -> None:
    monkeypatch.setattr(predicting, "SWEEP_BARS", 100)
    caplog.set_level(logging.INFO)
    asked = [{"type": "http.request", "body": b'{"pair": "EURUSD", "timeframe": "1h"}'}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        while not asked and len(sent) < 3:
            await asyncio.sleep(0.001)
        return asked.pop() if asked else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if spec == "2.4" and len(sent) > 2:
            raise OSError("gone")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec},
        "method": "POST",
        "path": "/predict/batch",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"accept", b"application/x-ndjson")],
        "server": ("127.0.0.1", 80),
    }
    assert client.portal is not None
    client.portal.call(client.app, scope, receive, send)
    assert len(sent) < 10
    assert [getattr(one, "status", None) for one in caplog.records if one.name == "api.access_log"] == [499]
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_a_request_that_takes_too_long_is_told_so(
    ws: Workspace, body: Make, refusal: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(*_: object, **__: object) -> None:
        go_on.wait(5)
        raise NotReady("too late")

    monkeypatch.setattr(predictions, "predict_candles", slow)
    with TestClient(create_app(limited(ws, predict_s=0.05)), base_url=BASE_URL) as client:
        answer = client.post("/predict", json=body())
        assert client.get("/health").status_code == 200
        go_on.set()
    refusal(answer, 503, "found no answer within the time")
    assert int(answer.headers["Retry-After"]) > 0
