"""How far annotators agree."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from api.openapi import problems
from api.schemas import Name
from api.schemas.agreement import AgreementBody
from api.service import ServiceDep
from mllib.agreement import Agreement, SharedPlace
from mllib.pipeline.agreeing import annotator_agreement

router = APIRouter(tags=["review"])


@router.get("/agreement", responses=problems(404, 422, 503))
def agreement(
    service: ServiceDep, pair: Name | None = None, timeframe: Name | None = None
) -> list[AgreementBody]:
    """Compares every two annotators on the places of stored series that both judged.

    `kappa` is Cohen's over labels, `O` among them; `mean_iou` is over spans that both see of one label. A
    verdict with `settles` takes a place off `differences`.
    """
    found = annotator_agreement(service.ws, pair=pair, timeframe=timeframe, stored=service.stored)
    return [AgreementBody.model_validate(_plain(one)) for one in found]


def _plain(found: Agreement) -> dict[str, Any]:
    return {**asdict(found), "differences": [_difference(one) for one in found.differences]}


def _difference(one: SharedPlace) -> dict[str, Any]:
    where = {"pair": one.first.pair, "timeframe": one.first.timeframe}
    return {**where, **asdict(one), "difference": one.difference}
