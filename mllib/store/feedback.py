"""What an annotator says of a place, and what follows from it. Pure: no database here."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from mllib.errors import InvalidAnnotations
from mllib.spans import NOTHING, Annotation, JudgedPrediction, Origin, ReviewedRange, Source, Span

Action = Literal["confirm", "correct", "dismiss", "add", "skip", "nothing"]
AS_OF = "as_of"
"""The key of an annotation, beside the tool's own, under which it keeps what was visible (Unix s)."""
_SOURCES: dict[Action, Source] = {
    "confirm": "model_confirmed",
    "correct": "model_corrected",
    "dismiss": "human",
    "add": "human",
}
_NEED_A_PREDICTION = ("confirm", "correct", "dismiss")
WITHOUT_ANNOTATION = ("skip", "nothing")
"""Actions that make no annotation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A judgement as a client sends it; `client_id` is the client's own and makes a repeat harmless.

    `label`, `start_time` and `end_time` say what `correct` changes (what is left out stays as predicted),
    the span that `add` adds, and the place of a `skip` without a prediction. Of `nothing` the bounds are the
    place that was looked at in full, and `labels` what was looked for and is not there. `as_of` is the open
    of the last candle that was visible (Unix s), `origin` why the place was shown, `model_version` the model
    whose predictions were shown where none is judged, `settles` the verdicts that this one decides between.
    """

    client_id: str
    pair: str
    timeframe: str
    action: Action
    prediction: JudgedPrediction | None = None
    label: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    annotator: str | None = None
    note: str | None = None
    as_of: int | None = None
    origin: str | None = None
    model_version: str | None = None
    settles: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Checked feedback: the prediction, if any, with its bounds in order, and the span that stands after it.

    Of a skip, `result` is the place that was looked at; where nothing is missing, it is that under `O`, and
    `looked_for` are the labels.
    """

    action: Action
    prediction: JudgedPrediction | None
    predicted: Span | None
    result: Span
    as_of: int | None = None
    looked_for: tuple[str, ...] = ()

    @property
    def labels(self) -> list[str]:
        """The labels that it speaks of, `O` apart."""
        spans = [span for span in (self.predicted, self.result) if span is not None]
        return list(dict.fromkeys(span.label for span in spans if span.label != NOTHING))


def judge(feedback: Feedback) -> Judgement:
    """The judgement in a piece of feedback.

    Raises:
        InvalidAnnotations: no client id, an unknown action, a label that cannot name a pattern, a prediction
            or a span without bounds, a correction that corrects nothing, or a span beyond what was visible.
    """
    _check(feedback)
    predicted = None if feedback.prediction is None else _predicted(feedback, feedback.prediction)
    prediction = feedback.prediction
    if prediction is not None and predicted is not None:
        prediction = replace(
            prediction,
            start_time=predicted.start_time,
            end_time=predicted.end_time,
            model_version=prediction.model_version or feedback.model_version,
        )
    result = _result(feedback, predicted)
    if feedback.action == "correct" and result == predicted:
        raise _refused(feedback, "a correction that changes neither label nor bounds", "a change", "confirm")
    if feedback.as_of is not None and result.end_time > feedback.as_of:
        found = f"a span that ends at {result.end_time}, after the last visible candle ({feedback.as_of})"
        raise _refused(feedback, found, "one that had been seen in full", "an end at or before as_of")
    return Judgement(
        action=feedback.action,
        prediction=prediction,
        predicted=predicted,
        result=result,
        as_of=feedback.as_of,
        looked_for=tuple(sorted(set(feedback.labels))),
    )


def annotation_from(
    judgement: Judgement, *, annotation_id: str, annotator: str | None, note: str | None, created_at: int
) -> Annotation | None:
    """The annotation that a judgement makes: of a dismissal `O` over the predicted range.

    None of a skip, and where nothing is missing.
    """
    if judgement.action in WITHOUT_ANNOTATION:
        return None
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
        extra={} if judgement.as_of is None else {AS_OF: judgement.as_of},
    )


def reviewed_by(judgement: Judgement) -> list[ReviewedRange]:
    """Where the annotator looked, and for which labels: the predicted range, and that of an own span.

    Where nothing is missing, the place for all labels that were looked for.
    """
    if judgement.action == "skip":
        return []
    if judgement.action == "nothing":
        place = judgement.result
        return [ReviewedRange(place.start_time, place.end_time, frozenset(judgement.looked_for))]
    spans = [judgement.predicted, judgement.result if judgement.action in ("correct", "add") else None]
    return [
        ReviewedRange(span.start_time, span.end_time, frozenset({span.label}))
        for span in spans
        if span is not None
    ]


def _check(feedback: Feedback) -> None:
    action = feedback.action
    _check_words(feedback)
    if feedback.prediction is None and action in _NEED_A_PREDICTION:
        raise _refused(feedback, "no prediction", f"the one to {action}", "it, or add a span of your own")
    if feedback.prediction is not None and action == "add":
        raise _refused(feedback, "an added span with a prediction", "none", "correct, or leave it out")
    if feedback.prediction is not None and action == "nothing":
        raise _refused(feedback, "nothing at a prediction", "none", "dismiss, or leave it out")
    _check_looked_for(feedback)
    if feedback.settles and action == "skip":
        raise _refused(feedback, "a skip that settles verdicts", "a judgement", "what is there")
    if feedback.prediction is not None:
        _check_prediction(feedback, feedback.prediction)
    if action == "correct" and feedback.label is not None:
        _check_label(feedback, feedback.label, "a correction to")
    if feedback.prediction is None and action != "nothing":
        _check_label(feedback, feedback.label or "", "a span of")


def _check_words(feedback: Feedback) -> None:
    """Refuses a missing id, and an action or an origin that nobody knows."""
    if not feedback.client_id:
        raise _refused(feedback, "an empty client_id", "an id of the client's own", "a client_id")
    if feedback.action not in get_args(Action):
        known = f"{', '.join(get_args(Action)[:-1])} or {get_args(Action)[-1]}"
        raise _refused(feedback, f"the action {feedback.action!r}", known, "one")
    if feedback.origin not in (None, *get_args(Origin)):
        known = ", ".join(get_args(Origin))
        raise _refused(feedback, f"the origin {feedback.origin!r}", f"one of {known}", "one, or none")


def _check_looked_for(feedback: Feedback) -> None:
    if feedback.action != "nothing":
        if feedback.labels:
            raise _refused(feedback, f"labels with {feedback.action}", "none", "them with nothing alone")
        return
    if feedback.label is not None:
        raise _refused(feedback, "nothing of one label", "labels that were looked for", "it in labels")
    if not feedback.labels:
        expected = "those that were looked for"
        raise _refused(feedback, "nothing without labels", expected, "labels, such as those asked about")
    for label in feedback.labels:
        _check_label(feedback, label, "a look for")


def _check_unchanged(feedback: Feedback, predicted: Span) -> None:
    """Refuses a confirmation or a dismissal that names other values than the prediction's."""
    given = {name: getattr(feedback, name) for name in ("label", "start_time", "end_time")}
    for name, value in given.items():
        if value not in (None, getattr(predicted, name), getattr(feedback.prediction, name)):
            found = f"a {feedback.action} with the {name} {value!r}"
            raise _refused(
                feedback, found, f"the prediction's, {getattr(predicted, name)!r}, or none", "correct"
            )


