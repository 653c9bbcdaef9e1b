from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from mllib.pipeline.workspace import Workspace

TALIB = {"pair": "EURUSD", "timeframe": "1H", "labels": ["talib"]}


def test_a_built_dataset_is_described_by_label_and_source(client: TestClient, ws: Workspace) -> None:
    built = client.post("/training/build-dataset", json=TALIB | {"pairs": ["EURUSD"]})
    assert built.status_code == 200
    info = client.get("/training/dataset-info").json()
    assert info == built.json()
    file = ws.home / info["path"]
    assert (info["exists"], info["size_bytes"], info["row_count"]) == (True, file.stat().st_size, 1_500)
    assert file.parent.name == info["version"]
    assert {count["source"] for count in info["counts"]} == {"talib"}
    assert {"bullish_engulfing", "bearish_engulfing"} <= {count["label"] for count in info["counts"]}


def test_before_the_first_build_there_is_none(modelless: TestClient) -> None:
    answer = modelless.get("/training/dataset-info")
    assert answer.status_code == 200
    assert answer.json() == {
        "path": "datasets", "exists": False, "size_bytes": 0, "row_count": 0,
        "counts": [], "version": None, "built_at": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"pair": "XAUUSD", "timeframe": "1h"}, 404, "XAUUSD 1h: found no stored candles"),
        (TALIB | {"labels": ["human"]}, 422, "found no span in EURUSD 1h.*Import annotations"),
        (TALIB | {"labels": ["nobody"]}, 422, "layers"),
        (TALIB | {"format": "csv"}, 422, "format"),
        ({"pairs": [], "timeframe": "1h"}, 422, r"\$.pairs: list should have at least 1 item"),
    ],
)
def test_what_cannot_be_built_is_refused(
    client: TestClient, refusal: Callable[..., None], asked: dict[str, object], status: int, said: str
) -> None:
    before = client.get("/training/dataset-info").json()
    refusal(client.post("/training/build-dataset", json=asked), status, said)
    assert client.get("/training/dataset-info").json() == before
