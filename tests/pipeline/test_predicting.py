from dataclasses import replace

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.errors import InvalidCandles, NotFound
from mllib.inference import Predictor
from mllib.pipeline.predicting import StoredCandles, Sweep, predict_candles, predict_stored
from mllib.pipeline.promoting import load_run
from mllib.pipeline.workspace import Workspace
from tests.naive import sample
from tests.pipeline.conftest import TrainedHome, store_candles


@pytest.fixture(scope="module")
def predictor(trained: TrainedHome) -> Predictor:
    return load_run(trained.ws, trained.champion)


@pytest.fixture(scope="module")
def stored(trained: TrainedHome) -> StoredCandles:
    return StoredCandles(trained.ws)


@pytest.fixture(scope="module")
def history(trained: TrainedHome) -> Candles:
    return trained.ws.candles.read("EURUSD", "1h")


@pytest.mark.parametrize(("start", "end"), [(0, 1_500), (400, 700), (900, 901), (0, 30), (1_470, 1_500)])
def test_a_visible_slice_and_the_whole_history_have_the_same_labels(
    predictor: Predictor, stored: StoredCandles, history: Candles, start: int, end: int
) -> None:
    whole = predictor.predict(history)
    sliced = predict_candles(predictor, stored, history[start:end])
    bounds = {"start_time": int(history.time[start]), "end_time": int(history.time[end - 1])}
    by_time = predict_stored(predictor, stored, pair="EURUSD", timeframe="1H", **bounds)
    for part in (sliced, by_time):
        assert part.candles.time.tolist() == history.time[start:end].tolist()
        assert part.labels() == whole.labels()[start:end]
        np.testing.assert_array_equal(part.confidence, whole.confidence[start:end])
        touching = [
            s
            for s in whole.spans
            if s.end_time >= history.time[start] and s.start_time <= history.time[end - 1]
        ]
        assert part.spans == touching


def test_candles_that_come_without_volume_get_the_stored_one(
    predictor: Predictor, stored: StoredCandles, history: Candles
) -> None:
    bare = replace(history[400:700], volume=None)
    assert predict_candles(predictor, stored, bare).labels() == predictor.predict(history).labels()[400:700]


def _context_used(predictor: Predictor, stored: StoredCandles, candles: Candles) -> tuple[bool, bool]:
    """Whether stored candles before and after change the first and the last confidences."""
    alone = predictor.predict(candles).coverage
    said = predict_candles(predictor, stored, candles).coverage
    return not np.array_equal(alone[:15], said[:15]), not np.array_equal(alone[-8:], said[-8:])


def _scaled(candles: Candles, by: float) -> Candles:
    prices = {name: getattr(candles, name) * by for name in ("open", "high", "low", "close")}
    return replace(candles, **prices)


def test_stored_context_is_used_where_the_prices_agree(
    predictor: Predictor, stored: StoredCandles, history: Candles
) -> None:
    assert _context_used(predictor, stored, history[400:500]) == (True, True)


def test_candles_at_other_prices_get_no_stored_context(
    predictor: Predictor, stored: StoredCandles, history: Candles
) -> None:
    """Such as those of a share after a split, or of another broker."""
    assert _context_used(predictor, stored, _scaled(history[400:500], 4.0)) == (False, False)


def test_newer_candles_join_the_stored_ones_only_without_a_gap(
    predictor: Predictor, stored: StoredCandles
) -> None:
    newer = sample("EURUSD_1h")[1_500:1_600]
    last = int(sample("EURUSD_1h").time[1_499])
    step_on = replace(newer, time=last + 3_600 * np.arange(1, 101, dtype=np.int64))
    assert _context_used(predictor, stored, step_on) == (True, False)
    gap = replace(newer, time=step_on.time + 3_600)
    assert _context_used(predictor, stored, gap) == (False, False)


