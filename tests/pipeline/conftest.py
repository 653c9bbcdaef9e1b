from collections.abc import Iterator
from pathlib import Path

import pytest

from mllib.candles import Candles
from mllib.config import Config, parse_config
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.naive import sample


def small_config(**stages: dict[str, object]) -> Config:
    """A configuration that trains in a second."""
    merged: dict[str, dict[str, object]] = {
        "feature_engineering": {"context": {"past_bars": 20, "future_bars": 10}},
        "annotation_ingestion": {"talib_patterns": ["CDLENGULFING", "CDLDOJI"]},
        "training": {"hyperparameters": {"n_estimators": 5, "n_jobs": 1}},
    }
    for stage, values in stages.items():
        merged[stage] = {**merged.get(stage, {}), **values}
    return parse_config({"pipeline": {"pair": "EURUSD"}, "stages": merged}, where="test")


def store_candles(ws: Workspace, candles: Candles) -> Candles:
    """Stores candles as an import does."""
    ws.candles.merge(candles)
    ws.store.series.ensure(candles.pair, candles.timeframe)
    return candles


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """A home with 300 candles of EURUSD 1h."""
    with open_workspace(tmp_path / "home", config=small_config()) as opened:
        store_candles(opened, sample("EURUSD_1h")[:300])
        yield opened


@pytest.fixture
def candles() -> Candles:
    return sample("EURUSD_1h")[:300]
