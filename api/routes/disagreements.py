"""Where people, TA-Lib and the model differ, and what one version of a model changes against another."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from functools import partial
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request

from api.lanes import overdue
from api.openapi import problems
from api.schemas import Name, SpanBody, UnixTime
from api.schemas.disagreements import (
    AgreementSummary,
    Between,
    ChangeBody,
    DisagreementBody,
    Disagreements,
    ModelChanges,
)
from api.schemas.review import PredictedBody
from api.service import Service, ServiceDep
from api.sweeping import whole_series
from mllib.disagreement import Summary
from mllib.inference import Predictor
from mllib.pipeline.disagreement_notes import check_labels, notes_on
from mllib.pipeline.disagreements import (
    ChangeKind,
    Disagreement,
    Kind,
    Wanted,
    kinds_wanted,
    newest_first,
    summary,
    swept_disagreements,
    two_layers,
    version_changes,
)
from mllib.pipeline.promoting import find_version, load_run
from mllib.pipeline.span_layers import LayerName
from mllib.pipeline.sweeps import SweptSeries, sweep_steps
from mllib.spans import PredictedSpan, Span
from mllib.timeframes import parse_timeframe

router = APIRouter(tags=["review"])

Found = tuple[list[Disagreement], Summary]
Limit = Annotated[int, Query(ge=1, le=10_000)]
Labels = Annotated[list[Name] | None, Query(description="Of either span.")]
Bars = Annotated[int, Query(ge=0, le=1_000_000, description="That a bound of other bounds is off by.")]
Confidence = Annotated[float, Query(ge=0, le=1, description="Of the prediction, where there is one.")]
Judged = Annotated[bool | None, Query(description="Whether somebody has judged or skipped it, or not.")]


def _filters(
    labels: Labels = None,
    start_time: UnixTime | None = None,
    end_time: UnixTime | None = None,
    least_bars: Bars = 0,
    least_confidence: Confidence = 0.0,
    judged: Judged = None,
) -> Wanted:
    return Wanted(
        labels=labels,
        start_time=start_time,
        end_time=end_time,
        least_bars=least_bars,
        least_confidence=least_confidence,
        judged=judged,
    )


Filters = Annotated[Wanted, Depends(_filters)]


@router.get("/disagreements", responses=problems(404, 422, 429, 503))
async def disagreements(  # an argument a parameter
    request: Request,
    service: ServiceDep,
    pair: Name,
    timeframe: Name,
    filters: Filters,
    between: Between = "human,model",
    kinds: Annotated[list[Kind] | None, Query(description="By default without the last two.")] = None,
    limit: Limit = 1_000,
) -> Disagreements:
    """Compares two layers of stored candles, newest first; people's counts where they have reviewed.

    Spans are about the same candles from an intersection over union of 0.5 on. `label_mismatch` has both,
    `missed_by_human` the prediction alone, `missed_by_model` the person's span alone; `boundary_mismatch` and
    `agreement` are told where `kinds` asks for them.
    """
    asked = _Asked(service, request, pair, parse_timeframe(timeframe))
    layers = two_layers(between)
    wanted = replace(filters, kinds=kinds_wanted(kinds or [], between=layers))
    swept = await asked.swept(service.champion.require) if "model" in layers else None
    labels = () if swept is None else swept.labels
    found, told = await asked.told(partial(_layers, asked, layers, swept), wanted, limit, labels=labels)
    notes = await run_sync(_notes, asked, layers, swept)
    return Disagreements(
        pair=asked.pair,
        timeframe=asked.timeframe,
        model_version=None if swept is None else swept.model_version,
        disagreements=[_disagreement(one) for one in found],
        summary=AgreementSummary.model_validate(told.to_dict()),
        notes=notes,
    )


@router.get("/models/{run_id}/changes", responses=problems(404, 409, 422, 429, 503))
async def model_changes(  # noqa: PLR0913  # an argument a parameter
    request: Request,
    service: ServiceDep,
    run_id: Name,
    against: Annotated[Name, Query(description="A run id or a version, such as 7, as `run_id` may be too.")],
    pair: Name,
    timeframe: Name,
    filters: Filters,
    kinds: Annotated[list[ChangeKind] | None, Query(description="By default all but `kept`.")] = None,
    limit: Limit = 1_000,
) -> ModelChanges:
    """Says what a run's model keeps, moves, relabels, drops and adds on stored candles against another's.

    What neither has looked through yet is predicted first, as a batch does.
    """
    asked = _Asked(service, request, pair, parse_timeframe(timeframe))
    wanted = replace(filters, kinds=kinds_wanted(kinds or [], versions=True))
    before, after = [await asked.swept(partial(_loaded, service, name)) for name in (against, run_id)]
    labels = {*before.labels, *after.labels}
    found, told = await asked.told(
        partial(version_changes, service.ws, before, after), wanted, limit, labels=labels
    )
    return ModelChanges(
        pair=asked.pair,
        timeframe=asked.timeframe,
        before=before.model_version,
        after=after.model_version,
        changes=[_change(one) for one in found],
        summary=AgreementSummary.model_validate(told.to_dict()),
    )


class _Asked:
    """A series that is asked about, and the time of a batch for all of it."""

    def __init__(self, service: Service, request: Request, pair: str, timeframe: str) -> None:
        self.service, self.request = service, request
        self.pair, self.timeframe = pair, timeframe
        self._ends_at = asyncio.get_running_loop().time() + service.limits.batch_s

    async def swept(self, model: Callable[[], Predictor]) -> SweptSeries:
        """What the model says of the whole series; raises as `whole_series` does."""
        service, lane = self.service, self.service.sweeps
        left_s = self._ends_at - asyncio.get_running_loop().time()
        predictor = await lane.run(model, self.request, within_s=left_s)
        steps = sweep_steps(service.ws, service.stored, predictor, pair=self.pair, timeframe=self.timeframe)
        return await whole_series(steps, lane, self.request, ends_at=self._ends_at)

    async def told(
        self,
        find: Callable[[], list[Disagreement]],
        wanted: Wanted,
        limit: int,
        *,
        labels: Collection[str],
    ) -> Found:
        """What is found and wanted, and its summary; `labels` are those that the models give.

        Raises:
            Problem: 503 where the time has passed.
        """

        def work() -> Found:
            found = find()
            check_labels(self.service.ws, wanted.labels, found, of_models=labels)
            return newest_first(found, wanted, limit), summary(found, wanted)

        try:
            async with asyncio.timeout_at(self._ends_at):
                return await run_sync(work, abandon_on_cancel=True)
        except TimeoutError as exc:
            raise overdue() from exc


def _loaded(service: Service, name: str) -> Predictor:
    return load_run(service.ws, find_version(service.ws, name))


def _layers(
    asked: _Asked, between: tuple[LayerName, LayerName], swept: SweptSeries | None
) -> list[Disagreement]:
    history = asked.service.stored.read(asked.pair, asked.timeframe)
    return swept_disagreements(asked.service.ws, history, between, swept)


def _notes(asked: _Asked, between: tuple[LayerName, LayerName], swept: SweptSeries | None) -> list[str]:
    history = asked.service.stored.read(asked.pair, asked.timeframe)
    return notes_on(asked.service.ws, history, between, predicted=None if swept is None else swept.spans)


def _side_by_side(one: Disagreement) -> dict[str, Any]:
    pair = one.pair
    return {
        "kind": one.kind,
        "iou": pair.iou,
        "start_bars": pair.start_bars,
        "end_bars": pair.end_bars,
        "verdict": one.verdict,
    }


def _disagreement(one: Disagreement) -> DisagreementBody:
    return DisagreementBody(
        **_side_by_side(one),
        human=_span(one.human),
        predicted=_predicted(one.predicted),
        talib=_span(one.talib),
    )


def _change(one: Disagreement) -> ChangeBody:
    return ChangeBody(**_side_by_side(one), before=_predicted(one.pair.a), after=_predicted(one.pair.b))


def _span(span: Span | None) -> SpanBody | None:
    if span is None:
        return None
    return SpanBody(label=span.label, start_time=span.start_time, end_time=span.end_time)


def _predicted(span: Span | None) -> PredictedBody | None:
    assert span is None or isinstance(span, PredictedSpan)
    return None if span is None else PredictedBody(**asdict(span))
