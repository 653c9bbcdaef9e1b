"""The loop on PostgreSQL, Redis, S3, two machines and two Dask workers; each part is killed, nothing is lost.

A machine is a home folder of its own with an API server and a worker; they share only the three servers.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pandas as pd
import pytest

from mllib.cluster import Cluster, open_engine
from mllib.config import load_config
from mllib.deployment import DATABASE, QUEUE, STORAGE, Deployment
from mllib.pipeline.datasets import restore_dataset
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import find_run, load_run
from mllib.pipeline.runs import STAGES
from mllib.pipeline.series_sweeps import SweptOne, sweep_many
from mllib.pipeline.sweeps import swept
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.e2e.consoles import ROOT, import_sample
from tests.postgres import PASSWORD, Server
from tests.processes import free_port, wait_until
from tests.redis_server import redis_server
from tests.s3 import S3Server, s3_server

pytestmark = [pytest.mark.needs("postgres", "redis"), pytest.mark.timeout(600)]
MACHINES = ("one", "two")
LEARNS = STAGES[2][0]
"""What a run has done, as a share, when it begins to learn."""
EURUSD = {"pair": "EURUSD", "timeframe": "1h"}
LONG = {"hyperparameters": {"n_estimators": 100, "early_stopping_rounds": 100}}


@dataclass
class Team:
    """The three servers, and the processes of two machines."""

    folder: Path
    config: Path
    deployment: Deployment
    s3: S3Server
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in MACHINES})
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def environment(self, machine: str) -> dict[str, str]:
        return {
            **os.environ,
            **self.s3.environment,
            DATABASE: str(self.deployment.database),
            QUEUE: str(self.deployment.queue),
            STORAGE: str(self.deployment.storage),
            "CANDLELOOP_HOME": str(self.folder / machine),
            "CANDLELOOP_CONFIG": str(self.config),
        }

    def url(self, machine: str) -> str:
        return f"http://127.0.0.1:{self.ports[machine]}"

    def start_api(self, machine: str) -> None:
        port = str(self.ports[machine])
        self._start(f"api {machine}", machine, "api", "--port", port, "--workers", "1")
        wait_until(
            lambda: httpx.get(f"{self.url(machine)}/health").status_code == 200,
            within_s=60,
            what=f"the API of {machine} answers",
        )

    def start_worker(self, machine: str) -> None:
        self._start(f"worker {machine}", machine, "worker")

    def start_cluster(self) -> str:
        """The address of a Dask scheduler with two workers, which have homes of their own."""
        port = free_port()
        address, quiet = f"tcp://127.0.0.1:{port}", ["--no-dashboard"]
        scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), *quiet]
        self._start_module("dask scheduler", "scheduler", *scheduler)
        for machine in ("dask one", "dask two"):
            single = ["--nworkers", "1", "--nthreads", "1", "--no-nanny"]
            files = ["--local-directory", str(self.folder / machine)]
            worker = ["distributed.cli.dask_worker", address, *single, *files, *quiet]
            self._start_module(machine, machine, *worker)
        return address

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def end(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name: str, machine: str, *command: str) -> None:
        self._start_module(name, machine, "mllib.cli", *command)

    def _start_module(self, name: str, machine: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT, env=self.environment(machine), stdout=log, stderr=log,
            )  # fmt: skip


@pytest.fixture
def team(
    postgres: Server, redis_path: str, config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Team]:
    with postgres.database() as database, redis_server(redis_path) as redis, s3_server() as s3:
        where = Deployment(database=database, queue=redis.url, storage=s3.empty_url())
        team = Team(tmp_path, config_file, where, s3)
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)
        try:
            yield team
        finally:
            team.end()


@pytest.fixture
def ws(team: Team, tmp_path: Path) -> Iterator[Workspace]:
    """A third machine, which only looks on once it has imported the candles and what people said."""
    config = load_config(team.config)
    with open_workspace(tmp_path / "third", config=config, deployment=team.deployment) as opened:
        import_sample(opened, tmp_path)
        yield opened


class Judges:
    """Someone who confirms one prediction after another, at whichever server answers, until it is stored."""

    def __init__(self, team: Team, spans: list[dict[str, Any]], version: str) -> None:
        self._team, self._spans, self._version = team, spans, version
        self.acknowledged: list[str] = []
        self.refused: Counter[str] = Counter()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._judge_all)

    def __enter__(self) -> "Judges":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _judge_all(self) -> None:
        for number, span in enumerate(self._spans):
            while not self._done.is_set():
                machine = MACHINES[(number + sum(self.refused.values())) % 2]
                if self._judge(machine, number, span):
                    break
                self._done.wait(0.1)
            if self._done.wait(0.2):
                return

    def _judge(self, machine: str, number: int, span: dict[str, Any]) -> bool:
        body = verdict(span, self._version, client_id=f"judge-{number}", action="confirm")
        try:
            answer = httpx.post(f"{self._team.url(machine)}/feedback", json=body, timeout=20)
        except httpx.HTTPError as exc:
            self.refused[type(exc).__name__] += 1
            return False
        if answer.status_code in (200, 201):
            self.acknowledged.append(answer.json()["id"])
            return True
        assert answer.status_code == 503, answer.text
        self.refused["503"] += 1
        return False


def verdict(span: dict[str, Any], version: str, **more: Any) -> dict[str, Any]:
    prediction = {name: span[name] for name in ("label", "start_time", "end_time")}
    prediction |= {"confidence": span["avg_confidence"], "model_version": version}
    return {**EURUSD, "annotator": "ann", "prediction": prediction, **more}


def predicted(team: Team, machine: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = httpx.post(f"{team.url(machine)}/predict", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def start_training(team: Team, machine: str, **body: Any) -> str:
    answer = httpx.post(
        f"{team.url(machine)}/training/start", json={"model_type": "xgboost", **body}, timeout=60
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run_id"])


def ended(ws: Workspace, run_id: str) -> str:
    def status() -> str | None:
        found = ws.store.runs.get(run_id).status
        return None if found in ("queued", "running") else found

    return str(wait_until(status, within_s=150, what=f"run {run_id} ends"))


def serves(team: Team, machine: str, version: str) -> bool:
    return bool(httpx.get(f"{team.url(machine)}/ready", timeout=60).json().get("model_version") == version)


def owner_of(ws: Workspace, run_id: str, *, attempt: int) -> int | None:
    """The process that carries a run out for the so manieth time, once it learns."""
    run = ws.store.runs.get(run_id)
    learns = run.status == "running" and run.attempt == attempt and run.progress > LEARNS
    return int(str(run.owner).rpartition(":")[2]) if learns else None


@contextmanager
def stopped(postgres: Server) -> Iterator[None]:
    """The database is killed, and is back after the block."""
    postgres.stop("immediate")
    try:
        yield
    finally:
        postgres.start()


def sweep_while_a_worker_is_lost(team: Team, ws: Workspace) -> None:
    """Eight series are read on the cluster, one of whose workers is killed, as without a cluster."""
    candles = ws.candles.read("EURUSD", "1h")
    series = [(f"COPY{number}", "1h") for number in range(8)]
    for pair, _ in series:
        ws.candles.merge(replace(candles, pair=pair))
    predictor, there, address = load_run(ws, find_run(ws, None)), [], team.start_cluster()
    with open_engine(address) as cluster:
        assert isinstance(cluster, Cluster)
        cluster.client.wait_for_workers(2, timeout=60)
        for found in sweep_many(ws, StoredCandles(ws), predictor, series, engine=cluster):
            there.append(found)
            if len(there) == 1:
                team.kill("dask one")
    expected = predictor.predict(replace(candles, pair="COPY0"))
    assert there == [SweptOne(pair, "1h", len(candles), len(expected.spans)) for pair, _ in series]
    kept = swept(ws, StoredCandles(ws), predictor, pair="COPY7", timeframe="1h")
    assert kept is not None
    np.testing.assert_array_equal(kept.coverage, expected.coverage.astype(np.float32))
    assert kept.spans == list(expected.spans)


def start_machines(team: Team, ws: Workspace) -> None:
    """Both machines run and serve a first model."""
    for machine in MACHINES:
        team.start_api(machine)
        team.start_worker(machine)
    assert ended(ws, start_training(team, "one")) == "ready"
    wait_until_both_serve(team, "1")


def wait_until_both_serve(team: Team, version: str) -> None:
    for machine in MACHINES:
        wait_until(lambda at=machine: serves(team, at, version), within_s=60, what=f"{machine} serves")


def predicted_by_both(team: Team, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The spans that both machines find alike."""
    here, there = (predicted(team, machine, body) for machine in MACHINES)
    assert (here["spans"], here["per_candle"]) == (there["spans"], there["per_candle"])
    spans: list[dict[str, Any]] = here["spans"]
    assert len(spans) > 30
    return spans


