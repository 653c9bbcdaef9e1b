"""The routes, one module a noun."""

from fastapi import APIRouter

from api.routes import datasets, docs, feedback, health, metrics, model, patterns, predictions, training

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    predictions.router,
    model.router,
    patterns.router,
    training.router,
    datasets.router,
    feedback.router,
    metrics.router,
    docs.router,
)
"""In the order in which the documentation shows them."""
