"""`dvc repro` as users call it: a repository of its own, real processes, the dvc.yaml of this repository."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mllib.config import load_config
from mllib.errors import InvalidConfig, TrainingFailed
from mllib.pipeline.datasets import find_dataset
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.stages import STAGES, run_stage
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.store import Run
from mllib.tracking import flat_metrics
from tests.naive import sample
from tests.pipeline.conftest import store_candles

ROOT = Path(__file__).parents[2]
STEERED = ("dvc.yaml", ".dvcignore", ".dvc/config", "data/.gitignore", "config/pipeline.yaml")


@dataclass(frozen=True)
class Repository:
    folder: Path
    ws: Workspace
    said: str
    said_again: str
    runs: int
    """How many runs both repros made."""


def _run(folder: Path, *command: str) -> str:
    binaries = str(Path(sys.executable).parent)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "CANDLELOOP", "DVC", "GIT"))}
    environment = kept | {"PATH": f"{binaries}:{os.environ['PATH']}", "CANDLELOOP_HOME": str(folder / "var")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _quickly(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    values["pipeline"] |= {"pair": "EURUSD"}
    values["data"] |= {"labeled_path": "data/elsewhere/labeled.parquet"}
    stages = values["stages"]
    stages["feature_engineering"]["context"] |= {"past_bars": 20, "future_bars": 10}
    stages["annotation_ingestion"] |= {"talib_patterns": ["CDLENGULFING", "CDLDOJI"], "layers": ["talib"]}
    stages["training"] |= {"hyperparameters": {"n_estimators": 5, "n_jobs": 1}, "validation_folds": 0}
    stages["training"] |= {"auto_promote": False}
    path.write_text(yaml.safe_dump(values))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    folder = tmp_path_factory.mktemp("repository")
    for name in STEERED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    _quickly(folder / "config" / "pipeline.yaml")
    _run(folder, "git", "init", "-q", ".")
    with open_workspace(folder / "var", config=load_config(folder / "config" / "pipeline.yaml")) as ws:
        store_candles(ws, sample("EURUSD_1h")[:1_500])
        said = _run(folder, "dvc", "repro")
        said_again = _run(folder, "dvc", "repro")
        yield Repository(folder, ws, said, said_again, len(ws.store.runs.list()))


@pytest.fixture(scope="module")
def trained_beside(repository: Repository) -> Run:
    """What `candleloop train` makes of the same home."""
    ws = repository.ws
    queued = request_training(ws, pairs=["EURUSD"], config=resolve_config(ws.config))
    return execute_run(ws, queued.run_id)


def _of_repro(ws: Workspace) -> Run:
    return min(ws.store.runs.list(), key=lambda run: run.created_at)


def test_every_stage_runs_once_and_then_none_has_changed(repository: Repository) -> None:
    for name in STAGES:
        assert f"Running stage '{name}'" in repository.said
    for name in [*STAGES][1:]:
        assert f"Stage '{name}' didn't change, skipping" in repository.said_again
    assert repository.runs == 1, "nothing was trained twice"


def test_repro_and_train_give_one_dataset_and_the_same_figures(
    repository: Repository, trained_beside: Run
) -> None:
    made = _of_repro(repository.ws)
    assert made.run_id != trained_beside.run_id
    assert made.data_version == trained_beside.data_version
    assert made.metrics is not None
    assert trained_beside.metrics is not None
    assert flat_metrics(made.metrics) == flat_metrics(trained_beside.metrics)
    stored = json.loads((repository.folder / "data" / "evaluation" / "metrics.json").read_text())
    assert stored == flat_metrics(trained_beside.metrics)


def test_the_version_is_made_of_the_hashes_in_dvc_lock(repository: Repository) -> None:
    made = _of_repro(repository.ws)
    stages = yaml.safe_load((repository.folder / "dvc.lock").read_text())["stages"]
    outs = {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}
    dataset = find_dataset(repository.ws, made.run_id)
    for file in dataset.files.all:
        path = next(path for path in outs if Path(path).name == file.name)
        (cached,) = (repository.folder / ".dvc" / "cache" / "files" / "md5").glob(
            f"{outs[path][:2]}/{outs[path][2:]}"
        )
        assert cached.read_bytes() == file.read_bytes()


def test_a_run_keeps_its_dvc_lock(repository: Repository, trained_beside: Run) -> None:
    made = _of_repro(repository.ws)
    kept: dict[str, Any] = yaml.safe_load(made.request["dvc_lock"])
    assert {"annotations", "features", "labels"} <= kept["stages"].keys()
    assert "dvc_lock" not in trained_beside.request


def test_paths_of_the_configuration_steer_the_stages(repository: Repository) -> None:
    assert (repository.folder / "data" / "elsewhere" / "labeled.parquet").is_file()
    assert not (repository.folder / "data" / "processed" / "labeled.parquet").exists()


def test_plots_hold_points_that_dvc_can_draw(repository: Repository) -> None:
    folder = repository.folder / "data" / "evaluation"
    confusion = json.loads((folder / "confusion.json").read_text())
    assert {"true_label", "predicted_label", "count"} == confusion[0].keys()
    for name in ("precision_recall.json", "reliability.json"):
        assert json.loads((folder / name).read_text())[0]["label"] == "all"


def test_a_stage_that_is_not_there_is_named(ws: Workspace) -> None:
    with pytest.raises(InvalidConfig, match="stage: found 'fly', expected one of annotations, features"):
        run_stage(ws, "fly", progress=lambda *_: None)


def test_a_stage_without_its_input_leaves_nothing(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("features", "labels"):
        with pytest.raises(TrainingFailed, match=r"\.parquet: cannot be read .*dvc repro"):
            run_stage(ws, name, progress=lambda *_: None)
    assert not (tmp_path / "data").exists()
