from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mllib.candles import Candles
from mllib.patterns import detect


def test_every_function_is_available(client: TestClient) -> None:
    available = client.get("/patterns/available").json()
    assert len(available) == 61
    assert {"function_name": "CDLHAMMER", "display_name": "Hammer"} in available


def test_patterns_are_those_of_the_library(
    modelless: TestClient, body: Callable[..., dict[str, Any]], history: Candles
) -> None:
    asked = {"candles": body(0, 500)["candles"], "patterns": ["CDLENGULFING"]}
    answer = modelless.post("/patterns/detect", json=asked).json()
    expected = detect(history[:500], ["CDLENGULFING"])["CDLENGULFING"]
    assert answer["metadata"] == {"count": len(expected)}
    assert answer["annotations"] == [
        {
            "label": span.label,
            "start_time": span.start_time,
            "end_time": span.end_time,
            "confidence": span.avg_confidence,
            "source": "talib",
        }
        for span in expected
    ]


def test_an_empty_list_looks_for_all(modelless: TestClient, body: Callable[..., dict[str, Any]]) -> None:
    candles = body(0, 500)["candles"]
    answer = modelless.post("/patterns/detect", json={"candles": candles, "patterns": []}).json()
    assert len({span["label"] for span in answer["annotations"]}) > 10
    assert answer == modelless.post("/patterns/detect", json={"candles": candles}).json()


def test_an_unknown_pattern_is_named(
    modelless: TestClient, body: Callable[..., dict[str, Any]], refusal: Callable[..., None]
) -> None:
    asked = {"candles": body(0, 50)["candles"], "patterns": ["CDLENGULFING", "CDLNOTHING"]}
    refusal(modelless.post("/patterns/detect", json=asked), 400, "found CDLNOTHING")


@pytest.mark.parametrize("spacing_s", [60, 3_600, 20 * 3_600, 86_400, 7 * 86_400, 31 * 86_400])
def test_any_timeframe_is_taken_from_the_candles(
    modelless: TestClient, body: Callable[..., dict[str, Any]], spacing_s: int
) -> None:
    candles = body(0, 50)["candles"]
    for bar, candle in enumerate(candles):
        candle["time"] = 1_483_228_800 + bar * spacing_s
    assert modelless.post("/patterns/detect", json={"candles": candles}).status_code == 200


@pytest.mark.parametrize(
    ("bars", "change", "said"),
    [
        (50, {"time": 0}, "candle 4 opens at 1970-01-01.*before candle 3"),
        (50, {"low": 9.0}, "candle 4 .*expected open and close from low to high"),
        (0, {}, "found no candles"),
    ],
)
def test_wrong_candles_are_refused(
    modelless: TestClient,
    body: Callable[..., dict[str, Any]],
    refusal: Callable[..., None],
    bars: int,
    change: dict[str, Any],
    said: str,
) -> None:
    candles = body(0, bars)["candles"]
    if candles:
        candles[3] |= change
    refusal(modelless.post("/patterns/detect", json={"candles": candles}), 422, said)


def test_one_candle_is_enough(modelless: TestClient, body: Callable[..., dict[str, Any]]) -> None:
    answer = modelless.post("/patterns/detect", json={"candles": body(0, 1)["candles"]})
    assert answer.status_code == 200
