"""Use cases about labels: import, export, TA-Lib's layer, and what all layers amount to for learning."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mllib.annotation_files import check_annotations, read_annotation_file
from mllib.candles import Candles
from mllib.config import IngestionSection
from mllib.datasets.facts import Facts
from mllib.errors import InvalidAnnotations
from mllib.matching import overlaps
from mllib.patterns import check_functions, detect, label_of
from mllib.pipeline.labels import without_retired
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE, Annotation, ReviewedRange, Span, positions, with_sub_spans
from mllib.store import AddOutcome
from mllib.timeframes import iso_utc, parse_time, parse_timeframe
from mllib.training import LabelledSeries

Layer = Literal["human", "talib"]
SAME_SPAN_IOU = 0.5
"""Two spans of one label with at least this IoU speak of the same thing."""
DRAWN_SPAN_IOU = 0.9
"""A span that a person drew is denied only by a verdict on nearly the same bounds: who dismisses a prediction
that merely overlaps it may have meant the bounds."""


@dataclass(frozen=True, slots=True)
class AnnotationImport:
    """What an import read and changed, and what now counts as reviewed."""

    notes: tuple[str, ...]
    outcome: AddOutcome
    reviewed: tuple[ReviewedRange, ...]


def import_annotations(
    ws: Workspace,
    file: Path,
    *,
    pair: str,
    timeframe: str,
    reviewed: str = "all",
    labels: Collection[str] = (),
) -> AnnotationImport:
    """Stores an export's annotations on candles that are stored already.

    `reviewed` is `all`, `none` or `START..END` (Unix s or ISO dates): where whoever made the file looked in
    full. They looked for `labels`, by default the file's and those that people use in other series.

    Raises:
        InvalidAnnotations: an entry is wrong or lies outside the candles; nothing is stored.
        NotFound: the candles are not stored.
    """
    timeframe = parse_timeframe(timeframe)
    candles = ws.candles.read(pair, timeframe)
    read = read_annotation_file(file)
    check_annotations(read.annotations, candles)
    found = {a.label for a in read.annotations} - {NOTHING}
    looked_for = frozenset(labels or found | _labels_people_use(ws))
    ranges = _reviewed_ranges(reviewed, candles, looked_for)
    outcome = ws.store.annotations.add(pair, timeframe, read.annotations, reviewed=ranges)
    ws.store.labels.ensure(sorted(looked_for | found))
    return AnnotationImport(read.notes, outcome, tuple(ranges))


def _labels_people_use(ws: Workspace) -> set[str]:
    return {count.label for count in ws.store.annotations.counts() if count.source in PEOPLE} - {NOTHING}


def _reviewed_ranges(text: str, candles: Candles, labels: frozenset[str]) -> list[ReviewedRange]:
    if text == "none":
        return []
    if text == "all":
        return [ReviewedRange(int(candles.time[0]), int(candles.time[-1]), labels)]
    start, separator, end = text.partition("..")
    if not separator:
        raise InvalidAnnotations(
            f"reviewed range: found {text!r}, expected all, none or START..END. "
            "Write --reviewed 2020-01-01..2020-06-30."
        )
    first, last = parse_time(start), parse_time(end, last=True)
    if first > last or not len(candles.between(first, last)):
        raise InvalidAnnotations(
            f"reviewed range: found {text}, expected START before END and candles of {candles.name} between "
            f"them ({iso_utc(int(candles.time[0]))} to {iso_utc(int(candles.time[-1]))}). Correct the range."
        )
    return [ReviewedRange(first, last, labels)]


def label_series(
    ws: Workspace, *, pair: str, timeframe: str, functions: Sequence[str] | None = None
) -> dict[str, int]:
    """Stores TA-Lib's spans of a series, by default of the configured functions; spans a function.

    Functions that are labelled up to the newest candle are left alone.
    """
    timeframe = parse_timeframe(timeframe)
    wanted = check_functions(
        ws.config.stages.annotation_ingestion.talib_patterns if functions is None else functions
    )
    candles = ws.candles.read(pair, timeframe)
    layers = ws.store.talib.layers(pair, timeframe)
    newest = int(candles.time[-1])
    stale = [f for f in wanted if f not in layers or layers[f].labelled_to_time != newest]
    if stale:
        _detect_into_store(ws, candles, stale)
        layers = ws.store.talib.layers(pair, timeframe)
    return {function: layers[function].span_count for function in wanted}


def refresh_layers(ws: Workspace, *, pair: str, timeframe: str) -> None:
    """Derives every TA-Lib layer of a series again, after candles before its newest one have changed."""
    functions = list(ws.store.talib.layers(pair, timeframe))
    if functions:
        _detect_into_store(ws, ws.candles.read(pair, timeframe), functions)


def _detect_into_store(ws: Workspace, candles: Candles, functions: Sequence[str]) -> None:
    spans = detect(candles, functions)
    ws.store.talib.replace(candles.pair, candles.timeframe, functions, spans, int(candles.time[-1]))
    ws.store.labels.ensure(sorted({span.label for found in spans.values() for span in found}))


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
        verdicts=tuple(one.annotation_id for one in reversed(ws.store.verdicts.list(pair, timeframe))),
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

    People's layer counts where it was reviewed; TA-Lib's is reviewed everywhere by nature.
    """
    people: list[Annotation] = []
    spans: list[Span] = []
    reviewed: list[ReviewedRange] = []
    if "human" in layers:
        standing = _standing(facts, candles)
        people, reviewed = _confident(standing, facts.reviewed, ingestion.min_confidence)
        if ingestion.sub_spans:
            people, reviewed = with_sub_spans(people, reviewed)
        spans += people
    if "talib" in layers:
        functions = check_functions(ingestion.talib_patterns)
        programmatic: list[Span] = list(facts.talib)
        if "human" in layers:
            denied = [denial for _, denial in _denials(facts.annotations)]
            programmatic = _without_twins(programmatic, denied, candles)
            spans, programmatic = _merged(people, programmatic, candles, ingestion.merge_strategy)
        spans += programmatic
        labels = frozenset(label_of(f, bullish=side) for f in functions for side in (True, False))
        reviewed.append(ReviewedRange(int(candles.time[0]), int(candles.time[-1]), labels))
    return LabelledSeries(candles, spans, reviewed)


