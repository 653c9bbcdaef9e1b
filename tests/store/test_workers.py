import time

from mllib.store import Store


def test_a_worker_beats_and_keeps_its_start(store: Store) -> None:
    store.workers.beat("trainer", 11, "box")
    (first,) = store.workers.list()
    time.sleep(0.01)
    store.workers.beat("trainer", 11, "box")
    (second,) = store.workers.list()
    assert (second.pid, second.host, second.started_at) == (11, "box", first.started_at)
    assert second.beat_at > first.beat_at


def test_a_new_process_takes_the_place_of_the_old_one(store: Store) -> None:
    store.workers.beat("trainer", 11, "box")
    store.workers.beat("trainer", 12, "box")
    store.workers.beat("api", 13, "box")
    assert [(one.name, one.pid) for one in store.workers.list()] == [("api", 13), ("trainer", 12)]
