from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.doors import DOORS
from app.failures import in_words
from mllib.config import load_config
from mllib.deployment import DATABASE, Deployment
from mllib.errors import InvalidConfig, NotReady
from mllib.pipeline.runs import request_training
from tests.app.conftest import MAIN
from tests.processes import free_port
from tests.waves import wave


def store_candles(ws, pair: str = "EURUSD") -> None:
    ws.candles.merge(replace(wave(300), pair=pair))
    ws.store.series.ensure(pair, "1h")


def text(app) -> str:
    parts = [*app.markdown, *app.info, *app.warning, *app.error, *app.caption, *app.metric]
    return " ".join(str(part.value) for part in parts)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("overview", "Import candles"),
        ("train", "No candles are stored yet"),
        ("review", "No candles are stored yet"),
        ("disagreements", "No candles are stored yet"),
        ("labels", "No candles are stored yet"),
        ("data", "No candles are stored yet"),
        ("datasets", "Import candles first"),
        ("models", "No model was trained yet"),
    ],
)
def test_an_empty_home_says_how_to_begin(console, page, said) -> None:
    app = console(page)
    assert not app.exception
    assert said in text(app)


@pytest.mark.parametrize("page", DOORS)
def test_a_database_that_is_away_is_told_without_its_address(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDLELOOP_HOME", str(tmp_path))
    monkeypatch.setenv(DATABASE, f"postgresql://keeper:sesame@localhost:{free_port()}/ledger")
    monkeypatch.setattr("app.signing_in.is_open", lambda: True)
    monkeypatch.setattr("app.annotator.cookie", lambda _: "")
    app = AppTest.from_file(str(MAIN), default_timeout=30).run().switch_page(f"../pages/{page}.py").run()
    (told,) = app.error
    assert not app.exception
    assert f"Database {DATABASE} cannot be used" in told.value
    assert not [
        word for word in ("keeper", "sesame", "localhost", "127.0.0.1", "ledger") if word in told.value
    ]


def test_a_setting_that_is_wrong_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE, "nowhere")
    with pytest.raises(InvalidConfig) as wrong:
        Deployment.from_environment()
    assert in_words(wrong.value) == str(wrong.value)


def test_candles_without_a_model_are_shown_and_lead_to_training(ws, console) -> None:
    store_candles(ws)
    assert "Train a first model" in text(console("overview"))
    assert not console("review").exception


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


def test_a_refused_model_says_why_and_is_promoted_only_when_asked_why(ws, console) -> None:
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
    next(button for button in models.button if "over the gate" in button.label).click().run()
    assert not models.exception
    assert [field.label for field in models.text_input] == ["Why it shall serve all the same"]
    assert ws.store.champions.current("candleloop") is None


def test_an_error_is_shown_as_its_text_without_a_stack_trace(ws, console, monkeypatch) -> None:
    def locked(*_, **__):
        raise NotReady("database: found it locked, expected it free. Try again.")

    store_candles(ws)
    monkeypatch.setattr("mllib.store.runs.RunRepository.list", locked)
    app = console("models")
    assert not app.exception
    assert [error.value for error in app.error] == ["database: found it locked, expected it free. Try again."]


def test_candles_without_labels_lead_to_the_first_label(ws, console) -> None:
    store_candles(ws)
    app = console("labels")
    assert not app.exception
    assert "There are no labels yet" in text(app)
    assert "Nothing selected" in text(app)


@pytest.mark.parametrize("page", ["overview", "train"])
def test_a_page_says_why_nothing_trains_by_itself_once_the_champions_candles_are_gone(
    ws, console, page, tmp_path, monkeypatch
) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text("stages: {training: {retrain: {after_verdicts: 5}}}")
    monkeypatch.setenv("CANDLELOOP_CONFIG", str(file))
    for pair in ("EURUSD", "GBPUSD"):
        store_candles(ws, pair)
    run = request_training(ws, pairs=["EURUSD"], timeframe="1h", config=load_config())
    ws.store.runs.claim(run.run_id, owner="here:1")
    done = {"data_version": None, "mlflow_run_id": None, "predictor_path": "predictors/none"}
    ws.store.runs.finish_ready(
        run.run_id, metrics={"span_counts": {}, "span_f1": {"0.5": {"micro": 0.0}}}, **done
    )
    ws.store.champions.move("candleloop", run.run_id, moved_by="promote")
    assert "Trains by itself after 5 more verdicts" in text(console(page))
    ws.candles.delete("EURUSD", "1h")
    said = text(console(page))
    assert "Cannot train by itself: found no candles of EURUSD 1h" in said
    assert "Import them again, or train on series that are stored." in said


def test_layers_that_say_nothing_are_told_with_what_to_do(ws, console) -> None:
    store_candles(ws)
    app = console("disagreements")
    assert not app.exception
    assert "Nobody has reviewed any of EURUSD 1h" in text(app)
    assert "No TA-Lib layer of EURUSD 1h is kept." in text(app)
