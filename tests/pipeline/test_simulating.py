"""`simulate` on a stored series."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mllib.config import Config
from mllib.errors import InvalidAnnotations, InvalidConfig, NotFound, TrainingFailed
from mllib.pipeline.runs import resolve_config
from mllib.pipeline.simulating import Plan, Simulation, simulate, write_picture
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.spans import Annotation, ReviewedRange
from tests.hills import hills_of
from tests.naive import sample
from tests.pipeline.conftest import small_config, store_candles

PLAN = Plan(("random", "queue"), rounds=3, per_round=10, seeds=2)


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A home with a labelled series, and one that was looked at in part."""
    series = hills_of(1_600)
    with open_workspace(tmp_path_factory.mktemp("simulating"), config=small_config()) as opened:
        candles = store_candles(opened, series.candles)
        time = candles.time.tolist()
        spans = [
            Annotation("hill", one.start_time, one.end_time, id=f"h{i}") for i, one in enumerate(series.spans)
        ]
        everywhere = ReviewedRange(time[0], time[-1], frozenset({"hill"}))
        opened.store.annotations.add("HILLS", "1h", spans, reviewed=[everywhere])
        yield opened


def _config(ws: Workspace) -> Config:
    overrides: dict[str, Any] = {"stages.acquisition.audit_bars": 16, "stages.training.test_split": 0.3}
    return resolve_config(ws.config, encoder="window", layers=["human"], overrides=overrides)


def _simulated(ws: Workspace, **how: Any) -> Simulation:
    asked = {"pair": "HILLS", "timeframe": "1h", "config": _config(ws), "plan": PLAN} | how
    return simulate(ws, **{"progress": lambda *_: None, **asked})


def test_each_strategy_has_a_curve_a_cost_and_a_line(ws: Workspace, tmp_path: Any) -> None:
    told: list[tuple[float, str]] = []
    found = _simulated(ws, progress=lambda *step: told.append(step))
    assert {name: [p["spent"] for p in curve] for name, curve in found.comparison.curves.items()} == {
        "random": [10, 20, 30],
        "queue": [10, 20, 30],
    }
    assert found.comparison.all_labels > 0.7
    assert (found.pool_candles, found.encoder, found.model) == (1_120, "window", "xgboost")
    assert found.pool_spans + found.test_spans < len(hills_of(1_600).spans)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert max(done for done, _ in told) < 1
    assert found.to_dict()["needed"]["random"].keys() == {"labels", "low", "high"}
    write_picture(found, tmp_path / "new" / "one.svg")
    assert (tmp_path / "new" / "one.svg").read_text().startswith("<svg")


def test_an_unknown_strategy_is_refused_with_those_that_there_are(ws: Workspace) -> None:
    with pytest.raises(InvalidConfig, match="strategy: found 'best', expected some of random, margin"):
        _simulated(ws, plan=Plan(("random", "best")))


def test_a_series_that_is_not_stored_is_refused(ws: Workspace) -> None:
    with pytest.raises(NotFound):
        _simulated(ws, pair="NONE")


def test_a_series_that_was_looked_at_in_part_is_refused(ws: Workspace) -> None:
    series = hills_of(1_600)
    time = series.candles.time.tolist()
    part = ReviewedRange(time[0], time[999], frozenset({"hill"}))
    one = Annotation("hill", time[50], time[60], id="x")
    store_candles(ws, replace(series.candles, pair="PART"))
    with pytest.raises(InvalidAnnotations, match="PART 1h: found no span"):
        _simulated(ws, pair="PART")
    ws.store.annotations.add("PART", "1h", [one], reviewed=[part])
    with pytest.raises(
        InvalidAnnotations, match="found 1000 of 1600 candles reviewed for hill, expected all"
    ):
        _simulated(ws, pair="PART")


def test_the_layers_that_are_configured_are_the_truth(ws: Workspace) -> None:
    overrides = {"stages.annotation_ingestion.talib_patterns": ["CDLDOJI"]}
    config = resolve_config(_config(ws), layers=["talib"], overrides=overrides)
    candles = sample("EURUSD_1h")[:2_000]
    store_candles(ws, replace(candles, pair="DOJIS"))
    found = _simulated(ws, pair="DOJIS", config=config, plan=Plan(("random",), 1, 5, 1))
    assert found.pool_spans > 20
    with pytest.raises(InvalidAnnotations, match="DOJIS 1h: found no span"):
        _simulated(ws, pair="DOJIS")


def test_a_series_too_short_for_one_place_is_refused(ws: Workspace) -> None:
    config = resolve_config(_config(ws), overrides={"stages.acquisition.audit_bars": 1_000})
    with pytest.raises(TrainingFailed, match=r"found 960 candles to ask about .* expected at least 1000"):
        _simulated(ws, config=config)
