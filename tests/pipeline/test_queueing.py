"""Where to look next, with real models over stored candles."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mllib.errors import InvalidConfig, NotFound
from mllib.inference import Predictor
from mllib.pipeline import sweeps
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.queue_sweeps import Reading
from mllib.pipeline.queueing import QueueEntry, QueueRequest, ReviewQueue, find_places, review_queue
from mllib.pipeline.sweeps import sweep_series
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.spans import JudgedPrediction
from mllib.store import Feedback
from tests.naive import sample
from tests.pipeline.conftest import TrainedHome, copy_of, small_config, store_candles

EURUSD, OTHER = ("EURUSD", "1h"), ("OTHER", "1h")
LABELS = ("bull_flag", "bullish_engulfing", "bearish_engulfing")
"""People gave the first, at random; of the others the small models know something."""
Asking = Callable[..., ReviewQueue]


@pytest.fixture(scope="module")
def home(trained: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A copy of the trained home: people reviewed all of EURUSD and nothing of OTHER."""
    folder = copy_of(trained, tmp_path_factory.mktemp("queue") / "home")
    with open_workspace(folder, config=small_config()) as opened:
        yield opened


@pytest.fixture(scope="module")
def stored(home: Workspace) -> StoredCandles:
    return StoredCandles(home)


@pytest.fixture(scope="module")
def predictor(home: Workspace, trained: TrainedHome) -> Predictor:
    return load_run(home, home.store.runs.get(trained.champion.run_id))


@pytest.fixture
def asking(home: Workspace, stored: StoredCandles, predictor: Predictor) -> Asking:
    def ask(size: int = 20, labels: Sequence[str] = LABELS, **request: Any) -> ReviewQueue:
        return find_places(home, stored, predictor, QueueRequest(size=size, labels=labels, **request))

    return ask


def bars(entry: QueueEntry) -> tuple[str, int, int]:
    return entry.pair, entry.span.start_time, entry.span.end_time


def test_a_queue_holds_places_of_all_series_that_share_no_candle(asking: Asking) -> None:
    entries = asking(40).entries
    assert len(entries) == 40
    assert {entry.pair for entry in entries} == {"EURUSD", "OTHER"}
    for pair in ("EURUSD", "OTHER"):
        places = sorted((e.span.start_time, e.span.end_time) for e in entries if e.pair == pair)
        assert [(a, b) for a, b in pairwise(places) if a[1] >= b[0]] == []
    for entry in entries:
        assert 0 <= entry.score <= 1
        assert entry.why[0].isupper()
        assert entry.why.endswith(".")
        assert ", " in entry.regime


def test_it_is_mixed_from_all_origins_in_their_shares(asking: Asking) -> None:
    entries = asking(40).entries
    origins = [entry.origin for entry in entries]
    assert {"uncertainty", "committee", "audit"} <= set(origins)
    assert origins.count("audit") == 4
    assert {"uncertainty"} < set(origins[:5])


def test_the_same_question_has_the_same_answer(asking: Asking) -> None:
    assert asking(15).entries == asking(15).entries


def test_an_audit_draws_from_what_nobody_has_looked_at(asking: Asking) -> None:
    drawn = [entry for entry in asking(60).entries if entry.origin == "audit"]
    assert len(drawn) == 6
    assert {entry.pair for entry in drawn} == {"OTHER"}


def test_the_seed_decides_the_draw(
    home: Workspace, stored: StoredCandles, predictor: Predictor, asking: Asking
) -> None:
    def drawn(found: ReviewQueue) -> list[tuple[str, int, int]]:
        return [bars(entry) for entry in found.entries if entry.origin == "audit"]

    config = small_config(acquisition={"seed": 1, "audit_share": 0.5})
    other = find_places(replace(home, config=config), stored, predictor, QueueRequest(size=20, labels=LABELS))
    assert len(drawn(other)) == 10
    assert drawn(other)[:2] != drawn(asking(20))


