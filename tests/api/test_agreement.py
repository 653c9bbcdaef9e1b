from typing import Any

from fastapi.testclient import TestClient

from mllib.candles import Candles


def test_annotators_are_compared_and_a_third_settles_it(client: TestClient, history: Candles) -> None:
    assert client.get("/agreement").json() == []
    place = {
        "label": "bull_flag",
        "start_time": int(history.time[700]),
        "end_time": int(history.time[709]),
    }

    def say(annotator: str, action: str, **more: Any) -> str:
        said = {"client_id": annotator, "pair": "EURUSD", "timeframe": "1h", "action": action, **more}
        answer = client.post("/feedback", json={**said, "annotator": annotator, "prediction": place})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    both = [say("mia", "confirm"), say("tom", "dismiss")]
    (found,) = client.get("/agreement", params={"pair": "EURUSD", "timeframe": "1H"}).json()
    assert (found["annotators"], found["places"], found["same"]) == (["mia", "tom"], 1, 0)
    (one,) = found["differences"]
    assert (one["difference"], one["pair"], one["timeframe"]) == ("label", "EURUSD", "1h")
    assert one["first"] == {"verdict_id": both[0], "annotator": "mia", "place": place, "said": place}
    assert one["second"]["said"] == {**place, "label": "O"}
    third = say("eve", "confirm", settles=both)
    (settled,) = client.get("/agreement").json()
    assert (settled["differences"], settled["settled"]) == ([], 1)
    for verdict_id in (third, *both):
        client.delete(f"/feedback/{verdict_id}")


def test_an_impossible_series_is_refused(client: TestClient) -> None:
    assert client.get("/agreement", params={"timeframe": "1M"}).status_code == 422
    assert client.get("/agreement", params={"pair": "XAUUSD"}).status_code == 404
