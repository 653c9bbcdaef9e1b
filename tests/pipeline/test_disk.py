import os

from mllib.pipeline.disk import disk_used
from mllib.pipeline.workspace import Workspace


def test_each_part_of_a_home_is_counted_once(ws: Workspace) -> None:
    models = ws.home / "predictors" / "r1"
    models.mkdir(parents=True)
    (models / "model.ubj").write_bytes(os.urandom(300_000))
    (ws.home / "datasets").mkdir()
    os.link(models / "model.ubj", ws.home / "datasets" / "again")
    (ws.home / "notes.txt").write_text("mine")
    found = disk_used(ws.home)
    assert found.parts["Datasets"] >= 300_000
    assert "Models" not in found.parts
    assert found.parts["Database: annotations, verdicts, runs"] > 0
    assert found.parts["Candles"] > 0
    assert 0 < found.parts["Other files"] < 100_000
    assert found.total == sum(found.parts.values())
    assert list(found.parts.values()) == sorted(found.parts.values(), reverse=True)
    assert found.free > 0
