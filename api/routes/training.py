"""Training runs: asked for here, carried out by the worker."""

import time
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter

from api.disclosure import for_clients
from api.openapi import problems
from api.problems import Problem, kind_of
from api.schemas import Started, TrainingRequest, TrainingRun
from api.service import ServiceDep
from mllib.config import TrainingSection
from mllib.errors import Conflict, InvalidConfig
from mllib.jobs import enqueue_run
from mllib.pipeline.overview import time_left_s
from mllib.pipeline.run_watch import clear_abandoned
from mllib.pipeline.runs import request_training, resolve_config
from mllib.pipeline.workspace import Workspace
from mllib.store import Run

router = APIRouter(prefix="/training", tags=["training"])

_SECTIONS = ("stages.training.", "stages.annotation_ingestion.", "stages.feature_engineering.context.")
"""What a request may override. `custom_features` and paths name code and files, and stay the operator's."""
_NAMED = ("model_type", "encoder", "pair", "pairs", "timeframe", "labels")
_LEFT_OUT = frozenset({"boundary_errors", "calibration", "curves", "span_reliability", "span_scores"})
"""Metrics of a run that the ledger's answers leave out for their size; `/model/info` has them."""
_KEYS = tuple(dict.fromkeys((*_NAMED, *TrainingSection.model_fields)))


@router.post("/start", status_code=202, responses=problems(404, 409, 422, 503))
def start_training(asked: TrainingRequest, service: ServiceDep) -> Started:
    """Queues a run and answers at once; while one is active, 409 names it in `run_id`."""
    config = resolve_config(
        service.ws.config,
        model_type=asked.model_type,
        encoder=asked.encoder,
        layers=asked.labels,
        overrides=_overrides(asked.model_extra or {}),
    )
    pairs = [*([asked.pair] if asked.pair is not None else []), *asked.pairs]
    try:
        run = request_training(service.ws, pairs=pairs, timeframe=asked.timeframe, config=config)
    except Conflict as exc:
        raise Problem(HTTPStatus.CONFLICT, str(exc), kind=kind_of(Conflict), run_id=exc.active_id) from exc
    enqueue_run(service.ws, run)
    return Started(run_id=run.run_id, status=run.status)


@router.get("/runs", responses=problems(503))
def training_runs(service: ServiceDep) -> list[TrainingRun]:
    """Lists every run, newest first; a run whose worker is gone shows as failed."""
    clear_abandoned(service.ws)
    champion = _champion_run(service.ws)
    return [_shown(service.ws, run, champion) for run in service.ws.store.runs.list()]


@router.get("/runs/{run_id}", responses=problems(404, 422, 503))
def training_run(run_id: str, service: ServiceDep) -> TrainingRun:
    """Shows one run."""
    clear_abandoned(service.ws)
    return _shown(service.ws, service.ws.store.runs.get(run_id), _champion_run(service.ws))


@router.post("/runs/{run_id}/cancel", responses=problems(404, 409, 422, 503))
def cancel_run(run_id: str, service: ServiceDep) -> TrainingRun:
    """Ends a run that is queued or running; its worker stops at its next step."""
    run = service.ws.store.runs.cancel(run_id, reason="Cancelled over the API.")
    return _shown(service.ws, run, _champion_run(service.ws))


def _overrides(extra: dict[str, Any]) -> dict[str, Any]:
    """Dotted configuration keys of a request's further keys.

    >>> _overrides({"test_split": 0.3, "stages.training.seed": 1})
    {'stages.training.test_split': 0.3, 'stages.training.seed': 1}
    """
    return {_dotted(key): value for key, value in extra.items()}


def _dotted(key: str) -> str:
    if key in TrainingSection.model_fields:
        return f"{_SECTIONS[0]}{key}"
    if key.startswith(_SECTIONS):
        return key
    raise InvalidConfig(
        f"$.{key}: found an unknown key, expected one of {', '.join(_KEYS)}, or a dotted key below "
        f"{', '.join(section.rstrip('.') for section in _SECTIONS)}. "
        "Correct its spelling or remove it."
    )


def _champion_run(ws: Workspace) -> str | None:
    move = ws.store.champions.current(ws.config.served_model_name)
    return None if move is None else move.run_id


def _shown(ws: Workspace, run: Run, champion: str | None) -> TrainingRun:
    return TrainingRun(
        run_id=run.run_id,
        model_type=run.model_type,
        status=run.status,
        created_at=run.created_at,
        completed_at=run.completed_at,
        metrics={k: v for k, v in run.metrics.items() if k not in _LEFT_OUT} if run.metrics else None,
        error=None if run.error is None else for_clients(run.error, ws),
        progress=run.progress,
        stage=run.stage,
        started_at=run.started_at,
        time_left_s=time_left_s(run, now=time.time()) if run.status == "running" else None,
        model_version=None if run.model_version is None else str(run.model_version),
        encoder=run.encoder,
        pairs=run.request["pairs"],
        timeframe=run.request["timeframe"],
        is_champion=run.run_id == champion,
        asked_by=run.asked_by,
        asked_why=run.asked_why,
    )
