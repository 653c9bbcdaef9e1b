"""Temporary homes with trained models, for benchmarks that start servers."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

from benchmarks.training import candles_of
from mllib.candles import Candles
from mllib.config import default_config_path, with_value
from mllib.pipeline.data import import_samples
from mllib.pipeline.promoting import promote
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.store import Run

PAIR, TIMEFRAME = "BTCUSDT", "1h"
WALK, WALK_TIMEFRAME = "WALK", "1m"
WALK_STARTS_AT = 946_684_800


@contextmanager
def temporary_home(trained: Path | None, encoders: tuple[str, ...]) -> Iterator[Workspace]:
    """A workspace that is deleted in the end: a copy of a home, with what it lacks imported and trained."""
    with TemporaryDirectory(prefix="candleloop-benchmark-") as folder:
        home = Path(folder) / "home"
        if trained is not None:
            shutil.copytree(trained, home)
        with open_workspace(home) as ws:
            import_samples(ws)
            for encoder in encoders:
                if not any(is_usable(run, encoder) for run in ws.store.runs.list()):
                    train(ws, encoder)
            yield ws


def train(ws: Workspace, encoder: str) -> None:
    """Trains XGBoost on the sample; without the gate, which says nothing of speed."""
    print(f"training {encoder} on {PAIR} {TIMEFRAME}", flush=True)
    overrides = {"stages.training.gate.enabled": False, "stages.training.auto_promote": False}
    config = resolve_config(ws.config, model_type="xgboost", encoder=encoder, overrides=overrides)
    run = request_training(ws, pairs=[PAIR], timeframe=TIMEFRAME, config=config)
    execute_run(ws, run.run_id)


def is_usable(run: Run, encoder: str) -> bool:
    return run.status == "ready" and run.encoder == encoder and run.model_type == "xgboost"


def run_of(ws: Workspace, encoder: str) -> Run | None:
    """The newest usable run of an encoder."""
    return next((run for run in ws.store.runs.list() if is_usable(run, encoder)), None)


def make_champion(ws: Workspace, run: Run) -> None:
    promote(ws, run.run_id, moved_by="load")


def config_file(ws: Workspace, name: str, api: Mapping[str, Any]) -> Path:
    """The default configuration with other keys of `stages.inference.api`, beside the home."""
    values = yaml.safe_load(default_config_path().read_text(encoding="utf-8"))
    for key, value in api.items():
        values = with_value(values, f"stages.inference.api.{key}", value)
    path = ws.home.with_name(f"{name}.yaml")
    path.write_text(yaml.safe_dump(values))
    return path


def store_walk(ws: Workspace, bars: int) -> None:
    """Stores a random walk as a series of one-minute candles."""
    walk = candles_of(bars)
    time = WALK_STARTS_AT + 60 * np.arange(bars, dtype=np.int64)
    ws.candles.merge(replace(walk, pair=WALK, timeframe=WALK_TIMEFRAME, time=time))
    ws.store.series.ensure(WALK, WALK_TIMEFRAME)


def history(ws: Workspace) -> Candles:
    return ws.candles.read(PAIR, TIMEFRAME)
