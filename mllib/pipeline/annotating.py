"""Use cases about single annotations: look at them, make one, change one, export those of a series."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal
from uuid import uuid4

from mllib.annotation_files import check_annotations, to_csv, to_json, to_tagged_csv, to_window_csv
from mllib.annotators import annotator_name
from mllib.candle_gate import check_pair
from mllib.errors import Conflict, InvalidAnnotations, NotFound
from mllib.pipeline.series_listing import require_known
from mllib.pipeline.workspace import Workspace
from mllib.spans import PEOPLE, Annotation, JudgedPrediction, Span
from mllib.store import AnnotationFilter, AnnotationPage, StoredAnnotation
from mllib.timeframes import iso_utc, parse_timeframe

ExportForm = Literal["json", "csv", "bio", "windows"]


def find_annotations(
    ws: Workspace,
    *,
    pair: str,
    timeframe: str,
    wanted: AnnotationFilter,
    after: str | None = None,
    limit: int,
) -> AnnotationPage:
    """The annotations of a series that count now and are meant, by start.

    Raises:
        NotFound: nothing is known of the series, neither annotations nor candles.
        InvalidCandles: the pair or the timeframe cannot name a series.
        InvalidAnnotations: `after` is not where a page ended.
    """
    pair, timeframe = check_pair(pair), parse_timeframe(timeframe)
    page = ws.store.annotations.page(pair, timeframe, wanted, after=after, limit=limit)
    if not page.annotations:
        require_known(ws, pair, timeframe)
    return page


def annotate(
    ws: Workspace, annotation: Annotation, *, pair: str, timeframe: str
) -> tuple[StoredAnnotation, bool]:
    """The stored annotation, and whether it is new; its label gets a colour if it has none yet.

    An id makes a repeat harmless; an empty one gets one of ours. A repeat of what was retracted since
    changes nothing: it stays retracted.

    Raises:
        InvalidCandles: the pair or the timeframe cannot name a series.
        InvalidAnnotations: a bound is not the open of a stored candle.
        Conflict: the id is stored with other content.
    """
    pair, timeframe = check_pair(pair), parse_timeframe(timeframe)
    key = annotation.id or uuid4().hex
    annotator = annotator_name(annotation.annotator, f"annotation {key}")
    named = replace(annotation, id=key, annotator=annotator).in_order()
    _check_place(ws, named, pair, timeframe)
    outcome = ws.store.annotations.add(pair, timeframe, [named])
    if outcome.conflicts:
        stored = outcome.conflicts[0].stored
        raise Conflict(
            f"{pair} {timeframe}: annotation {named.id} is refused: found that id stored with other content "
            f"({stored.label} from {stored.start_time} to {stored.end_time}), expected the same or a new id. "
            "Send a new id, or change what is stored."
        )
    ws.store.labels.ensure([named.label])
    return _shown(ws, ws.store.annotations.get(named.id, pair=pair, timeframe=timeframe)), outcome.added == 1


def equal_spans(ws: Workspace, span: Span, *, pair: str, timeframe: str) -> list[Annotation]:
    """What people have standing in a series with the label and the bounds of a span."""
    pair, timeframe = check_pair(pair), parse_timeframe(timeframe)
    start_time, end_time = sorted((span.start_time, span.end_time))
    asked = ws.store.labels.names().annotation(Annotation(span.label, start_time, end_time, id=""))
    said = (asked.label, start_time, end_time)
    people = ws.store.annotations.list(pair, timeframe, sources=PEOPLE)
    return [one for one in people if (one.label, one.start_time, one.end_time) == said]


def there_already(span: Annotation, *, pair: str, timeframe: str) -> Conflict:
    """Why a span like a stored one is not stored once more."""
    return Conflict(
        f"{pair} {timeframe}: {span.label.replace('_', ' ')} from {iso_utc(span.start_time)} to "
        f"{iso_utc(span.end_time)}: found that this span is there already, by {span.annotator or 'people'}, "
        "expected one that is not. Change that one, or draw other bounds.",
        active_id=span.id,
    )


def change_annotation(
    ws: Workspace,
    annotation_id: str,
    changes: Mapping[str, Any],
    *,
    pair: str | None = None,
    timeframe: str | None = None,
) -> StoredAnnotation:
    """The annotation with other values in the fields given; what it said before is kept as history.

    A confirmed prediction that gets another label or other bounds is a corrected one from then on.

    Raises:
        NotFound: no annotation has that id.
        InvalidAnnotations: a bound is not the open of a stored candle, or given alone and beyond the other.
        Conflict: several series have that id, or it was retracted, or changed by someone else meanwhile.
    """
    canonical = None if timeframe is None else parse_timeframe(timeframe)
    stored = ws.store.annotations.get(annotation_id, pair=pair, timeframe=canonical)
    if stored.retracted:
        raise Conflict(
            f"Annotation {annotation_id} cannot be changed: found it retracted, expected one that counts. "
            "Make a new one."
        )
    _refuse_turning(stored.annotation, changes)
    if "annotator" in changes:
        name = annotator_name(changes["annotator"], f"annotation {annotation_id}")
        changes = {**changes, "annotator": name}
    changed = _corrected(replace(stored.annotation, **changes).in_order())
    if changed == stored.annotation:
        return _shown(ws, stored)
    _check_place(ws, changed, stored.pair, stored.timeframe)
    ws.store.annotations.supersede(stored, changed)
    ws.store.labels.ensure([changed.label])
    newest = ws.store.annotations.get(annotation_id, pair=stored.pair, timeframe=stored.timeframe)
    return _shown(ws, newest)


def annotations_to_export(ws: Workspace, *, pair: str, timeframe: str) -> list[Annotation]:
    """The annotations of a series that count now, under the present names of labels.

    Raises:
        NotFound: nothing is known of the series, neither annotations nor candles.
    """
    pair, timeframe = check_pair(pair), parse_timeframe(timeframe)
    found = ws.store.annotations.list(pair, timeframe)
    if not found:
        require_known(ws, pair, timeframe)
    return found


def exported_text(ws: Workspace, form: ExportForm, *, pair: str, timeframe: str) -> str:
    """The annotations of a series that count now, in one of the annotation tool's forms.

    `csv` has a row a span, `bio` a row a candle, `windows` a row a span with its candles.

    Raises:
        NotFound: nothing is known of the series; of `bio` and `windows`: the candles are not stored.
    """
    if form in ("bio", "windows"):
        candles = ws.candles.read(check_pair(pair), parse_timeframe(timeframe))
        found = ws.store.annotations.list(candles.pair, candles.timeframe)
        return to_tagged_csv(found, candles) if form == "bio" else to_window_csv(found, candles)
    found = annotations_to_export(ws, pair=pair, timeframe=timeframe)
    return to_csv(found) if form == "csv" else to_json(found)


def _check_place(ws: Workspace, annotation: Annotation, pair: str, timeframe: str) -> None:
    with suppress(NotFound):  # a chart may show series that are not stored here
        check_annotations([annotation], ws.candles.read(pair, timeframe))


def _refuse_turning(stored: Annotation, changes: Mapping[str, Any]) -> None:
    """Pass a change unless it moves one bound beyond the other, which nobody asked to move."""
    start, end = (changes.get(name, getattr(stored, name)) for name in ("start_time", "end_time"))
    given = [name for name in ("start_time", "end_time") if name in changes]
    if len(given) != 1 or start <= end:
        return
    (key,) = given
    relation, other = ("at or before", "end_time") if key == "start_time" else ("at or after", "start_time")
    raise InvalidAnnotations(
        f"Annotation {stored.id}, {key}: found {changes[key]} ({iso_utc(changes[key])}), expected a time "
        f"{relation} its {other}, {getattr(stored, other)} ({iso_utc(getattr(stored, other))}). "
        "Correct it, or send both bounds."
    )


def _corrected(annotation: Annotation) -> Annotation:
    judged = annotation.model_prediction
    if annotation.source != "model_confirmed" or judged is None or _stands(annotation, judged):
        return annotation
    return replace(annotation, source="model_corrected")


def _stands(annotation: Annotation, judged: JudgedPrediction) -> bool:
    """Whether an annotation says what the prediction said; unknown bounds are taken to be the same."""
    start_time = annotation.start_time if judged.start_time is None else judged.start_time
    end_time = annotation.end_time if judged.end_time is None else judged.end_time
    said = (annotation.label, annotation.start_time, annotation.end_time)
    return said == (judged.label, start_time, end_time)


def _shown(ws: Workspace, stored: StoredAnnotation) -> StoredAnnotation:
    return replace(stored, annotation=ws.store.labels.names().annotation(stored.annotation))
