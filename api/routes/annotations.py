"""People's annotations: look at them, make, change and retract them, take and give whole exports."""

from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response

from api.openapi import problems
from api.schemas import Name
from api.schemas.annotations import (
    AnnotationChange,
    AnnotationExport,
    AnnotationPageBody,
    AnnotationQuery,
    AnnotationRequest,
    AnnotationsImported,
    ConflictBody,
    ReviewedBody,
    StoredAnnotationBody,
    SubSpanBody,
)
from api.service import Service, ServiceDep
from api.uploads import received
from mllib.annotation_files import SOURCES, exported
from mllib.pipeline.annotating import (
    ExportForm,
    annotate,
    change_annotation,
    exported_text,
    find_annotations,
)
from mllib.pipeline.importing import AnnotationImport, import_annotations
from mllib.spans import Annotation, JudgedPrediction, Span
from mllib.store import AnnotationFilter, StoredAnnotation
from mllib.timeframes import parse_timeframe

router = APIRouter(prefix="/annotations", tags=["annotations"])

_REPEATED = {"description": "Stored before; the same answer again.", "model": StoredAnnotationBody}
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_EXPORT = {"schema": {"type": "object", "properties": {"annotations": {"type": "array"}}}}
_UPLOAD = {"requestBody": {"required": True, "content": {"application/json": _EXPORT, "text/csv": _FILE}}}


@router.get("", response_model=AnnotationPageBody, responses=problems(404, 422, 503))
def annotations(service: ServiceDep, asked: Annotated[AnnotationQuery, Query()]) -> Response:
    """Lists the annotations of a series that count now, by start; what was dismissed has the label `O`."""
    names = ("start_time", "end_time", "label", "source", "annotator")
    page = find_annotations(
        service.ws,
        pair=asked.pair,
        timeframe=asked.timeframe,
        wanted=AnnotationFilter(**{name: getattr(asked, name) for name in names}),
        after=asked.after,
        limit=asked.limit,
    )
    canonical = parse_timeframe(asked.timeframe)
    found = [_entry(one, asked.pair, canonical) for one in page.annotations]
    return _json({"annotations": found, "next": page.next_after})


@router.post("", status_code=201, responses={200: _REPEATED, **problems(409, 422, 503)})
def make_annotation(
    asked: AnnotationRequest, service: ServiceDep, response: Response
) -> StoredAnnotationBody:
    """Stores a span, once for each `id`; a start after its end is swapped.

    Where the series' candles are stored, the bounds have to be opens of theirs.
    """
    stored, is_new = annotate(service.ws, _annotation(asked), pair=asked.pair, timeframe=asked.timeframe)
    if not is_new:
        response.status_code = HTTPStatus.OK
    return _body(stored)


@router.get("/export", response_model=AnnotationExport, responses={**_CSV, **problems(404, 422, 503)})
def export_annotations(
    service: ServiceDep, pair: Name, timeframe: Name, format: ExportForm = "json"
) -> Response:
    """Gives the annotations of a series that count now in the annotation tool's own shapes.

    `csv` has a row a span, `bio` a row a stored candle with its tag, `windows` a row a span with its candles.
    """
    text = exported_text(service.ws, format, pair=pair, timeframe=timeframe)
    return Response(text, media_type="application/json" if format == "json" else "text/csv")


@router.post("/import", responses=problems(404, 422, 503), openapi_extra=_UPLOAD)
async def import_export(
    request: Request,
    service: ServiceDep,
    pair: Name,
    timeframe: Name,
    reviewed: Name | None = None,
    labels: Annotated[list[Name], Query()] = [],  # noqa: B006  # FastAPI copies it
    update: bool = False,
    format: Literal["json", "csv"] | None = None,
) -> AnnotationsImported:
    """Stores an export of the annotation tool, JSON or CSV, on stored candles; all of it or nothing.

    `reviewed` says where all was looked at: `all`, `none` or `START..END` (ISO 8601 or Unix seconds), by
    default `all`, and `none` where the file has no annotations. It is so for `labels`, by default those in
    the file and those in use. Where an id is stored with other content, that
    stays and is told in `conflicts`; with `update` the new content takes its place.
    """
    parse_timeframe(timeframe)
    work = partial(
        import_annotations, pair=pair, timeframe=timeframe, reviewed=reviewed, labels=labels, update=update
    )
    name = "annotations" if format is None else f"annotations.{format}"
    async with received(request, service.ws.home, name) as file:
        return await run_sync(partial(_import, service, file, work), limiter=service.imports)


