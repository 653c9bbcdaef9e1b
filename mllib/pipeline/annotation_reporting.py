"""Use case: what the annotations of a stored series amount to."""

from mllib.annotation_report import AnnotationReport, report
from mllib.pipeline.annotations import known_facts, labelled
from mllib.pipeline.workspace import Workspace
from mllib.spans import PEOPLE, Annotation
from mllib.timeframes import parse_timeframe


def annotation_report(ws: Workspace, *, pair: str, timeframe: str) -> AnnotationReport:
    """The report on people's annotations and TA-Lib's configured layer, which is brought up to date.

    Overlaps, agreement and strategies are over the spans that training would learn from, as the configuration
    has it: those that no verdict denies, clear enough, of labels in use.

    Raises:
        NotFound: the series is not stored.
    """
    ingestion = ws.config.stages.annotation_ingestion
    timeframe = parse_timeframe(timeframe)
    candles = ws.candles.read(pair, timeframe)
    facts = known_facts(ws, pair=pair, timeframe=timeframe, functions=ingestion.talib_patterns)
    apart = ingestion.model_copy(update={"merge_strategy": "both"})
    spans = [
        span
        for span in labelled(candles, facts, layers=("human", "talib"), ingestion=apart).spans
        if isinstance(span, Annotation)
    ]
    return report(
        [*ws.store.annotations.list(pair, timeframe, sources=PEOPLE), *facts.talib],
        candles,
        people=[span for span in spans if span.source in PEOPLE],
        talib=[span for span in spans if span.source not in PEOPLE],
    )
