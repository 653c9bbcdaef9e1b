"""Two servers over one home and one database, as behind a load balancer: what one is told the other knows."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from mllib.candles import Candles
from mllib.config import Config
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.api.servers import server
from tests.processes import wait_until


@dataclass
class Replicas:
    """Two servers, the workspace of their home, and its candles."""

    urls: tuple[str, str]
    ws: Workspace
    candles: Candles

    def get(self, which: int, path: str) -> httpx.Response:
        return httpx.get(f"{self.urls[which]}{path}", timeout=30)

    def post(self, which: int, path: str, body: Any, **more: Any) -> httpx.Response:
        return httpx.post(f"{self.urls[which]}{path}", json=body, timeout=30, **more)

    def serving(self, which: int) -> str:
        return str(self.get(which, "/ready").json().get("run_id"))


@pytest.fixture(scope="module")
def two(trained_home: Path, history: Candles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    home = tmp_path_factory.mktemp("replicas") / "home"
    shutil.copytree(trained_home, home)
    with ExitStack() as running:
        urls = [running.enter_context(server(home)).url for _ in range(2)]
        ws = running.enter_context(open_workspace(home, config=Config()))
        replicas = Replicas((urls[0], urls[1]), ws, history)
        for which in (0, 1):
            wait_until(lambda of=which: replicas.get(of, "/ready").is_success, within_s=30, what="a model")
        yield replicas


def chart(candles: Candles) -> dict[str, Any]:
    rows = candles.to_frame().drop(columns="volume", errors="ignore").to_dict("records")
    return {"pair": "EURUSD", "timeframe": "1h", "candles": rows}


def test_a_model_that_one_loads_serves_at_the_other_and_no_kept_answer_outlives_it(two: Replicas) -> None:
    body = chart(two.candles[-300:])
    before = [two.post(which, "/predict", body).json() for which in (0, 1, 1)]
    assert before[0]["spans"] == before[1]["spans"] == before[2]["spans"]
    other = next(
        run.run_id for run in two.ws.store.runs.list() if run.run_id != before[0]["model_info"]["run_id"]
    )
    assert two.post(0, "/model/load", {"run_id": other}).is_success
    wait_until(lambda: two.serving(1) == other, within_s=10, what="the other serves it")
    after = [two.post(which, "/predict", body).json() for which in (0, 1)]
    assert [answer["model_info"]["run_id"] for answer in after] == [other, other]
    assert two.post(1, "/model/rollback", {}).is_success
    wait_until(lambda: two.serving(0) != other, within_s=10, what="the first goes back as well")


def test_candles_that_one_stores_change_what_the_other_answers_from_memory(two: Replicas) -> None:
    body = chart(two.candles[-40:])  # its features reach back into what is stored
    before = [two.post(1, "/predict", body).json()["spans"] for _ in range(2)]
    frame = two.candles[-400:-40].to_frame()
    frame["high"] += 0.01
    imported = httpx.post(
        f"{two.urls[0]}/candles/import?pair=EURUSD&timeframe=1h", content=frame.to_csv(index=False)
    )
    assert imported.is_success, imported.text
    after = [two.post(which, "/predict", body).json()["spans"] for which in (0, 1)]
    assert before[0] == before[1]
    assert after[0] == after[1] != before[0]


def test_a_verdict_that_is_sent_to_both_at_once_is_stored_once(two: Replicas) -> None:
    bars = two.candles.time
    prediction = {"label": "doji", "start_time": int(bars[500]), "end_time": int(bars[502])}
    said = {"client_id": "both", "pair": "EURUSD", "timeframe": "1h", "action": "confirm"}
    with ThreadPoolExecutor(8) as senders:
        answers = list(
            senders.map(lambda n: two.post(n % 2, "/feedback", {**said, "prediction": prediction}), range(8))
        )
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert [answer.status_code for answer in answers].count(201) == 1
    assert len([verdict for verdict in two.ws.store.verdicts.list() if verdict.client_id == "both"]) == 1


def test_a_training_that_one_starts_is_the_only_one_and_the_other_can_cancel_it(two: Replicas) -> None:
    asked = {"model_type": "xgboost", "pair": "EURUSD", "timeframe": "1h"}
    with ThreadPoolExecutor(2) as senders:
        answers = list(senders.map(lambda which: two.post(which, "/training/start", asked), (0, 1)))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    run_id = next(answer.json()["run_id"] for answer in answers if answer.status_code == 202)
    assert {answer.json()["run_id"] for answer in answers} == {run_id}
    assert two.get(1, f"/training/runs/{run_id}").json()["status"] == "queued"
    assert two.post(1, f"/training/runs/{run_id}/cancel", None).is_success
    assert two.get(0, f"/training/runs/{run_id}").json()["status"] == "cancelled"


def test_a_renamed_label_is_named_anew_by_both(two: Replicas) -> None:
    old = sorted(two.get(0, "/model/info").json()["model_info"]["label_names"])[0]
    two.ws.store.labels.rename(old, "another_name")
    for which in (0, 1):
        wait_until(
            lambda of=which: "another_name" in two.get(of, "/model/info").json()["model_info"]["label_names"],
            within_s=10,
            what="the new name",
        )


def test_a_key_that_is_revoked_opens_neither_any_more(two: Replicas) -> None:
    key, token = two.ws.store.api_keys.create("both", ["read"])

    def statuses() -> set[int]:
        header = {"X-API-Key": token}
        return {httpx.get(f"{url}/training/runs", headers=header).status_code for url in two.urls}

    wait_until(
        lambda: {two.get(which, "/training/runs").status_code for which in (0, 1)} == {401},
        within_s=10,
        what="both ask for a key",
    )
    assert statuses() == {200}
    two.ws.store.api_keys.revoke(key.id)
    wait_until(lambda: statuses() == {401}, within_s=10, what="both refuse it")
