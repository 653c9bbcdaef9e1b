"""The routes, one module a noun."""

from fastapi import APIRouter

from api.routes import feedback, health, model, patterns, predictions, training

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    predictions.router,
    model.router,
    patterns.router,
    training.router,
    feedback.router,
)
"""In the order in which the documentation shows them."""
