"""A home that was alone goes to the storage, and another machine goes on with it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mllib.deployment import Deployment
from mllib.errors import InvalidConfig, NotReady
from mllib.pipeline.datasets import restore_dataset
from mllib.pipeline.promoting import load_run
from mllib.pipeline.sharing import Shared, share_home
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.published_folders import exists
from tests.pipeline.conftest import TrainedHome, copy_of, small_config
from tests.s3 import S3Server, s3

__all__ = ["s3"]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # DVC's own


@pytest.fixture
def where(s3: S3Server) -> Deployment:
    return Deployment(storage=s3.empty_url())


@pytest.fixture
def ws(trained: TrainedHome, where: Deployment, tmp_path: Path) -> Iterator[Workspace]:
    """A home with two series, two models and their dataset, which hears of a storage for the first time."""
    home = copy_of(trained, tmp_path / "home")
    with open_workspace(home, config=small_config(), deployment=where) as opened:
        yield opened


def on_another_machine(ws: Workspace, folder: Path) -> Workspace:
    """The same database and storage, and a home with nothing else in it."""
    folder.mkdir()
    shutil.copy(ws.home / "candleloop.db", folder)
    return open_workspace(folder, config=small_config(), deployment=ws.deployment)


def test_another_machine_has_candles_models_and_datasets(
    ws: Workspace, trained: TrainedHome, tmp_path: Path
) -> None:
    assert ws.candles.list() == []
    told: list[float] = []
    shared = share_home(ws, progress=lambda done, _what: told.append(done))
    assert set(shared.series) == {"EURUSD 1h", "OTHER 1h"}
    with_model = [run for run in ws.store.runs.list() if run.predictor_path is not None]
    assert set(shared.datasets) >= {run.data_version for run in with_model}
    assert set(shared.models) == {run.run_id for run in with_model}
    assert told == sorted(told)
    assert told[-1] == 1.0

    with on_another_machine(ws, tmp_path / "other") as other:
        candles = other.candles.read("EURUSD", "1h")
        np.testing.assert_array_equal(candles.close, trained.ws.candles.read("EURUSD", "1h").close)
        for run in other.store.runs.list():
            expected = load_run(trained.ws, run).predict(candles).coverage
            np.testing.assert_array_equal(load_run(other, run).predict(candles).coverage, expected)
            assert restore_dataset(other, str(run.data_version)).folder.is_dir()


def test_a_second_time_copies_nothing_and_what_others_have_written_stays(ws: Workspace) -> None:
    share_home(ws)
    theirs = ws.candles.read("OTHER", "1h")
    ws.candles.merge(replace(theirs[:10], close=theirs.close[:10] * 1.0001, high=theirs.high[:10] * 1.01))
    changed = ws.candles.read("OTHER", "1h")
    again = share_home(ws)
    assert again == Shared((), (), again.datasets, kept=("OTHER 1h",))
    np.testing.assert_array_equal(ws.candles.read("OTHER", "1h").close, changed.close)


def test_what_was_ended_in_the_middle_is_gone_on_with(
    ws: Workspace, trained: TrainedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ws.storage is not None
    champion, other = trained.champion, trained.other
    write = type(ws.storage).write

    def interrupted(self: object, name: str, content: bytes, **options: str) -> object:
        if other.run_id in name and name.endswith("manifest.json"):
            raise KeyboardInterrupt
        return write(self, name, content, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(type(ws.storage), "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            share_home(ws)
    assert not exists(ws.storage, str(other.predictor_path))
    assert other.run_id in share_home(ws).models
    assert exists(ws.storage, str(champion.predictor_path))


def test_a_damaged_file_of_candles_is_named(ws: Workspace) -> None:
    (ws.home / "candles" / "OTHER_1h.parquet").write_bytes(b"PAR1")
    with pytest.raises(NotReady, match=r"OTHER 1h: found .* unreadable"):
        share_home(ws)


def test_without_a_storage_there_is_nowhere_to_share_it(trained: TrainedHome) -> None:
    with pytest.raises(InvalidConfig, match="CANDLELOOP_STORAGE_URL: found it unset"):
        share_home(trained.ws)
