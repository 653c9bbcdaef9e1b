"""The routes, one module a noun."""

from fastapi import APIRouter

from api.routes import (
    agreement,
    annotations,
    candles,
    datasets,
    disagreements,
    docs,
    feedback,
    health,
    metrics,
    model,
    models,
    patterns,
    predictions,
    review,
    training,
)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    predictions.router,
    model.router,
    patterns.router,
    training.router,
    datasets.router,
    feedback.router,
    annotations.router,
    candles.router,
    models.router,
    disagreements.router,
    review.router,
    agreement.router,
    metrics.router,
    docs.router,
)
"""In the order in which the documentation shows them."""