def correct(team: Team, span: dict[str, Any]) -> str:
    body = verdict(span, "1", client_id="corrected", action="correct", label="bullish_kicker")
    answer = httpx.post(f"{team.url('two')}/feedback", json=body, timeout=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def wait_for_more(judges: Judges, what: str) -> None:
    before = len(judges.acknowledged)
    wait_until(lambda: len(judges.acknowledged) > before + 2, within_s=60, what=what)


def lose_the_worker_of(ws: Workspace, run_id: str) -> None:
    """The worker that learns is killed, and the other one begins the run anew."""
    first = wait_until(lambda: owner_of(ws, run_id, attempt=1), within_s=60, what="a worker learns")
    os.kill(first, signal.SIGKILL)
    second = wait_until(lambda: owner_of(ws, run_id, attempt=2), within_s=60, what="the other takes it up")
    assert second != first


def lose_a_server(team: Team, judges: Judges) -> None:
    team.kill("api one")
    wait_for_more(judges, "the other server answers")
    team.start_api("one")


def lose_the_database(
    team: Team, postgres: Server, judges: Judges, body: dict[str, Any], known: list[dict[str, Any]]
) -> None:
    """Verdicts are refused until it is back; predictions go on as `known`."""
    with stopped(postgres):
        wait_until(lambda: judges.refused["503"] > 0, within_s=30, what="verdicts are refused")
        assert predicted(team, "two", body)["spans"] == known
    wait_for_more(judges, "verdicts are stored again")


def check_learned(ws: Workspace, run_id: str, verdicts: int) -> None:
    """Every verdict is in what the run learned from, once."""
    dataset = restore_dataset(ws, str(ws.store.runs.get(run_id).data_version))
    learned = pd.read_parquet(dataset.folder / "annotations.parquet")
    assert learned["model_prediction"].notna().sum() == verdicts
    assert "bullish_kicker" in set(learned["label"][learned["model_prediction"].notna()])


def check_logs(team: Team) -> None:
    assert PASSWORD not in "".join(team.log(name) for name in team.processes)
    lines = [json.loads(line) for line in team.log("worker two").splitlines() if line.startswith("{")]
    assert {line.get("run_id") for line in lines} - {None}, "lines of the worker name their run"


def test_what_was_acknowledged_survives_a_lost_worker_server_and_database(
    team: Team, ws: Workspace, postgres: Server
) -> None:
    start_machines(team, ws)
    candles = ws.candles.read("EURUSD", "1h")[1_000:2_000]
    body = {**EURUSD, "candles": candles.to_frame().to_dict("records")}
    spans = predicted_by_both(team, body)
    sweep_while_a_worker_is_lost(team, ws)
    corrected = correct(team, spans[0])

    with Judges(team, spans[1:], "1") as judges:
        run_id = start_training(team, "two", **LONG)
        lose_the_worker_of(ws, run_id)
        lose_a_server(team, judges)
        lose_the_database(team, postgres, judges, body, spans)
        assert ended(ws, run_id) == "ready"
    assert sum(judges.refused.values()) > judges.refused["503"], "the killed server was asked"

    wait_until_both_serve(team, "2")
    stored = Counter(one.id for one in ws.store.verdicts.list())
    assert {stored[one] for one in (corrected, *judges.acknowledged)} == {1}
    third = start_training(team, "one")
    assert ended(ws, third) == "ready"
    check_learned(ws, third, verdicts=1 + len(judges.acknowledged))
    check_logs(team)
