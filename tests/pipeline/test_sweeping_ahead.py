"""What is read before anybody asks: series that people work on, unless it is told to stop."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mllib.pipeline import sweeps
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.queueing import review_queue
from mllib.pipeline.sweep_files import alone
from mllib.pipeline.sweeping_ahead import sweep_ahead
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.naive import walk
from tests.pipeline.conftest import TrainedHome, small_config, store_candles


@pytest.fixture
def home(trained: TrainedHome, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the trained home, without sweeps, and a series that nobody has said anything of."""
    folder = tmp_path / "home"
    shutil.copytree(trained.ws.home, folder, ignore=shutil.ignore_patterns("sweeps", "mlflow"))
    with open_workspace(folder, config=small_config()) as opened:
        store_candles(opened, walk(500, seed=3))
        yield opened


def kept(ws: Workspace) -> set[str]:
    return {str(path.relative_to(ws.sweeps)) for path in ws.sweeps.glob("*/*.npz")}


def test_the_next_queue_finds_all_that_it_reads(home: Workspace, trained: TrainedHome) -> None:
    assert sweep_ahead(home, give_up=lambda: False)
    ahead = kept(home)
    assert f"{trained.champion.run_id}/EURUSD_1h.npz" in ahead
    assert "WALK_1h.npz" not in {Path(name).name for name in ahead}
    model = load_run(home, trained.champion)
    review_queue(home, StoredCandles(home), model, series=[("EURUSD", "1h")], size=10)
    assert kept(home) == ahead


def test_it_stops_between_two_steps_and_goes_on_later(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "STEP_BARS", 400)
    assert not sweep_ahead(home, give_up=lambda: True)
    assert kept(home) == set()
    assert sweep_ahead(home, give_up=lambda: False)
    assert sweep_ahead(home, give_up=lambda: True), "all of it is kept"


def test_what_another_computes_is_left_to_it(home: Workspace, trained: TrainedHome) -> None:
    sweeps._memory.clear()
    with alone(home.sweeps / trained.champion.run_id / "EURUSD_1h.npz"):
        assert sweep_ahead(home, give_up=lambda: False)
    assert f"{trained.champion.run_id}/EURUSD_1h.npz" not in kept(home)


def test_without_a_champion_there_is_nothing_to_read(ws: Workspace) -> None:
    assert sweep_ahead(ws, give_up=lambda: False)
