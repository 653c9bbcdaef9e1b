import subprocess
import sys
import time
from dataclasses import replace

import pytest

from mllib.errors import Conflict, NotFound
from mllib.store import Fate, Run, Store

CLAIM = """
import sys
from mllib.store import open_store

with open_store(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    print(store.runs.claim(sys.argv[2], owner=sys.argv[3]) is not None)
"""
ENQUEUE = """
import sys
from mllib.errors import Conflict
from mllib.store import open_store

with open_store(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        run = store.runs.enqueue(model_type="xgboost", encoder="bio", registered_model_name="m", request={})
        print(run.run_id)
    except Conflict as conflict:
        print(conflict.active_id)
"""


def _enqueue(store: Store, name: str = "m") -> Run:
    return store.runs.enqueue(
        model_type="xgboost",
        encoder="bio",
        registered_model_name=name,
        request={"pairs": ["EURUSD"], "overrides": {"max_depth": 3}},
    )


def _running(store: Store, name: str = "m", owner: str = "box:11") -> Run:
    run = store.runs.claim(_enqueue(store, name).run_id, owner=owner)
    assert run is not None
    return run


def _ready(store: Store, name: str = "m") -> Run:
    return store.runs.finish_ready(
        _running(store, name).run_id,
        metrics={"f1_macro": 0.5},
        data_version="d1",
        mlflow_run_id="ml1",
        predictor_path="predictors/x",
    )


