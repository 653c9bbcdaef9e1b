import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mllib.candles import Candles
from mllib.config import Config, parse_config
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.spans import Annotation, ReviewedRange
from mllib.store import Run
from tests.naive import sample


def small_config(**stages: dict[str, object]) -> Config:
    """A configuration that trains in a second."""
    merged: dict[str, dict[str, object]] = {
        "feature_engineering": {"context": {"past_bars": 20, "future_bars": 10}},
        "annotation_ingestion": {"talib_patterns": ["CDLENGULFING", "CDLDOJI"]},
        "training": {"hyperparameters": {"n_estimators": 5, "n_jobs": 1}, "validation_folds": 0},
    }
    for stage, values in stages.items():
        merged[stage] = {**merged.get(stage, {}), **values}
    return parse_config({"pipeline": {"pair": "EURUSD"}, "stages": merged}, where="test")


def store_candles(ws: Workspace, candles: Candles) -> Candles:
    """Stores candles as an import does."""
    ws.candles.merge(candles)
    ws.store.series.ensure(candles.pair, candles.timeframe)
    return candles


def entry(candles: Candles, label: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    """An entry of the tool's export; bounds are closed bar positions."""
    times = {"start_time": int(candles.time[start]), "end_time": int(candles.time[end])}
    return {"id": f"{label}-{start}-{end}", "label": label, **times, **more}


def export_file(tmp_path: Path, *entries: dict[str, Any]) -> Path:
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"annotations": entries}))
    return path


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """A home with 300 candles of EURUSD 1h."""
    with open_workspace(tmp_path / "home", config=small_config()) as opened:
        store_candles(opened, sample("EURUSD_1h")[:300])
        yield opened


@pytest.fixture
def candles() -> Candles:
    return sample("EURUSD_1h")[:300]


@dataclass(frozen=True)
class TrainedHome:
    """A home whose first run is champion and whose second is ready beside it."""

    ws: Workspace
    champion: Run
    other: Run
    progress: list[tuple[float, str]]
    elsewhere: Path
    """The folder in which the process was while it trained."""


def copy_of(trained: TrainedHome, folder: Path) -> Path:
    """Copies the trained home, for tests that write to it, without its sweeps and MLflow's store."""
    return Path(shutil.copytree(trained.ws.home, folder, ignore=shutil.ignore_patterns("sweeps", "mlflow")))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainedHome]:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with (
        pytest.MonkeyPatch.context() as patch,
        open_workspace(tmp_path_factory.mktemp("trained"), config=small_config()) as ws,
    ):
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(elsewhere)
        candles = store_candles(ws, sample("EURUSD_1h")[:1_500])
        store_candles(ws, replace(sample("EURUSD_1h")[1_500:2_500], pair="OTHER"))
        time = candles.time.tolist()
        flags = [
            Annotation("bull_flag", time[i], time[i + 7 + i % 4], id=f"f{i}") for i in range(30, 1_450, 30)
        ]
        everywhere = ReviewedRange(time[0], time[-1], frozenset({"bull_flag"}))
        ws.store.annotations.add("EURUSD", "1h", flags, reviewed=[everywhere])
        told: list[tuple[float, str]] = []
        runs = []
        for model_type, promoted in (("xgboost", True), ("random_forest", False)):
            overrides = {
                "stages.training.auto_promote": promoted,
                "stages.training.hyperparameters.n_estimators": 5,
            }
            config = resolve_config(ws.config, model_type=model_type, overrides=overrides)
            queued = request_training(ws, pairs=["EURUSD"], config=config)
            runs.append(execute_run(ws, queued.run_id, progress=lambda *done: told.append(done)))
        patch.undo()
        yield TrainedHome(ws, *runs, told, elsewhere)
