import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mllib.candles import Candles
from mllib.config import Config
from mllib.datasets.builds import list_builds
from mllib.datasets.comparing import Change
from mllib.errors import NotFound, NotReady, TrainingFailed
from mllib.pipeline.annotations import labelled_series
from mllib.pipeline.datasets import (
    Dataset,
    build_dataset,
    compare_datasets,
    config_of,
    describe_dataset,
    find_dataset,
    push_datasets,
    restore_dataset,
)
from mllib.pipeline.runs import execute_run, request_training_on
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.spans import Annotation, JudgedPrediction, ReviewedRange, Span
from mllib.store import Feedback
from tests.pipeline.conftest import TrainedHome

# DVC's own use of pygtrie, and of sockets and databases that it leaves to the garbage collector.
quiet_dvc = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def _with(config: Config, **ingestion: Any) -> Config:
    stages = config.stages
    changed = stages.annotation_ingestion.model_copy(update=ingestion)
    return config.model_copy(update={"stages": stages.model_copy(update={"annotation_ingestion": changed})})


def _verdict(ws: Workspace, candles: Candles, action: Any, start: int, end: int, **more: Any) -> str:
    judged = JudgedPrediction(
        label="bull_flag", confidence=0.8, model_version="4",
        start_time=int(candles.time[start]), end_time=int(candles.time[end]),
    )  # fmt: skip
    verdict, _ = ws.store.verdicts.record(
        Feedback(client_id=f"{action}{start}", pair="EURUSD", timeframe="1h", action=action,
                 prediction=judged, annotator="ann", **more)
    )  # fmt: skip
    return verdict.id


def _id(span: Span) -> str:
    assert isinstance(span, Annotation)
    return span.id


def _annotate(ws: Workspace, candles: Candles) -> None:
    t = candles.time.tolist()
    span = Annotation(
        "bull_flag", t[100], t[110], id="drawn", clarity=2, outcome="loss", notes="thin", annotator="bob",
        sub_spans=(Span("pole", t[100], t[103]),),
    )  # fmt: skip
    ws.store.annotations.add(
        "EURUSD", "1h", [span], reviewed=[ReviewedRange(t[90], t[130], frozenset({"bull_flag"}))]
    )


def test_the_dataset_holds_all_that_people_said(ws: Workspace, candles: Candles) -> None:
    _verdict(ws, candles, "confirm", 10, 20)
    _verdict(ws, candles, "correct", 40, 50, label="bear_flag")
    _verdict(ws, candles, "dismiss", 70, 80, note="no pole")
    _annotate(ws, candles)
    rows = pd.read_parquet(build_dataset(ws, ws.config).files.annotations)
    people = rows[rows["annotator"] == "ann"].set_index("start_time")
    start = [int(candles.time[i]) for i in (10, 40, 70)]
    assert people.loc[start, "label"].tolist() == ["bull_flag", "bear_flag", "O"]
    assert people.loc[start, "source"].tolist() == ["model_confirmed", "model_corrected", "human"]
    assert people.loc[start, "verdict_order"].tolist() == [0, 1, 2]
    judged = json.loads(people.loc[start[2], "model_prediction"])
    assert (judged["label"], judged["confidence"], judged["model_version"]) == ("bull_flag", 0.8, "4")
    assert (judged["start_time"], judged["end_time"]) == (start[2], int(candles.time[80]))
    assert people.loc[start[2], "notes"] == "no pole"
    drawn = rows[rows["id"] == "drawn"].iloc[0]
    assert (drawn["clarity"], drawn["outcome"], drawn["notes"], drawn["annotator"]) == (
        2,
        "loss",
        "thin",
        "bob",
    )
    assert [part["label"] for part in json.loads(drawn["sub_spans"])] == ["pole"]
    looked = rows[rows["kind"] == "reviewed"]
    assert int(candles.time[90]) in looked["start_time"].tolist()
    assert set(looked["labels"]) == {'["bull_flag"]', '["bear_flag"]'}
    assert set(rows["source"].dropna()) == {"model_confirmed", "model_corrected", "human", "talib"}


def test_training_reads_what_the_database_amounts_to(ws: Workspace, candles: Candles) -> None:
    _verdict(ws, candles, "confirm", 10, 20)
    _verdict(ws, candles, "dismiss", 70, 80)
    _annotate(ws, candles)
    ingestion = ws.config.stages.annotation_ingestion
    expected = labelled_series(
        ws, pair="EURUSD", timeframe="1h", layers=ingestion.layers, ingestion=ingestion
    )
    (found,) = build_dataset(ws, ws.config).series()
    assert sorted(found.spans, key=_id) == sorted(expected.spans, key=_id)
    assert set(found.reviewed) == set(expected.reviewed)
    assert (found.candles.close == expected.candles.close).all()


def test_the_version_is_that_of_the_content(ws: Workspace, candles: Candles) -> None:
    one = build_dataset(ws, ws.config)
    again = build_dataset(ws, ws.config)
    assert one.version == again.version
    verdict = _verdict(ws, candles, "dismiss", 70, 80)
    other = build_dataset(ws, ws.config)
    assert other.version != one.version
    ws.store.verdicts.retract(verdict)
    assert build_dataset(ws, ws.config).version == one.version
    assert [b.version for b in list_builds(ws.datasets)] == [
        one.version,
        other.version,
        one.version,
        one.version,
    ]


def test_the_order_of_pairs_does_not_matter(trained: TrainedHome) -> None:
    config = _with(trained.ws.config, layers=("talib",))
    one = build_dataset(trained.ws, config, pairs=["OTHER", "EURUSD", "EURUSD"])
    other = build_dataset(trained.ws, config, pairs=["EURUSD", "OTHER"])
    assert one == other
    assert [s.candles.pair for s in one.series()] == ["EURUSD", "OTHER"]


