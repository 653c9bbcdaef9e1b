"""Use case: why a run's model predicts a span at a place."""

from mllib.errors import NotFound
from mllib.explaining import Explanation, explain
from mllib.pipeline.predicting import StoredCandles, predict_stored
from mllib.pipeline.promoting import find_run, load_run
from mllib.pipeline.workspace import Workspace
from mllib.timeframes import iso_utc, parse_timeframe


def explain_span(
    ws: Workspace,
    *,
    run_id: str | None,
    pair: str,
    timeframe: str,
    at: int,
    label: str | None = None,
    most: int = 6,
) -> Explanation:
    """The reasons for the most confident span of a label (or of any) that covers a time (Unix s).

    Raises:
        NotFound: no such run or series, or nothing of that label is predicted there.
    """
    predictor = load_run(ws, find_run(ws, run_id))
    stored = StoredCandles(ws)
    canonical = parse_timeframe(timeframe)
    found = predict_stored(
        predictor, stored, pair=pair, timeframe=canonical, start_time=at, end_time=at
    ).spans
    chosen = [span for span in found if label in (None, span.label)]
    if not chosen:
        there = ", ".join(sorted({span.label for span in found})) or "nothing"
        raise NotFound(
            f"{pair} {canonical} at {iso_utc(at)}: found {there} predicted there, expected "
            f"{label or 'some pattern'}. Look for spans with `candleloop predict`."
        )
    span = max(chosen, key=lambda one: one.avg_confidence)
    return explain(predictor, stored.read(pair, canonical), span, most=most)
