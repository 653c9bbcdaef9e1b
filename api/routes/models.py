"""The models and the labels that there are."""

from fastapi import APIRouter

from api.openapi import problems
from api.schemas.stored import LabelBody, ModelMetrics, ModelMove, StoredModel
from api.service import ServiceDep
from mllib.pipeline.labels import list_labels
from mllib.pipeline.model_history import TrainedModel, list_models

router = APIRouter(tags=["models"])


@router.get("/models", responses=problems(503))
def models(service: ServiceDep) -> list[StoredModel]:
    """Lists every run that has a model, newest first, with its figures and the times that it was promoted."""
    return [_model(one) for one in list_models(service.ws)]


@router.get("/labels", responses=problems(503))
def labels(service: ServiceDep) -> list[LabelBody]:
    """Lists every label that ever was, oldest first, and what it is called now."""
    names = service.ws.store.labels.names()
    return [
        LabelBody(
            name=one.definition.name,
            color=one.definition.color,
            key=one.definition.key,
            state=one.state,
            now_called=names.resolve(one.definition.name),
            people=one.people,
            talib=one.talib,
        )
        for one in list_labels(service.ws, every=True)
    ]


def _model(one: TrainedModel) -> StoredModel:
    run = one.run
    return StoredModel(
        run_id=run.run_id,
        model_name=run.registered_model_name,
        model_version=None if run.model_version is None else str(run.model_version),
        model_type=run.model_type,
        encoder=run.encoder,
        status=run.status,
        is_champion=one.is_champion,
        pairs=run.request["pairs"],
        timeframe=run.request["timeframe"],
        trained_at=run.completed_at,
        metrics=ModelMetrics.model_validate(one.headline),
        moves=[
            ModelMove(moved_by=move.moved_by, reason=move.reason, moved_at=move.moved_at)
            for move in one.moves
        ],
    )
