"""Use cases about labels: TA-Lib's layer, and what all layers amount to for learning."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from mllib.candles import Candles
from mllib.config import IngestionSection
from mllib.datasets.facts import Facts
from mllib.merging import merged, twins, without_twins
from mllib.patterns import PatternSpans, check_functions, detect, label_of
from mllib.pipeline.labels import without_retired
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE, Annotation, ReviewedRange, Span, positions, with_sub_spans
from mllib.store import TalibLayer
from mllib.timeframes import parse_timeframe
from mllib.training import LabelledSeries

Layer = Literal["human", "talib"]
DRAWN_SPAN_IOU = 0.9
"""A span that a person drew is denied only by a verdict on nearly the same bounds: who dismisses a prediction
that merely overlaps it may have meant the bounds."""


def label_series(
    ws: Workspace, *, pair: str, timeframe: str, functions: Sequence[str] | None = None
) -> dict[str, int]:
    """Stores TA-Lib's spans of a series, by default of the configured functions; spans a function.

    Functions that are labelled up to the newest candle are left alone.
    """
    timeframe = parse_timeframe(timeframe)
    wanted = wanted_functions(ws, functions)
    candles = ws.candles.read(pair, timeframe)
    layers = ws.store.talib.layers(pair, timeframe)
    stale = stale_functions(layers, wanted, newest=int(candles.time[-1]))
    if stale:
        _detect_into_store(ws, candles, stale)
        layers = ws.store.talib.layers(pair, timeframe)
    return {function: layers[function].span_count for function in wanted}


def refresh_layers(ws: Workspace, *, pair: str, timeframe: str) -> None:
    """Derives every TA-Lib layer of a series again, whose candles may have changed."""
    functions = list(ws.store.talib.layers(pair, timeframe))
    if functions:
        _detect_into_store(ws, ws.candles.read(pair, timeframe), functions)


def wanted_functions(ws: Workspace, functions: Sequence[str] | None) -> tuple[str, ...]:
    """TA-Lib's functions that are asked for, by default the configured ones; raises for an unknown one."""
    configured = ws.config.stages.annotation_ingestion.talib_patterns
    return check_functions(configured if functions is None else functions)


def stale_functions(
    layers: Mapping[str, TalibLayer], functions: Sequence[str], *, newest: int
) -> tuple[str, ...]:
    """The functions whose layer does not reach the newest candle, or is not there."""
    return tuple(f for f in functions if f not in layers or layers[f].labelled_to_time != newest)


def _detect_into_store(ws: Workspace, candles: Candles, functions: Sequence[str]) -> None:
    store_patterns(ws, detect(candles, functions), pair=candles.pair, timeframe=candles.timeframe)


def store_patterns(ws: Workspace, found: Mapping[str, PatternSpans], *, pair: str, timeframe: str) -> None:
    """Puts what `detect` found on all candles of a series in the place of these functions' layers."""
    newest = max(int(spans.time[-1]) for spans in found.values())
    ws.store.talib.replace(pair, timeframe, list(found), found, newest)
    ws.store.labels.ensure(sorted({span.label for spans in found.values() for span in spans}))


def known_facts(ws: Workspace, *, pair: str, timeframe: str, functions: Sequence[str] | None) -> Facts:
    """What counts of a series, under present names and without retired labels.

    TA-Lib's layer of these functions (None: no layer) is brought up to date.
    """
    talib: list[Annotation] = []
    if functions is not None:
        label_series(ws, pair=pair, timeframe=timeframe, functions=functions)
        talib = ws.store.talib.spans(pair, timeframe, check_functions(functions))
    facts = Facts(
        annotations=tuple(ws.store.annotations.list(pair, timeframe, sources=PEOPLE)),
        reviewed=tuple(ws.store.annotations.reviewed(pair, timeframe)),
        verdicts=tuple(
            one.annotation_id
            for one in reversed(ws.store.verdicts.list(pair, timeframe))
            if one.annotation_id is not None
        ),
        talib=tuple(talib),
    )
    return without_retired(facts, ws.store.labels.names())


def labelled_series(
    ws: Workspace, *, pair: str, timeframe: str, layers: Collection[Layer], ingestion: IngestionSection
) -> LabelledSeries:
    """What `labelled` makes of a stored series."""
    candles = ws.candles.read(pair, timeframe)
    functions = ingestion.talib_patterns if "talib" in layers else None
    facts = known_facts(ws, pair=pair, timeframe=timeframe, functions=functions)
    return labelled(candles, facts, layers=layers, ingestion=ingestion)


