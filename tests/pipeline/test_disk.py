import os
import threading

from mllib.pipeline.disk import disk_used
from mllib.pipeline.workspace import Workspace


def test_each_part_of_a_home_is_counted_once(ws: Workspace) -> None:
    models = ws.home / "predictors" / "r1"
    models.mkdir(parents=True)
    (models / "model.ubj").write_bytes(os.urandom(300_000))
    (ws.home / "datasets").mkdir()
    os.link(models / "model.ubj", ws.home / "datasets" / "again")
    (ws.home / "notes.txt").write_text("mine")
    (ws.home / "simulations").mkdir()
    (ws.home / "simulations" / "EURUSD_1h.svg").write_text("<svg/>")
    found = disk_used(ws.home)
    assert found.parts["Datasets"] >= 300_000
    assert "Models" not in found.parts
    assert found.parts["Database: annotations, verdicts, runs"] > 0
    assert found.parts["Candles"] > 0
    assert 0 < found.parts["Plots of simulations"] < 100_000
    assert 0 < found.parts["Other files"] < 100_000
    assert found.total == sum(found.parts.values())
    assert list(found.parts.values()) == sorted(found.parts.values(), reverse=True)
    assert found.free > 0


def test_a_file_that_goes_meanwhile_is_left_out(ws: Workspace) -> None:
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            (ws.home / "candleloop.db-journal").touch()
            (ws.home / "candleloop.db-journal").unlink()

    coming_and_going = threading.Thread(target=come_and_go)
    coming_and_going.start()
    try:
        for _ in range(500):
            assert disk_used(ws.home).total > 0
    finally:
        done.set()
        coming_and_going.join()