@router.patch("/{annotation_id:path}", responses=problems(404, 409, 422, 503))
def alter_annotation(
    annotation_id: Name,
    asked: AnnotationChange,
    service: ServiceDep,
    pair: Name | None = None,
    timeframe: Name | None = None,
) -> StoredAnnotationBody:
    """Changes the fields given; a start after its end is refused, unless both are given, which swaps them.

    `pair` and `timeframe` are needed only where several series have that id.
    """
    changes = {name: getattr(asked, name) for name in asked.model_fields_set}
    if "confidence" in changes:
        changes["clarity"] = changes.pop("confidence")
    if "sub_spans" in changes:
        changes["sub_spans"] = _sub_spans(asked.sub_spans)
    stored = change_annotation(service.ws, annotation_id, changes, pair=pair, timeframe=timeframe)
    return _body(stored)


@router.delete("/{annotation_id:path}", status_code=204, responses=problems(404, 409, 422, 503))
def retract_annotation(
    annotation_id: Name,
    service: ServiceDep,
    annotator: Name | None = None,
    pair: Name | None = None,
    timeframe: Name | None = None,
) -> Response:
    """Takes an annotation back, so that it no longer counts. Twice is as once."""
    canonical = None if timeframe is None else parse_timeframe(timeframe)
    service.ws.store.annotations.retract(annotation_id, annotator=annotator, pair=pair, timeframe=canonical)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _annotation(asked: AnnotationRequest) -> Annotation:
    judged = asked.model_prediction
    return Annotation(
        label=asked.label,
        start_time=asked.start_time,
        end_time=asked.end_time,
        id="" if asked.id is None else str(asked.id),
        source="human" if asked.source is None else SOURCES[asked.source],
        annotator=asked.annotator,
        clarity=asked.confidence,
        outcome=asked.outcome,
        sub_spans=_sub_spans(asked.sub_spans),
        notes=asked.notes,
        model_prediction=None if judged is None else JudgedPrediction(**judged.model_dump()),
    )


def _sub_spans(asked: list[SubSpanBody] | None) -> tuple[Span, ...] | None:
    if asked is None:
        return None
    return tuple(Span(one.label, *sorted((one.start_time, one.end_time))) for one in asked)


def _entry(one: Annotation, pair: str, timeframe: str) -> dict[str, Any]:
    own = {"pair": pair, "timeframe": timeframe, "annotator": one.annotator, "created_at": one.created_at}
    return exported(one) | own


def _body(stored: StoredAnnotation) -> StoredAnnotationBody:
    return StoredAnnotationBody.model_validate(_entry(stored.annotation, stored.pair, stored.timeframe))


def _import(service: Service, file: Path, work: "partial[AnnotationImport]") -> AnnotationsImported:
    done = work(service.ws, file)
    return AnnotationsImported(
        added=done.outcome.added,
        updated=done.outcome.updated,
        unchanged=done.outcome.unchanged,
        conflicts=[ConflictBody.model_validate(asdict(one)) for one in done.conflicts],
        reviewed=[
            ReviewedBody(start_time=one.start_time, end_time=one.end_time, labels=sorted(one.labels))
            for one in done.reviewed
        ],
        notes=list(done.notes),
    )


def _json(answer: dict[str, Any]) -> Response:
    """Written here, in the route's own thread: there may be many."""
    return Response(msgspec.json.encode(answer), media_type="application/json")