def labelled(
    candles: Candles, facts: Facts, *, layers: Collection[Layer], ingestion: IngestionSection
) -> LabelledSeries:
    """Candles with the spans of the chosen layers, merged, and the ranges where silence is a negative.

    People's layer counts where it was reviewed; TA-Lib's is reviewed everywhere by nature. With the source
    `point`, a single candle that a person marked stands for the `window_size` candles around it.
    """
    people: list[Annotation] = []
    spans: list[Span] = []
    reviewed: list[ReviewedRange] = []
    if "human" in layers:
        standing = _standing(facts, candles)
        if ingestion.source == "point":
            standing = [_around(span, candles, ingestion.window_size) for span in standing]
        people, reviewed = _confident(standing, facts.reviewed, ingestion.min_confidence)
        if ingestion.sub_spans:
            people, reviewed = with_sub_spans(people, reviewed)
        spans += people
    if "talib" in layers:
        functions = check_functions(ingestion.talib_patterns)
        programmatic: list[Span] = list(facts.talib)
        if "human" in layers:
            denied = [denial for _, denial in _denials(facts.annotations)]
            programmatic = without_twins(programmatic, denied, candles)
            spans, programmatic = merged(people, programmatic, candles, ingestion.merge_strategy)
        spans += programmatic
        labels = frozenset(label_of(f, bullish=side) for f in functions for side in (True, False))
        reviewed.append(ReviewedRange(int(candles.time[0]), int(candles.time[-1]), labels))
    return LabelledSeries(candles, spans, reviewed)


def _around(span: Annotation, candles: Candles, bars: int) -> Annotation:
    """The window of so many bars around a person's single candle, cut off where the series ends."""
    if span.source != "human" or span.start_time != span.end_time:
        return span
    ((at, end),) = positions([span], candles.time).tolist()
    if at == end:
        return span
    first = max(at - bars // 2, 0)
    last = min(at - bars // 2 + bars, len(candles)) - 1
    return replace(span, start_time=int(candles.time[first]), end_time=int(candles.time[last]))


def _standing(facts: Facts, candles: Candles) -> list[Annotation]:
    """People's spans that no later verdict denies; within a second, verdicts count in their order."""
    order = {annotation_id: i - len(facts.verdicts) for i, annotation_id in enumerate(facts.verdicts)}

    def given_at(fact: Annotation) -> tuple[int, int]:
        return fact.created_at, order.get(fact.id, -len(facts.verdicts) - 1)

    spans = [fact for fact in facts.annotations if fact.label != NOTHING]
    denials = _denials(facts.annotations)
    places = [denial for _, denial in denials]
    drawn = {i for i, span in enumerate(spans) if span.source == "human"}
    pairs = [pair for pair in twins(spans, places, candles) if pair[0] not in drawn]
    pairs += [pair for pair in twins(spans, places, candles, least_iou=DRAWN_SPAN_IOU) if pair[0] in drawn]
    denied = {
        i
        for i, j in pairs
        if given_at(denials[j][0]) >= given_at(spans[i]) and denials[j][0].id != spans[i].id
    }
    return [span for i, span in enumerate(spans) if i not in denied]


def _denials(facts: Sequence[Annotation]) -> list[tuple[Annotation, Span]]:
    """Which verdict denies what: dismissed predictions, and those corrected."""
    denied = []
    for fact in facts:
        judged = fact.model_prediction
        if judged is None or fact.source == "model_confirmed":
            continue
        start = fact.start_time if judged.start_time is None else judged.start_time
        end = fact.end_time if judged.end_time is None else judged.end_time
        kept = (fact.label, fact.start_time, fact.end_time) == (judged.label, start, end)
        if not kept:
            denied.append((fact, Span(judged.label, start, end)))
    return denied


def _confident(
    spans: Sequence[Annotation], reviewed: Sequence[ReviewedRange], least: int | None
) -> tuple[list[Annotation], list[ReviewedRange]]:
    """Drops spans that their annotator found less clear than `least`; their bars become unknown."""
    unclear = [s for s in spans if least is not None and s.clarity is not None and s.clarity < least]
    ranges = list(reviewed)
    for span in unclear:
        ranges = [part for known in ranges for part in _cut_out(known, span)]
    return [span for span in spans if span not in unclear], ranges


def _cut_out(known: ReviewedRange, span: Span) -> list[ReviewedRange]:
    if span.label not in known.labels or span.end_time < known.start_time or span.start_time > known.end_time:
        return [known]
    only = frozenset({span.label})
    parts = [
        replace(known, labels=known.labels - only),
        ReviewedRange(known.start_time, span.start_time - 1, only),
        ReviewedRange(span.end_time + 1, known.end_time, only),
    ]
    return [part for part in parts if part.labels and part.start_time <= part.end_time]
