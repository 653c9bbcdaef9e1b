"""What Prometheus reads."""

from typing import Any

from fastapi import APIRouter, Response

from api import metrics
from api.openapi import problems

router = APIRouter(tags=["health"])

_EXAMPLE = 'candleloop_requests_total{method="POST",route="/predict",status="200"} 1204.0\n'
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Metrics of all worker processes, in Prometheus' text format.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


@router.get("/metrics", response_class=Response, responses={**_TEXT, **problems()})
def exposition() -> Response:
    """Tells Prometheus what this server has counted, over all its worker processes."""
    return Response(metrics.exposition(), media_type=metrics.MEDIA_TYPE)
