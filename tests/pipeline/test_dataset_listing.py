from pathlib import Path

import pytest

from mllib.candles import Candles
from mllib.config import Config
from mllib.datasets.remote import pushed_versions
from mllib.errors import InvalidConfig, TrainingFailed
from mllib.pipeline.dataset_listing import columns_of, list_datasets, remote_state
from mllib.pipeline.datasets import build_dataset, push_datasets
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation
from tests.pipeline.conftest import TrainedHome
from tests.pipeline.test_datasets import quiet_dvc


@pytest.fixture
def annotated(ws: Workspace, candles: Candles) -> Workspace:
    t = candles.time.tolist()
    ws.store.annotations.add("EURUSD", "1h", [Annotation("bull_flag", t[10], t[20], id="a")])
    return ws


def test_a_version_lists_its_builds_and_what_is_in_it(annotated: Workspace) -> None:
    told: list[float] = []
    first = build_dataset(annotated, annotated.config, progress=lambda share, stage: told.append(share))
    build_dataset(annotated, annotated.config)
    t = annotated.candles.read("EURUSD", "1h").time.tolist()
    annotated.store.annotations.add("EURUSD", "1h", [Annotation("bear_flag", t[30], t[40], id="b")])
    second = build_dataset(annotated, annotated.config)
    newest, oldest = list_datasets(annotated)
    assert (newest.version, oldest.version) == (second.version, first.version)
    assert (len(newest.builds), len(oldest.builds)) == (1, 2)
    assert (newest.rows, newest.spans_by_source["human"]) == (300, 2)
    assert newest.spans == sum(newest.spans_by_source.values())
    assert newest.size_bytes == sum(file.stat().st_size for file in second.folder.iterdir())
    assert (newest.here, newest.runs) == (True, ())
    assert told == sorted(told)
    assert told[0] == 0


def test_a_version_names_the_runs_that_learned_from_it(trained: TrainedHome) -> None:
    found = [one for one in list_datasets(trained.ws) if one.version == trained.champion.data_version]
    learned = [run.run_id for run in found[0].runs]
    assert learned[-2:] == [trained.other.run_id, trained.champion.run_id]  # other tests train here too


def test_columns_tell_their_unit_meaning_and_time(annotated: Workspace) -> None:
    dataset = build_dataset(annotated, annotated.config)
    columns = columns_of(dataset.folder)
    assert set(columns) == {"labeled.parquet", "annotations.parquet", "spans.parquet"}
    time = next(one for one in columns["labeled.parquet"] if one["name"] == "time")
    assert (time["unit"], time["causality"]) == ("Unix s, UTC", "known when its bar opens")
    with pytest.raises(TrainingFailed, match="Build it again"):
        columns_of(dataset.folder / "none")


@quiet_dvc
def test_only_what_was_pushed_is_on_the_remote(annotated: Workspace) -> None:
    first = build_dataset(annotated, annotated.config)
    before = remote_state(annotated)
    assert (before.configured, before.pushed) == (False, frozenset())
    told: list[str] = []
    push_datasets(annotated, progress=lambda share, stage: told.append(stage))
    assert remote_state(annotated).pushed == {first.version}
    assert told == [f"{first.version[:8]}, 1 of 1"]
    t = annotated.candles.read("EURUSD", "1h").time.tolist()
    annotated.store.annotations.add("EURUSD", "1h", [Annotation("bear_flag", t[30], t[40], id="b")])
    build_dataset(annotated, annotated.config)
    assert remote_state(annotated).pushed == {first.version}


def test_a_configured_remote_is_told_from_the_homes_own(annotated: Workspace, tmp_path: Path) -> None:
    data = annotated.config.data.model_copy(update={"remote": str(tmp_path / "elsewhere")})
    config: Config = annotated.config.model_copy(update={"data": data})
    ws = Workspace(annotated.home, config, annotated.store, annotated.candles)
    assert remote_state(ws).configured
    assert remote_state(ws).remote == str(tmp_path / "elsewhere")


def test_a_remote_that_nothing_can_reach_says_what_to_check() -> None:
    with pytest.raises(InvalidConfig, match=r"nosuchprotocol://, which fsspec .*data\.remote"):
        pushed_versions("nosuchprotocol://bucket/x", ["0" * 32])
