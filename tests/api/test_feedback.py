from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mllib.candles import Candles
from mllib.pipeline.workspace import Workspace
from mllib.spans import ReviewedRange


@pytest.fixture
def verdict(history: Candles) -> Callable[..., dict[str, Any]]:
    """Makes the body of `/feedback` on a prediction over three stored candles."""

    def make(**fields: Any) -> dict[str, Any]:
        prediction = {
            "label": "bullish_engulfing",
            "start_time": int(history.time[500]),
            "end_time": int(history.time[502]),
            "confidence": 0.8,
            "model_version": "1",
        }
        said = {"client_id": "c-1", "pair": "EURUSD", "timeframe": "1H", "action": "confirm"}
        return {**said, "prediction": prediction, **fields}

    return make


def test_a_confirmation_becomes_an_annotation(
    client: TestClient, ws: Workspace, verdict: Callable[..., dict[str, Any]]
) -> None:
    asked = verdict(annotator="ann", note="clear")
    answer = client.post("/feedback", json=asked)
    assert answer.status_code == 201
    annotation = answer.json()["annotation"]
    assert annotation["label"] == "bullish_engulfing"
    assert (annotation["source"], annotation["notes"]) == ("model_confirmed", "clear")
    assert annotation["model_prediction"] == asked["prediction"]
    assert {"id", "start_time", "end_time", "confidence", "outcome", "sub_spans"} <= set(annotation)
    stored = ws.store.annotations.list("EURUSD", "1h")
    assert [(a.id, a.annotator) for a in stored] == [(annotation["id"], "ann")]


def test_a_correction_stands_with_its_new_label_and_bounds(
    client: TestClient, ws: Workspace, history: Candles, verdict: Callable[..., dict[str, Any]]
) -> None:
    end_time = int(history.time[510])
    asked = verdict(action="correct", label="bull_flag", end_time=end_time)
    annotation = client.post("/feedback", json=asked).json()["annotation"]
    assert (annotation["label"], annotation["end_time"]) == ("bull_flag", end_time)
    assert annotation["source"] == "model_corrected"
    assert "bull_flag" in [label.name for label in ws.store.labels.list()]


def test_a_dismissal_says_that_nothing_is_there(
    client: TestClient, verdict: Callable[..., dict[str, Any]]
) -> None:
    annotation = client.post("/feedback", json=verdict(action="dismiss")).json()["annotation"]
    assert (annotation["label"], annotation["model_prediction"]["label"]) == ("O", "bullish_engulfing")


