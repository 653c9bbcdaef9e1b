from dataclasses import replace
from pathlib import Path

import pytest

from mllib.candles import Candles
from mllib.config import IngestionSection
from mllib.errors import Conflict, InvalidAnnotations, NotFound
from mllib.pipeline.annotations import known_facts, labelled
from mllib.pipeline.evaluating import evaluate_run
from mllib.pipeline.labels import (
    add_label,
    label_history,
    list_labels,
    merge_label,
    offered_labels,
    recolor_label,
    rename_label,
    set_label_key,
)
from mllib.pipeline.overview import labels_of_people, span_f1_over
from mllib.pipeline.promoting import load_run
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.spans import Annotation, JudgedPrediction, ReviewedRange, Span
from mllib.store import Run
from tests.pipeline.conftest import TrainedHome, copy_of

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def _say(ws: Workspace, candles: Candles, label: str, bar: int, **more: object) -> Annotation:
    time = candles.time.tolist()
    said = Annotation(label, time[bar], time[bar + 5], id=f"{label}-{bar}", created_at=1)
    said = replace(said, **more)  # type: ignore[arg-type]
    looked = ReviewedRange(time[0], time[-1], frozenset({label, "flag"}))
    ws.store.annotations.add("EURUSD", "1h", [said], reviewed=[looked])
    ws.store.labels.ensure([label])
    return said


def _learned(ws: Workspace, candles: Candles) -> tuple[set[str], set[str]]:
    """Labels with spans, and labels that someone looked for."""
    ingestion = IngestionSection(talib_patterns=("CDLDOJI",))
    facts = known_facts(ws, **EURUSD, functions=None)
    series = labelled(candles, facts, layers=["human"], ingestion=ingestion)
    return {s.label for s in series.spans}, {label for part in series.reviewed for label in part.labels}


def test_a_retired_label_is_neither_learned_nor_offered(ws: Workspace, candles: Candles) -> None:
    _say(ws, candles, "flag", 10, sub_spans=(Span("pole", int(candles.time[10]), int(candles.time[11])),))
    _say(ws, candles, "wedge", 30)
    ws.store.labels.ensure(["pole"])
    assert _learned(ws, candles) == ({"flag", "wedge"}, {"flag", "wedge"})
    ws.store.labels.retire("wedge")
    ws.store.labels.retire("pole")
    assert _learned(ws, candles) == ({"flag"}, {"flag"})
    assert known_facts(ws, **EURUSD, functions=None).annotations[0].sub_spans is None
    assert [one.name for one in offered_labels(ws)] == ["flag"]
    assert labels_of_people(ws) == {"flag"}
    assert len(ws.store.annotations.list("EURUSD", "1h")) == 2
    ws.store.labels.restore("wedge")
    assert _learned(ws, candles) == ({"flag", "wedge"}, {"flag", "wedge"})


def test_a_label_of_talibs_is_peoples_once_somebody_drew_it(ws: Workspace, candles: Candles) -> None:
    _say(ws, candles, "flag", 10, source="model_confirmed")
    _say(ws, candles, "bullish_doji", 20, source="model_confirmed")
    assert labels_of_people(ws) == {"flag"}
    _say(ws, candles, "bullish_doji", 30)
    assert labels_of_people(ws) == {"flag", "bullish_doji"}


def test_a_models_score_over_peoples_labels_stays_when_one_is_renamed(
    ws: Workspace, candles: Candles
) -> None:
    _say(ws, candles, "flag", 10)
    counts = {"true": 3, "predicted": 1, "matched": 1}
    metrics = {"span_counts": {"flag": counts, "doji": counts}}
    before = span_f1_over(metrics, labels_of_people(ws))
    ws.store.labels.rename("flag", "bull_flag")
    assert span_f1_over(metrics, labels_of_people(ws)) == before == 0.5


def test_a_retired_pattern_of_talibs_is_not_learned(ws: Workspace) -> None:
    facts = known_facts(ws, **EURUSD, functions=["CDLDOJI"])
    assert {one.label for one in facts.talib} == {"bullish_doji"}
    ws.store.labels.retire("bullish_doji")
    assert known_facts(ws, **EURUSD, functions=["CDLDOJI"]).talib == ()


