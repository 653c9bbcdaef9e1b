"""The use case behind Review: windows, verdicts, and where to look next."""

import pytest

from mllib.errors import Conflict, InvalidAnnotations
from mllib.pipeline.overview import SeriesState, next_step, time_left_s
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.review import record_verdict, review_window, window_start
from mllib.spans import Annotation, JudgedPrediction
from mllib.store import Feedback
from tests.waves import START, at, wave

BARS = 500


@pytest.fixture
def stored(ws) -> StoredCandles:
    ws.candles.merge(wave(BARS))
    spans = [("bull_flag", 10, 20), ("bull_flag", 95, 130), ("bear_flag", 300, 310), ("bear_flag", 312, 330)]
    annotations = [
        Annotation(label=label, start_time=at(first), end_time=at(last), id=f"a{first}")
        for label, first, last in spans
    ]
    ws.store.annotations.add("EURUSD", "1h", annotations)
    return StoredCandles(ws)


def feedback(action="confirm", **how) -> Feedback:
    said = {
        "client_id": "one",
        "pair": "EURUSD",
        "timeframe": "1H",
        "action": action,
        "prediction": JudgedPrediction(label="bull_flag", confidence=0.8, start_time=at(40), end_time=at(50)),
    }
    return Feedback(**said | how)


def test_a_window_holds_the_spans_that_touch_it_and_stays_inside_the_series(ws, stored) -> None:
    view = review_window(ws, stored, None, pair="EURUSD", timeframe="1h", first_bar=100, bars=150)
    assert (view.first_bar, len(view.candles), view.series_bars) == (100, 150, BARS)
    assert [a.id for a in view.people] == ["a95"]
    last = review_window(ws, stored, None, pair="EURUSD", timeframe="1h", first_bar=9_999, bars=150)
    assert (last.first_bar, last.people) == (350, [])


def test_a_series_shorter_than_the_window_is_shown_whole(ws, stored) -> None:
    view = review_window(ws, stored, None, pair="EURUSD", timeframe="1h", first_bar=7, bars=1_000)
    assert (view.first_bar, len(view.candles)) == (0, BARS)
    assert window_start(-3, bars=1_000, series_bars=BARS) == 0


def test_a_verdict_is_recorded_once_and_found_on_its_prediction(ws, stored) -> None:
    verdict, new = record_verdict(ws, feedback(annotator="ada"))
    again, new_again = record_verdict(ws, feedback(annotator="ada"))
    assert (new, new_again, again) == (True, False, verdict)
    assert verdict.timeframe == "1h"
    view = review_window(ws, stored, None, pair="EURUSD", timeframe="1h", first_bar=0, bars=100)
    assert view.verdict_on(view.people[-1], "ada") is None
    confirmed = next(a for a in view.people if a.source == "model_confirmed")
    assert view.verdict_on(confirmed, "ada") == verdict
    assert view.verdict_on(confirmed, "bob") is None


def test_a_correction_gives_its_new_label_a_colour(ws, stored) -> None:
    record_verdict(ws, feedback("correct", label="wedge", end_time=at(55)))
    assert "wedge" in {definition.name for definition in ws.store.labels.list()}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"start_time": at(40) + 7}, "between candles"),
        ({"end_time": at(BARS + 3)}, "outside the candles"),
    ],
)
def test_bounds_that_are_no_candles_are_refused_and_nothing_is_stored(ws, stored, how, said) -> None:
    with pytest.raises(InvalidAnnotations, match=said):
        record_verdict(ws, feedback("correct", **how))
    assert ws.store.verdicts.list() == []


def test_predicted_bounds_that_are_no_candles_are_refused(ws, stored) -> None:
    made_up = JudgedPrediction(label="bull_flag", start_time=at(40) + 1, end_time=at(50))
    with pytest.raises(InvalidAnnotations, match="between candles"):
        record_verdict(ws, feedback(prediction=made_up))


def test_a_verdict_on_a_series_that_is_not_stored_is_taken_as_it_comes(ws, stored) -> None:
    verdict, _ = record_verdict(ws, feedback(pair="GBPUSD"))
    assert ws.store.verdicts.list("GBPUSD", "1h") == [verdict]


def test_an_id_that_is_used_again_for_something_else_is_refused(ws, stored) -> None:
    record_verdict(ws, feedback())
    with pytest.raises(Conflict, match="other content"):
        record_verdict(ws, feedback("dismiss"))


def enqueued(ws):
    return ws.store.runs.enqueue(
        model_type="xgboost",
        encoder="bio",
        registered_model_name="candleloop",
        request={"pairs": ["EURUSD"], "timeframe": "1h", "config": {}},
    )


def test_the_next_step_follows_the_loop(ws) -> None:
    series = [SeriesState("EURUSD", "1h", 500, START, at(BARS), 4, 0)]

    def said(*about, unseen=0, alive=True):
        return next_step(*about, unseen_verdicts=unseen, worker_alive=alive)

    assert "Import candles" in said([], None, []).sentence
    assert said(series, None, []).page == "train"
    run = enqueued(ws)
    assert "is training" in said(series, None, [run]).sentence
    assert "candleloop worker" in said(series, None, [run], alive=False).sentence
    failed = ws.store.runs.fail(run.run_id, "no span")
    assert "failed" in said(series, None, [failed]).sentence
    assert said(series, failed, [failed]).page == "review"
    assert "Review 15 more" in said(series, failed, [failed], unseen=5).sentence
    assert said(series, failed, [failed], unseen=20).page == "train"


def test_the_time_left_is_told_once_something_is_done(ws) -> None:
    run = ws.store.runs.claim(enqueued(ws).run_id, owner="here:1")
    assert time_left_s(run, now=run.started_at + 10.0) is None
    ws.store.runs.report(run.run_id, progress=0.25, stage="trees")
    run = ws.store.runs.get(run.run_id)
    assert time_left_s(run, now=run.started_at + 10.0) == pytest.approx(30.0)