def test_the_same_feedback_again_changes_nothing(
    client: TestClient, ws: Workspace, verdict: Callable[..., dict[str, Any]]
) -> None:
    first, again = (client.post("/feedback", json=verdict()) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(ws.store.verdicts.list()) == 1


def test_the_same_client_id_with_other_content_conflicts(
    client: TestClient, verdict: Callable[..., dict[str, Any]], refusal: Callable[..., None]
) -> None:
    client.post("/feedback", json=verdict())
    answer = client.post("/feedback", json=verdict(action="dismiss"))
    refusal(answer, 409, "found that client_id stored with other content")
    assert "run_id" not in answer.json()


def test_retracted_feedback_no_longer_counts(
    client: TestClient, ws: Workspace, verdict: Callable[..., dict[str, Any]]
) -> None:
    verdict_id = client.post("/feedback", json=verdict()).json()["id"]
    for _ in range(2):
        gone = client.delete(f"/feedback/{verdict_id}")
        assert (gone.status_code, gone.content, "content-type" in gone.headers) == (204, b"", False)
    assert (ws.store.verdicts.list(), ws.store.annotations.list("EURUSD", "1h")) == ([], [])


def test_a_missed_span_is_added_with_what_was_visible(
    client: TestClient, ws: Workspace, history: Candles, verdict: Callable[..., dict[str, Any]]
) -> None:
    span = {
        "label": "bull_flag",
        "start_time": int(history.time[600]),
        "end_time": int(history.time[610]),
    }
    as_of = int(history.time[620])
    asked = verdict(action="add", prediction=None, as_of=as_of, model_version="1", origin="audit", **span)
    answers = [client.post("/feedback", json=asked) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    annotation = answers[0].json()["annotation"]
    assert annotation.items() >= {**span, "source": "human", "model_prediction": None, "as_of": as_of}.items()
    (kept,) = ws.store.verdicts.list()
    assert (kept.origin, kept.model_version, kept.as_of) == ("audit", "1", as_of)
    exported = client.get("/annotations/export", params={"pair": "EURUSD", "timeframe": "1h"}).json()
    assert [one["as_of"] for one in exported["annotations"]] == [as_of]


def test_a_skip_is_noted_and_makes_no_annotation(
    client: TestClient, ws: Workspace, verdict: Callable[..., dict[str, Any]]
) -> None:
    answers = [client.post("/feedback", json=verdict(action="skip")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json() == {"id": answers[0].json()["id"]}
    assert ws.store.annotations.list("EURUSD", "1h") == []
    assert client.delete(f"/feedback/{answers[0].json()['id']}").status_code == 204
    assert ws.store.verdicts.list(with_skips=True) == []


def test_where_nothing_is_missing_the_place_is_reviewed_until_that_is_undone(
    client: TestClient, ws: Workspace, history: Candles, verdict: Callable[..., dict[str, Any]]
) -> None:
    bounds = {"start_time": int(history.time[600]), "end_time": int(history.time[620])}
    asked = verdict(action="nothing", prediction=None, labels=["bull_flag", "bear_flag"], **bounds)
    before = ws.store.annotations.reviewed("EURUSD", "1h")
    answers = [client.post("/feedback", json=asked) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json() == {"id": answers[0].json()["id"]}
    looked = ReviewedRange(*bounds.values(), frozenset({"bull_flag", "bear_flag"}))
    assert [one for one in ws.store.annotations.reviewed("EURUSD", "1h") if one not in before] == [looked]
    assert ws.store.annotations.list("EURUSD", "1h") == []
    assert client.delete(f"/feedback/{answers[0].json()['id']}").status_code == 204
    assert ws.store.annotations.reviewed("EURUSD", "1h") == before


def test_a_third_verdict_settles_two(
    client: TestClient, ws: Workspace, verdict: Callable[..., dict[str, Any]], refusal: Callable[..., None]
) -> None:
    both = [
        client.post("/feedback", json=verdict(client_id=f"c-{action}", action=action)).json()["id"]
        for action in ("confirm", "dismiss")
    ]
    third = verdict(client_id="c-3", settles=both)
    assert client.post("/feedback", json=third).status_code == 201
    assert len(ws.store.annotations.list("EURUSD", "1h")) == 1
    refusal(client.post("/feedback", json={**third, "client_id": "c-4"}), 409, "settled by another verdict")
    refusal(
        client.post("/feedback", json={**third, "client_id": "c-5", "settles": ["no"]}), 404, "settles no"
    )


def test_unknown_feedback_cannot_be_retracted(client: TestClient, refusal: Callable[..., None]) -> None:
    refusal(client.delete("/feedback/nosuchverdict"), 404, "No verdict nosuchverdict")


def test_a_series_that_is_not_stored_can_be_judged(
    modelless: TestClient, empty_ws: Workspace, verdict: Callable[..., dict[str, Any]]
) -> None:
    assert modelless.post("/feedback", json=verdict(pair="BTC/USDT")).status_code == 201
    assert len(empty_ws.store.annotations.list("BTC/USDT", "1h")) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"client_id": ""}, "found an empty client_id"),
        ({"client_id": None}, r"\$.client_id: "),
        (
            {"action": "maybe"},
            r"\$.action: input should be 'confirm', 'correct', 'dismiss', 'add', 'skip' or 'nothing'",
        ),
        ({"action": "correct"}, "found a correction that changes neither label nor bounds"),
        ({"action": "correct", "label": " "}, "found an empty label"),
        ({"action": "correct", "end_time": 1_483_308_001}, "expected the open of a candle"),
        ({"action": "correct", "end_time": True}, r"\$.end_time: "),
        ({"action": "correct", "end_time": 10**30}, r"\$.end_time: "),
        ({"action": "add"}, "found an added span with a prediction"),
        ({"action": "add", "prediction": None}, "found an empty label"),
        ({"prediction": None}, "found no prediction"),
        ({"action": "nothing", "labels": ["flag"]}, "found nothing at a prediction"),
        ({"action": "nothing", "prediction": None}, "found nothing without labels"),
        (
            {"as_of": 1_600_000_001},
            r"as_of: found 1600000001 .*expected the open of a candle; the nearest is",
        ),
        ({"origin": "browse"}, r"\$.origin: input should be 'uncertainty', "),
        ({"action": "dismiss", "label": "bear_flag"}, "Send correct"),
        ({"annotator": "mi\na"}, r"annotator: found .*at character 3.*Remove it"),
        ({"as_of": 1_483_228_800}, "after the last visible candle"),
        ({"starttime": 5}, r"\$.starttime: extra inputs are not permitted"),
        ({"timeframe": "1M"}, "Write 1m for one minute or 1mo for one month"),
        ({"pair": ""}, "pair: found ''"),
        ({"prediction": {"label": "x", "start_time": 0}}, r"\$.prediction.end_time: field required"),
        ({"prediction": {"label": "x", "start_time": 0, "end_time": 9, "confidence": 2}}, r"confidence: "),
        ({"prediction": {"label": "", "start_time": 0, "end_time": 9}}, "a prediction with an empty label"),
    ],
)
def test_wrong_feedback_is_refused_and_stores_nothing(
    client: TestClient,
    ws: Workspace,
    verdict: Callable[..., dict[str, Any]],
    refusal: Callable[..., None],
    change: dict[str, Any],
    said: str,
) -> None:
    refusal(client.post("/feedback", json=verdict(**change)), 422, said)
    assert ws.store.verdicts.list() == []