def _check_prediction(feedback: Feedback, prediction: JudgedPrediction) -> None:
    if not prediction.label:
        raise _refused(feedback, "a prediction with an empty label", "the predicted label", "that label")
    if prediction.label == NOTHING:
        raise _refused(
            feedback, "a prediction of the label O", "the name of a label", "what is there instead"
        )
    _check_name(feedback, prediction.label)
    versions = {prediction.model_version, feedback.model_version} - {None}
    if len(versions) > 1:
        found = f"the model versions {' and '.join(sorted(map(str, versions)))}"
        raise _refused(feedback, found, "that of the prediction", "model_version with the prediction alone")


def _check_label(feedback: Feedback, label: str, what: str) -> None:
    if not label.strip():
        rest = ", or leave it out" if feedback.action == "correct" else ""
        raise _refused(feedback, "an empty label", "the name of a label", f"a label{rest}")
    if label == NOTHING:
        send = "dismiss" if feedback.action == "correct" else "the label of what is there"
        raise _refused(feedback, f"{what} the label O", "the name of a label", send)
    _check_name(feedback, label)


def _check_name(feedback: Feedback, label: str) -> None:
    """Refuses what would become another label than the one that is meant."""
    if label != label.strip() or not label.isprintable():
        expected = "printable characters without blanks around them"
        raise _refused(
            feedback, f"the label {label!r}", expected, "the name as the model or the list of labels has it"
        )


def _predicted(feedback: Feedback, prediction: JudgedPrediction) -> Span:
    if prediction.start_time is None or prediction.end_time is None:
        raise _refused(
            feedback, "a prediction without start_time or end_time", "both", "the prediction's bounds"
        )
    return _span(prediction.label, prediction.start_time, prediction.end_time)


def _result(feedback: Feedback, predicted: Span | None) -> Span:
    if predicted is None:
        return _own_span(feedback)
    if feedback.action in ("confirm", "dismiss"):
        _check_unchanged(feedback, predicted)
    if feedback.action == "dismiss":
        return replace(predicted, label=NOTHING)
    if feedback.action != "correct":
        return predicted
    start_time = predicted.start_time if feedback.start_time is None else feedback.start_time
    end_time = predicted.end_time if feedback.end_time is None else feedback.end_time
    return _span(feedback.label or predicted.label, start_time, end_time)


def _own_span(feedback: Feedback) -> Span:
    start_time, end_time = feedback.start_time, feedback.end_time
    label = NOTHING if feedback.action == "nothing" else feedback.label
    if start_time is None or end_time is None or label is None:
        found = f"{feedback.action} without start_time or end_time"
        raise _refused(feedback, found, "both", "the bounds of the span")
    return _span(label, start_time, end_time)


def _span(label: str, start_time: int, end_time: int) -> Span:
    return Span(label, min(start_time, end_time), max(start_time, end_time))


def _refused(feedback: Feedback, found: str, expected: str, send: str) -> InvalidAnnotations:
    return InvalidAnnotations(
        f"{feedback.pair} {feedback.timeframe}: feedback {feedback.client_id or 'without id'} is refused: "
        f"found {found}, expected {expected}. Send {send}."
    )
