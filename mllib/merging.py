"""People's spans and TA-Lib's side by side: which speak of the same thing, and which give way."""

from collections.abc import Sequence

from mllib.candles import Candles
from mllib.matching import overlaps
from mllib.spans import Span, positions

SAME_SPAN_IOU = 0.5
"""Two spans of one label with at least this IoU speak of the same thing."""


def merged(
    people: Sequence[Span], programmatic: Sequence[Span], candles: Candles, strategy: str
) -> tuple[list[Span], list[Span]]:
    """People's and TA-Lib's spans, of which the one without priority gives way to a twin of the other."""
    if strategy == "human_priority":
        return list(people), without_twins(programmatic, people, candles)
    if strategy == "programmatic_priority":
        return without_twins(people, programmatic, candles), list(programmatic)
    return list(people), list(programmatic)


def without_twins(spans: Sequence[Span], others: Sequence[Span], candles: Candles) -> list[Span]:
    """The spans that have no twin among the others."""
    doubled = {i for i, _ in twins(spans, others, candles)}
    return [span for i, span in enumerate(spans) if i not in doubled]


def twins(
    spans: Sequence[Span], others: Sequence[Span], candles: Candles, *, least_iou: float = SAME_SPAN_IOU
) -> list[tuple[int, int]]:
    """Pairs of one label that overlap by at least `least_iou`, as indices."""
    i, j, iou = overlaps(positions(spans, candles.time), positions(others, candles.time))
    near = iou >= least_iou
    pairs = zip(i[near].tolist(), j[near].tolist(), strict=True)
    return [(a, b) for a, b in pairs if spans[a].label == others[b].label]
