"""What annotations amount to: how many, how long, where they overlap, and where TA-Lib agrees."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.matching import overlaps
from mllib.merging import SAME_SPAN_IOU, merged
from mllib.spans import NOTHING, Annotation, positions

STRATEGIES = ("human_priority", "programmatic_priority", "both")


@dataclass(frozen=True, slots=True)
class LabelCount:
    """The spans of one label and source, and how many bars they have; those of `O` are dismissals."""

    label: str
    source: str
    count: int
    least_bars: int
    median_bars: float
    most_bars: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many pairs of people's spans with these labels share a bar."""

    label: str
    other: str
    pairs: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of people's spans of a label: how many TA-Lib found too (IoU at least 0.5), under which labels.

    `same` have a TA-Lib span of the same label; `different` none of these, but one of another label;
    `alone` neither. `others` counts the other labels, each once a span.
    """

    label: str
    spans: int
    same: int
    different: int
    alone: int
    others: dict[str, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """How many spans of each layer a merge strategy leaves to learn from."""

    strategy: str
    people: int
    talib: int


@dataclass(frozen=True, slots=True)
class AnnotationReport:
    """All of it, by label."""

    counts: list[LabelCount]
    overlaps: list[Overlap]
    agreement: list[Agreement]
    strategies: list[Kept]


def report(
    annotations: Sequence[Annotation],
    candles: Candles,
    *,
    people: Sequence[Annotation],
    talib: Sequence[Annotation],
) -> AnnotationReport:
    """The report on a series.

    `annotations` are all that are stored, verdicts included, and TA-Lib's layer; `people` and `talib` are the
    spans of the two layers that count, before they are merged.
    """
    return AnnotationReport(
        counts=_counts([*annotations], candles),
        overlaps=_overlaps(people, candles),
        agreement=_agreement(people, talib, candles),
        strategies=[_kept(people, talib, candles, strategy) for strategy in STRATEGIES],
    )


def _counts(annotations: Sequence[Annotation], candles: Candles) -> list[LabelCount]:
    groups: dict[tuple[str, str], list[Annotation]] = {}
    for one in annotations:
        groups.setdefault((one.label, one.source), []).append(one)
    return [_count(label, source, _bars(found, candles)) for (label, source), found in sorted(groups.items())]


def _bars(spans: Sequence[Annotation], candles: Candles) -> NDArray[np.int64]:
    at = positions(spans, candles.time)
    bars: NDArray[np.int64] = at[:, 1] - at[:, 0]
    return bars


def _count(label: str, source: str, bars: NDArray[np.int64]) -> LabelCount:
    return LabelCount(label, source, len(bars), int(bars.min()), float(np.median(bars)), int(bars.max()))


def _overlaps(people: Sequence[Annotation], candles: Candles) -> list[Overlap]:
    spans = [one for one in people if one.label != NOTHING]
    at = positions(spans, candles.time)
    i, j, _ = overlaps(at, at)
    pairs = Counter(
        (min(spans[a].label, spans[b].label), max(spans[a].label, spans[b].label))
        for a, b in zip(i.tolist(), j.tolist(), strict=True)
        if a < b
    )
    most_first = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Overlap(label, other, count) for (label, other), count in most_first]


def _agreement(
    people: Sequence[Annotation], talib: Sequence[Annotation], candles: Candles
) -> list[Agreement]:
    met = _labels_met(people, talib, candles)
    by_label: dict[str, list[set[str]]] = {}
    for span, labels in zip(people, met, strict=True):
        by_label.setdefault(span.label, []).append(labels)
    return [_agreed(label, found) for label, found in sorted(by_label.items())]


def _labels_met(
    people: Sequence[Annotation], talib: Sequence[Annotation], candles: Candles
) -> list[set[str]]:
    """For each of people's spans the labels of TA-Lib's that cover nearly the same bars."""
    met: list[set[str]] = [set() for _ in people]
    i, j, iou = overlaps(positions(people, candles.time), positions(talib, candles.time))
    near = iou >= SAME_SPAN_IOU
    for a, b in zip(i[near].tolist(), j[near].tolist(), strict=True):
        met[a].add(talib[b].label)
    return met


def _agreed(label: str, met: Sequence[set[str]]) -> Agreement:
    same = sum(label in labels for labels in met)
    alone = sum(not labels for labels in met)
    others = Counter(other for labels in met for other in labels if other != label)
    ordered = dict(sorted(others.items(), key=lambda one: (-one[1], one[0])))
    return Agreement(label, len(met), same, len(met) - same - alone, alone, ordered)


def _kept(people: Sequence[Annotation], talib: Sequence[Annotation], candles: Candles, strategy: str) -> Kept:
    ours, theirs = merged(people, talib, candles, strategy)
    return Kept(strategy, len(ours), len(theirs))
