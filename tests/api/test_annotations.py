import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mllib.candles import Candles
from mllib.errors import Conflict
from mllib.pipeline.labels import rename_label
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction
from tests.api.servers import server
from tests.processes import wait_until

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def span(history: Candles) -> Make:
    """Makes the body of a new annotation over the bars of a closed range."""

    def make(first: int = 500, last: int = 510, **fields: Any) -> dict[str, Any]:
        bounds = {"start_time": int(history.time[first]), "end_time": int(history.time[last])}
        return {**EURUSD, "label": "bull_flag", **bounds, **fields}

    return make


def _labels(client: TestClient, **params: Any) -> list[str]:
    return [
        one["label"] for one in client.get("/annotations", params={**EURUSD, **params}).json()["annotations"]
    ]


def test_a_new_annotation_is_stored_in_the_tools_shape(client: TestClient, ws: Workspace, span: Make) -> None:
    parts = [{"label": "pole", "start_time": span()["end_time"], "end_time": span()["start_time"]}]
    asked = span(confidence=4, outcome="win", notes="clear", annotator="ann", sub_spans=parts, timeframe="1H")
    answer = client.post("/annotations", json=asked)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    same = ("pair", "label", "start_time", "end_time", "confidence", "outcome", "notes", "annotator")
    assert {name: made[name] for name in same} == {name: asked[name] for name in same}
    assert (made["timeframe"], made["source"], made["model_prediction"]) == ("1h", "human", None)
    assert made["sub_spans"][0]["start_time"] == asked["start_time"]
    assert [one.id for one in ws.store.annotations.list("EURUSD", "1h")] == [made["id"]]
    assert "bull_flag" in [label.name for label in ws.store.labels.list()]
    assert client.get("/annotations", params=EURUSD).json() == {"annotations": [made], "next": None}


def test_an_id_makes_a_repeat_harmless(client: TestClient, span: Make, refusal: Callable[..., None]) -> None:
    first, again = (client.post("/annotations", json=span(id="a17")) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = client.post("/annotations", json=span(id="a17", label="bear_flag"))
    refusal(other, 409, "annotation a17 is refused: found that id stored with other content")
    assert _labels(client) == ["bull_flag"]


def test_a_start_after_its_end_is_swapped(client: TestClient, span: Make) -> None:
    asked = span()
    turned = asked | {"start_time": asked["end_time"], "end_time": asked["start_time"], "id": 7}
    made = client.post("/annotations", json=turned).json()
    assert (made["id"], made["start_time"], made["end_time"]) == ("7", asked["start_time"], asked["end_time"])
    again = client.post("/annotations", json=asked | {"id": 7})
    assert again.status_code == 200


def test_older_names_of_sources_are_understood(client: TestClient, span: Make) -> None:
    judged = {"label": "bull_flag", "confidence": 0.8, "model_version": "3"}
    made = client.post("/annotations", json=span(source="human_correction", model_prediction=judged)).json()
    assert (made["source"], made["model_prediction"]) == ("model_corrected", judged)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": "  "}, r"\$.label"),
        ({"label": "bull\x00flag"}, "expected the name of a pattern"),
        ({"id": "x" * 201}, r"\$.id"),
        ({"id": 10**200}, r"\$.id"),
        ({"id": "  "}, r"\$.id"),
        ({"id": "a\nb"}, r"\$.id.*no control character or line break"),
        ({"id": "a\x00"}, r"\$.id"),
        ({"id": " .. "}, r"\$.id.*no . or .. between slashes"),
        ({"id": "a/../b"}, r"\$.id"),
        ({"confidence": 6}, r"\$.confidence"),
        ({"confidence": "4"}, r"\$.confidence"),
        ({"outcome": "draw"}, r"\$.outcome"),
        ({"start_time": 1_485_277_201}, "between candles, expected the open of a candle"),
        ({"start_time": 1_485_277_200_000}, r"\$.start_time"),
        ({"timeframe": "1M"}, "1m for one minute or 1mo for one month"),
        ({"pair": " "}, "pair: found"),
        ({"colour": "red"}, r"\$.colour"),
        ({"source": "me"}, r"\$.source"),
    ],
)
def test_an_annotation_that_says_nothing_sensible_is_refused(
    client: TestClient, span: Make, refusal: Callable[..., None], changed: dict[str, Any], said: str
) -> None:
    refusal(client.post("/annotations", json=span(**changed)), 422, said)
    assert _labels(client) == []


