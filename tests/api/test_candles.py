import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mllib.candles import Candles
from mllib.pipeline.workspace import Workspace
from tests.api.servers import server
from tests.processes import wait_until

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}
CSV = "text/csv"


def _csv(candles: Candles) -> bytes:
    return candles.to_frame().to_csv(index=False).encode()


def _uploads(home: Path) -> list[Path]:
    return list((home / "uploads").glob("*")) if (home / "uploads").exists() else []


def test_the_newest_stored_candles_are_shown(client: TestClient, history: Candles) -> None:
    found = client.get("/candles", params={**EURUSD, "limit": 3}).json()
    assert (found["pair"], found["timeframe"], found["candle_count"]) == ("EURUSD", "1h", len(history))
    assert [one["time"] for one in found["candles"]] == history.time[-3:].tolist()
    newest = found["candles"][-1]
    assert {name: newest[name] for name in ("open", "high", "low", "close")} == {
        name: getattr(history, name)[-1] for name in ("open", "high", "low", "close")
    }
    assert ("volume" in newest) == (history.volume is not None)


def test_a_range_includes_both_its_ends(client: TestClient, history: Candles) -> None:
    bounds = {"start_time": int(history.time[10]), "end_time": int(history.time[20])}
    found = client.get("/candles", params={**EURUSD, **bounds, "timeframe": "1H"}).json()
    assert [one["time"] for one in found["candles"]] == history.time[10:21].tolist()
    assert (
        client.get("/candles", params={**EURUSD, "start_time": int(history.time[-1]) + 1}).json()["candles"]
        == []
    )


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"pair": "XAUUSD"}, 404, "XAUUSD 1h: found no stored candles"),
        ({"timeframe": "1M"}, 422, "1m for one minute or 1mo for one month"),
        ({"limit": 50_001}, 422, "query.limit"),
        ({"start_time": "yesterday"}, 422, "query.start_time"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    client: TestClient, refusal: Callable[..., None], changed: dict[str, Any], status: int, said: str
) -> None:
    refusal(client.get("/candles", params={**EURUSD, **changed}), status, said)


def test_stored_series_are_listed(client: TestClient, history: Candles) -> None:
    (found,) = client.get("/candles/series").json()
    assert (found["pair"], found["timeframe"], found["rows"]) == ("EURUSD", "1h", len(history))
    assert (found["first_time"], found["last_time"]) == (history.time[0], history.time[-1])
    assert found["splits"] == []


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "json"])
@pytest.mark.parametrize("named", [True, False])
def test_a_file_of_any_kind_is_imported(
    modelless: TestClient, empty_ws: Workspace, history: Candles, tmp_path: Path, kind: str, named: bool
) -> None:
    part = history[:100]
    part.to_frame().to_parquet(tmp_path / "candles.parquet")
    content = {
        "csv": _csv(part),
        "csv.gz": gzip.compress(_csv(part)),
        "parquet": (tmp_path / "candles.parquet").read_bytes(),
        "json": json.dumps({"candles": part.to_frame().to_dict("records")}).encode(),
    }[kind]
    params = {"pair": "EURUSD", "timeframe": "1H"} | ({"format": kind.removesuffix(".gz")} if named else {})
    answer = modelless.post("/candles/import", params=params, content=content)
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["timeframe"], done["added"], done["total"]) == ("1h", 100, 100)
    assert done["first_time"] == part.time[0]
    assert empty_ws.candles.read("EURUSD", "1h").close.tolist() == part.close.tolist()
    assert _uploads(empty_ws.home) == []


def test_importing_again_changes_nothing(client: TestClient, history: Candles) -> None:
    done = client.post("/candles/import", params=EURUSD, content=_csv(history[:50])).json()
    assert (done["added"], done["changed"], done["unchanged"], done["total"]) == (0, 0, 50, len(history))


@pytest.mark.parametrize(
    ("content", "params", "said"),
    [
        (b"", {}, "found an empty file"),
        (b"time,open\n1,2\n", {}, "expected a column for high, low, close"),
        (b"PAR1 cut off", {}, "expected a whole Parquet file"),
        (b'[{"time": 0, "open": "x"}]', {}, r"at \$\[0\].open"),
        (b'{"candles": [', {}, "expected JSON"),
        (b"a,b\n", {"format": "json"}, "expected JSON"),
        (b"", {"format": "xlsx"}, "query.format"),
        (b"", {"timeframe": "1M"}, "1m for one minute or 1mo for one month"),
        (b"", {"pair": " "}, "pair: found"),
    ],
)
def test_a_file_that_cannot_be_read_stores_nothing(
    modelless: TestClient,
    empty_ws: Workspace,
    refusal: Callable[..., None],
    content: bytes,
    params: dict[str, str],
    said: str,
) -> None:
    refusal(modelless.post("/candles/import", params={**EURUSD, **params}, content=content), 422, said)
    assert empty_ws.candles.list() == []
    assert _uploads(empty_ws.home) == []


def test_candles_out_of_order_are_refused_whole(
    modelless: TestClient, empty_ws: Workspace, history: Candles, refusal: Callable[..., None]
) -> None:
    content = _csv(history[10:20]) + _csv(history[:5]).partition(b"\n")[2]
    refusal(modelless.post("/candles/import", params=EURUSD, content=content), 422, "expected rising times")
    assert empty_ws.candles.list() == []


def test_a_real_server_takes_uploads_and_forgets_those_that_break_off(
    tmp_path: Path, history: Candles
) -> None:
    content = _csv(history)
    with server(tmp_path / "home") as running:
        with running.connect() as connection:
            connection.sendall(
                b"POST /candles/import?pair=EURUSD&timeframe=1h HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: text/csv\r\nContent-Length: %d\r\n\r\n" % len(content)
            )
            connection.sendall(content[: len(content) // 2])
            wait_until(lambda: _uploads(running.home), within_s=10, what="the upload has begun")
        wait_until(lambda: not _uploads(running.home), within_s=10, what="its file is gone")
        assert running.get("/candles/series").json() == []
        with running.connect() as connection:
            connection.sendall(
                b"POST /candles/import?pair=EURUSD&timeframe=1h HTTP/1.1\r\nHost: localhost\r\n"
                b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(content) + content
            )
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert [one["rows"] for one in running.get("/candles/series").json()] == [len(history)]
        assert _uploads(running.home) == []
