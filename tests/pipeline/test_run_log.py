import logging
import os

import pytest

from mllib.errors import NotFound, TrainingFailed
from mllib.pipeline.run_log import kept_log, log_file, log_tail, read_log
from mllib.pipeline.runs import execute_run, request_training
from mllib.pipeline.workspace import Workspace
from tests.pipeline.conftest import TrainedHome, small_config


def test_the_log_of_a_run_tells_its_stages_findings_and_end(trained: TrainedHome) -> None:
    said = read_log(trained.ws, trained.champion.run_id)
    in_order = [
        f"run {trained.champion.run_id}: xgboost, bio, on EURUSD 1h, asked for by person",
        '"n_estimators": 5',
        "reading candles and labels",
        f"dataset {trained.champion.data_version}",
        "computing features",
        "gate, truncation:",
        "ready as version 1 of candleloop",
    ]
    places = [said.index(part) for part in in_order]
    assert places == sorted(places)
    assert trained.other.run_id not in said


def test_the_log_of_a_failed_run_ends_with_why(ws: Workspace) -> None:
    config = small_config(annotation_ingestion={"layers": ["human"]})
    run = request_training(ws, pairs=["EURUSD"], config=config)
    with pytest.raises(TrainingFailed) as failed:
        execute_run(ws, run.run_id)
    last = log_tail(ws, run.run_id)[-1]
    assert " ERROR " in last
    assert str(failed.value) in last


def test_the_log_of_a_run_whose_process_died_ends_with_what_the_ledger_says(ws: Workspace) -> None:
    run = request_training(ws, pairs=["EURUSD"], config=ws.config)
    with kept_log(ws, run.run_id):
        logging.getLogger("mllib.training").info("round 7")
    assert read_log(ws, run.run_id).endswith("round 7\n")
    ws.store.runs.fail(run.run_id, "the worker died")
    assert read_log(ws, run.run_id).endswith("round 7\nfailed: the worker died\n")


def test_a_run_that_has_not_begun_has_no_log(ws: Workspace) -> None:
    run = request_training(ws, pairs=["EURUSD"], config=ws.config)
    assert log_tail(ws, run.run_id) == []
    with pytest.raises(NotFound, match="found no log"):
        read_log(ws, run.run_id)


def test_only_what_is_said_during_the_run_is_kept_and_the_level_is_put_back(ws: Workspace) -> None:
    library = logging.getLogger("mllib")
    before = library.level, list(library.handlers)
    with kept_log(ws, "one"):
        logging.getLogger("mllib.training").info("round %d", 7)
    logging.getLogger("mllib.training").warning("later")
    assert log_tail(ws, "one")[0].endswith("INFO round 7")
    assert len(log_tail(ws, "one")) == 1
    assert (library.level, library.handlers) == before


def test_the_tail_of_a_long_log_is_its_last_lines(ws: Workspace) -> None:
    with kept_log(ws, "long"):
        for i in range(5_000):
            logging.getLogger("mllib.training").info("line %d of a rather long log", i)
    assert [line.split(" INFO ")[1] for line in log_tail(ws, "long", lines=2)] == [
        "line 4998 of a rather long log",
        "line 4999 of a rather long log",
    ]


def test_the_oldest_logs_go(ws: Workspace) -> None:
    folder = log_file(ws, "x").parent
    folder.mkdir(parents=True)
    for i in range(310):
        (folder / f"{i}.log").touch()
        os.utime(folder / f"{i}.log", (i, i))
    with kept_log(ws, "new"):
        pass
    assert len(list(folder.glob("*.log"))) == 300
    assert not (folder / "10.log").exists()
    assert (folder / "11.log").exists()


def test_a_log_that_goes_while_the_oldest_are_looked_for_stops_no_run(ws: Workspace) -> None:
    folder = log_file(ws, "x").parent
    folder.mkdir(parents=True)
    (folder / "gone.log").symlink_to(folder / "of another run")
    with kept_log(ws, "new"):
        pass
    assert log_file(ws, "new").is_file()
