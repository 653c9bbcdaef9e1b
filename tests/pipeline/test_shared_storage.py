"""Two homes that share one database and one S3, as two machines do."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.deployment import Deployment
from mllib.errors import BrokenModel, NotReady
from mllib.inference import Predictor
from mllib.pipeline.datasets import find_version, restore_dataset
from mllib.pipeline.predicting import StoredCandles, predict_stored
from mllib.pipeline.promoting import find_run, load_run
from mllib.pipeline.pruning import Removal, prune
from mllib.pipeline.runs import execute_run, request_training
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.progress import quiet
from tests.naive import sample
from tests.pipeline.conftest import small_config, store_candles
from tests.s3 import S3Server, s3, s3_session

__all__ = ["s3", "s3_session"]
EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


@dataclass(frozen=True)
class Machines:
    """A workspace on each of two machines; the first has stored candles."""

    first: Workspace
    second: Workspace
    candles: Candles


@pytest.fixture
def machines(s3: S3Server, tmp_path: Path) -> Iterator[Machines]:
    (tmp_path / "database").mkdir()
    shared = Deployment(database=f"sqlite:///{tmp_path}/database/candleloop.db", storage=s3.url)
    homes = (tmp_path / name for name in ("first", "second"))
    first, second = (open_workspace(home, config=small_config(), deployment=shared) for home in homes)
    with first, second:
        yield Machines(first, second, store_candles(first, sample("EURUSD_1h")[:300]))


def train(ws: Workspace) -> str:
    run = request_training(ws, pairs=["EURUSD"], timeframe="1h", config=ws.config)
    return execute_run(ws, run.run_id).run_id


def test_what_one_machine_trained_the_other_serves_alike(machines: Machines) -> None:
    run_id = train(machines.first)

    def predicted(ws: Workspace) -> tuple[list[object], np.ndarray]:
        found = predict_stored(StoredCandles(ws), load_run(ws, find_run(ws, run_id)), **EURUSD)
        return list(found.spans), found.coverage

    with ThreadPoolExecutor(4) as several:  # threads of one home fetch at once
        answers = list(several.map(predicted, [machines.second] * 4))
    expected = predicted(machines.first)
    for spans, coverage in answers:
        assert spans == expected[0]
        np.testing.assert_array_equal(coverage, expected[1])
    assert not list(machines.second.predictors.glob(".*")), "nothing half-fetched is left"


def test_a_dataset_of_one_machine_is_restored_on_the_other(machines: Machines) -> None:
    run_id = train(machines.first)
    version = find_version(machines.first, run_id)
    assert not (machines.second.datasets / version).exists()

    restored = restore_dataset(machines.second, version)

    (series,) = restored.series()
    np.testing.assert_array_equal(series.candles.close, machines.candles.close)


def test_a_model_that_was_not_published_to_its_end_is_not_loaded(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = train(machines.first)
    assert machines.second.storage is not None
    machines.second.storage.remove(f"predictors/{run_id}/manifest.json")

    with pytest.raises(BrokenModel, match="Promote another run, or train again"):
        load_run(machines.second, find_run(machines.second, run_id))
    assert isinstance(load_run(machines.first, find_run(machines.first, run_id)), Predictor)


def test_a_pruned_model_is_gone_from_the_storage_too(machines: Machines) -> None:
    config = small_config(training={"auto_promote": False})
    first = machines.first
    run = request_training(first, pairs=["EURUSD"], timeframe="1h", config=config)
    execute_run(first, run.run_id)
    storage = first.storage
    assert storage is not None
    assert storage.list(f"predictors/{run.run_id}") != []

    prune(first, [Removal("model", run.run_id, "v1", "old", (), 0)], progress=quiet)

    assert storage.list(f"predictors/{run.run_id}") == []


WRITER = """
import sys
from pathlib import Path
import numpy as np
from mllib.candles import Candles
from mllib.deployment import Deployment
from mllib.object_storage import ObjectStorage
from mllib.pipeline.workspace import open_workspace

home, database, url, first, step = sys.argv[1:]
{before}
with open_workspace(Path(home), deployment=Deployment(database=database, storage=url)) as ws:
    for start in range(int(first), 200, int(step)):
        time = 1704067200 + 3600 * np.arange(start, start + 10)
        flat = np.ones(10)
        ws.candles.merge(Candles("EURUSD", "1h", time, flat, flat, flat, flat, flat))
"""
KILLED = """
import os, signal
put = ObjectStorage.write
def killed_before(self, name, content, **more):
    if start >= 40:
        os.kill(os.getpid(), signal.SIGKILL)
    put(self, name, content, **more)
ObjectStorage.write = killed_before
"""


def writer(machines: Machines, home: str, *numbers: str, before: str = "") -> list[str]:
    deployment = machines.first.deployment
    script = WRITER.replace("{before}", before)
    return [sys.executable, "-c", script, home, str(deployment.database), str(deployment.storage), *numbers]


def test_importing_machines_lose_none_of_each_others_rows(machines: Machines, tmp_path: Path) -> None:
    machines.first.candles.delete("EURUSD", "1h")
    both = [
        subprocess.Popen(writer(machines, str(tmp_path / home), first, "20"))
        for home, first in (("a", "0"), ("b", "10"))
    ]

    assert [one.wait(100) for one in both] == [0, 0]
    assert len(machines.second.candles.read("EURUSD", "1h")) == 200


def test_a_machine_killed_in_mid_import_leaves_what_was_stored(machines: Machines, tmp_path: Path) -> None:
    machines.first.candles.delete("EURUSD", "1h")
    done = subprocess.run(writer(machines, str(tmp_path / "a"), "0", "10", before=KILLED), timeout=100)

    assert done.returncode == -signal.SIGKILL
    assert len(machines.second.candles.read("EURUSD", "1h")) == 40
    store_candles(machines.second, machines.candles)  # whoever was killed holds no lock


def test_while_the_storage_is_away_it_is_said_so_and_then_all_goes_on(
    machines: Machines, s3_session: S3Server
) -> None:
    held = machines.second.candles.read("EURUSD", "1h")
    s3_session.stop()
    try:
        with pytest.raises(NotReady, match="Check CANDLELOOP_STORAGE_URL"):
            machines.second.candles.read("EURUSD", "1h")
        with pytest.raises(NotReady, match="Check CANDLELOOP_STORAGE_URL"):
            machines.second.candles.merge(machines.candles)
    finally:
        s3_session.start()
    store_candles(machines.first, held)

    assert len(machines.second.candles.read("EURUSD", "1h")) == len(held)
