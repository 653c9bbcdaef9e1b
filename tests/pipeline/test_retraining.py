import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mllib.config import RetrainConfig, parse_config
from mllib.errors import InvalidConfig
from mllib.pipeline.retraining import (
    NextTraining,
    Standing,
    data_token,
    decide,
    due,
    next_training,
    next_words,
    retrain,
    standing_of,
)
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction
from mllib.store import Feedback, Run, told_to_stop
from tests.naive import sample
from tests.pipeline.conftest import small_config, store_candles

HOUR_S = 3_600
NOTHING_NEW = Standing(under_way=False, started_at=1_000_000, new_verdicts=0, tried=0, settled=False)
DAILY = RetrainConfig(every_hours=24)
AFTER_TEN = RetrainConfig(after_verdicts=10)


def at(hours: float) -> float:
    """So many hours after the last training began."""
    return NOTHING_NEW.started_at + hours * HOUR_S


def test_nothing_is_due_by_default() -> None:
    rule = parse_config({}, where="test").stages.training.retrain
    assert decide(rule, replace(NOTHING_NEW, new_verdicts=10_000), now=at(10_000)) is None


def test_a_schedule_is_due_when_its_hours_have_passed() -> None:
    assert decide(DAILY, NOTHING_NEW, now=at(23.9)) is None
    reason = decide(DAILY, NOTHING_NEW, now=at(24))
    assert reason is not None
    assert (reason.asked_by, "24 hours ago" in reason.why) == ("schedule", True)


def test_verdicts_are_due_when_there_are_enough() -> None:
    assert decide(AFTER_TEN, replace(NOTHING_NEW, new_verdicts=9), now=at(1)) is None
    reason = decide(AFTER_TEN, replace(NOTHING_NEW, new_verdicts=12), now=at(0))
    assert reason is not None
    assert reason.asked_by == "verdicts"
    assert reason.why.startswith("12 verdicts are newer than the last training")


def test_a_clock_that_was_set_back_neither_stops_the_schedule_nor_hurries_it() -> None:
    assert decide(DAILY, NOTHING_NEW, now=at(-3)) is None
    assert decide(DAILY, NOTHING_NEW, now=at(-10_000)) is not None


@pytest.mark.parametrize("blocked", [{"under_way": True}, {"settled": True}, {"tried": 2}])
def test_what_is_under_way_or_was_tried_on_this_data_is_not_due(blocked) -> None:
    standing = replace(NOTHING_NEW, new_verdicts=99, **blocked)
    assert decide(RetrainConfig(every_hours=1, after_verdicts=1), standing, now=at(99)) is None


def test_a_training_whose_worker_went_away_is_tried_once_more() -> None:
    assert decide(DAILY, replace(NOTHING_NEW, tried=1), now=at(24)) is not None


@pytest.mark.parametrize("wrong", [{"every_hours": 0}, {"after_verdicts": 0}, {"each": 1}])
def test_a_rule_that_makes_no_sense_is_refused_with_its_path(wrong) -> None:
    with pytest.raises(InvalidConfig, match=r"stages\.training\.retrain\."):
        small_config(training={"retrain": wrong})


@pytest.fixture
def asking(ws: Workspace) -> Workspace:
    """A workspace in which one verdict is enough, with a champion in its ledger."""
    config = small_config(training={"retrain": {"after_verdicts": 1}})
    asking = replace(ws, config=config)
    run = ended(asking, "ready", own=asking)
    asking.store.champions.move("candleloop", run.run_id, moved_by="promote")
    return asking


def ended(
    ws: Workspace, how: str, *, own: Workspace, run: Run | None = None, pairs: Sequence[str] = ("EURUSD",)
) -> Run:
    """A run of the ledger, ended without training anything."""
    if run is None:
        from mllib.pipeline.runs import request_training

        run = request_training(own, pairs=pairs, config=own.config)
    ws.store.runs.claim(run.run_id, owner="here:1")
    if how == "ready":
        done = {"data_version": None, "mlflow_run_id": None, "predictor_path": "predictors/none"}
        return ws.store.runs.finish_ready(run.run_id, metrics={}, **done)
    return ws.store.runs.fail(run.run_id, how)


def say_something(ws: Workspace, name: str) -> None:
    start = int(ws.candles.read("EURUSD", "1h").time[10])
    prediction = JudgedPrediction(
        label="bull_flag",
        confidence=0.8,
        model_version="1",
        start_time=start,
        end_time=start + 5 * HOUR_S,
    )
    ws.store.verdicts.record(
        Feedback(client_id=name, pair="EURUSD", timeframe="1h", action="confirm", prediction=prediction)
    )