def test_labels_without_a_span_leave_nothing_behind(ws: Workspace) -> None:
    with pytest.raises(TrainingFailed, match="found no span in EURUSD 1h"):
        build_dataset(ws, _with(ws.config, layers=("human",)))
    with pytest.raises(NotFound, match="GBPUSD"):
        build_dataset(ws, ws.config, pairs=["EURUSD", "GBPUSD"])
    assert not ws.datasets.exists() or list(ws.datasets.iterdir()) == []
    assert describe_dataset(ws)["exists"] is False


def test_a_dataset_is_found_by_version_prefix_and_run(trained: TrainedHome) -> None:
    ws, run = trained.ws, trained.champion
    assert run.data_version is not None
    found = find_dataset(ws, run.run_id)
    assert found == find_dataset(ws, run.data_version[:8]) == find_dataset(ws, run.data_version)
    with pytest.raises(NotFound, match="nobody"):
        find_dataset(ws, "nobody")
    with pytest.raises(NotFound, match=f"candleloop dataset restore {'0' * 32}"):
        find_dataset(ws, "0" * 32)


def test_what_a_dataset_holds_is_told_by_label_and_source(ws: Workspace, candles: Candles) -> None:
    _verdict(ws, candles, "confirm", 10, 20)
    dataset = build_dataset(ws, ws.config)
    told = describe_dataset(ws)
    assert (told["version"], told["row_count"], told["exists"]) == (dataset.version, 300, True)
    assert told["path"] == str(dataset.files.labeled)
    assert told["size_bytes"] == dataset.files.labeled.stat().st_size
    assert {"label": "bull_flag", "source": "model_confirmed", "count": 1} in told["counts"]


def test_the_difference_is_against_the_build_before(ws: Workspace, candles: Candles) -> None:
    build_dataset(ws, ws.config)
    with pytest.raises(NotFound, match="no other build before it"):
        compare_datasets(ws)
    _annotate(ws, candles)
    build_dataset(ws, ws.config)
    build_dataset(ws, ws.config)
    found = compare_datasets(ws)
    assert found.spans["bull_flag", "human"] == Change(added=1)
    assert found.reviewed["EURUSD 1h"] == Change(added=1, unchanged=1)
    assert found.candles["EURUSD 1h"] == Change(unchanged=300)


@quiet_dvc
def test_a_pushed_dataset_comes_back_in_another_home(ws: Workspace, tmp_path: Path) -> None:
    dataset = build_dataset(ws, ws.config)
    assert push_datasets(ws) == [dataset.version]
    elsewhere = ws.config.model_copy(
        update={"data": ws.config.data.model_copy(update={"remote": str(ws.home / "dvc-remote")})}
    )
    with open_workspace(tmp_path / "other home", config=elsewhere) as other:
        restored = restore_dataset(other, dataset.version)
        assert restored.folder.parent == other.datasets
        assert describe_dataset(other)["version"] == dataset.version
        with pytest.raises(NotReady, match=r"fetching dataset 000.*data\.remote"):
            restore_dataset(other, "0" * 32)
        assert not list(other.datasets.glob("000*"))


@quiet_dvc
def test_an_altered_dataset_is_neither_pushed_nor_restored(ws: Workspace) -> None:
    dataset = build_dataset(ws, ws.config)
    (dataset.folder / "columns.md").write_text("altered")
    with pytest.raises(NotReady, match="files were altered"):
        push_datasets(ws)
    with pytest.raises(NotReady, match="files were altered"):
        restore_dataset(ws, dataset.version)


@quiet_dvc
def test_a_remote_that_cannot_be_written_is_named(ws: Workspace, tmp_path: Path) -> None:
    build_dataset(ws, ws.config)
    (tmp_path / "file").write_text("")
    data = ws.config.data.model_copy(update={"remote": str(tmp_path / "file" / "remote")})
    with pytest.raises(NotReady, match=r"pushing datasets to .*file/remote"):
        push_datasets(Workspace(ws.home, ws.config.model_copy(update={"data": data}), ws.store, ws.candles))


@quiet_dvc
def test_a_restored_run_trains_to_the_same_figures(trained: TrainedHome) -> None:
    ws, run = trained.ws, trained.champion
    assert run.data_version is not None
    push_datasets(ws, [run.run_id])
    folder = ws.datasets / run.data_version
    shutil.rmtree(folder)
    shutil.rmtree(ws.datasets / ".dvc")
    verdict = _verdict(
        ws, ws.candles.read("EURUSD", "1h"), "dismiss", 70, 80
    )  # what came since plays no part
    dataset = restore_dataset(ws, run.run_id)
    assert dataset == Dataset(run.data_version, folder)
    config = config_of(ws, run.run_id)
    quiet = config.stages.training.model_copy(update={"auto_promote": False})
    config = config.model_copy(update={"stages": config.stages.model_copy(update={"training": quiet})})
    again = execute_run(ws, request_training_on(ws, dataset, config=config).run_id)
    ws.store.verdicts.retract(verdict)
    assert again.data_version == run.data_version
    assert again.metrics is not None
    assert run.metrics is not None
    for part in ("accuracy", "span_f1", "span_counts", "confusion", "split"):
        assert again.metrics[part] == run.metrics[part], part


def test_nothing_imports_dvc_or_pandera_unless_it_is_used() -> None:
    code = (
        "import sys, mllib.cli, mllib.pipeline.serving, mllib.pipeline.datasets, mllib.pipeline.stages;"
        "print([m for m in ('dvc', 'pandera', 'mlflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
