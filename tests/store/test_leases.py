"""A run is its owner's for as long as that is not taken for lost; then the owner has no say in it."""

from collections.abc import Callable

import pytest

from mllib.errors import Conflict, NotReady
from mllib.store import Run, Store
from mllib.store.runs import RunRepository

DONE = {"metrics": {}, "data_version": None, "mlflow_run_id": None, "predictor_path": "predictors/x"}


def running(store: Store, owner: str = "one/5:11") -> Run:
    asked = store.runs.enqueue(
        model_type="xgboost", encoder="bio", registered_model_name="m", request={"a": 1}
    )
    run = store.runs.claim(asked.run_id, owner=owner)
    assert run is not None
    return run


def lost(store: Store, *, again: bool = True) -> Run:
    (run,) = store.runs.fail_abandoned(lambda _: "gone", again=again)
    return run


def test_the_run_of_a_lost_worker_waits_as_if_it_had_not_begun_and_says_why(store: Store) -> None:
    run = running(store)
    store.runs.report(run.run_id, progress=0.4, stage="fit", owner=run.owner)
    again = lost(store)
    assert (again.run_id, again.status, again.owner, again.progress) == (run.run_id, "queued", None, 0.0)
    assert (again.started_at, again.heartbeat_at, again.error) == (None, None, None)
    why = "the worker (pid 11) stopped while training: its process is gone, last seen at 40% (fit)."
    assert (again.taken_up, again.stage) == (why, f"to be taken up again: {why}")
    assert again.request["a"] == 1
    assert store.runs.active() == again
    claimed = store.runs.claim(run.run_id, owner="two/5:12")
    assert claimed is not None
    assert (claimed.attempt, claimed.taken_up) == (2, why)


def test_a_run_that_loses_its_second_worker_fails_with_both_reasons(store: Store) -> None:
    run = running(store)
    why = lost(store).taken_up
    store.runs.claim(run.run_id, owner="two/5:12")
    failed = lost(store)
    assert (failed.status, failed.interrupted) == ("failed", True)
    assert failed.error == (
        "the worker (pid 12) stopped while training: its process is gone, last seen at 0%. "
        f"That was the second try; of the first: {why} Start the training again."
    )


def test_a_silent_worker_of_another_machine_is_named_with_its_machine(store: Store) -> None:
    running(store)
    store.runs.fail_abandoned(lambda _: "unknown", now=lambda: 0.0)
    (failed,) = store.runs.fail_abandoned(lambda _: "unknown", now=lambda: 20.0)
    assert str(failed.error).startswith("the worker (pid 11 on one) stopped while training: it gave no sign")


@pytest.mark.parametrize("claimed", [False, True])
@pytest.mark.parametrize(
    "end",
    [
        lambda runs, run: runs.finish_ready(run.run_id, owner=run.owner, **DONE),
        lambda runs, run: runs.reject(run.run_id, reason="worse", owner=run.owner),
        lambda runs, run: runs.fail(run.run_id, "late", owner=run.owner),
        lambda runs, run: runs.cancel(run.run_id, owner=run.owner),
    ],
    ids=["ready", "rejected", "failed", "cancelled"],
)
def test_a_worker_that_wakes_up_late_cannot_end_the_run(
    store: Store, end: Callable[[RunRepository, Run], Run], claimed: bool
) -> None:
    run = running(store)
    lost(store)
    if claimed:
        store.runs.claim(run.run_id, owner="two/5:12")
    before = store.runs.get(run.run_id)
    assert not store.runs.beat(run.run_id, owner=run.owner)
    assert not store.runs.report(run.run_id, progress=0.9, stage="late", owner=run.owner)
    with pytest.raises(Conflict):
        end(store.runs, run)
    assert store.runs.get(run.run_id) == before


def test_a_worker_that_wakes_up_late_learns_who_has_its_run(store: Store) -> None:
    run = running(store)
    lost(store)
    store.runs.claim(run.run_id, owner="two/5:12")
    with pytest.raises(Conflict, match=r"taken from one/5:11, .* and taken up by two/5:12"):
        store.runs.finish_ready(run.run_id, owner=run.owner, **DONE)
    assert store.runs.finish_ready(run.run_id, owner="two/5:12", **DONE).status == "ready"


def test_a_run_is_ready_and_champion_at_once_or_neither(store: Store) -> None:
    run = running(store)
    lost(store)
    with pytest.raises(Conflict):
        store.runs.finish_ready(run.run_id, owner=run.owner, promoted=True, **DONE)
    assert store.champions.current("m") is None
    store.runs.claim(run.run_id, owner="two/5:12")
    store.runs.finish_ready(run.run_id, owner="two/5:12", promoted=True, **DONE)
    moves = store.champions.history("m")
    assert [(move.run_id, move.moved_by, move.reason) for move in moves] == [(run.run_id, "auto", None)]


def test_a_run_that_is_left_is_queued_once_more_and_failed_the_second_time(store: Store) -> None:
    run = running(store)
    assert store.runs.leave(run.run_id, owner="two/5:12", again=True) == run
    left = store.runs.leave(run.run_id, owner="one/5:11", again=True)
    assert (left.status, left.taken_up) == ("queued", "The worker was stopped while training.")
    store.runs.claim(run.run_id, owner="two/5:12")
    assert store.runs.leave(run.run_id, owner="two/5:12", again=True).status == "failed"


def test_while_nobody_can_beat_nobody_is_silent(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    running(store)

    def away(*_statuses: str) -> list[Run]:
        raise NotReady("the database does not answer")

    assert store.runs.fail_abandoned(lambda _: "unknown", now=lambda: 0.0) == []
    with monkeypatch.context() as patched:
        patched.setattr(store.runs, "_with_status", away)
        with pytest.raises(NotReady):
            store.runs.fail_abandoned(lambda _: "unknown", now=lambda: 10.0)
    assert store.runs.fail_abandoned(lambda _: "unknown", now=lambda: 60.0) == []
    assert len(store.runs.fail_abandoned(lambda _: "unknown", now=lambda: 80.0)) == 1


def test_a_worker_that_ends_in_order_is_forgotten_and_one_of_yesterday_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, day in (("one:11", 0), ("two:12", 1.5), ("three:13", 2)):
        monkeypatch.setattr("mllib.store.workers.time.time", lambda day=day: day * 86_400.0)
        store.workers.beat(name, 11, "box")
    assert [beat.name for beat in store.workers.list()] == ["three:13", "two:12"]
    store.workers.forget("two:12")
    assert [beat.name for beat in store.workers.list()] == ["three:13"]