def _race(code: str, arguments: list[list[str]]) -> list[str]:
    """The last line of each of several processes that start their work at the same moment."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *some],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for some in arguments
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    return [racer.communicate(timeout=60)[0].strip() for racer in racers]


def test_a_run_remembers_what_was_asked(store: Store) -> None:
    run = _enqueue(store)
    assert (run.status, run.progress, run.attempt, run.owner) == ("queued", 0.0, 0, None)
    assert run.request == {"pairs": ["EURUSD"], "overrides": {"max_depth": 3}}
    assert store.runs.get(run.run_id) == store.runs.active() == run
    assert store.runs.queued() == [run]


@pytest.mark.parametrize("claimed", [False, True])
def test_a_second_run_is_refused_while_one_is_active(store: Store, claimed: bool) -> None:
    run = _running(store) if claimed else _enqueue(store)
    with pytest.raises(Conflict, match=f"found run {run.run_id} {run.status}") as caught:
        _enqueue(store, "another")
    assert caught.value.active_id == run.run_id


def test_a_run_is_claimed_once(store: Store) -> None:
    run = _running(store)
    assert (run.status, run.owner, run.attempt) == ("running", "box:11", 1)
    assert run.started_at is not None
    assert run.heartbeat_at is not None
    assert store.runs.claim(run.run_id, owner="box:12") is None
    assert store.runs.queued() == []


def test_a_report_is_seen_and_beats_the_heart(store: Store) -> None:
    run = _running(store)
    time.sleep(0.01)
    assert store.runs.report(run.run_id, progress=0.4, stage="fit")
    reported = store.runs.get(run.run_id)
    assert (reported.progress, reported.stage) == (0.4, "fit")
    assert (reported.heartbeat_at or 0) > (run.heartbeat_at or 0)
    assert store.runs.beat(run.run_id)


def test_versions_count_up_per_model_name(store: Store) -> None:
    versions = [_ready(store, name).model_version for name in ("m", "m", "other", "m")]
    assert versions == [1, 2, 1, 3]


def test_a_ready_run_holds_its_results(store: Store) -> None:
    run = _ready(store)
    assert (run.status, run.progress, run.error) == ("ready", 1.0, None)
    assert (run.metrics, run.data_version) == ({"f1_macro": 0.5}, "d1")
    assert (run.mlflow_run_id, run.predictor_path) == ("ml1", "predictors/x")
    assert run.completed_at is not None
    assert store.runs.active() is None


def test_a_rejected_run_has_its_reason_and_no_version(store: Store) -> None:
    run = store.runs.reject(
        _running(store).run_id, reason="worse than the champion", metrics={"f1_macro": 0.1}
    )
    assert (run.status, run.error, run.model_version) == ("rejected", "worse than the champion", None)
    assert run.metrics == {"f1_macro": 0.1}


def test_a_cancelled_run_tells_its_worker_and_stays_cancelled(store: Store) -> None:
    run = _running(store)
    cancelled = store.runs.cancel(run.run_id)
    assert not store.runs.beat(run.run_id)
    assert not store.runs.report(run.run_id, progress=0.9, stage="fit")
    with pytest.raises(Conflict, match="cannot become ready: found it cancelled"):
        store.runs.finish_ready(
            run.run_id, metrics={}, data_version=None, mlflow_run_id=None, predictor_path="p"
        )
    with pytest.raises(Conflict, match="cannot become failed: found it cancelled"):
        store.runs.fail(run.run_id, "late")
    with pytest.raises(Conflict, match="cannot become rejected"):
        store.runs.reject(run.run_id, reason="late")
    with pytest.raises(Conflict, match="cannot become cancelled"):
        store.runs.cancel(run.run_id)
    assert store.runs.claim(run.run_id, owner="box:12") is None
    assert store.runs.get(run.run_id) == cancelled


def test_what_a_run_was_doing_is_forgotten_when_it_ends(store: Store) -> None:
    for end in (store.runs.cancel, lambda run_id: store.runs.fail(run_id, "no")):
        run = _running(store)
        store.runs.report(run.run_id, progress=0.4, stage="fit")
        assert end(run.run_id).stage == ""
    assert store.runs.cancel(_running(store).run_id, reason="enough").error == "enough"


def test_a_rejected_run_gets_its_version_when_someone_promotes_it(store: Store) -> None:
    rejected = store.runs.reject(_running(store).run_id, reason="worse", predictor_path="p")
    ready = _ready(store)
    assert store.runs.number(rejected.run_id).model_version == 2
    assert store.runs.number(rejected.run_id).model_version == 2
    assert store.runs.number(ready.run_id) == ready
    with pytest.raises(NotFound, match="No training run nope"):
        store.runs.number("nope")


def test_a_queued_run_is_not_ready_before_it_ran(store: Store) -> None:
    run = _enqueue(store)
    with pytest.raises(Conflict, match="cannot become ready: found it queued"):
        store.runs.finish_ready(
            run.run_id, metrics={}, data_version=None, mlflow_run_id=None, predictor_path="p"
        )
    assert store.runs.get(run.run_id) == run


def test_a_failed_run_makes_room(store: Store) -> None:
    assert store.runs.fail(_running(store).run_id, "no annotations").error == "no annotations"
    assert _enqueue(store).status == "queued"


def test_runs_of_one_second_are_listed_newest_first(store: Store) -> None:
    ids = [store.runs.cancel(_enqueue(store).run_id).run_id for _ in range(4)]
    assert [run.run_id for run in store.runs.list()] == ids[::-1]
    assert [run.run_id for run in store.runs.list(limit=2)] == ids[:1:-1]


def test_an_unknown_run_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="No training run nope"):
        store.runs.get("nope")
    with pytest.raises(NotFound, match="No training run nope"):
        store.runs.cancel("nope")
    assert store.runs.claim("nope", owner="box:1") is None


def test_a_run_whose_worker_is_dead_is_failed(store: Store) -> None:
    run = _running(store)
    store.runs.report(run.run_id, progress=0.4, stage="fit")
    (failed,) = store.runs.fail_abandoned(lambda owner: "gone" if owner == "box:11" else "alive")
    assert (failed.run_id, failed.status) == (run.run_id, "failed")
    assert failed.error == (
        "the worker (pid 11) stopped while training: its process is gone, last seen at 40% (fit). "
        "Start the training again."
    )


@pytest.mark.parametrize(("fate", "silent_for_s"), [("unknown", 20), ("alive", 120)])
def test_a_run_that_is_seen_to_be_silent_is_failed(store: Store, fate: Fate, silent_for_s: int) -> None:
    _running(store)
    for second in (5, 5 + silent_for_s - 1):
        assert store.runs.fail_abandoned(lambda _: fate, now=lambda at=second: at) == []
    (failed,) = store.runs.fail_abandoned(lambda _: fate, now=lambda: 5 + silent_for_s)
    assert f"it gave no sign of life for {silent_for_s} s" in (failed.error or "")


def test_a_run_that_beats_between_two_looks_is_alive(store: Store) -> None:
    run = _running(store)
    for hour in range(3):
        assert store.runs.fail_abandoned(lambda _: "unknown", now=lambda at=hour * 3_600.0: at) == []
        time.sleep(0.01)
        store.runs.beat(run.run_id)


def test_a_clock_that_is_set_fails_no_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _running(store)
    real = time.time
    for jump_s in (3_600, -3_600):
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: real() + jump_s)
        assert store.runs.fail_abandoned(lambda _: "unknown") == []


def test_a_run_that_beats_while_it_is_judged_is_left_alone(store: Store) -> None:
    run = _running(store)

    def beats_meanwhile(_owner: str) -> Fate:
        time.sleep(0.01)
        store.runs.beat(run.run_id)
        return "gone"

    assert store.runs.fail_abandoned(beats_meanwhile) == []
    assert store.runs.get(run.run_id).status == "running"


def test_a_queued_run_is_never_abandoned(store: Store) -> None:
    _enqueue(store)
    assert store.runs.fail_abandoned(lambda _: "gone") == []


def test_of_several_processes_one_claims_a_run(store: Store, url: str) -> None:
    run = _enqueue(store)
    answers = _race(CLAIM, [[url, run.run_id, f"box:{n}"] for n in range(4)])
    assert sorted(answers) == ["False", "False", "False", "True"]
    assert store.runs.get(run.run_id).owner == f"box:{answers.index('True')}"


def test_of_several_processes_one_enqueues_and_the_others_learn_its_id(store: Store, url: str) -> None:
    answers = _race(ENQUEUE, [[url]] * 3)
    (run,) = store.runs.list()
    assert answers == [run.run_id] * 3


def test_a_list_without_metrics_is_otherwise_the_same(store: Store) -> None:
    run = store.runs.enqueue(
        model_type="xgboost", encoder="bio", registered_model_name="candleloop", request={"pairs": ["A"]}
    )
    store.runs.claim(run.run_id, owner="here:1")
    store.runs.reject(run.run_id, reason="no", metrics={"accuracy": 1.0})
    (whole,), (lean,) = store.runs.list(), store.runs.list(with_metrics=False)
    assert (whole.metrics, lean.metrics) == ({"accuracy": 1.0}, None)
    assert replace(whole, metrics=None) == lean
