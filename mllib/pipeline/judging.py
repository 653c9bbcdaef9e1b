"""Use case of review: what an annotator's browser has kept until it is told that it is stored."""

import threading
from dataclasses import dataclass, replace

from mllib.annotators import annotator_name
from mllib.errors import CandleloopError, Conflict, NotReady
from mllib.pipeline.annotating import equal_spans, there_already
from mllib.pipeline.review import record_verdict
from mllib.pipeline.workspace import Workspace
from mllib.spans import Span
from mllib.store import Feedback, Verdict
from mllib.timeframes import iso_utc

_one_at_a_time = threading.Lock()
"""Two tabs of one annotator are two threads of one process: neither may look while the other writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A verdict as the browser keeps it; `taken_back` says that it was undone since."""

    feedback: Feedback
    taken_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of something said: `verdict_id` where it is stored, else why it is not.

    What is `refused` needs a person, what is `delayed` another attempt. `elsewhere` tells that the same had
    been said already, in another tab or another session.
    """

    client_id: str
    verdict_id: str | None = None
    refused: str | None = None
    delayed: str | None = None
    elsewhere: bool = False


def deliver(ws: Workspace, said: Said) -> Delivery:
    """Stores what was said; whatever has been delivered before does no harm.

    One annotator has one verdict on a prediction: the same once more is taken as delivered, another one is
    refused until the first is taken back. That nothing is missing at a place counts once as well.
    """
    feedback = said.feedback
    try:
        name = annotator_name(feedback.annotator, f"feedback {feedback.client_id}")
        feedback = replace(feedback, annotator=name)
        with _one_at_a_time:
            before = None if said.taken_back else _standing(ws, feedback)
            if before is not None:
                return Delivery(client_id=feedback.client_id, verdict_id=before.id, elsewhere=True)
            if not said.taken_back:
                _refuse_copy(ws, feedback)
            verdict, _ = record_verdict(ws, feedback)
            if said.taken_back:
                ws.store.verdicts.retract(verdict.id, feedback.annotator)
    except NotReady as exc:
        return Delivery(client_id=feedback.client_id, delayed=str(exc))
    except CandleloopError as exc:
        return Delivery(client_id=feedback.client_id, refused=str(exc))
    return Delivery(client_id=feedback.client_id, verdict_id=verdict.id)


def take_back(ws: Workspace, client_id: str, verdict_id: str, annotator: str | None) -> Delivery:
    """Retracts a stored verdict, for a question of that id; twice is as once."""
    try:
        ws.store.verdicts.retract(verdict_id, annotator)
    except NotReady as exc:
        return Delivery(client_id=client_id, delayed=str(exc))
    except CandleloopError as exc:
        return Delivery(client_id=client_id, refused=str(exc))
    return Delivery(client_id=client_id, verdict_id=verdict_id)


def _standing(ws: Workspace, feedback: Feedback) -> Verdict | None:
    """What this annotator has said of the prediction, or of a place without one, under another id.

    Raises:
        Conflict: it is something else.
    """
    if feedback.prediction is None and feedback.action != "nothing":
        return None
    for verdict in ws.store.verdicts.list(feedback.pair, feedback.timeframe, with_skips=True):
        if verdict.client_id == feedback.client_id:
            return None
        if verdict.annotator != feedback.annotator:
            continue
        if _both_nothing(verdict, feedback):
            return verdict
        if _one_prediction(verdict, feedback):
            if _same(verdict, feedback):
                return verdict
            raise Conflict(
                f"{feedback.pair} {feedback.timeframe}: {verdict.place.label} at "
                f"{iso_utc(verdict.place.start_time)}: found that {verdict.annotator or 'you'} had said "
                f"{verdict.action} of it elsewhere, expected one verdict a prediction. Take that one back, "
                "then judge it anew.",
                active_id=verdict.id,
            )
    return None


def _both_nothing(verdict: Verdict, feedback: Feedback) -> bool:
    return (
        verdict.action == feedback.action == "nothing"
        and (verdict.start_time, verdict.end_time) == (feedback.start_time, feedback.end_time)
        and set(verdict.labels) == set(feedback.labels)
    )


def _refuse_copy(ws: Workspace, feedback: Feedback) -> None:
    """Passes anything but the adding of a span that a person has there.

    Raises:
        Conflict: someone's span has that label and these bounds, and not from this very feedback.
    """
    label, start_time, end_time = feedback.label, feedback.start_time, feedback.end_time
    if feedback.action != "add" or label is None or start_time is None or end_time is None:
        return
    pair, timeframe = feedback.pair, feedback.timeframe
    copies = equal_spans(ws, Span(label, start_time, end_time), pair=pair, timeframe=timeframe)
    if not copies:
        return
    before = ws.store.verdicts.list(pair, timeframe)
    if all(verdict.client_id != feedback.client_id for verdict in before):
        raise there_already(copies[0], pair=pair, timeframe=timeframe)


def _one_prediction(verdict: Verdict, feedback: Feedback) -> bool:
    about, asked = verdict.prediction, feedback.prediction
    fields = ("label", "start_time", "end_time", "model_version")
    return (
        about is not None
        and asked is not None
        and all(getattr(about, name) == getattr(asked, name) for name in fields)
    )


def _same(verdict: Verdict, feedback: Feedback) -> bool:
    if verdict.action != feedback.action:
        return False
    if feedback.action != "correct":
        return True
    place = verdict.place
    result = Span(
        feedback.label or place.label,
        place.start_time if feedback.start_time is None else feedback.start_time,
        place.end_time if feedback.end_time is None else feedback.end_time,
    )
    return verdict.span == result