def test_half_a_surrogate_pair_in_an_id_is_refused_as_its_own(
    client: TestClient, span: Make, refusal: Callable[..., None]
) -> None:
    sent = {"content": json.dumps(span(id="\ud800")), "headers": {"content-type": "application/json"}}
    refusal(client.post("/annotations", **sent), 422, r"\$.id")


def test_candles_that_are_not_stored_may_be_annotated(modelless: TestClient, span: Make) -> None:
    asked = span(pair="XAUUSD", start_time=61, end_time=125)
    assert modelless.post("/annotations", json=asked).status_code == 201


def test_annotations_are_found_by_what_they_say(client: TestClient, ws: Workspace, span: Make) -> None:
    client.post("/annotations", json=span(100, 110, label="flag", annotator="ann"))
    client.post("/annotations", json=span(120, 130, label="doji", annotator="bob", source="talib"))
    client.post("/annotations", json=span(140, 150, label="wedge"))
    rename_label(ws, "flag", "bull_flag")
    assert _labels(client) == ["bull_flag", "doji", "wedge"]
    assert _labels(client, label="bull_flag") == _labels(client, label="flag") == ["bull_flag"]
    assert _labels(client, annotator="bob") == _labels(client, source="talib") == ["doji"]
    bounds = {"start_time": span(110)["start_time"], "end_time": span(120)["start_time"]}
    assert _labels(client, **bounds) == ["bull_flag", "doji"]


def test_a_series_of_which_nothing_is_known_is_not_found(
    client: TestClient, span: Make, refusal: Callable[..., None]
) -> None:
    asked = {**EURUSD, "pair": "XAUUSD"}
    for path in ("/annotations", "/annotations/export"):
        refusal(client.get(path, params=asked), 404, "XAUUSD 1h: found nothing of it, neither candles")
    assert _labels(client) == []
    client.post("/annotations", json=span(pair="XAUUSD"))
    assert _labels(client, pair="XAUUSD") == ["bull_flag"]
    assert _labels(client, pair="XAUUSD", label="wedge") == []