def _standing(facts: Facts, candles: Candles) -> list[Annotation]:
    """People's spans that no later verdict denies; within a second, verdicts count in their order."""
    order = {annotation_id: i - len(facts.verdicts) for i, annotation_id in enumerate(facts.verdicts)}

    def given_at(fact: Annotation) -> tuple[int, int]:
        return fact.created_at, order.get(fact.id, -len(facts.verdicts) - 1)

    spans = [fact for fact in facts.annotations if fact.label != NOTHING]
    denials = _denials(facts.annotations)
    places = [denial for _, denial in denials]
    drawn = {i for i, span in enumerate(spans) if span.source == "human"}
    pairs = [pair for pair in _twins(spans, places, candles) if pair[0] not in drawn]
    pairs += [pair for pair in _twins(spans, places, candles, least_iou=DRAWN_SPAN_IOU) if pair[0] in drawn]
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


def _merged(
    people: Sequence[Span], programmatic: Sequence[Span], candles: Candles, strategy: str
) -> tuple[list[Span], list[Span]]:
    """People's and TA-Lib's spans, of which the one without priority gives way to a twin of the other."""
    if strategy == "human_priority":
        return list(people), _without_twins(programmatic, people, candles)
    if strategy == "programmatic_priority":
        return _without_twins(people, programmatic, candles), list(programmatic)
    return list(people), list(programmatic)


def _without_twins(spans: Sequence[Span], others: Sequence[Span], candles: Candles) -> list[Span]:
    """The spans that have no twin among the others."""
    twins = {i for i, _ in _twins(spans, others, candles)}
    return [span for i, span in enumerate(spans) if i not in twins]


def _twins(
    spans: Sequence[Span], others: Sequence[Span], candles: Candles, *, least_iou: float = SAME_SPAN_IOU
) -> list[tuple[int, int]]:
    """Pairs of one label that overlap by at least `least_iou`, as indices."""
    i, j, iou = overlaps(positions(spans, candles.time), positions(others, candles.time))
    near = iou >= least_iou
    pairs = zip(i[near].tolist(), j[near].tolist(), strict=True)
    return [(a, b) for a, b in pairs if spans[a].label == others[b].label]


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
