"""How far annotators agree."""

from fastapi import APIRouter

from api.openapi import problems
from api.schemas import Name
from api.schemas.agreement import AgreementBody
from api.service import ServiceDep
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
    return [AgreementBody.model_validate(one.to_dict()) for one in found]