def test_a_correction_to_a_retired_label_still_denies_the_prediction(ws: Workspace, candles: Candles) -> None:
    judged = JudgedPrediction(label="flag")
    _say(ws, candles, "wedge", 30, source="model_corrected", model_prediction=judged)
    ws.store.labels.retire("wedge")
    (said,) = known_facts(ws, **EURUSD, functions=None).annotations
    assert (said.label, said.model_prediction) == ("O", judged)
    ws.store.labels.ensure(["flag"])
    ws.store.labels.retire("flag")
    assert known_facts(ws, **EURUSD, functions=None).annotations == ()


def test_renamed_and_merged_labels_are_learned_under_their_present_names(
    ws: Workspace, candles: Candles
) -> None:
    _say(ws, candles, "flag", 10)
    _say(ws, candles, "wedge", 30)
    rename_label(ws, "flag", "bull_flag")
    merge_label(ws, "wedge", into="bull_flag")
    assert _learned(ws, candles) == ({"bull_flag"}, {"bull_flag"})
    (use,) = list_labels(ws)
    assert (use.definition.name, use.people, use.talib, use.state) == ("bull_flag", 2, 0, "in use")
    states = {one.definition.name: one.state for one in list_labels(ws, every=True)}
    assert states == {"flag": "renamed or merged", "wedge": "renamed or merged", "bull_flag": "in use"}
    assert [one.kind for one in label_history(ws, "bull_flag")] == ["rename", "merge"]
    assert [one.kind for one in label_history(ws, "flag")] == ["rename"]
    with pytest.raises(NotFound, match="Label none: found no such label"):
        label_history(ws, "none")


def test_names_that_talib_gives_cannot_be_changed(ws: Workspace) -> None:
    ws.store.labels.ensure(["bullish_doji", "doji"])
    with pytest.raises(Conflict, match=r"cannot be renamed: found the name that TA-Lib's CDLDOJI gives"):
        rename_label(ws, "bullish_doji", "star")
    with pytest.raises(Conflict, match=r"cannot be merged into another"):
        merge_label(ws, "bullish_doji", into="doji")
    assert merge_label(ws, "doji", into="bullish_doji").name == "bullish_doji"


def test_colours_and_keys_are_checked(ws: Workspace) -> None:
    made = add_label(ws, "flag", color="#E4572E", key="f")
    assert (made.color, made.key) == ("#e4572e", "f")
    assert recolor_label(ws, "flag", "#000000").color == "#000000"
    for color in ("red", "#12345", "#1234567"):
        with pytest.raises(InvalidAnnotations, match=r"expected #rrggbb"):
            recolor_label(ws, "flag", color)
    for key in ("", "ab", " "):
        with pytest.raises(InvalidAnnotations, match=r"expected one character"):
            add_label(ws, "wedge", key=key)


def test_a_model_speaks_of_renamed_labels_by_their_present_names(
    trained: TrainedHome, tmp_path: Path
) -> None:
    run = trained.champion
    with open_workspace(copy_of(trained, tmp_path / "copy"), config=trained.ws.config) as ws:
        _renames_and_retires(ws, run)


def _renames_and_retires(ws: Workspace, run: Run) -> None:
    before = evaluate_run(ws, run_id=run.run_id, **EURUSD, labels=["human"])
    assert before["labels"] == ["bull_flag"]
    ws.store.labels.ensure(["bull_flag"])
    rename_label(ws, "bull_flag", "rising_flag")
    after = evaluate_run(ws, run_id=run.run_id, **EURUSD, labels=["human"])
    assert (after["labels"], after["unknown_labels"]) == (["rising_flag"], [])
    assert after["span_counts"]["rising_flag"] == before["span_counts"]["bull_flag"]
    assert "rising_flag" in load_run(ws, run).info.label_names
    ws.store.labels.retire("rising_flag")
    assert {"bull_flag", "rising_flag"}.isdisjoint(load_run(ws, run).labels)
    ws.store.labels.restore("bull_flag")
    assert "bull_flag" in load_run(ws, run).labels


@pytest.mark.parametrize("key", ["", " ", "ab", "\t"])
def test_a_key_is_one_character(ws: Workspace, key: str) -> None:
    add_label(ws, "flag")
    with pytest.raises(InvalidAnnotations, match="expected one character"):
        set_label_key(ws, "flag", key)
    assert set_label_key(ws, "flag", "f").key == "f"
    assert set_label_key(ws, "flag", None).key is None
