"""Use cases about settling differences: a verdict on one, the same verdict on many, and taking them back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import NAMESPACE_OID, uuid5

from mllib.models import Progress
from mllib.pipeline.disagreements import Disagreement
from mllib.pipeline.workspace import Workspace
from mllib.spans import JudgedPrediction, PredictedSpan, Span
from mllib.store import Feedback, Verdict

Decision = Literal["confirm", "dismiss"]


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
    """The verdicts on the predictions of these differences; those without a prediction are left out.

    A dismissal of other bounds than people's says that people's are right: it is recorded as that correction.

    Raises:
        Conflict: the batch is stored with another decision.
    """
    verdicts = []
    those = [one for one in found if judged_span(one) is not None]
    for n, one in enumerate(those):
        verdicts.append(ws.store.verdicts.record(_feedback(one, decision, batch))[0])
        if progress is not None:
            progress((n + 1) / len(those), f"{n + 1} of {len(those)}")
    ws.store.labels.ensure(sorted({label for one in those for label in one.labels}))
    return verdicts


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
    judged = _judged(one, batch.model_version)
    feedback = Feedback(
        client_id=_client_id(batch, judged),
        pair=batch.pair,
        timeframe=batch.timeframe,
        action=decision,
        prediction=judged,
        annotator=batch.annotator,
        note=batch.note,
    )
    theirs = one.human
    if decision == "dismiss" and one.kind == "boundary_mismatch" and theirs is not None:
        return replace(feedback, action="correct", start_time=theirs.start_time, end_time=theirs.end_time)
    return feedback


def _judged(one: Disagreement, model_version: str | None) -> JudgedPrediction:
    span = judged_span(one)
    assert span is not None, "those without one were left out"
    layer = one.between[1] if span is one.pair.b else one.between[0]
    versions = {"talib": None, "model": model_version}
    return JudgedPrediction(
        label=span.label,
        confidence=float(span.avg_confidence) if isinstance(span, PredictedSpan) else None,
        model_version=versions.get(layer, layer),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _client_id(batch: Batch, judged: JudgedPrediction) -> str:
    return uuid5(NAMESPACE_OID, f"{batch.id} {judged.label} {judged.start_time} {judged.end_time}").hex
