"""What a cluster computes is what this process computes, bit for bit."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mllib.cluster import IN_PROCESS, Cluster, Engine
from mllib.errors import Conflict, InvalidConfig, NotFound
from mllib.pipeline.candle_reading import Reach, read_as_it_was
from mllib.pipeline.datasets import build_dataset
from mllib.pipeline.pattern_layers import label_many
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.series_sweeps import SweptOne, sweep_many
from mllib.pipeline.simulating import Plan, simulate
from mllib.pipeline.sweeps import sweep_path
from mllib.pipeline.tuning import tune
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.progress import quiet
from tests.naive import sample
from tests.pipeline.conftest import TrainedHome, copy_of, small_config, store_candles

NAMES = ("EURUSD", "OTHER", "THIRD", "FOURTH")
SERIES = [(name, "1h") for name in NAMES]


def fill(ws: Workspace) -> None:
    for i, name in enumerate(NAMES):
        store_candles(ws, replace(sample("EURUSD_1h")[i * 400 : i * 400 + 700], pair=name))
    store_candles(ws, replace(sample("EURUSD_1h")[:2_000], pair="LONG"))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "here", config=small_config()) as opened:
        fill(opened)
        yield opened


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Workspace]:
    """The home whose work is done on the cluster."""
    with open_workspace(tmp_path / "there", config=small_config()) as opened:
        fill(opened)
        yield opened


def test_talib_labels_are_the_same(here: Workspace, there: Workspace, cluster: Cluster) -> None:
    functions = ["CDLENGULFING", "CDLHIKKAKE", "CDLMATHOLD"]
    told: list[float] = []
    expected = label_many(here, SERIES, functions=functions)
    found = label_many(
        there, SERIES, functions=functions, engine=cluster, progress=lambda done, _: told.append(done)
    )
    assert found == expected
    assert sum(sum(counts.values()) for counts in found.values()) > 100
    for pair, timeframe in SERIES:
        assert there.store.talib.spans(pair, timeframe) == here.store.talib.spans(pair, timeframe)
        assert there.store.talib.layers(pair, timeframe) == here.store.talib.layers(pair, timeframe)
    assert there.store.talib.counts() == here.store.talib.counts()
    assert told[-1] == 1.0


def test_layers_that_are_current_are_left_alone(there: Workspace, cluster: Cluster) -> None:
    first = label_many(there, SERIES, engine=cluster)

    class Idle:
        def map(self, function: object, items: object, **_: object) -> Iterator[object]:
            assert items == []
            return iter(())

    assert label_many(there, SERIES, engine=Idle()) == first


def test_a_series_that_is_not_stored_is_told(there: Workspace, cluster: Cluster) -> None:
    with pytest.raises(NotFound, match="NONE 1h: found no stored candles"):
        label_many(there, [("NONE", "1h")], engine=cluster)


def test_a_dataset_has_the_same_bytes(here: Workspace, there: Workspace, cluster: Cluster) -> None:
    config = small_config(
        annotation_ingestion={"layers": ["talib"], "talib_patterns": ["CDLENGULFING", "CDLDOJI"]}
    )
    expected = build_dataset(here, config, pairs=NAMES, timeframe="1h")
    found = build_dataset(there, config, pairs=NAMES, timeframe="1h", engine=cluster)
    assert found.version == expected.version
    assert found.files.labeled.read_bytes() == expected.files.labeled.read_bytes()


def test_candles_that_changed_meanwhile_are_refused(here: Workspace) -> None:
    with pytest.raises(Conflict, match="found 700 candles on a worker, expected the 699"):
        read_as_it_was(here.candles, "EURUSD", "1h", Reach(699, 0, 1))


def swept(ws: Workspace, run_id: str, series: list[tuple[str, str]], engine: Engine) -> list[SweptOne]:
    predictor = load_run(ws, ws.store.runs.get(run_id))
    return [*sweep_many(ws, StoredCandles(ws), predictor, series, engine=engine)]


@pytest.fixture
def homes(trained: TrainedHome, tmp_path: Path) -> Iterator[tuple[Workspace, Workspace]]:
    """Two copies of a home with models, with series beside those they were trained on."""
    with (
        open_workspace(copy_of(trained, tmp_path / "a"), config=small_config()) as a,
        open_workspace(copy_of(trained, tmp_path / "b"), config=small_config()) as b,
    ):
        for ws in (a, b):
            for name in ("THIRD", "FOURTH"):
                store_candles(ws, replace(sample("EURUSD_1h")[2_000:2_700], pair=name))
            store_candles(ws, replace(sample("EURUSD_1h")[:20], pair="SHORT"))
        yield a, b


def test_sweeps_are_the_same(
    homes: tuple[Workspace, Workspace], trained: TrainedHome, cluster: Cluster
) -> None:
    run = trained.champion
    series = [*SERIES, ("SHORT", "1h")]
    expected, found = (
        swept(ws, run.run_id, series, engine) for ws, engine in zip(homes, (IN_PROCESS, cluster), strict=True)
    )
    assert found == expected
    assert [one.candles for one in found] == [1_500, 1_000, 700, 700, 0]
    assert "expected at least" in found[-1].note
    for pair, timeframe in SERIES:
        assert_equal_files(homes, run.run_id, pair, timeframe)
    assert swept(homes[1], run.run_id, SERIES, IN_PROCESS) == found[:-1]


def assert_equal_files(homes: tuple[Workspace, Workspace], run_id: str, pair: str, timeframe: str) -> None:
    """Everything but the version of the candles' file, which is another file in another home."""
    with (
        np.load(sweep_path(homes[0], run_id, pair, timeframe)) as a,
        np.load(sweep_path(homes[1], run_id, pair, timeframe)) as b,
    ):
        for name in set(a.files) - {"candles"}:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_a_worker_killed_in_the_middle_of_a_sweep_changes_nothing(
    homes: tuple[Workspace, Workspace], trained: TrainedHome, cluster: Cluster
) -> None:
    run_id, ws = trained.champion.run_id, homes[1]
    many = [(f"COPY{i}", "1h") for i in range(24)]
    for home in homes:
        for name, _ in many:
            store_candles(home, replace(sample("EURUSD_1h")[:900], pair=name))
    predictor = load_run(ws, ws.store.runs.get(run_id))
    sweeping = sweep_many(ws, StoredCandles(ws), predictor, many, engine=cluster)
    found = [next(sweeping)]
    victim = next(iter(cluster.client.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    found += sweeping
    assert found == swept(homes[0], run_id, many, IN_PROCESS)
    for pair, timeframe in many:
        assert_equal_files(homes, run_id, pair, timeframe)
    cluster.client.wait_for_workers(2, timeout=240)


def test_a_simulation_finds_the_same(trained: TrainedHome, tmp_path: Path, cluster: Cluster) -> None:
    plan = Plan(("random", "queue"), rounds=1, per_round=10, seeds=1)
    told: list[float] = []
    with open_workspace(copy_of(trained, tmp_path / "home"), config=small_config()) as ws:
        asked = {"pair": "EURUSD", "timeframe": "1h", "plan": plan}
        config = small_config(
            annotation_ingestion={"layers": ["human"]}, training={"hyperparameters": {"n_estimators": 5}}
        )
        expected = simulate(ws, **asked, config=config, progress=quiet)
        found = simulate(
            ws, **asked, config=config, progress=lambda done, _: told.append(done), engine=cluster
        )
    assert found == expected
    assert len(told) == plan.runs


def test_a_search_with_one_slot_draws_and_scores_the_same_trials(
    here: Workspace, there: Workspace, cluster: Cluster
) -> None:
    config = small_config(
        annotation_ingestion={"layers": ["talib"], "talib_patterns": ["CDLENGULFING"]},
        training={"hyperparameters": {"n_estimators": 3, "n_jobs": 1}},
    )
    asked = {"pairs": ["LONG"], "timeframe": "1h", "config": config, "trials": 2, "time_budget_s": None}
    expected = tune(here, **asked, progress=quiet)
    found = tune(there, **asked, progress=quiet, engine=OneSlot(cluster.client, cluster.address))
    assert found == expected


class OneSlot(Cluster):
    """A cluster that seems to have one slot."""

    slots = 1  # type: ignore[assignment]  # a constant in place of the property


def test_a_search_with_two_slots_tries_two_at_once_and_goes_on_later(
    there: Workspace, cluster: Cluster
) -> None:
    config = small_config(
        annotation_ingestion={"layers": ["talib"], "talib_patterns": ["CDLENGULFING"]},
        training={"hyperparameters": {"n_estimators": 3, "n_jobs": 1}},
    )
    told: list[str] = []
    asked = {"pairs": ["LONG"], "timeframe": "1h", "config": config, "time_budget_s": None}
    first = tune(there, **asked, trials=3, progress=lambda _, what: told.append(what), engine=cluster)
    assert [trial["state"] for trial in first.trials] == ["complete"] * 3
    assert any(what.startswith("trials 1 to 2, fold 2") for what in told)
    assert any(what.startswith("trials 3 to 3") for what in told)
    second = tune(there, **asked, trials=1, progress=quiet, engine=cluster)
    assert [trial["number"] for trial in second.trials] == [0, 1, 2, 3]
    assert second.trials[:3] == first.trials


def test_a_run_on_a_cluster_ends_as_any_other_without_a_dataset(there: Workspace, cluster: Cluster) -> None:
    config = resolve_config(there.config, encoder="bio", layers=["talib"])
    queued = request_training(there, pairs=["LONG", "EURUSD"], timeframe="1h", config=config)
    run = execute_run(there, queued.run_id, engine=cluster)
    assert run.status in ("ready", "rejected")
    assert run.data_version is None
    assert run.metrics is not None
    said = {check["name"]: check["said"] for check in run.metrics["gate"]["checks"]}
    assert "not asked for" in said["walk-forward"]
    assert load_run(there, run).labels
    assert not there.datasets.exists()


def test_people_s_labels_are_not_trained_on_a_cluster(there: Workspace, cluster: Cluster) -> None:
    config = resolve_config(there.config, encoder="bio", layers=["human", "talib"])
    queued = request_training(there, pairs=["LONG"], timeframe="1h", config=config)
    with pytest.raises(InvalidConfig, match="people's labels fit one machine"):
        execute_run(there, queued.run_id, engine=cluster)
    assert there.store.runs.get(queued.run_id).status == "failed"
