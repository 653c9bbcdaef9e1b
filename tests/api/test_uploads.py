import fcntl
import os
from collections.abc import Callable

from fastapi.testclient import TestClient

from mllib.candles import Candles
from mllib.pipeline.workspace import Workspace

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def test_a_disk_that_refuses_is_said_and_nothing_is_stored(
    modelless: TestClient, empty_ws: Workspace, refusal: Callable[..., None], history: Candles
) -> None:
    content = history.to_frame().to_csv(index=False).encode()
    (empty_ws.home / "uploads").write_text("no folder")
    answer = modelless.post("/candles/import", params=EURUSD, content=content)
    refusal(answer, 503, "upload: found .* when writing to the home folder")
    assert answer.headers["retry-after"]
    assert str(empty_ws.home) not in answer.text
    assert empty_ws.candles.list() == []
    (empty_ws.home / "uploads").unlink()
    assert modelless.post("/candles/import", params=EURUSD, content=content).status_code == 200


def test_what_a_killed_process_left_is_removed_and_what_one_holds_is_not(
    modelless: TestClient, empty_ws: Workspace
) -> None:
    uploads = empty_ws.home / "uploads"
    for name in ("left", "held"):
        (uploads / name).mkdir(parents=True)
        (uploads / name / "candles").write_bytes(b"x")
    holder = os.open(uploads / "held", os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        modelless.post("/candles/import", params=EURUSD, content=b"")
        assert [one.name for one in uploads.iterdir()] == ["held"]
    finally:
        os.close(holder)


def test_an_upload_above_the_limit_is_refused_before_it_is_read(
    modelless: TestClient, empty_ws: Workspace, refusal: Callable[..., None]
) -> None:
    most = empty_ws.config.stages.inference.api.upload_bytes
    headers = {"Content-Length": str(most + 1)}
    refusal(
        modelless.post("/candles/import", params=EURUSD, content=b"x", headers=headers), 413, "Split the file"
    )
    assert not (empty_ws.home / "uploads").exists()
