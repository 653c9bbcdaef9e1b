"""What an annotator says of a prediction, and what follows from it. Pure: no database here."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from mllib.errors import InvalidAnnotations
from mllib.spans import NOTHING, Annotation, JudgedPrediction, ReviewedRange, Source, Span

Action = Literal["confirm", "correct", "dismiss"]
_SOURCES: dict[Action, Source] = {
    "confirm": "model_confirmed",
    "correct": "model_corrected",
    "dismiss": "human",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A judgement as a client sends it; `client_id` is the client's own and makes a repeat harmless.

    `label`, `start_time` and `end_time` count for `correct` alone; what is left out stays as predicted.
    """

    client_id: str
    pair: str
    timeframe: str
    action: Action
    prediction: JudgedPrediction
    label: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    annotator: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Checked feedback: the prediction with its bounds in order, and the span that stands after it."""

    action: Action
    prediction: JudgedPrediction
    predicted: Span
    result: Span


def judge(feedback: Feedback) -> Judgement:
    """The judgement in a piece of feedback.

    Raises:
        InvalidAnnotations: no client id, an unknown action, a label that cannot name a pattern, a prediction
            without bounds, or a correction that corrects nothing.
    """
    _check(feedback)
    predicted = _predicted(feedback)
    prediction = replace(feedback.prediction, start_time=predicted.start_time, end_time=predicted.end_time)
    result = _result(feedback, predicted)
    if feedback.action == "correct" and result == predicted:
        raise _refused(feedback, "a correction that changes neither label nor bounds", "a change", "confirm")
    return Judgement(action=feedback.action, prediction=prediction, predicted=predicted, result=result)


def annotation_from(
    judgement: Judgement, *, annotation_id: str, annotator: str | None, note: str | None, created_at: int
) -> Annotation:
    """The annotation that a judgement makes; a dismissal says `O` over the predicted range."""
    return Annotation(
        label=judgement.result.label,
        start_time=judgement.result.start_time,
        end_time=judgement.result.end_time,
        id=annotation_id,
        source=_SOURCES[judgement.action],
        annotator=annotator,
        notes=note,
        model_prediction=judgement.prediction,
        created_at=created_at,
    )


def reviewed_by(judgement: Judgement) -> list[ReviewedRange]:
    """Where the annotator looked, and for which label: the predicted range, and that of a correction."""
    spans = [judgement.predicted]
    if judgement.action == "correct":
        spans.append(judgement.result)
    return [ReviewedRange(span.start_time, span.end_time, frozenset({span.label})) for span in spans]


def _check(feedback: Feedback) -> None:
    if not feedback.client_id:
        raise _refused(feedback, "an empty client_id", "an id of the client's own", "a client_id")
    if feedback.action not in get_args(Action):
        raise _refused(feedback, f"the action {feedback.action!r}", "confirm, correct or dismiss", "one")
    if not feedback.prediction.label:
        raise _refused(feedback, "a prediction with an empty label", "the predicted label", "that label")
    if feedback.prediction.label == NOTHING:
        raise _refused(
            feedback, "a prediction of the label O", "the name of a label", "what is there instead"
        )
    _check_name(feedback, feedback.prediction.label)
    if feedback.action == "correct" and feedback.label is not None:
        if not feedback.label.strip():
            raise _refused(feedback, "an empty label", "the name of a label", "a label, or leave it out")
        if feedback.label == NOTHING:
            raise _refused(feedback, "a correction to the label O", "the name of a label", "dismiss")
        _check_name(feedback, feedback.label)


def _check_name(feedback: Feedback, label: str) -> None:
    """Refuses what would become another label than the one that is meant."""
    if label != label.strip() or not label.isprintable():
        expected = "printable characters without blanks around them"
        raise _refused(
            feedback, f"the label {label!r}", expected, "the name as the model or the list of labels has it"
        )


def _predicted(feedback: Feedback) -> Span:
    start_time, end_time = feedback.prediction.start_time, feedback.prediction.end_time
    if start_time is None or end_time is None:
        raise _refused(
            feedback, "a prediction without start_time or end_time", "both", "the prediction's bounds"
        )
    return _span(feedback.prediction.label, start_time, end_time)


def _result(feedback: Feedback, predicted: Span) -> Span:
    if feedback.action == "confirm":
        return predicted
    if feedback.action == "dismiss":
        return replace(predicted, label=NOTHING)
    start_time = predicted.start_time if feedback.start_time is None else feedback.start_time
    end_time = predicted.end_time if feedback.end_time is None else feedback.end_time
    return _span(feedback.label or predicted.label, start_time, end_time)


def _span(label: str, start_time: int, end_time: int) -> Span:
    return Span(label, min(start_time, end_time), max(start_time, end_time))


def _refused(feedback: Feedback, found: str, expected: str, send: str) -> InvalidAnnotations:
    return InvalidAnnotations(
        f"{feedback.pair} {feedback.timeframe}: feedback {feedback.client_id or 'without id'} is refused: "
        f"found {found}, expected {expected}. Send {send}."
    )
