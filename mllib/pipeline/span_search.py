"""The use case of finding spans: people's and TA-Lib's of a series, by what they say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
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
        found = _of_layers(ws, pair, timeframe, wanted)
        spans, more = found[:limit], len(found) > limit
    else:
        page = find_annotations(ws, pair=pair, timeframe=timeframe, wanted=wanted, limit=limit)
        spans, more = page.annotations, page.next_after is not None
    at = positions(spans, candles.time)
    return FoundSpans(spans, at[:, 1] - at[:, 0], more)


def annotators_of(ws: Workspace, *, pair: str, timeframe: str) -> list[str]:
    """Everyone who has said something of a series that counts now, by name."""
    said = ws.store.annotations.list(pair, timeframe)
    return sorted({one.annotator for one in said if one.annotator})


def _of_layers(ws: Workspace, pair: str, timeframe: str, wanted: AnnotationFilter) -> list[Annotation]:
    if wanted.annotator is not None:
        return []
    text = (wanted.text or "").lower()
    return [
        span
        for span in ws.store.talib.spans(
            pair, timeframe, start_time=wanted.start_time, end_time=wanted.end_time
        )
        if wanted.label in (None, span.label) and text in span.label.lower()
    ]
