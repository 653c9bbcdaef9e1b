"""Comparisons of whole series, kept until something changes."""

import pytest

from mllib.errors import NotReady
from mllib.pipeline.comparisons import Comparisons, sweep_all
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.spans import Annotation
from tests.pipeline.conftest import TrainedHome

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def test_a_comparison_is_made_once_until_something_is_said(trained: TrainedHome) -> None:
    ws, stored = trained.ws, StoredCandles(trained.ws)
    kept, model = Comparisons(ws, stored), load_run(ws, trained.champion)
    if kept.of_layers(("human", "model"), model, **EURUSD) is None:
        sweep_all(ws, stored, [trained.champion], **EURUSD)
    first = kept.of_layers(("human", "model"), model, **EURUSD)
    assert first is not None
    assert first is kept.of_layers(("human", "model"), model, **EURUSD)
    assert (first.between, first.model_version, set(first.layers)) == (
        ("human", "model"),
        model.info.model_version,
        {"human", "model"},
    )
    time = first.history.time
    ws.store.annotations.add("EURUSD", "1h", [Annotation("flag", int(time[5]), int(time[9]), id="new")])
    second = kept.of_layers(("human", "model"), model, **EURUSD)
    assert second is not None
    assert second is not first
    assert len(second.layers["human"]) == len(first.layers["human"]) + 1
    ws.store.annotations.retract("new")  # the home is shared


def test_two_versions_are_compared_once_both_were_swept(trained: TrainedHome) -> None:
    ws, stored = trained.ws, StoredCandles(trained.ws)
    kept, runs = Comparisons(ws, stored), (trained.champion, trained.other)
    told: list[float] = []
    sweep_all(ws, stored, runs, **EURUSD, progress=lambda share, _: told.append(share))
    assert told == sorted(told)
    told.clear()
    swept = sweep_all(ws, stored, runs[::-1], **EURUSD, progress=lambda share, _: told.append(share))
    assert [one.run_id for one in swept] == [run.run_id for run in runs[::-1]]
    assert told == []
    found = kept.of_versions(*runs, **EURUSD)
    assert found is not None
    assert found.between == tuple(str(run.model_version) for run in runs)
    assert kept.of_versions(*runs, **EURUSD) is found
    same = kept.of_versions(runs[0], runs[0], **EURUSD)
    assert same is not None
    assert {one.kind for one in same.found} == {"kept"}


def test_without_a_model_only_layers_of_people_and_talib_are_compared(trained: TrainedHome) -> None:
    kept = Comparisons(trained.ws, StoredCandles(trained.ws))
    assert kept.of_layers(("human", "talib"), None, **EURUSD) is not None
    with pytest.raises(NotReady, match="none is loaded"):
        kept.of_layers(("talib", "model"), None, **EURUSD)
