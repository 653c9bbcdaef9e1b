"""Use cases about where people and the model differ, and what to ask people next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from mllib.encoders import reviewed_bars
from mllib.matching import match, overlaps, wholly_on
from mllib.pipeline.annotations import Layer, known_facts, labelled
from mllib.pipeline.predicting import Sweep
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE, PredictedSpan, ReviewedRange, Span, positions

Kind = Literal["label_mismatch", "missed_by_human", "missed_by_model"]
LEAST_IOU = 0.5
"""From here on two spans are about the same candles."""
_UNDECIDED = 0.5
_PEOPLE: tuple[Layer, ...] = ("human",)

AnySpan = TypeVar("AnySpan", bound=Span)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What a person and the model say differently; the one that says nothing is None."""

    kind: Kind
    human: Span | None
    predicted: PredictedSpan | None

    @property
    def span(self) -> Span:
        """Where it is: the predicted span, else the person's."""
        found = self.predicted or self.human
        assert found is not None, "one of the two is there"
        return found


def find_disagreements(
    ws: Workspace, sweep: Sweep, predicted: Sequence[PredictedSpan], *, limit: int
) -> list[Disagreement]:
    """Where a model's spans and people's differ on reviewed bars of the sweep, newest first.

    A span counts where its label was reviewed on all of its bars. What people say of labels that the model
    does not know is no miss of the model's, and what a person has dismissed is no miss of people's.
    """
    history = sweep.history
    facts = known_facts(ws, pair=history.pair, timeframe=history.timeframe, functions=None)
    known = labelled(history, facts, layers=_PEOPLE, ingestion=ws.config.stages.annotation_ingestion)
    dismissed, _ = _paired(predicted, _dismissed(ws, sweep), history.time, of_one_label=True)
    gone = {predicted[i] for i in dismissed}
    different = compared(known.spans, predicted, history.time)
    found = [
        one
        for one in _on_reviewed(different, known.reviewed, sweep)
        if (one.kind != "missed_by_human" or one.predicted not in gone)
        and (one.kind != "missed_by_model" or one.span.label in sweep.predictor.labels)
    ]
    return sorted(found, key=lambda one: (-one.span.start_time, one.span.label))[:limit]


def compared(
    human: Sequence[Span], predicted: Sequence[PredictedSpan], time: NDArray[np.int64]
) -> list[Disagreement]:
    """What is left of both on a series' opens `time (n_bars,)` when the spans that agree are taken away.

    Spans are matched one to one at an IoU of at least 0.5: of one label first, then whatever is left.
    """
    i, j = _paired(human, predicted, time, of_one_label=True)
    human, predicted = _without(human, i), _without(predicted, j)
    i, j = _paired(human, predicted, time, of_one_label=False)
    return [
        *(Disagreement("label_mismatch", human[a], predicted[b]) for a, b in zip(i, j, strict=True)),
        *(Disagreement("missed_by_model", one, None) for one in _without(human, i)),
        *(Disagreement("missed_by_human", None, one) for one in _without(predicted, j)),
    ]


def find_undecided(
    ws: Workspace, sweep: Sweep, predicted: Sequence[PredictedSpan], *, limit: int
) -> list[PredictedSpan]:
    """Predictions that share no bar with a person's span or a place judged or skipped, most uncertain first.

    Those nearest to a confidence of 0.5 come first, newer ones before older; no two share a bar.
    """
    history = sweep.history
    said = ws.store.annotations.list(history.pair, history.timeframe, sources=PEOPLE)
    verdicts = ws.store.verdicts.list(history.pair, history.timeframe, with_skips=True, with_settled=True)
    judged = [one.place for one in verdicts]
    at = positions(predicted, history.time)
    touched, _, _ = overlaps(at, positions([*said, *judged], history.time))
    free = np.ones(len(history), bool)
    chosen: list[PredictedSpan] = []
    for i in sorted(set(range(len(predicted))) - set(touched.tolist()), key=lambda i: _unsure(predicted[i])):
        bars = slice(*at[i])
        if len(chosen) < limit and free[bars].all():
            free[bars] = False
            chosen.append(predicted[i])
    return chosen


def _unsure(span: PredictedSpan) -> tuple[float, int, str]:
    return abs(span.avg_confidence - _UNDECIDED), -span.start_time, span.label


def _paired(
    a: Sequence[Span], b: Sequence[Span], time: NDArray[np.int64], *, of_one_label: bool
) -> tuple[list[int], list[int]]:
    """Which spans of `a` and `b` are about the same candles, and of one label where that is asked."""
    at_a, at_b = positions(a, time), positions(b, time)
    if not of_one_label:
        i, j = match(at_a, at_b, least_iou=LEAST_IOU)
        return i.tolist(), j.tolist()
    paired_a: list[int] = []
    paired_b: list[int] = []
    for label in sorted({one.label for one in a} & {one.label for one in b}):
        of_a, of_b = _with_label(a, label), _with_label(b, label)
        i, j = match(at_a[of_a], at_b[of_b], least_iou=LEAST_IOU)
        paired_a += of_a[i].tolist()
        paired_b += of_b[j].tolist()
    return paired_a, paired_b


def _without(spans: Sequence[AnySpan], left_out: Sequence[int]) -> list[AnySpan]:
    gone = set(left_out)
    return [span for i, span in enumerate(spans) if i not in gone]


def _with_label(spans: Sequence[Span], label: str) -> NDArray[np.intp]:
    return np.array([i for i, span in enumerate(spans) if span.label == label], np.intp)


def _on_reviewed(
    found: Sequence[Disagreement], reviewed: Sequence[ReviewedRange], sweep: Sweep
) -> list[Disagreement]:
    """Those whose span lies wholly on bars that were swept, and reviewed for its label."""
    swept = np.zeros(len(sweep.history), bool)
    swept[sweep.first : sweep.last] = True
    kept: list[Disagreement] = []
    for label in sorted({one.span.label for one in found}):
        those = [one for one in found if one.span.label == label]
        counted = reviewed_bars(label, sweep.history, reviewed) & swept
        inside = wholly_on(positions([one.span for one in those], sweep.history.time), counted)
        kept += [one for one, lies_there in zip(those, inside, strict=True) if lies_there]
    return kept


def _dismissed(ws: Workspace, sweep: Sweep) -> list[Span]:
    """Where people said that a predicted label is not."""
    said = ws.store.annotations.list(sweep.history.pair, sweep.history.timeframe, sources=PEOPLE)
    return [
        Span(one.model_prediction.label, one.start_time, one.end_time)
        for one in said
        if one.label == NOTHING and one.model_prediction is not None
    ]
