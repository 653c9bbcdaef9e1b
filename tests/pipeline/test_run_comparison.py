from dataclasses import replace
from typing import Any

from mllib.pipeline.promoting import promotion_words
from mllib.pipeline.run_comparison import (
    are_comparable,
    differing_settings,
    label_bounds,
    label_scores,
    measures_bounds,
    run_figures,
)
from mllib.tracking import run_url
from tests.pipeline.conftest import TrainedHome


def metrics_of(trained: TrainedHome) -> tuple[dict[str, Any], dict[str, Any]]:
    one, other = trained.champion.metrics, trained.other.metrics
    assert one is not None
    assert other is not None
    return one, other


def test_figures_of_a_run_are_those_of_its_metrics(trained: TrainedHome) -> None:
    metrics, _ = metrics_of(trained)
    found = run_figures(metrics, {"bull_flag"})
    assert found.everything == metrics["span_f1"]["0.5"]["micro"]
    assert found.accuracy == metrics["accuracy"]
    assert found.calibration_error == metrics["span_reliability"]["pooled"]["ece"]
    assert found.start_median == metrics["boundary_errors"]["pooled"]["start"]["median"]
    assert found.true_spans == sum(metrics["span_support"].values())


def test_labels_of_people_come_first_and_each_run_has_its_score(trained: TrainedHome) -> None:
    one, other = metrics_of(trained)
    rows = label_scores([one, other], {"bull_flag"})
    assert next(iter(rows)) == "bull_flag"
    assert {label for label, spans in one["span_counts"].items() if spans["true"]} <= rows.keys()
    for label, (mine, theirs) in rows.items():
        assert mine is not None
        assert theirs is not None
        assert mine.f1 == one["span_counts"][label]["f1_score"]
        assert theirs.true == other["span_counts"][label]["true"]


def test_a_label_that_a_run_does_not_know_has_no_score(trained: TrainedHome) -> None:
    one, other = metrics_of(trained)
    unknown = other | {"span_counts": {k: v for k, v in other["span_counts"].items() if k != "bull_flag"}}
    assert label_scores([one, unknown], ())["bull_flag"][1] is None


def test_a_run_of_an_earlier_version_has_no_spread_of_bounds(trained: TrainedHome) -> None:
    metrics, _ = metrics_of(trained)
    earlier = {key: value for key, value in metrics.items() if key != "boundary_errors"}
    assert (measures_bounds(metrics), measures_bounds(earlier)) == (True, False)
    assert label_bounds(earlier, None) is None
    assert run_figures(earlier, ()).start_median is None


def test_only_settings_that_differ_are_told(trained: TrainedHome) -> None:
    rows = {row.path: row.values for row in differing_settings([trained.champion, trained.other])}
    assert rows["stages.training.model_type"] == ("xgboost", "random_forest")
    assert rows["stages.training.auto_promote"] == (True, False)
    assert "stages.training.seed" not in rows
    assert "series" not in rows
    assert differing_settings([trained.champion, trained.champion]) == []


def test_runs_over_other_candles_are_not_are_comparable(trained: TrainedHome) -> None:
    assert are_comparable([trained.champion, trained.other])
    assert not are_comparable([trained.champion, replace(trained.other, data_version="other")])


def test_what_a_promotion_changes_is_said(trained: TrainedHome) -> None:
    said = promotion_words(trained.champion, trained.other, {"bull_flag"})
    assert said[0] == "The served model changes from version 1 to version 2."
    assert "from xgboost, bio to random_forest, bio" in said[1]
    assert promotion_words(None, trained.champion, ()) == [
        "The served model becomes version 1. Nothing serves now."
    ]
    _, other = metrics_of(trained)
    poorer = replace(
        trained.other,
        metrics=other | {"span_counts": {k: v for k, v in other["span_counts"].items() if k != "bull_flag"}},
    )
    assert "Labels that are lost: bull_flag." in promotion_words(trained.champion, poorer, ())


def test_a_run_is_found_in_mlflow_without_importing_it(trained: TrainedHome, monkeypatch) -> None:
    monkeypatch.setenv("CANDLELOOP_MLFLOW_PORT", "5055")
    assert trained.champion.mlflow_run_id is not None
    url = run_url(trained.ws.home, trained.champion.mlflow_run_id)
    assert url is not None
    assert url.startswith("http://127.0.0.1:5055/#/experiments/")
    assert url.endswith(f"/runs/{trained.champion.mlflow_run_id}")
    assert run_url(trained.ws.home, "unknown") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert run_url(trained.ws.home, trained.champion.mlflow_run_id) is None