def test_a_verdict_queues_a_run_like_the_champions_that_says_who_asked(asking: Workspace) -> None:
    assert retrain(asking, time.time()) is None
    say_something(asking, "one")
    run = retrain(asking, time.time())
    assert run is not None
    assert (run.status, run.asked_by) == ("queued", "verdicts")
    assert "1 verdict is newer" in str(run.asked_why)
    assert run.request["config"] == asking.store.runs.list()[1].request["config"]
    assert retrain(asking, time.time()) is None, "one at a time"


def test_a_failed_one_is_not_begun_again_on_the_same_data(asking: Workspace) -> None:
    say_something(asking, "one")
    first = retrain(asking, time.time())
    ended(asking, "training: found nothing to learn from.", own=asking, run=first)
    assert retrain(asking, time.time()) is None
    say_something(asking, "two")
    assert retrain(asking, time.time()) is not None


def test_one_that_lost_its_worker_is_begun_again_after_a_restart_but_not_for_ever(asking: Workspace) -> None:
    say_something(asking, "one")
    for _ in range(2):
        ended(asking, told_to_stop(), own=asking, run=retrain(asking, time.time()))
    assert retrain(asking, time.time()) is None


def test_a_retracted_verdict_and_those_of_other_series_do_not_count(asking: Workspace) -> None:
    say_something(asking, "one")
    asking.store.verdicts.retract(asking.store.verdicts.list()[0].id)
    assert due(asking, time.time()) is None


def test_the_token_follows_candles_and_labels(asking: Workspace) -> None:
    champion = asking.store.runs.list()[0]
    before = data_token(asking, champion)
    assert data_token(asking, champion) == before
    start = int(asking.candles.read("EURUSD", "1h").time[50])
    asking.store.annotations.add("EURUSD", "1h", [Annotation("wedge", start, start + HOUR_S, id="w")])
    assert data_token(asking, champion) != before


def test_what_is_still_missing_is_told(asking: Workspace) -> None:
    coming = next_training(asking)
    assert coming is not None
    assert (coming.at, coming.verdicts_missing) == (None, 1)


def test_without_a_champion_nothing_is_due(ws: Workspace) -> None:
    asking = replace(ws, config=small_config(training={"retrain": {"after_verdicts": 1}}))
    say_something(asking, "one")
    assert due(asking, time.time()) is None
    assert next_training(asking) is None


@pytest.mark.parametrize("gone", ["deleted", "renamed"])
def test_nothing_is_due_while_the_champions_candles_are_gone_and_it_is_said_why(
    asking: Workspace, gone: str
) -> None:
    say_something(asking, "one")
    if gone == "deleted":
        asking.candles.delete("EURUSD", "1h")
    else:
        asking.candles.rename("EURUSD", "1h", "EURUSD.OLD")
    assert due(asking, time.time()) is None
    assert retrain(asking, time.time()) is None
    coming = next_training(asking)
    assert coming == NextTraining(None, None, not_stored=("EURUSD 1h",))
    said = next_words(coming, now=0.0)
    assert said.startswith("Cannot train by itself: found no candles of EURUSD 1h")
    assert "Import them again" in said


def test_runs_on_other_series_alone_do_not_count_as_the_last_training(asking: Workspace) -> None:
    say_something(asking, "one")
    store_candles(asking, replace(sample("EURUSD_1h")[:300], pair="GBPUSD"))
    ended(asking, "ready", own=asking, pairs=["GBPUSD"])
    champion = asking.store.runs.list()[1]
    assert standing_of(asking, champion).new_verdicts == 1
    ended(asking, "ready", own=asking, pairs=["GBPUSD", "EURUSD"])
    assert standing_of(asking, champion).new_verdicts == 0


@pytest.mark.parametrize(
    ("coming", "said"),
    [
        (NextTraining(None, 1), "after 1 more verdict."),
        (NextTraining(None, 2), "after 2 more verdicts."),
        (NextTraining(None, 0), "at the worker's next look, unless that was tried on the same data."),
        (NextTraining(3_600.0, None), "in 1 hour where there is something new."),
        (NextTraining(900.0, 12), "after 12 more verdicts, or in 15 minutes where there is something new."),
        (NextTraining(-1.0, None), "at the worker's next look, where there is something new."),
    ],
)
def test_what_brings_the_next_training_is_said_in_words(coming: NextTraining, said: str) -> None:
    assert next_words(coming, now=0.0) == f"Trains by itself {said}"


def test_one_verdict_is_said_as_one() -> None:
    reason = decide(RetrainConfig(after_verdicts=1), replace(NOTHING_NEW, new_verdicts=1), now=at(1))
    assert reason is not None
    assert reason.why == "1 verdict is newer than the last training, and from 1 on it is repeated."