def test_pages_follow_one_another(client: TestClient, span: Make, refusal: Callable[..., None]) -> None:
    for i in range(7):
        client.post("/annotations", json=span(100 + i // 2, 200, label=f"label_{i}"))
    seen, after = [], None
    while True:
        params = {**EURUSD, "limit": 3, **({"after": after} if after else {})}
        page = client.get("/annotations", params=params).json()
        seen += [one["label"] for one in page["annotations"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == [f"label_{i}" for i in range(7)]
    for nonsense in ("x", "12", "1e5.a", "99999999999999999999.a"):
        refusal(client.get("/annotations", params={**EURUSD, "after": nonsense}), 422, "after: found")


@pytest.mark.parametrize("changed", [{"limit": 0}, {"limit": 10_001}, {"source": "me"}, {"start_time": "x"}])
def test_a_query_is_checked(
    client: TestClient, refusal: Callable[..., None], changed: dict[str, Any]
) -> None:
    refusal(client.get("/annotations", params={**EURUSD, **changed}), 422, f"query.{next(iter(changed))}")


def test_a_change_touches_only_what_is_given(client: TestClient, span: Make, history: Candles) -> None:
    made = client.post("/annotations", json=span(id="a/1", confidence=4, notes="clear")).json()
    end_time = int(history.time[520])
    answer = client.patch("/annotations/a/1", json={"end_time": end_time, "confidence": None})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed == made | {
        "end_time": end_time,
        "confidence": None,
        "created_at": changed["created_at"],
    }
    assert client.get("/annotations", params=EURUSD).json()["annotations"] == [changed]
    assert client.patch("/annotations/a/1", json={}).json() == changed
    again = client.patch("/annotations/a/1", json={"label": "pennant", "sub_spans": []}).json()
    assert (again["label"], again["end_time"], again["sub_spans"]) == ("pennant", end_time, [])


def test_one_bound_does_not_move_the_other(
    client: TestClient, span: Make, history: Candles, refusal: Callable[..., None]
) -> None:
    made = client.post("/annotations", json=span(id="a")).json()
    early, late = int(history.time[400]), int(history.time[600])
    refusal(client.patch("/annotations/a", json={"end_time": early}), 422, "a, end_time: .*at or after its s")
    refusal(client.patch("/annotations/a", json={"start_time": late}), 422, "a, start_time: .*at or before")
    assert client.get("/annotations", params=EURUSD).json()["annotations"] == [made]
    changed = client.patch("/annotations/a", json={"start_time": late, "end_time": early}).json()
    assert (changed["start_time"], changed["end_time"]) == (early, late)


def test_what_was_said_before_a_change_is_kept(client: TestClient, ws: Workspace, span: Make) -> None:
    client.post("/annotations", json=span(id="a17"))
    client.patch("/annotations/a17", json={"label": "pennant"})
    refused = client.post("/annotations", json=span(id="a17"))
    assert refused.status_code == 409
    assert client.post("/annotations", json=span(id="a17", label="pennant")).status_code == 200
    assert ws.store.annotations.get("a17").annotation.label == "pennant"


def test_a_confirmed_prediction_that_is_changed_is_a_corrected_one(
    client: TestClient, ws: Workspace, span: Make
) -> None:
    place = span()
    judged = JudgedPrediction(label="bull_flag", confidence=0.9, model_version="1")
    bounds = place["start_time"], place["end_time"]
    confirmed = Annotation("bull_flag", *bounds, id="c", source="model_confirmed", model_prediction=judged)
    ws.store.annotations.add("EURUSD", "1h", [confirmed])
    assert client.patch("/annotations/c", json={"notes": "yes"}).json()["source"] == "model_confirmed"
    assert client.patch("/annotations/c", json={"label": "pennant"}).json()["source"] == "model_corrected"


def test_what_a_verdict_made_can_be_changed_and_goes_with_it(client: TestClient, span: Make) -> None:
    place = {name: span()[name] for name in ("label", "start_time", "end_time")}
    said = {"client_id": "c", **EURUSD, "action": "confirm", "prediction": {**place, "confidence": 0.9}}
    verdict = client.post("/feedback", json=said).json()
    changed = client.patch(f"/annotations/{verdict['annotation']['id']}", json={"label": "pennant"}).json()
    assert (changed["id"], changed["source"]) == (verdict["annotation"]["id"], "model_corrected")
    assert client.delete(f"/feedback/{verdict['id']}").status_code == 204
    assert _labels(client) == []


def test_two_changes_of_the_same_content_do_not_both_count(ws: Workspace, span: Make) -> None:
    place = span()
    one = Annotation("bull_flag", place["start_time"], place["end_time"], id="a")
    ws.store.annotations.add("EURUSD", "1h", [one])
    seen = ws.store.annotations.get("a")
    ws.store.annotations.supersede(seen, replace(one, label="pennant"))
    with pytest.raises(Conflict, match="changed or retracted by someone else meanwhile"):
        ws.store.annotations.supersede(seen, replace(one, label="wedge"))
    assert ws.store.annotations.get("a").annotation.label == "pennant"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": None}, r"\$.label"),
        ({"end_time": None}, r"\$.end_time"),
        ({"start_time": 61}, "outside the candles"),
        ({"pair": "XAUUSD"}, r"\$.pair"),
        ({"source": "talib"}, r"\$.source"),
    ],
)
def test_a_change_is_checked_like_a_new_one(
    client: TestClient, span: Make, refusal: Callable[..., None], changed: dict[str, Any], said: str
) -> None:
    client.post("/annotations", json=span(id="a17"))
    refusal(client.patch("/annotations/a17", json=changed), 422, said)


def test_a_retracted_annotation_no_longer_counts(
    client: TestClient, span: Make, refusal: Callable[..., None]
) -> None:
    client.post("/annotations", json=span(id="a17"))
    client.patch("/annotations/a17", json={"label": "pennant"})
    for _ in range(2):
        assert client.delete("/annotations/a17", params={"annotator": "ann"}).status_code == 204
    assert _labels(client) == []
    refusal(client.patch("/annotations/a17", json={"label": "wedge"}), 409, "found it retracted")
    refusal(client.delete("/annotations/a18"), 404, "Annotation a18: found no annotation of that id")
    refusal(client.patch("/annotations/a18", json={}), 404, "Annotation a18: found no annotation of that id")


def test_an_annotators_name_is_one_word_for_one_person(
    client: TestClient, ws: Workspace, span: Make, refusal: Callable[..., None]
) -> None:
    assert client.post("/annotations", json=span(id="a17", annotator=" ann ")).json()["annotator"] == "ann"
    assert client.patch("/annotations/a17", json={"annotator": " "}).json()["annotator"] is None
    bad = "a\nn"
    refusal(client.post("/annotations", json=span(annotator=bad)), 422, "annotator: found .*at character 2")
    refusal(client.patch("/annotations/a17", json={"annotator": bad}), 422, "Remove it")
    refusal(client.delete("/annotations/a17", params={"annotator": bad}), 422, "Remove it")
    assert [one.id for one in ws.store.annotations.list("EURUSD", "1h")] == ["a17"]


def test_an_id_in_two_series_asks_for_the_series(
    client: TestClient, span: Make, refusal: Callable[..., None]
) -> None:
    client.post("/annotations", json=span(id="a17"))
    client.post("/annotations", json=span(id="a17", pair="XAUUSD"))
    refusal(client.delete("/annotations/a17"), 409, "found it in EURUSD 1h and XAUUSD 1h")
    refusal(client.patch("/annotations/a17", json={"label": "x"}), 409, "Name the pair and the timeframe")
    params = {"pair": "XAUUSD", "timeframe": "1H"}
    assert client.delete("/annotations/a17", params=params).status_code == 204
    assert _labels(client) == ["bull_flag"]
    refusal(client.delete("/annotations/a17", params={"timeframe": "1M"}), 422, "1mo for one month")


def test_an_export_can_be_imported_again(
    client: TestClient, span: Make, refusal: Callable[..., None]
) -> None:
    client.post("/annotations", json=span(id="a", confidence=4))
    client.post("/annotations", json=span(600, 610, id="b", label="doji"))
    exported = client.get("/annotations/export", params=EURUSD)
    assert [one["id"] for one in exported.json()["annotations"]] == ["a", "b"]
    as_csv = client.get("/annotations/export", params={**EURUSD, "format": "csv"})
    assert as_csv.headers["content-type"].startswith("text/csv")
    assert as_csv.text.startswith("id,start_time,end_time,label,confidence")
    for content in (exported.content, as_csv.content):
        done = client.post(
            "/annotations/import", params={**EURUSD, "reviewed": "none"}, content=content
        ).json()
        assert (done["added"], done["unchanged"], done["conflicts"]) == (0, 2, [])
    refusal(
        client.get("/annotations/export", params={**EURUSD, "pair": "XAUUSD"}),
        404,
        "XAUUSD 1h: found nothing of it",
    )


@pytest.mark.parametrize(
    ("form", "header"), [("bio", "time,open,high,low,close,volume,label"), ("windows", "id,")]
)
def test_an_export_with_candles_can_be_imported_again(
    client: TestClient, span: Make, refusal: Callable[..., None], form: str, header: str
) -> None:
    made = client.post("/annotations", json=span(id="a", confidence=4)).json()
    asked = {**EURUSD, "format": form}
    exported = client.get("/annotations/export", params=asked)
    assert exported.headers["content-type"].startswith("text/csv")
    assert exported.text.startswith(header)
    client.delete("/annotations/a")
    reviewed = {**EURUSD, "reviewed": "none"}
    done = client.post(
        "/annotations/import", params=reviewed, content=exported.content.replace(b"a,", b"b,", 1)
    )
    assert done.json()["added"] == 1
    (again,) = client.get("/annotations", params=EURUSD).json()["annotations"]
    assert {again[key] == made[key] for key in ("label", "start_time", "end_time")} == {True}
    refusal(client.get("/annotations/export", params={**asked, "pair": "XAUUSD"}), 404, "XAUUSD 1h")
    refusal(client.get("/annotations/export", params={**EURUSD, "format": "point"}), 422, "query.format")


def test_an_empty_import_marks_nothing_as_reviewed(client: TestClient, ws: Workspace, span: Make) -> None:
    client.post("/annotations", json=span())
    done = client.post("/annotations/import", params=EURUSD, content=b"[]").json()
    assert (done["reviewed"], ws.store.annotations.reviewed("EURUSD", "1h")) == ([], [])
    assert "nothing was marked as reviewed" in done["notes"][0]
    asked = {**EURUSD, "reviewed": "all"}
    told = client.post("/annotations/import", params=asked, content=b"[]").json()
    assert told["reviewed"][0]["labels"] == ["bull_flag"]


def test_an_import_says_what_it_did(client: TestClient, ws: Workspace, span: Make) -> None:
    client.post("/annotations", json=span(id="a"))
    keys = ("label", "start_time", "end_time")
    entries = [
        {"id": name, **{key: span(first, first + 10)[key] for key in keys}}
        for name, first in (("a", 500), ("b", 600))
    ]
    entries[0]["label"] = "pennant"
    content = json.dumps({"annotations": entries})
    done = client.post("/annotations/import", params=EURUSD, content=content).json()
    assert (done["added"], done["updated"], done["unchanged"]) == (1, 0, 0)
    difference = {"field": "label", "stored": "bull_flag", "given": "pennant"}
    assert [(one["id"], one["differences"]) for one in done["conflicts"]] == [("a", [difference])]
    assert done["reviewed"][0]["labels"] == ["bull_flag", "pennant"]
    params = {**EURUSD, "update": True, "reviewed": "none", "format": "json"}
    updated = client.post("/annotations/import", params=params, content=content).json()
    assert (updated["added"], updated["updated"], updated["unchanged"]) == (0, 1, 1)
    assert not list((ws.home / "uploads").glob("*"))


@pytest.mark.parametrize(
    ("content", "params", "status", "said"),
    [
        (b"", {}, 422, "found nothing in it"),
        (b"{", {}, 422, "expected a whole JSON file"),
        (
            b'{"annotations": [{"label": "x", "start_time": 61, "end_time": 61}]}',
            {},
            422,
            "outside the candles",
        ),
        (
            b'[{"label": "x", "start_time": 61, "end_time": 61, "created_at": 9223372036854775808}]',
            {},
            422,
            "entry 1, created_at: found 9223372036854775808, expected Unix seconds",
        ),
        (b"[]", {"reviewed": "some"}, 422, "expected all, none or START..END"),
        (b"[]", {"pair": "XAUUSD"}, 404, "no stored candles"),
        (b"[]", {"timeframe": "1M"}, 422, "1mo for one month"),
    ],
)
def test_a_file_that_cannot_be_taken_stores_nothing(
    client: TestClient,
    ws: Workspace,
    refusal: Callable[..., None],
    content: bytes,
    params: dict[str, str],
    status: int,
    said: str,
) -> None:
    answer = client.post("/annotations/import", params={**EURUSD, **params}, content=content)
    refusal(answer, status, said)
    assert ws.store.annotations.list("EURUSD", "1h") == []
    assert not list((ws.home / "uploads").glob("*"))


def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    with server(tmp_path / "home") as running:
        uploads = running.home / "uploads"
        with running.connect() as connection:
            connection.sendall(
                b"POST /annotations/import?pair=EURUSD&timeframe=1h HTTP/1.1\r\nHost: localhost\r\n"
                b'Content-Length: 1000\r\n\r\n{"annotations": ['
            )
            wait_until(lambda: list(uploads.glob("*")), within_s=10, what="the upload has begun")
        wait_until(lambda: not list(uploads.glob("*")), within_s=10, what="its file is gone")