def test_times_hold_whole_places(asking: Asking, stored: StoredCandles) -> None:
    time = stored.read(*OTHER).time
    first, last = int(time[200]), int(time[600])
    entries = asking(20, series=[OTHER], start_time=first, end_time=last).entries
    assert entries
    for entry in entries:
        assert first <= entry.span.start_time
        assert entry.span.end_time <= last


def test_only_the_labels_asked_for_are_looked_for(asking: Asking) -> None:
    labels = {entry.span.label for entry in asking(30, labels=["bullish_engulfing"]).entries}
    assert labels == {"bullish_engulfing", "O"}


def test_what_cannot_be_asked_is_refused(asking: Asking) -> None:
    with pytest.raises(InvalidConfig, match="labels: found cup, expected some that model version 1 knows"):
        asking(labels=["cup"])
    with pytest.raises(NotFound, match="XAUUSD 1h: found no stored candles"):
        asking(series=[("XAUUSD", "1h")])


def test_a_series_too_short_is_left_out_with_a_word(
    home: Workspace, predictor: Predictor, asking: Asking
) -> None:
    store_candles(home, replace(sample("EURUSD_1h")[:5], pair="SHORT"))
    found = asking(5)
    assert len(found.entries) == 5
    assert any("SHORT" in note and "found 5 candles" in note for note in found.notes)
    home.candles.delete("SHORT", "1h")


def test_a_place_once_skipped_is_not_shown_again_until_that_is_undone(
    home: Workspace, asking: Asking
) -> None:
    before = asking(10).entries
    entry = next(one for one in before if one.origin == "uncertainty")
    judged = JudgedPrediction(
        label=entry.span.label, start_time=entry.span.start_time, end_time=entry.span.end_time
    )
    said = {"client_id": "s", "pair": entry.pair, "timeframe": entry.timeframe, "prediction": judged}
    verdict, _ = home.store.verdicts.record(Feedback(action="skip", **said))  # type: ignore[arg-type]
    after = asking(10).entries
    assert bars(entry) not in [bars(one) for one in after]
    home.store.verdicts.retract(verdict.id)
    assert asking(10).entries == before


def test_without_a_rival_the_queue_says_how_to_get_one(
    home: Workspace, stored: StoredCandles, predictor: Predictor
) -> None:
    reading = Reading(home, stored, predictor, [])
    assert reading.find_rival(["cup"]) is None
    assert reading.notes[0].startswith("No committee: found no usable run of another model type than xgboost")
    found = reading.find_rival(["bull_flag"])
    assert found is not None
    assert found.model_type == "random_forest"


def test_a_rival_that_has_not_read_a_series_is_left_out_where_nothing_may_be_computed(
    home: Workspace, stored: StoredCandles, predictor: Predictor, trained: TrainedHome, asking: Asking
) -> None:
    sweep_series(home, stored, predictor, pair="EURUSD", timeframe="1h")
    shutil.rmtree(home.sweeps / trained.other.run_id, ignore_errors=True)
    sweeps._memory.clear()
    found = asking(20, series=[EURUSD], only_kept=True)
    assert "committee" not in {entry.origin for entry in found.entries}
    assert any(note.startswith("No committee on EURUSD 1h: version 2") for note in found.notes)
    rival = load_run(home, home.store.runs.get(trained.other.run_id))
    sweep_series(home, stored, rival, pair="EURUSD", timeframe="1h")
    found = asking(20, series=[EURUSD], only_kept=True)
    assert "committee" in {entry.origin for entry in found.entries}
    assert not found.notes


def test_progress_goes_from_nothing_to_all(
    home: Workspace, stored: StoredCandles, predictor: Predictor
) -> None:
    shutil.rmtree(home.sweeps)
    sweeps._memory.clear()
    told: list[float] = []
    found = review_queue(
        home, stored, predictor, series=None, size=5, progress=lambda done, _: told.append(done)
    )
    assert len(found) == 5
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert np.diff([0, *told]).max() < 0.6
