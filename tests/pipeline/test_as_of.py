"""Review with the bars after a time hidden."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.inference import Predictor
from mllib.pipeline.annotations import label_series
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.review import ReviewWindow, record_verdict, review_window
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction
from mllib.store import Feedback
from tests.naive import sample
from tests.pipeline.conftest import TrainedHome, store_candles

CUT = {"pair": "CUT", "timeframe": "1h"}
HIDDEN_FROM = 400


@pytest.fixture
def history(trained: TrainedHome) -> Iterator[Candles]:
    """600 candles of a series of its own, with spans that end before, at and after bar 399."""
    ws = trained.ws
    candles = store_candles(ws, replace(sample("EURUSD_1h")[:600], pair="CUT"))
    for start, end in ((350, 360), (390, 399), (390, 400), (410, 420)):
        span = Annotation("flag", int(candles.time[start]), int(candles.time[end]), id=f"{start}-{end}")
        ws.store.annotations.add("CUT", "1h", [span])
    label_series(ws, **CUT, functions=["CDLENGULFING"])
    yield candles
    ws.candles.delete("CUT", "1h")
    ws.store.series.delete("CUT", "1h")


@pytest.fixture
def predictor(trained: TrainedHome) -> Predictor:
    return load_run(trained.ws, trained.champion)


def _window(ws: Workspace, predictor: Predictor | None, as_of: int, **more: int) -> ReviewWindow:
    asked = {"first_bar": 300, "bars": 150, **more}
    return review_window(ws, StoredCandles(ws), predictor, **CUT, **asked, with_talib=True, as_of=as_of)


def _everything(view: ReviewWindow) -> tuple[object, ...]:
    columns = tuple(getattr(view.candles, name).tolist() for name in ("time", "open", "high", "low", "close"))
    return columns, view.first_bar, view.series_bars, view.people, view.talib, view.predictions, view.verdicts


def test_what_comes_later_changes_nothing_of_what_is_shown(
    trained: TrainedHome, history: Candles, predictor: Predictor
) -> None:
    ws, as_of = trained.ws, int(history.time[HIDDEN_FROM - 1])
    before = _window(ws, predictor, as_of)
    assert before.candles.time[-1] == as_of
    assert before.predictions
    assert before.talib
    later = history[HIDDEN_FROM:]
    other = {name: getattr(later, name)[::-1] * 1.5 for name in ("open", "high", "low", "close")}
    ws.candles.merge(replace(later, **other))
    label_series(ws, **CUT, functions=["CDLENGULFING"])
    assert _everything(_window(ws, predictor, as_of)) == _everything(before)


def test_predictions_are_those_of_a_series_that_ends_there(
    trained: TrainedHome, history: Candles, predictor: Predictor
) -> None:
    view = _window(trained.ws, predictor, int(history.time[HIDDEN_FROM - 1]), first_bar=0, bars=600)
    assert view.predictions == predictor.predict(history[:HIDDEN_FROM]).spans
    assert view.series_bars == HIDDEN_FROM


def test_no_span_reaches_beyond_the_last_visible_candle(trained: TrainedHome, history: Candles) -> None:
    ws, as_of = trained.ws, int(history.time[HIDDEN_FROM - 1])
    for name, end in (("told", 399), ("later", 405)):
        judged = JudgedPrediction(
            label="flag", start_time=int(history.time[380]), end_time=int(history.time[end])
        )
        record_verdict(ws, Feedback(client_id=f"cut-{name}", **CUT, action="dismiss", prediction=judged))
    view = _window(ws, None, as_of)
    assert [one.id for one in view.people] == ["350-360", "390-399"]
    assert all(one.end_time <= as_of for one in view.talib)
    assert [one.client_id for one in view.verdicts] == ["cut-told"]


def test_a_series_that_has_hardly_begun_has_no_predictions(
    trained: TrainedHome, history: Candles, predictor: Predictor
) -> None:
    assert len(_window(trained.ws, predictor, int(history.time[2])).candles) == 3
    empty = _window(trained.ws, predictor, int(history.time[0]) - 1)
    assert (len(empty.candles), empty.predictions, empty.first_bar) == (0, [], 0)


def test_a_cut_of_a_cut_ends_with_the_earlier_one(trained: TrainedHome, history: Candles) -> None:
    stored = StoredCandles(trained.ws)
    early, late = (int(history.time[bar]) for bar in (100, 200))
    assert len(stored.until(early).until(late).read("CUT", "1h")) == 101
    assert len(stored.until(late).until(early).read("CUT", "1h")) == 101
    assert np.array_equal(stored.read("CUT", "1h").time, history.time)
