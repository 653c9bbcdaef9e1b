"""The labelled dataset: what is in it, and building it anew."""

from pathlib import Path

from fastapi import APIRouter

from api.openapi import problems
from api.schemas import BuildRequest, DatasetInfo
from api.service import ServiceDep
from mllib.pipeline.runs import resolve_config
from mllib.pipeline.workspace import Workspace

router = APIRouter(prefix="/training", tags=["training"])


@router.get("/dataset-info", responses=problems(503))
def dataset_info(service: ServiceDep) -> DatasetInfo:
    """Shows the newest dataset: its file, its candles, and its spans by label and source."""
    return _described(service.ws, None)


@router.post("/build-dataset", responses=problems(404, 422, 503))
def build_labelled_dataset(service: ServiceDep, asked: BuildRequest | None = None) -> DatasetInfo:
    """Builds the labelled dataset of the stored candles and annotations; equal content has one version."""
    from mllib.pipeline.datasets import build_dataset

    wanted = asked or BuildRequest()
    config = resolve_config(service.ws.config, layers=wanted.labels)
    pairs = [*([wanted.pair] if wanted.pair is not None else []), *wanted.pairs]
    dataset = build_dataset(service.ws, config, pairs=pairs, timeframe=wanted.timeframe)
    return _described(service.ws, dataset.version)


def _described(ws: Workspace, version: str | None) -> DatasetInfo:
    from mllib.pipeline.datasets import describe_dataset  # pandas, which serving does not need

    found = describe_dataset(ws, version)
    return DatasetInfo(**found | {"path": str(Path(found["path"]).relative_to(ws.home))})
