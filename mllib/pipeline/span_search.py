"""The use case of finding spans: people's and TA-Lib's of a series, by what they say."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.patterns import label_of
from mllib.pipeline.annotating import find_annotations
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, positions
from mllib.store import AnnotationFilter


@dataclass(frozen=True, slots=True, eq=False)
class FoundSpans:
    """Spans by start with the candles that each has (`int (n_spans,)`), and whether there are more."""

    spans: list[Annotation]
    bars: NDArray[np.int64]
    more: bool


def search_spans(ws: Workspace, candles: Candles, wanted: AnnotationFilter, *, limit: int) -> FoundSpans:
    """The first `limit` spans of a stored series that are meant; of TA-Lib's layers where that is the source.

    Raises:
        NotFound: nothing is known of the series.
    """
    pair, timeframe = candles.pair, candles.timeframe
    if wanted.source == "talib":
        found = _of_layers(ws, pair, timeframe, wanted, limit + 1)
        spans, more = found[:limit], len(found) > limit
    else:
        page = find_annotations(ws, pair=pair, timeframe=timeframe, wanted=wanted, limit=limit)
        spans, more = page.annotations, page.next_after is not None
    at = positions(spans, candles.time)
    return FoundSpans(spans, at[:, 1] - at[:, 0], more)


def annotators_of(spans: Iterable[Annotation]) -> list[str]:
    """Everyone who has said something, by name."""
    return sorted({span.annotator for span in spans if span.annotator})


def _of_layers(
    ws: Workspace, pair: str, timeframe: str, wanted: AnnotationFilter, limit: int
) -> list[Annotation]:
    if wanted.annotator is not None:
        return []
    text = (wanted.text or "").lower()
    kept = ws.store.talib.layers(pair, timeframe)
    labels = [label_of(function, bullish=side) for function in kept for side in (True, False)]
    return ws.store.talib.spans(
        pair,
        timeframe,
        labels=[label for label in labels if wanted.label in (None, label) and text in label],
        start_time=wanted.start_time,
        end_time=wanted.end_time,
        limit=limit,
    )
