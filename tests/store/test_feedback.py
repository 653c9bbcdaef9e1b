from dataclasses import replace
from typing import Any

import pytest

from mllib.errors import InvalidAnnotations
from mllib.spans import JudgedPrediction, ReviewedRange, Span
from mllib.store import Feedback
from mllib.store.feedback import annotation_from, judge, reviewed_by

PREDICTION = JudgedPrediction(label="flag", confidence=0.8, model_version="3", start_time=10, end_time=20)


def _feedback(**changes: Any) -> Feedback:
    feedback = Feedback(
        client_id="c1", pair="EURUSD", timeframe="1h", action="confirm", prediction=PREDICTION
    )
    return replace(feedback, **changes)


def test_a_confirmation_keeps_label_and_bounds() -> None:
    assert judge(_feedback(label="flag", start_time=10, end_time=20)).result == Span("flag", 10, 20)


@pytest.mark.parametrize("action", ["confirm", "dismiss"])
@pytest.mark.parametrize("changes", [{"label": "wedge"}, {"start_time": 1}, {"end_time": 30}])
def test_what_changes_a_prediction_is_a_correction(action: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidAnnotations, match=r"expected the prediction's, .*Send correct\."):
        judge(_feedback(action=action, **changes))


def test_an_unknown_origin_is_refused() -> None:
    assert judge(_feedback(origin="label_error")).action == "confirm"
    with pytest.raises(InvalidAnnotations, match=r"found the origin 'browse', expected one of uncertainty, "):
        judge(_feedback(origin="browse"))


def test_a_correction_falls_back_to_what_was_predicted() -> None:
    assert judge(_feedback(action="correct", label="wedge")).result == Span("wedge", 10, 20)
    assert judge(_feedback(action="correct", end_time=30)).result == Span("flag", 10, 30)


def test_a_dismissal_says_nothing_is_there() -> None:
    assert judge(_feedback(action="dismiss")).result == Span("O", 10, 20)


def test_bounds_in_the_wrong_order_are_swapped() -> None:
    swapped = replace(PREDICTION, start_time=20, end_time=10)
    judgement = judge(_feedback(action="correct", prediction=swapped, start_time=50, end_time=40))
    assert judgement.prediction == PREDICTION
    assert judgement.result == Span("flag", 40, 50)


def test_both_ranges_of_a_correction_are_reviewed() -> None:
    judgement = judge(_feedback(action="correct", label="wedge"))
    assert reviewed_by(judgement) == [
        ReviewedRange(10, 20, frozenset({"flag"})),
        ReviewedRange(10, 20, frozenset({"wedge"})),
    ]


ADDED: dict[str, Any] = {
    "action": "add",
    "prediction": None,
    "label": "wedge",
    "start_time": 40,
    "end_time": 30,
    "as_of": 50,
    "model_version": "3",
}


def test_an_added_span_is_a_persons_own_and_reviewed() -> None:
    judgement = judge(_feedback(**ADDED))
    assert (judgement.prediction, judgement.result) == (None, Span("wedge", 30, 40))
    assert reviewed_by(judgement) == [ReviewedRange(30, 40, frozenset({"wedge"}))]
    made = annotation_from(judgement, annotation_id="a", annotator="ann", note=None, created_at=9)
    assert made is not None
    assert (made.source, made.model_prediction, made.extra) == ("human", None, {"as_of": 50})


@pytest.mark.parametrize("changes", [{"action": "skip"}, {**ADDED, "action": "skip"}])
def test_a_skip_makes_nothing(changes: dict[str, Any]) -> None:
    judgement = judge(_feedback(**changes))
    assert reviewed_by(judgement) == []
    assert annotation_from(judgement, annotation_id="a", annotator=None, note=None, created_at=9) is None


NOTHING: dict[str, Any] = {
    "action": "nothing",
    "prediction": None,
    "labels": ("wedge", "flag", "flag"),
    "start_time": 40,
    "end_time": 30,
}


def test_nothing_reviews_the_place_for_all_labels_and_makes_no_annotation() -> None:
    judgement = judge(_feedback(**NOTHING))
    assert judgement.result == Span("O", 30, 40)
    assert reviewed_by(judgement) == [ReviewedRange(30, 40, frozenset({"flag", "wedge"}))]
    assert annotation_from(judgement, annotation_id="a", annotator=None, note=None, created_at=9) is None


def test_a_prediction_without_a_version_takes_that_of_the_model_shown() -> None:
    judged = judge(
        _feedback(prediction=replace(PREDICTION, model_version=None), model_version="3")
    ).prediction
    assert judged == PREDICTION


@pytest.mark.parametrize("action", ["confirm", "dismiss"])
def test_only_the_judged_label_is_reviewed(action: str) -> None:
    assert reviewed_by(judge(_feedback(action=action))) == [ReviewedRange(10, 20, frozenset({"flag"}))]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_id": ""}, "found an empty client_id"),
        (
            {"action": "maybe"},
            "found the action 'maybe', expected confirm, correct, dismiss, add, skip or nothing",
        ),
        ({"action": "correct"}, "changes neither label nor bounds, expected a change. Send confirm"),
        ({"action": "correct", "label": "flag", "start_time": 10}, "changes neither label nor bounds"),
        ({"action": "correct", "label": " "}, "found an empty label"),
        ({"action": "correct", "label": "O"}, "found a correction to the label O.*Send dismiss"),
        ({"action": "correct", "label": " wedge"}, "found the label ' wedge', expected printable"),
        ({"action": "correct", "label": "we\ndge"}, r"found the label 'we\\ndge'"),
        ({"prediction": None}, "found no prediction, expected the one to confirm"),
        ({"action": "add"}, "found an added span with a prediction, expected none"),
        ({"action": "add", "prediction": None, "start_time": 1, "end_time": 2}, "found an empty label"),
        ({"action": "add", "prediction": None, "label": "O"}, "found a span of the label O"),
        ({"action": "add", "prediction": None, "label": "flag", "end_time": 2}, "add without start_time or"),
        ({"action": "skip", "settles": ("v1",)}, "found a skip that settles verdicts"),
        ({**NOTHING, "prediction": PREDICTION}, "found nothing at a prediction.*Send dismiss"),
        ({**NOTHING, "labels": ()}, "found nothing without labels, expected those that were looked for"),
        ({**NOTHING, "labels": ("O",)}, "found a look for the label O"),
        ({**NOTHING, "labels": (" ",)}, "found an empty label"),
        ({**NOTHING, "label": "flag"}, "found nothing of one label"),
        ({**NOTHING, "end_time": None}, "found nothing without start_time or end_time"),
        ({**NOTHING, "as_of": 39}, "a span that ends at 40, after the last visible candle"),
        ({"labels": ("flag",)}, "found labels with confirm, expected none"),
        ({"as_of": 19}, r"a span that ends at 20, after the last visible candle \(19\)"),
        ({"model_version": "4"}, "found the model versions 3 and 4, expected that of the prediction"),
        ({"prediction": replace(PREDICTION, label="")}, "found a prediction with an empty label"),
        ({"prediction": replace(PREDICTION, label="O")}, "found a prediction of the label O"),
        ({"prediction": replace(PREDICTION, label="flag\0")}, r"found the label 'flag\\x00'"),
        ({"prediction": replace(PREDICTION, end_time=None)}, "without start_time or end_time"),
    ],
)
def test_feedback_that_says_nothing_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidAnnotations, match=message):
        judge(_feedback(**changes))
