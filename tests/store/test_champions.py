import pytest

from mllib.errors import Conflict, NotFound
from mllib.store import Store


def _run(store: Store, *, ready: bool = True) -> str:
    run = store.runs.enqueue(model_type="xgboost", encoder="bio", registered_model_name="m", request={})
    store.runs.claim(run.run_id, owner="box:1")
    if ready:
        store.runs.finish_ready(
            run.run_id, metrics={}, data_version=None, mlflow_run_id=None, predictor_path="p"
        )
    else:
        store.runs.fail(run.run_id, "no data")
    return run.run_id


def test_the_newest_move_is_the_champion(store: Store) -> None:
    first, second = _run(store), _run(store)
    assert store.champions.current("m") is None
    store.champions.move("m", first, moved_by="auto")
    store.champions.move("m", second, moved_by="auto", reason="better")
    back = store.champions.move("m", first, moved_by="rollback", reason="worse on live data")
    assert store.champions.current("m") == back
    assert (back.run_id, back.moved_by, back.reason) == (first, "rollback", "worse on live data")
    assert [move.run_id for move in store.champions.history("m")] == [first, second, first]
    assert store.champions.history("other") == []


def test_a_run_without_a_predictor_is_no_champion(store: Store) -> None:
    run_id = _run(store, ready=False)
    with pytest.raises(Conflict, match=f"Run {run_id} cannot become the champion of m: found it failed"):
        store.champions.move("m", run_id, moved_by="promote")
    assert store.champions.current("m") is None


def test_an_unknown_run_is_no_champion(store: Store) -> None:
    with pytest.raises(NotFound, match="No training run nope"):
        store.champions.move("m", "nope", moved_by="load")
