import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mllib.errors import BrokenModel, CandleloopError, InvalidConfig, NotReady
from mllib.pipeline.promoting import load_run, promote
from mllib.pipeline.serving import Champion, warm
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.pipeline.conftest import TrainedHome, copy_of, small_config


@pytest.fixture
def home(trained: TrainedHome, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the trained home, to break."""
    with open_workspace(copy_of(trained, tmp_path / "home"), config=trained.ws.config) as ws:
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
    shutil.rmtree(home.predictors)
    champion = Champion(home)
    champion.refresh()
    with pytest.raises(NotReady, match=r"none is loaded \(model in .*found no predictor\.json"):
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


def test_a_process_that_starts_on_a_broken_champion_serves_the_one_before(
    home: Workspace, trained: TrainedHome
) -> None:
    home.store.champions.move("candleloop", trained.other.run_id, moved_by="load")
    broken = home.predictors / trained.other.run_id / "predictor.json"
    content = broken.read_text()
    broken.write_text(content[:200])
    champion = Champion(home)
    champion.refresh()
    assert champion.require().info.run_id == trained.champion.run_id
    assert champion.error is not None
    assert "expected a complete predictor" in champion.error


def test_a_champion_whose_files_are_restored_is_taken_up_in_the_end(
    home: Workspace, trained: TrainedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.predictors.rename(home.home / "away")
    champion = Champion(home)
    champion.refresh()
    (home.home / "away").rename(home.predictors)
    champion.refresh()
    assert champion.predictor is None
    monkeypatch.setattr("mllib.pipeline.serving.RETRY_AFTER_S", 0.0)
    champion.refresh()
    assert (champion.require().info.run_id, champion.error) == (trained.champion.run_id, None)


def test_a_model_that_cannot_predict_is_not_taken_up(trained: TrainedHome) -> None:
    class Mute:
        def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.zeros((len(X), 0), np.float32)

    predictor = load_run(trained.ws, trained.champion)
    with pytest.raises(BrokenModel, match="when it predicts"):
        warm(replace(predictor, model=Mute()))  # type: ignore[arg-type]