def test_an_unknown_pair_is_predicted_without_context(
    predictor: Predictor, stored: StoredCandles, history: Candles
) -> None:
    unknown = replace(history[400:500], pair="XAUUSD")
    assert predict_candles(predictor, stored, unknown).labels() == predictor.predict(unknown).labels()
    with pytest.raises(InvalidCandles, match="XAUUSD 1h: found 5 candles, expected at least 21"):
        predict_candles(predictor, stored, unknown[:5])
    with pytest.raises(NotFound, match="XAUUSD 1h"):
        predict_stored(predictor, stored, pair="XAUUSD", timeframe="1h")


def test_a_range_beside_the_candles_holds_nothing(predictor: Predictor, stored: StoredCandles) -> None:
    for beside in ({"start_time": 2**40}, {"end_time": 0}):
        found = predict_stored(predictor, stored, pair="EURUSD", timeframe="1h", **beside)
        assert (len(found.candles), found.spans) == (0, [])


def test_a_range_that_ends_before_it_starts_is_refused(predictor: Predictor, stored: StoredCandles) -> None:
    with pytest.raises(InvalidCandles, match="EURUSD 1h: found a range from 9 to 5"):
        predict_stored(predictor, stored, pair="EURUSD", timeframe="1h", start_time=9, end_time=5)


def test_stored_candles_are_read_again_when_they_change(ws: Workspace) -> None:
    kept = StoredCandles(ws)
    assert kept.read("EURUSD", "1h") is kept.read("EURUSD", "1h")
    store_candles(ws, sample("EURUSD_1h")[300:310])
    assert len(kept.read("EURUSD", "1h")) == 310


@pytest.mark.parametrize("bars", [1, 97, 500, 2_000])
def test_the_pieces_of_a_sweep_say_what_the_whole_says(
    predictor: Predictor, stored: StoredCandles, history: Candles, bars: int
) -> None:
    first, last = (0, 1_500) if bars > 1 else (700, 760)
    bounds = {"start_time": int(history.time[first]), "end_time": int(history.time[last - 1])}
    sweep = Sweep.over(predictor, stored, pair="EURUSD", timeframe="1h", **bounds)
    whole, parts = sweep.whole(), list(sweep.parts(bars))
    assert len(sweep) == last - first
    assert max(len(part.candles) for part in parts) <= bars
    assert [span for part in parts for span in part.spans] == whole.spans
    assert [label for part in parts for label in part.labels()] == whole.labels()
    np.testing.assert_array_equal(np.concatenate([part.confidence for part in parts]), whole.confidence)


@pytest.mark.parametrize("pair", ["EURUSD", "UNKNOWN"])
@pytest.mark.parametrize("new", [1, 7, 60])
def test_since_gives_all_that_can_have_changed_and_no_more(
    predictor: Predictor, stored: StoredCandles, history: Candles, pair: str, new: int
) -> None:
    chart = replace(history[900:1_500], pair=pair)
    before, now = chart[:-new], chart
    old = predict_candles(predictor, stored, replace(before, pair="UNKNOWN"))
    whole = predict_candles(predictor, stored, replace(now, pair="UNKNOWN"))
    since = predict_candles(predictor, stored, now, since=int(now.time[-new]))
    changed = since.candles.time[0]
    assert len(since.candles) == new + predictor.encoder.provisional_bars
    kept = old.candles.time < changed
    assert [*np.array(old.labels())[kept], *since.labels()] == whole.labels()
    untouched = [span for span in old.spans if span.end_time < changed]
    assert untouched + since.spans == whole.spans


def test_since_before_the_candles_means_all_of_them(
    predictor: Predictor, stored: StoredCandles, history: Candles
) -> None:
    chart = history[900:1_000]
    assert predict_candles(predictor, stored, chart, since=0).spans == (
        predict_candles(predictor, stored, chart).spans
    )
    with pytest.raises(InvalidCandles, match="found since 9999999999, after the last candle"):
        predict_candles(predictor, stored, chart, since=9_999_999_999)
