"""The model that serves, and how to put another in its place."""

from fastapi import APIRouter

from api.openapi import problems
from api.schemas import LabelColor, Loaded, LoadRequest, Metrics, ModelDescription, RollbackRequest
from api.service import Service, ServiceDep
from mllib.errors import Conflict
from mllib.inference import Predictor
from mllib.pipeline.promoting import promote, rollback

router = APIRouter(prefix="/model", tags=["model"])


@router.get("/info", responses=problems(503))
def model_info(service: ServiceDep) -> ModelDescription:
    """Says which model serves, how good it was in its test, and how its labels are coloured."""
    predictor = service.champion.require()
    return ModelDescription(
        model_info=predictor.info,
        metrics=Metrics.model_validate(predictor.metrics),
        label_config=_label_config(service, predictor),
    )


@router.post("/load", responses=problems(404, 409, 422, 503))
def load_model(asked: LoadRequest, service: ServiceDep) -> Loaded:
    """Makes a run's model the champion; predictions under way finish on the model they started with.

    A run that the gate refused is loaded only with `over`, the reason, which is kept with the move.
    """
    _require_followed(service, asked.run_id)
    promote(service.ws, asked.run_id, moved_by="load", over=asked.over)
    service.champion.refresh()
    return Loaded(model_info=service.champion.require().info)


@router.post("/rollback", responses=problems(404, 409, 422, 503))
def roll_back(asked: RollbackRequest, service: ServiceDep) -> Loaded:
    """Makes the model that served before the champion the champion again."""
    move = service.ws.store.champions.current(service.ws.config.served_model_name)
    if move is not None:
        _require_followed(service, move.run_id)
    rollback(service.ws, reason=asked.reason)
    service.champion.refresh()
    return Loaded(model_info=service.champion.require().info)


def _label_config(service: Service, predictor: Predictor) -> list[LabelColor]:
    """The model's labels with their colours; nothing is written unless one has none yet."""
    names = predictor.info.label_names
    known = service.ws.store.labels.colors()
    if unseen := [name for name in names if name not in known]:
        known |= {label.name: label.color for label in service.ws.store.labels.ensure(unseen)}
    return [
        LabelColor(name=name, color=known[name], provisional_bars=predictor.provisional_bars_of(name))
        for name in names
        if name in known
    ]


def _require_followed(service: Service, run_id: str) -> None:
    """Refuses a run whose promotion would change nothing here."""
    config = service.ws.config
    if config.stages.inference.model_source == "local":
        raise Conflict(
            "model: found stages.inference.model_source local, expected mlflow. "
            "Change the configuration, so that the service follows the champion."
        )
    name = service.ws.store.runs.get(run_id).registered_model_name
    if name != config.served_model_name:
        raise Conflict(
            f"run {run_id}: found a model registered as {name}, expected {config.served_model_name}, which "
            "this service follows. Choose another run, or change stages.inference.mlflow_model_name."
        )
