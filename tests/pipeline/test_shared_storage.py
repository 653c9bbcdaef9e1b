"""Two homes that share one database and one S3, as two machines do."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.deployment import Deployment
from mllib.errors import BrokenModel, NotReady
from mllib.pipeline.datasets import find_version, restore_dataset
from mllib.pipeline.promoting import find_run, load_run
from mllib.pipeline.pruning import Removal, prune
from mllib.pipeline.runs import execute_run, request_training
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.progress import quiet
from mllib.published_folders import publish
from tests.naive import sample
from tests.pipeline.conftest import small_config, store_candles
from tests.s3 import S3Server, s3

__all__ = ["s3"]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # DVC's own


@dataclass(frozen=True)
class Machines:
    """A workspace on each of two machines; the first has stored candles."""

    first: Workspace
    second: Workspace
    candles: Candles


@contextmanager
def two_machines(s3: S3Server, folder: Path, *, candles: int) -> Iterator[Machines]:
    (folder / "database").mkdir()
    shared = Deployment(database=f"sqlite:///{folder}/database/candleloop.db", storage=s3.empty_url())
    homes = (folder / name for name in ("first", "second"))
    first, second = (open_workspace(home, config=small_config(), deployment=shared) for home in homes)
    with first, second:
        yield Machines(first, second, store_candles(first, sample("EURUSD_1h")[:candles]))


@pytest.fixture
def machines(s3: S3Server, tmp_path: Path) -> Iterator[Machines]:
    with two_machines(s3, tmp_path, candles=300) as both:
        yield both


@pytest.fixture(scope="module")
def trained_machines(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Machines of which the first has trained two models."""
    with two_machines(s3, tmp_path_factory.mktemp("machines"), candles=1_500) as both:
        for _ in range(2):
            run = request_training(both.first, pairs=["EURUSD"], timeframe="1h", config=both.first.config)
            execute_run(both.first, run.run_id)
        yield both


def newest(machines: Machines) -> str:
    return machines.first.store.runs.list()[0].run_id


def test_what_one_machine_trained_the_other_serves_alike(trained_machines: Machines) -> None:
    machines, run_id = trained_machines, newest(trained_machines)

    def predicted(ws: Workspace) -> tuple[list[object], np.ndarray]:
        found = load_run(ws, find_run(ws, run_id)).predict(ws.candles.read("EURUSD", "1h"))
        return list(found.spans), found.coverage

    with ThreadPoolExecutor(4) as several:  # threads of one home fetch at once
        answers = list(several.map(predicted, [machines.second] * 4))
    expected = predicted(machines.first)
    for spans, coverage in answers:
        assert spans == expected[0]
        np.testing.assert_array_equal(coverage, expected[1])
    assert not list(machines.second.predictors.glob(".*")), "nothing half-fetched is left"


def test_a_dataset_of_one_machine_is_restored_on_the_other(trained_machines: Machines) -> None:
    version = find_version(trained_machines.first, newest(trained_machines))
    assert not (trained_machines.second.datasets / version).exists()

    restored = restore_dataset(trained_machines.second, version)

    (series,) = restored.series()
    np.testing.assert_array_equal(series.candles.close, trained_machines.candles.close)


def test_a_model_that_was_not_published_to_its_end_is_not_loaded(trained_machines: Machines) -> None:
    first, second = trained_machines.first, trained_machines.second
    older = first.store.runs.list()[1]
    assert second.storage is not None
    assert older.predictor_path is not None
    second.storage.remove(f"{older.predictor_path}/manifest.json")

    with pytest.raises(BrokenModel, match="Promote another run, or train again"):
        load_run(second, older)
    assert load_run(first, older).info.run_id == older.run_id


def test_of_a_run_that_was_taken_up_again_every_home_has_the_model_that_counts(
    trained_machines: Machines,
) -> None:
    first, second = trained_machines.first, trained_machines.second
    run = first.store.runs.list()[0]
    again = replace(run, request={**run.request, "taken_up": "its worker was lost"})
    assert run.predictor_path is not None
    assert second.storage is not None
    load_run(second, run)
    (second.home / run.predictor_path / "note").write_text("of the second try")
    publish(second.storage, second.home / run.predictor_path, run.predictor_path, instead=True)

    load_run(first, again)

    assert (first.home / run.predictor_path / "note").read_text() == "of the second try"


def test_a_pruned_model_is_gone_from_the_storage_too(machines: Machines, tmp_path: Path) -> None:
    first = machines.first
    assert first.storage is not None
    run = first.store.runs.enqueue(
        model_type="xgboost", encoder="bio", registered_model_name="candleloop", request={}
    )
    (first.predictors / run.run_id).mkdir(parents=True)
    (first.predictors / run.run_id / "predictor.json").write_text("{}")
    publish(first.storage, first.predictors / run.run_id, f"predictors/{run.run_id}")

    prune(first, [Removal("model", run.run_id, "v1", "old", (), 0)], progress=quiet)

    assert first.storage.list(f"predictors/{run.run_id}") == []
    assert not (first.predictors / run.run_id).exists()


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
    for start in range(int(first), 100, int(step)):
        time = 1704067200 + 3600 * np.arange(start, start + 10)
        flat = np.ones(10)
        ws.candles.merge(Candles("EURUSD", "1h", time, flat, flat, flat, flat, flat))
"""
KILLED = """
import os, signal
from aiohttp.http_writer import StreamWriter
send = StreamWriter.write
async def half(self, chunk, **more):
    if b"PAR1" in bytes(chunk) and start >= 40:
        await send(self, chunk[: len(chunk) // 2], drain=True)
        os.kill(os.getpid(), signal.SIGKILL)
    await send(self, chunk, **more)
StreamWriter.write = half
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
    assert len(machines.second.candles.read("EURUSD", "1h")) == 100


def test_a_machine_killed_in_mid_import_leaves_what_was_stored(machines: Machines, tmp_path: Path) -> None:
    machines.first.candles.delete("EURUSD", "1h")
    done = subprocess.run(writer(machines, str(tmp_path / "a"), "0", "10", before=KILLED), timeout=100)

    assert done.returncode == -signal.SIGKILL
    assert len(machines.second.candles.read("EURUSD", "1h")) == 40
    store_candles(machines.second, machines.candles)  # whoever was killed holds no lock


def test_while_the_storage_is_away_it_is_said_so_and_then_all_goes_on(
    machines: Machines, s3: S3Server
) -> None:
    held = machines.second.candles.read("EURUSD", "1h")
    s3.stop()
    try:
        with pytest.raises(NotReady, match="Check CANDLELOOP_STORAGE_URL"):
            machines.second.candles.read("EURUSD", "1h")
        with pytest.raises(NotReady, match="Check CANDLELOOP_STORAGE_URL"):
            machines.second.candles.merge(machines.candles)
        with pytest.raises(NotReady, match=r"asking s3://.*/dvc for datasets: found .*Could not connect"):
            restore_dataset(machines.second, "1a" + "0" * 30)
    finally:
        s3.start()
    store_candles(machines.first, held)

    assert len(machines.second.candles.read("EURUSD", "1h")) == len(held)
