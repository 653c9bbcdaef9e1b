"""Models that are broken, missing or put back, and a registry that is gone, under a running server."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mllib.pipeline.mirroring import is_mirrored, mirror_champion
from tests.api.faults.conftest import Client, Serve
from tests.processes import wait_until

Break = Callable[[Path], None]


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[Client]:
    with serve("--retry-s", "1") as running:
        yield running


def truncated(folder: Path) -> None:
    model = next(path for path in folder.rglob("*.ubj"))
    model.write_bytes(model.read_bytes()[:-100])


def missing(folder: Path) -> None:
    shutil.rmtree(folder)


def cut_description(folder: Path) -> None:
    description = folder / "predictor.json"
    description.write_text(description.read_text()[:500])


def of_other_features(folder: Path) -> None:
    _change(folder, fingerprint="0123456789abcdef")


def of_other_labels(folder: Path) -> None:
    info = json.loads((folder / "predictor.json").read_text())["info"]
    _change(folder, info=info | {"label_names": ["head_and_shoulders"]})


def _change(folder: Path, **fields: Any) -> None:
    """As a version would have saved it that knew no digest of the description."""
    description = folder / "predictor.json"
    saved = json.loads(description.read_text()) | fields
    description.write_text(json.dumps({name: value for name, value in saved.items() if name != "digest"}))


def edited_description(folder: Path) -> None:
    description = folder / "predictor.json"
    description.write_text(json.dumps(json.loads(description.read_text()) | {"metrics": {}}))


def without_metrics(folder: Path) -> None:
    _change(folder, metrics={})


BROKEN: dict[Break, str] = {
    truncated: "altered since, expected SHA-256",
    missing: "expected a complete predictor",
    cut_description: "expected a complete predictor",
    edited_description: "found predictor.json altered since",
    without_metrics: "found metrics.accuracy missing",
    of_other_features: "found features 0123456789abcdef, expected those of this version",
    of_other_labels: "found labels ['head_and_shoulders'] beside an encoder",
}


@pytest.mark.parametrize("break_it", BROKEN)
def test_a_broken_champion_leaves_the_old_one_serving_and_is_taken_up_when_it_is_restored(
    client: Client, break_it: Break, tmp_path: Path
) -> None:
    """Another process has moved the pointer to a run whose files do not come through the checks."""
    serving, other = client.runs()
    folder = client.home / "predictors" / other
    shutil.copytree(folder, tmp_path / "backup")
    break_it(folder)
    refused = client.post("/model/load", {"run_id": other})
    assert (refused.status_code, BROKEN[break_it] in refused.json()["error"]) == (409, True)
    assert client.serves(serving)["error"] is None

    with client.workspace() as ws:
        ws.store.champions.move("candleloop", other, moved_by="promote")
    error = wait_until(lambda: client.get("/ready").json()["error"], within_s=5, what="/ready says why")
    assert BROKEN[break_it] in error
    assert client.serves(serving)["status"] == "ready"
    assert client.predict().json()["model_info"]["run_id"] == serving
    assert f"champion {other} not taken up" in client.log()

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tmp_path / "backup", folder)
    assert client.serves(other, within_s=5)["error"] is None
    back = client.post("/model/rollback", {"reason": "as it was"})
    assert (back.status_code, client.serves(serving)["error"]) == (200, None)
    assert client.surprises() == []


def test_a_process_that_starts_on_a_broken_champion_serves_the_one_before(
    client: Client, tmp_path: Path
) -> None:
    serving, other = client.runs()
    with client.workspace() as ws:
        ws.store.champions.move("candleloop", other, moved_by="promote")
    client.serves(other)
    folder = client.home / "predictors" / other
    folder.rename(tmp_path / "backup")
    client.restart()
    assert "expected a complete predictor" in client.serves(serving)["error"]
    assert client.predict().json()["model_info"]["run_id"] == serving
    (tmp_path / "backup").rename(folder)
    assert client.serves(other, within_s=5)["error"] is None
    client.post("/model/rollback", {"reason": "as it was"})


def test_a_registry_that_is_gone_is_not_missed_and_learns_later_what_moved(client: Client) -> None:
    _, other = client.runs()
    registry, away = client.home / "mlflow", client.home / "away"
    registry.rename(away)
    registry.write_text("no folder, so that nothing can be begun anew here")
    try:
        assert client.post("/model/load", {"run_id": other}).status_code == 200
        assert client.serves(other)["error"] is None
        assert client.predict().json()["model_info"]["run_id"] == other
        assert client.judge("without a registry").status_code == 201
        assert client.get("/model/info").status_code == 200
        with client.workspace() as ws:
            mirror_champion(ws)
            assert not is_mirrored(ws)
    finally:
        registry.unlink()
        away.rename(registry)
    with client.workspace() as ws:
        assert not is_mirrored(ws), "the worker sees it and mirrors again"
        mirror_champion(ws)
        assert is_mirrored(ws)
    assert client.stored()["without a registry"] == 1
    assert client.surprises() == []
