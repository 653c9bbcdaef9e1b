"""A home with real candles and two small models, trained once; each test that writes gets a copy."""

import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api.main import create_app
from mllib.candle_files import read_candle_file
from mllib.candle_gate import check_candles
from mllib.candles import Candles
from mllib.config import Config
from mllib.pipeline.promoting import promote
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.shared import made_once

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "EURUSD_1h.parquet"
BARS = 1_500
BASE_URL = "http://127.0.0.1"
"""Without a key the service answers under loopback names alone."""
SMALL = {
    "stages.training.hyperparameters": {"n_estimators": 8},
    "stages.training.validation_folds": 0,
    "stages.annotation_ingestion.talib_patterns": ["CDLENGULFING", "CDLDOJI"],
}


@pytest.fixture(scope="session")
def history() -> Candles:
    frame = read_candle_file(SAMPLE).frame.head(BARS)
    return check_candles(frame, pair="EURUSD", timeframe="1h")[0]


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory, history: Candles) -> Path:
    """A home with EURUSD 1h and two ready runs, of which the first is champion."""

    def train(home: Path) -> None:
        with warnings.catch_warnings(), open_workspace(home, config=Config()) as ws:
            warnings.simplefilter("ignore")  # MLflow's own use of SQLAlchemy and pydantic
            ws.candles.merge(history)
            runs = [_train(ws, seed) for seed in (0, 1)]
            promote(ws, runs[0], moved_by="promote")

    return made_once(tmp_path_factory, "trained for the API", train)


def _train(ws: Workspace, seed: int) -> str:
    overrides = {**SMALL, "stages.training.seed": seed}
    config = resolve_config(ws.config, model_type="xgboost", layers=["talib"], overrides=overrides)
    run = request_training(ws, pairs=["EURUSD"], timeframe="1h", config=config)
    return execute_run(ws, run.run_id).run_id


@pytest.fixture
def ws(trained_home: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace of its own over a copy of the trained home."""
    home = tmp_path / "home"
    shutil.copytree(trained_home, home)
    with open_workspace(home, config=Config()) as workspace:
        yield workspace


@pytest.fixture
def client(ws: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(ws), base_url=BASE_URL) as running:
        yield running


@pytest.fixture
def empty_ws(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "empty", config=Config()) as workspace:
        yield workspace


@pytest.fixture
def modelless(empty_ws: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(empty_ws), base_url=BASE_URL) as running:
        yield running


@pytest.fixture
def body(history: Candles) -> Callable[..., dict[str, Any]]:
    """Makes the body of `/predict` of the bars of a half-open range."""

    def make(first: int = 400, last: int = 900, **fields: Any) -> dict[str, Any]:
        part = history[first:last].to_frame().drop(columns="volume", errors="ignore")
        return {"pair": "EURUSD", "timeframe": "1h", "candles": part.to_dict("records"), **fields}

    return make


@pytest.fixture
def refusal() -> Callable[..., None]:
    """Checks that an answer is a problem of that status whose text matches a pattern."""

    def check(answer: Response, status: int, said: str) -> None:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert {"type", "title", "status", "detail", "error"} <= set(problem)
        assert problem["status"] == status
        assert problem["error"] == problem["detail"]
        assert re.search(said, problem["error"]), problem["error"]

    return check
