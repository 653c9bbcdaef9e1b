"""Whether the process lives, and whether it can predict. Neither touches database or disk."""

from fastapi import APIRouter

from api.disclosure import for_clients
from api.openapi import problems
from api.schemas import Health, Ready
from api.service import ServiceDep

router = APIRouter(tags=["health"])


@router.get("/health", responses=problems())
async def health(service: ServiceDep) -> Health:
    """Answers while the process lives."""
    predictor = service.champion.predictor
    version = None if predictor is None else predictor.info.model_version
    return Health(model_loaded=predictor is not None, model_version=version)


@router.get("/ready", responses=problems(503))
async def ready(service: ServiceDep) -> Ready:
    """Answers 200 only when a model is loaded and has run a prediction."""
    info, error = service.champion.require().info, service.champion.error
    told = None if error is None else for_clients(error, service.ws)
    return Ready(model_version=info.model_version, run_id=info.run_id, error=told)
