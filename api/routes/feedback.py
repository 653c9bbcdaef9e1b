"""What annotators say of predictions, and of what was missed."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from api.openapi import problems
from api.schemas import AnnotationBody, FeedbackRecorded, FeedbackRequest, SkipRecorded
from api.service import ServiceDep
from mllib.annotation_files import to_export
from mllib.pipeline.review import record_verdict
from mllib.spans import JudgedPrediction
from mllib.store import Feedback

router = APIRouter(prefix="/feedback", tags=["feedback"])

_REPEATED = {"description": "Recorded before; the same answer again.", "model": FeedbackRecorded}
_SKIPPED = {
    "description": "A skip, or that nothing is missing, noted before or now: it makes no annotation.",
    "model": SkipRecorded,
}


@router.post(
    "",
    status_code=201,
    response_model=FeedbackRecorded,
    responses={200: _REPEATED, 202: _SKIPPED, **problems(404, 409, 422, 503)},
)
def give_feedback(asked: FeedbackRequest, service: ServiceDep, response: Response) -> object:
    """Records a verdict, and the annotation that follows from it, once for each `client_id`."""
    verdict, is_new = record_verdict(service.ws, _feedback(asked))
    annotation = service.ws.store.verdicts.annotation_of(verdict.id)
    if annotation is None:
        return JSONResponse({"id": verdict.id}, HTTPStatus.ACCEPTED)
    if not is_new:
        response.status_code = HTTPStatus.OK
    exported = to_export([annotation])["annotations"][0]
    return FeedbackRecorded(id=verdict.id, annotation=AnnotationBody.model_validate(exported))


@router.delete("/{feedback_id}", status_code=204, responses=problems(404, 422, 503))
def retract_feedback(feedback_id: str, service: ServiceDep, annotator: str | None = None) -> Response:
    """Undoes a verdict; its annotation no longer counts. Twice is as once."""
    service.ws.store.verdicts.retract(feedback_id, annotator)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _feedback(asked: FeedbackRequest) -> Feedback:
    fields = asked.model_dump(exclude={"prediction", "settles", "labels"})
    judged = asked.prediction
    return Feedback(
        **fields,
        prediction=None if judged is None else JudgedPrediction(**judged.model_dump()),
        settles=tuple(asked.settles),
        labels=tuple(asked.labels),
    )
