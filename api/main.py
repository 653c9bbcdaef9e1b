"""The HTTP door. `uvicorn api.main:create_app --factory`; each worker process opens its own workspace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from api import problems
from api.openapi import DocumentedApi
from api.routes import ROUTERS
from api.service import running
from mllib.pipeline.workspace import Workspace


def create_app(ws: Workspace | None = None) -> FastAPI:
    """The API over a workspace, by default that of `CANDLELOOP_HOME`, opened when the app starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with running(ws) as service:
            app.state.service = service
            yield

    app = DocumentedApi(title="candleloop", version=version("candleloop"), lifespan=lifespan)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


app = create_app()
