import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from mllib.evaluation import BootstrapConfig, evaluate
from mllib.inference import ModelInfo, TrainedRange
from mllib.report import Facts, charts, model_card, to_html, to_markdown, write_report
from tests.evaluation.judging import LABELS, judged, noisy

POOLED = {"ece": 0.02, "log_loss": 0.1, "cells": 9, "positives": 3, "bins": [[5, 0.1, 0.0], [4, 0.6, 0.75]]}


def _facts(metrics: dict[str, Any], **more: Any) -> Facts:
    info = ModelInfo(
        model_name="candleloop", model_version="7", model_type="xgboost", experiment_name="e", run_id="abc",
        trained_at=1, feature_count=260, label_names=list(LABELS),
        provisional_bars=90,
    )  # fmt: skip
    return Facts(
        info=info, encoder="bio", provisional_bars=90, needed_bars=61,
        trained_on=[TrainedRange("WALK", "1h", 1_704_067_200, 1_714_067_200)],
        training={"split_method": "temporal", "test_split": 0.2, "hyperparameters": {"max_depth": 4}},
        data_version="0" * 32, spans={"flag": {"human": 40, "model_confirmed": 2}, "doji": {"talib": 5}},
        metrics=metrics | more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    found = evaluate([noisy(1)], LABELS, bootstrap=BootstrapConfig(block_bars=100, resamples=50))
    split = {"train": 700, "validation": 100, "test": 200, "purged": 200}
    calibration = {"test": {"before": {"pooled": POOLED | {"ece": 0.2}}, "after": {"pooled": POOLED}}}
    checks = [{"name": "span F1", "passed": False, "said": "Span F1 is below."}]
    return found | {
        "split": split,
        "calibration": calibration,
        "left_out": {"rare": "rare: 1 example"},
        "warnings": ["A random split."],
        "gate": {"passed": False, "checks": checks},
    }


def test_a_card_says_what_one_has_to_know(metrics: dict[str, Any]) -> None:
    card = to_markdown(model_card(_facts(metrics)))
    low, high = metrics["intervals"]["span_f1"]["micro"]
    for said in (
        "# candleloop, version 7 (run abc)",
        "WALK 1h, 2024-01-01 to 2024-04-25",
        "| flag | 40 | 2 | 0 |",
        "700 for train",
        f"{metrics['span_f1']['0.5']['micro']:.3f} [{low:.3f}, {high:.3f}]",
        "| always no pattern | 0.000 |",
        "not compared, TA-Lib has no function",
        "not compared, there was no champion",
        "| test | 0.2000 | 0.0200 |",
        "The gate refused it.",
        "Left out: rare: 1 example.",
        "A random split.",
        "needs 61 candles",
        "max_depth 4",
    ):
        assert said in card, said
    headings = re.findall(r"^## (.+)$", card, re.M)
    assert headings[0] == "What it was trained on"
    assert headings[-1] == "Limits of use"


def test_a_champion_beside_it_is_told_with_the_difference(metrics: dict[str, Any]) -> None:
    beside = {
        "accuracy": 0.8, "f1_macro": 0.3, "f1_weighted": 0.7, "labels": ["flag"], "span_f1": 0.4,
        "own_span_f1": 0.5, "per_label": {"flag": 0.4}, "difference": 0.1,
        "difference_interval": [-0.05, 0.2], "in_sample": True, "labels_lost": ["star"],
    }  # fmt: skip
    baseline = metrics["baseline"] | {"champion": beside}
    card = to_markdown(model_card(_facts(metrics, baseline=baseline)))
    assert "0.500 to 0.400, a difference of +0.100 [-0.050, +0.200]. The champion has seen some" in card
    assert "The champion before knew labels that it does not know: star." in card
    assert "champion: 0.400" in charts(metrics | {"baseline": baseline})["span_f1"]


def test_labels_of_people_are_told_apart_from_rules(metrics: dict[str, Any]) -> None:
    counts = {"flag": {"true": 3, "predicted": 1, "matched": 1}, "bullish_doji": {"true": 0, "predicted": 0}}
    card = to_markdown(model_card(_facts(metrics, span_counts=metrics["span_counts"] | counts)))
    assert "Over 3 labels that no TA-Lib rule gives, span F1 is" in card


def test_a_test_without_anything_is_told_too() -> None:
    nothing = evaluate([judged([], [])], LABELS, bootstrap=BootstrapConfig(block_bars=1_000))
    card = to_markdown(model_card(_facts(nothing)))
    assert "No intervals: found" in card
    assert "No span was predicted." in card
    assert "It was not put through the gate." in card
    assert set(charts(nothing)) == {"confusion", "reliability"}


def test_every_plot_is_whole_and_asks_for_nothing(metrics: dict[str, Any]) -> None:
    drawn = charts(metrics)
    assert set(drawn) == {"confusion", "reliability", "span_f1", "precision_recall", "boundary_error"}
    for drawing in drawn.values():
        root = ET.fromstring(drawing)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(drawing) < 60_000
        assert "nan" not in drawing
    page = to_html(model_card(_facts(metrics)), drawn)
    assert page.count("<svg") == 5
    assert not re.search(r"(src|href)=", page)


def test_text_of_labels_is_escaped(metrics: dict[str, Any]) -> None:
    page = to_html(model_card(_facts(metrics, warnings=["<script>"])), {})
    assert "<script>" not in page
    assert "a\\|b" in to_markdown(model_card(_facts(metrics, gate=_gate("a|b"))))


def _gate(name: str) -> dict[str, Any]:
    return {"passed": True, "checks": [{"name": name, "passed": True, "said": "Fine."}]}


def test_a_report_is_a_folder_of_files(metrics: dict[str, Any], tmp_path: Path) -> None:
    write_report(_facts(metrics), tmp_path / "r")
    files = {str(path.relative_to(tmp_path / "r")) for path in (tmp_path / "r").rglob("*.*")}
    assert {"card.md", "report.html", "metrics.json", "plots/span_f1.svg"} <= files
    assert json.loads((tmp_path / "r" / "metrics.json").read_text())["accuracy"] == metrics["accuracy"]
