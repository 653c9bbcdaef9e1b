from types import SimpleNamespace

import numpy as np
import pytest

from app import session
from mllib.candles import Candles
from mllib.errors import NotReady
from mllib.inference.prediction import Prediction, predicted
from mllib.spans import PredictedSpan

START = 1_483_308_000


class SureOfFlags:
    """A predictor that sees bull flags over given bars, each with the same confidence."""

    encoder = SimpleNamespace(labels=("bull_flag",), context_bars=0, provisional_bars=0, needed_bars=1)
    info = SimpleNamespace(model_version="1", run_id="r")
    labels = ("bull_flag",)
    trained_on = ()

    def __init__(self, *bars: tuple[int, int]) -> None:
        self._bars = bars

    def predict(self, candles: Candles) -> Prediction:
        spans = [
            PredictedSpan("bull_flag", START + 3_600 * first, START + 3_600 * last, 0.9, last - first + 1)
            for first, last in self._bars
        ]
        return predicted(candles, self.encoder.labels, spans, np.zeros((len(candles), 1)))


def store_candles(ws) -> None:
    n = 300
    close = 100 + np.sin(np.arange(n) / 7.0)
    candles = Candles(
        "EURUSD",
        "1h",
        START + 3_600 * np.arange(n, dtype=np.int64),
        close,
        close + 0.5,
        close - 0.5,
        close,
    )
    ws.candles.merge(candles)
    ws.store.series.ensure("EURUSD", "1h")


def text(app) -> str:
    parts = [*app.markdown, *app.info, *app.warning, *app.error, *app.caption, *app.metric]
    return " ".join(str(part.value) for part in parts)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("overview", "Import candles"),
        ("train", "No candles are stored yet"),
        ("review", "No candles are stored yet"),
        ("data", "No candles are stored yet"),
        ("datasets", "Import candles first"),
        ("models", "No model was trained yet"),
    ],
)
def test_an_empty_home_says_how_to_begin(console, page, said) -> None:
    app = console(page)
    assert not app.exception
    assert said in text(app)


def test_candles_without_a_model_are_shown_and_lead_to_training(ws, console) -> None:
    store_candles(ws)
    assert "Train a first model" in text(console("overview"))
    review = console("review")
    assert not review.exception
    assert "No model yet" in text(review)


def test_a_verdict_is_about_the_selected_one_of_equally_sure_predictions(ws, console, monkeypatch) -> None:
    store_candles(ws)
    monkeypatch.setattr(session.champion(), "_predictor", SureOfFlags((210, 220), (210, 221), (240, 250)))
    review = console("review")
    for _ in range(3):
        next(button for button in review.button if button.label == "Confirm").click().run()
        assert not review.exception
    judged = [
        ((v.start_time - START) // 3_600, (v.end_time - START) // 3_600)
        for v in reversed(ws.store.verdicts.list("EURUSD", "1h"))
    ]
    assert judged == [(210, 220), (210, 221), (240, 250)]


def test_a_start_writes_a_queued_run_and_blocks_the_next_one(ws, console) -> None:
    store_candles(ws)
    train = console("train")
    assert "No worker is running" in text(train)
    train.button[0].click().run()
    run = ws.store.runs.active()
    assert run is not None
    assert (run.status, run.request["pairs"]) == ("queued", ["EURUSD"])
    assert train.button[0].disabled
    assert run.run_id in text(train)
    next(button for button in train.button if button.label == "Cancel").click().run()
    assert ws.store.runs.get(run.run_id).status == "cancelled"


def test_a_failed_run_says_why(ws, console) -> None:
    store_candles(ws)
    config = ws.config.model_dump(mode="json")
    run = ws.store.runs.enqueue(
        model_type="xgboost",
        encoder="bio",
        registered_model_name="candleloop",
        request={"pairs": ["EURUSD"], "timeframe": "1h", "config": config},
    )
    ws.store.runs.fail(run.run_id, "training: found no span. Import annotations.")
    for page in ("train", "models"):
        assert "found no span. Import annotations." in text(console(page))


def test_a_refused_model_says_why_and_is_promoted_only_with_a_reason(ws, console) -> None:
    store_candles(ws)
    run = ws.store.runs.enqueue(
        model_type="xgboost",
        encoder="bio",
        registered_model_name="candleloop",
        request={"pairs": ["EURUSD"], "timeframe": "1h", "config": ws.config.model_dump(mode="json")},
    )
    ws.store.runs.claim(run.run_id, owner="here:1")
    ws.store.runs.reject(run.run_id, reason="Too many false alarms.", predictor_path="predictors/gone")
    assert "The gate refused this model: Too many false alarms." in text(console("train"))
    models = console("models")
    assert "The gate refused this model: Too many false alarms." in text(models)
    models.text_input[0].set_value("we know better")
    next(button for button in models.button if "over the gate" in button.label).click().run()
    assert not models.exception
    assert "predictors/gone" in text(models)
    assert ws.store.champions.current("candleloop") is None


def test_an_error_is_shown_as_its_text_without_a_stack_trace(ws, console, monkeypatch) -> None:
    def locked(*_):
        raise NotReady("database: found it locked, expected it free. Try again.")

    store_candles(ws)
    monkeypatch.setattr("mllib.store.runs.RunRepository.list", locked)
    app = console("models")
    assert not app.exception
    assert [error.value for error in app.error] == ["database: found it locked, expected it free. Try again."]
