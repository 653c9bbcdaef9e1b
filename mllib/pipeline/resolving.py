"""Use cases about settling differences: a verdict on one, the same verdict on many, and taking them back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import NAMESPACE_OID, uuid5

from mllib.errors import NotFound
from mllib.pipeline.annotating import equal_spans
from mllib.pipeline.disagreements import Disagreement
from mllib.pipeline.span_edits import SpanEdits
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.spans import JudgedPrediction, PredictedSpan, Span
from mllib.store import Feedback, Verdict
from mllib.timeframes import iso_utc

Decision = Literal["confirm", "dismiss", "skip", "keep"]
ORIGIN = "disagreement"
"""Why the places that are judged here were shown."""
KEPT = "What people drew stays as it is."
"""The note of a skip that says so."""


def judged_span(one: Disagreement) -> Span | None:
    """The span that a verdict on a difference is about: the model's (the newer version's first) or TA-Lib's;
    None where only people say something.
    """
    if one.pair.b is not None:
        return one.pair.b
    return None if one.between[0] == "human" else one.pair.a


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Who decides on differences of which series; `id` makes a repeat harmless.

    `model_version` is that of the layer `model`; versions that are compared are named in the differences.
    """

    id: str
    pair: str
    timeframe: str
    model_version: str | None
    annotator: str | None
    note: str | None = None


def decide(
    ws: Workspace,
    found: Sequence[Disagreement],
    decision: Decision,
    *,
    batch: Batch,
    progress: Progress | None = None,
) -> list[Verdict]:
    """The verdicts on these differences; what is left out is what cannot be decided so (`can_be`).

    A dismissal of other bounds than people's says that people's are right: it is recorded as that correction.
    To keep what only people say changes nothing: it is recorded as a skip with the note `KEPT`.

    Raises:
        Conflict: the batch is stored with another decision.
    """
    verdicts = []
    those = [one for one in found if can_be(one, decision)]
    for n, one in enumerate(those):
        verdicts.append(ws.store.verdicts.record(_feedback(one, decision, batch))[0])
        if progress is not None:
            progress((n + 1) / len(those), f"{n + 1} of {len(those)}")
    if decision not in ("skip", "keep"):
        ws.store.labels.ensure(sorted({label for one in those for label in one.labels}))
    return verdicts


def can_be(one: Disagreement, decision: Decision) -> bool:
    """Whether there is anything to decide so: where only people say something, there is no prediction."""
    if decision == "keep":
        return judged_span(one) is None
    return decision == "skip" or judged_span(one) is not None


def remove(
    ws: Workspace, one: Disagreement, *, pair: str, timeframe: str, annotator: str | None
) -> SpanEdits:
    """Deletes what people drew where they alone say something; `bring_back` takes that back.

    Raises:
        NotFound: people have no span with that label and these bounds any more, or a prediction stands there.
    """
    drawn = equal_spans(ws, one.span, pair=pair, timeframe=timeframe) if can_be(one, "keep") else []
    if not drawn:
        raise NotFound(
            f"{pair} {timeframe}: {one.span.label.replace('_', ' ')} at {iso_utc(one.span.start_time)}: "
            "found no such span of people's, expected one to remove. Look at it on Labels."
        )
    removed = SpanEdits()
    for span in drawn:
        removed.delete(ws, span.id, (pair, timeframe), annotator=annotator)
    return removed


def bring_back(ws: Workspace, removed: SpanEdits) -> None:
    """Stores again what was removed."""
    while removed.undo(ws) is not None:
        pass


def take_back(
    ws: Workspace, verdict_ids: Sequence[str], *, annotator: str | None, progress: Progress | None = None
) -> None:
    """Retracts verdicts; twice is as once.

    Raises:
        NotFound: no verdict has one of the ids.
    """
    for n, verdict_id in enumerate(verdict_ids):
        ws.store.verdicts.retract(verdict_id, annotator)
        if progress is not None:
            progress((n + 1) / len(verdict_ids), f"{n + 1} of {len(verdict_ids)}")


def _feedback(one: Disagreement, decision: Decision, batch: Batch) -> Feedback:
    span = one.span
    feedback = Feedback(
        client_id=uuid5(NAMESPACE_OID, f"{batch.id} {span.label} {span.start_time} {span.end_time}").hex,
        pair=batch.pair,
        timeframe=batch.timeframe,
        action="skip" if decision == "keep" else decision,
        annotator=batch.annotator,
        note=KEPT if decision == "keep" else batch.note,
        origin=ORIGIN,
    )
    judged = judged_span(one)
    if judged is None:
        return replace(feedback, label=span.label, start_time=span.start_time, end_time=span.end_time)
    feedback = replace(feedback, prediction=_judged(one, judged, batch.model_version))
    theirs = one.human
    if decision == "dismiss" and one.kind == "boundary_mismatch" and theirs is not None:
        return replace(feedback, action="correct", start_time=theirs.start_time, end_time=theirs.end_time)
    return feedback


def _judged(one: Disagreement, span: Span, model_version: str | None) -> JudgedPrediction:
    layer = one.between[1] if span is one.pair.b else one.between[0]
    versions = {"talib": None, "model": model_version}
    return JudgedPrediction(
        label=span.label,
        confidence=float(span.avg_confidence) if isinstance(span, PredictedSpan) else None,
        model_version=versions.get(layer, layer),
        start_time=span.start_time,
        end_time=span.end_time,
    )
