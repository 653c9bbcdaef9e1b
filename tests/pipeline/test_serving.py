import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.errors import BrokenModel, CandleloopError, InvalidCandles, InvalidConfig, NotFound, NotReady
from mllib.inference import Predictor
from mllib.pipeline.promoting import load_run, promote
from mllib.pipeline.serving import Champion, StoredCandles, predict_candles, predict_stored
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.naive import sample
from tests.pipeline.conftest import TrainedHome, small_config, store_candles


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


@pytest.fixture
def home(trained: TrainedHome, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the trained home, to break."""
    shutil.copytree(trained.ws.home, tmp_path / "home")
    with open_workspace(tmp_path / "home", config=trained.ws.config) as ws:
        ws.store.champions.move("candleloop", trained.champion.run_id, moved_by="promote")
        yield ws


def test_the_champion_follows_the_pointer(home: Workspace, trained: TrainedHome) -> None:
    champion = Champion(home)
    with pytest.raises(NotReady, match="none is loaded"):
        champion.require()
    champion.refresh()
    first = champion.require()
    assert first.info.run_id == trained.champion.run_id
    champion.refresh()
    assert champion.require() is first
    home.store.champions.move("candleloop", trained.other.run_id, moved_by="promote")
    champion.refresh()
    assert (champion.require().info.model_version, champion.error) == ("2", None)


def test_the_old_model_goes_on_when_the_new_folder_is_broken(home: Workspace, trained: TrainedHome) -> None:
    champion = Champion(home)
    champion.refresh()
    first = champion.require()
    (home.predictors / trained.other.run_id / "forests.json").write_text("{}")
    with pytest.raises(BrokenModel, match=r"forests\.json altered"):
        promote(home, trained.other.run_id, moved_by="promote")
    assert home.store.champions.current("candleloop").run_id == trained.champion.run_id  # type: ignore[union-attr]
    home.store.champions.move("candleloop", trained.other.run_id, moved_by="load")
    champion.refresh()
    assert champion.require() is first
    assert champion.error is not None
    assert "forests.json altered" in champion.error
    home.store.champions.move("candleloop", trained.champion.run_id, moved_by="rollback")
    champion.refresh()
    assert (champion.require().info.model_version, champion.error) == ("1", None)


def test_a_champion_that_is_broken_from_the_start_says_why(home: Workspace, trained: TrainedHome) -> None:
    shutil.rmtree(home.predictors / trained.champion.run_id)
    champion = Champion(home)
    champion.refresh()
    with pytest.raises(NotReady, match=r"none is loaded \(model in .*FileNotFoundError"):
        champion.require()


def test_a_watching_champion_follows_by_itself(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mllib.pipeline.serving.POLL_EVERY_S", 0.01)
    champion = Champion(home)
    thread = champion.watch()
    waited = threading.Event()
    for _ in range(500):
        if champion.predictor is not None:
            break
        waited.wait(0.02)
    champion.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert champion.require().info.model_version == "1"


@pytest.mark.parametrize("path", ["../elsewhere", "/tmp", "", None, "."])
def test_a_local_model_outside_the_home_is_refused(home: Workspace, path: str | None) -> None:
    config = small_config(inference={"model_source": "local", "local_model_path": path})
    champion = Champion(replace(home, config=config))
    with pytest.raises(InvalidConfig, match=r"stages\.inference\.local_model_path: found .* inside"):
        champion.refresh()
    assert champion.predictor is None


def test_a_link_out_of_the_home_is_refused(home: Workspace, tmp_path: Path, trained: TrainedHome) -> None:
    (tmp_path / "away").mkdir()
    (home.home / "link").symlink_to(tmp_path / "away")
    config = small_config(inference={"model_source": "local", "local_model_path": "link"})
    with pytest.raises(CandleloopError, match="local_model_path"):
        Champion(replace(home, config=config)).refresh()


def test_a_local_model_inside_the_home_serves(home: Workspace, trained: TrainedHome) -> None:
    path = f"predictors/{trained.other.run_id}"
    config = small_config(inference={"model_source": "local", "local_model_path": path})
    champion = Champion(replace(home, config=config))
    champion.refresh()
    assert champion.require().info.model_version == "local"
    assert champion.require().info.run_id == trained.other.run_id


def test_a_serving_process_follows_new_names_of_labels(trained: TrainedHome) -> None:
    ws = trained.ws
    champion = Champion(ws)
    champion.refresh()
    before = champion.require()
    ws.store.labels.ensure(["bull_flag"])
    ws.store.labels.rename("bull_flag", "rising")
    try:
        champion.refresh()
        now = champion.require()
        assert (now.model is before.model, "bull_flag" in before.labels) == (True, True)
        assert "rising" in now.info.label_names
        assert "bull_flag" not in now.info.label_names
    finally:
        ws.store.labels.restore("bull_flag")
        ws.store.labels.retire("rising")
