"""Predicted spans against true ones: matched one to one by IoU, label by label.

A span counts when more than half of its bars were reviewed for its label and lie in the block of time that is
judged (`matching.mostly_on`); a pair counts where its true span does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.evaluation.judged import Judged
from mllib.matching import Positions, match, mostly_on
from mllib.spans import positions

IOUS = (0.3, 0.5, 0.7)
LEAST_SUPPORT = 10
"""A label with fewer true spans says too little to count in `macro_supported`."""

FARTHEST_BARS = 20
"""Bounds further off than this are counted together."""

HIT, MISS, FALSE_ALARM = range(3)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """What became of the spans of one label at one IoU: arrays `(n,)`, one entry a hit, miss or false alarm.

    `time` is when the span opens (Unix s; the true one's for a hit), `confidence` is NaN for a miss, and the
    errors are bars, predicted minus true, NaN except for hits.
    """

    kind: NDArray[np.int64]
    time: NDArray[np.int64]
    confidence: Floats
    start_error: Floats
    end_error: Floats

    @classmethod
    def joined(cls, parts: Sequence["Events"]) -> "Events":
        """Those of several series or labels, one after another."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    @property
    def counts(self) -> "SpanCounts":
        hits, missed, false = np.bincount(self.kind, minlength=3).tolist()
        return SpanCounts(hits + missed, hits + false, hits)


@dataclass(frozen=True, slots=True)
class SpanCounts:
    """True, predicted and matched spans."""

    true: int
    predicted: int
    matched: int

    @property
    def f1(self) -> float:
        total = self.true + self.predicted
        return 2 * self.matched / total if total else 0.0

    def to_dict(self) -> dict[str, float]:
        return {
            "true": self.true,
            "predicted": self.predicted,
            "matched": self.matched,
            "precision": self.matched / self.predicted if self.predicted else 0.0,
            "recall": self.matched / self.true if self.true else 0.0,
            "f1_score": self.f1,
        }


def span_events(parts: Sequence[Judged], label: str, ious: Sequence[float] = IOUS) -> dict[float, Events]:
    """The events of a label at each IoU; the pairs at a higher one are among those at a lower one."""
    by_part = [_part_events(part, label, ious) for part in parts]
    return {iou: Events.joined([events[iou] for events in by_part]) for iou in ious}


def _part_events(part: Judged, label: str, ious: Sequence[float]) -> dict[float, Events]:
    counted = part.counted(label)
    spans = [s for s in part.prediction.spans if s.label == label]
    truth = positions([s for s in part.truth if s.label == label], part.candles.time)
    found = positions(spans, part.candles.time)
    confidence = np.array([s.avg_confidence for s in spans], np.float64)
    i, j = match(found, truth, least_iou=min(ious))
    iou = _iou(found[i], truth[j])
    truth_inside, found_inside = mostly_on(truth, counted), mostly_on(found, counted)
    events = {}
    for least in ious:
        enough = iou >= least
        paired_found, paired_truth = i[enough], j[enough]
        hit = truth_inside[paired_truth]
        missed = truth[_others(truth_inside, paired_truth)]
        false = _others(found_inside, paired_found)
        pairs = found[paired_found[hit]], truth[paired_truth[hit]]
        events[least] = _events(
            pairs, missed, found[false], part.candles.time, confidence[paired_found[hit]], confidence[false]
        )
    return events


def _events(
    hits: tuple[Positions, Positions],
    missed: Positions,
    false: Positions,
    time: NDArray[np.int64],
    confidence_of_hits: Floats,
    confidence_of_false: Floats,
) -> Events:
    found, truth = hits
    sizes = (len(truth), len(missed), len(false))
    unknown = np.full(sizes[1] + sizes[2], np.nan)
    first = np.concatenate([truth[:, 0], missed[:, 0], false[:, 0]])
    return Events(
        kind=np.repeat([HIT, MISS, FALSE_ALARM], sizes),
        time=time[first],
        confidence=np.concatenate([confidence_of_hits, np.full(sizes[1], np.nan), confidence_of_false]),
        start_error=np.concatenate([(found - truth)[:, 0], unknown]),
        end_error=np.concatenate([(found - truth)[:, 1], unknown]),
    )


def _others(inside: NDArray[np.bool_], paired: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which spans lie inside and belong to no pair."""
    others = inside.copy()
    others[paired] = False
    return others


def _iou(a: Positions, b: Positions) -> Floats:
    shared = np.minimum(a[:, 1], b[:, 1]) - np.maximum(a[:, 0], b[:, 0])
    lengths = (a[:, 1] - a[:, 0]) + (b[:, 1] - b[:, 0])
    return np.asarray(shared / np.maximum(lengths - shared, 1), np.float64)


def span_f1(counts: Mapping[str, SpanCounts]) -> dict[str, Any]:
    """`micro` over all spans, `macro` over labels with a true span, `macro_supported` over those with enough
    (None where no label has), and `per_label`.
    """
    per_label = {label: found.f1 for label, found in counts.items()}
    supported = [per_label[label] for label, found in counts.items() if found.true]
    enough = [per_label[label] for label, found in counts.items() if found.true >= LEAST_SUPPORT]
    return {
        "micro": pooled(counts.values()).f1,
        "macro": float(np.mean(supported)) if supported else 0.0,
        "macro_supported": float(np.mean(enough)) if enough else None,
        "per_label": per_label,
    }


def pooled(counts: Iterable[SpanCounts]) -> SpanCounts:
    """The counts of several labels together."""
    totals = np.array([(c.true, c.predicted, c.matched) for c in counts] or [(0, 0, 0)]).sum(axis=0)
    return SpanCounts(*(int(n) for n in totals))


def boundary_error(events: Events) -> dict[str, float] | None:
    """How far the bounds of hits lie from the true ones, in bars; positive is late. None without a hit."""
    hits = events.kind == HIT
    if not hits.any():
        return None
    start, end = events.start_error[hits], events.end_error[hits]
    return {
        "start_mean": float(start.mean()),
        "start_mean_absolute": float(np.abs(start).mean()),
        "end_mean": float(end.mean()),
        "end_mean_absolute": float(np.abs(end).mean()),
    }


def boundary_distribution(events: Events) -> dict[str, Any] | None:
    """How the bounds of hits lie about the true ones, in bars; positive is late. None without a hit.

    `count`, and of `start` and `end` each the `median`, the `quartiles` and `counts`: so many bounds are off
    by −20, −19, … 20 bars, the outermost together with what is further off.
    """
    hits = events.kind == HIT
    if not hits.any():
        return None
    return {
        "count": int(hits.sum()),
        "start": _distribution(events.start_error[hits]),
        "end": _distribution(events.end_error[hits]),
    }


def _distribution(errors: Floats) -> dict[str, Any]:
    low, median, high = (float(value) for value in np.quantile(errors, (0.25, 0.5, 0.75)))
    clipped = np.clip(errors, -FARTHEST_BARS, FARTHEST_BARS).astype(np.int64) + FARTHEST_BARS
    counts = np.bincount(clipped, minlength=2 * FARTHEST_BARS + 1).tolist()
    return {"median": median, "quartiles": [low, high], "counts": counts}
