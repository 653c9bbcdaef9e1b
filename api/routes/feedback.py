"""What annotators say of predictions."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from api.openapi import problems
from api.schemas import AnnotationBody, FeedbackRecorded, FeedbackRequest
from api.service import ServiceDep
from mllib.annotation_files import to_export
from mllib.pipeline.review import record_verdict
from mllib.spans import JudgedPrediction
from mllib.store import Feedback

router = APIRouter(prefix="/feedback", tags=["feedback"])

_REPEATED = {"description": "Recorded before; the same answer again.", "model": FeedbackRecorded}


@router.post("", status_code=201, responses={200: _REPEATED, **problems(409, 422, 503)})
def give_feedback(asked: FeedbackRequest, service: ServiceDep, response: Response) -> FeedbackRecorded:
    """Records a verdict, and the annotation that follows from it, once for each `client_id`."""
    verdict, is_new = record_verdict(service.ws, _feedback(asked))
    if not is_new:
        response.status_code = HTTPStatus.OK
    exported = to_export([service.ws.store.verdicts.annotation_of(verdict.id)])["annotations"][0]
    return FeedbackRecorded(id=verdict.id, annotation=AnnotationBody.model_validate(exported))


@router.delete("/{feedback_id}", status_code=204, responses=problems(404, 422, 503))
def retract_feedback(feedback_id: str, service: ServiceDep, annotator: str | None = None) -> Response:
    """Undoes a verdict; its annotation no longer counts. Twice is as once."""
    service.ws.store.verdicts.retract(feedback_id, annotator)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _feedback(asked: FeedbackRequest) -> Feedback:
    fields = asked.model_dump(exclude={"prediction"})
    return Feedback(**fields, prediction=JudgedPrediction(**asked.prediction.model_dump()))
