"""The HTTP door. `uvicorn api.main:create_app --factory`; each worker process opens its own workspace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from api import metrics, problems
from api.edge import Edge
from api.edge.keys import following_keys
from api.openapi import DocumentedApi
from api.routes import ROUTERS
from api.service import running
from mllib.pipeline.workspace import Workspace

THREADS = 4
"""Routes that wait for database or disk run in so many threads of a process.

With 40, the default, 40 clients that ask for the ledger get no more answers, and `/health` takes ten times as
long: each thread that wants Python's lock is one more before the event loop.
"""


class Api(DocumentedApi):
    """The routes behind their edge."""

    edge: Edge

    @property
    def known_routes(self) -> tuple[Route, ...]:
        """All routes, those of the routers included."""
        known = (*self.routes, *(route for router in ROUTERS for route in router.routes))
        return tuple(route for route in known if isinstance(route, Route))

    def build_middleware_stack(self) -> ASGIApp:
        """The edge around everything, FastAPI's handler of surprises included."""
        inner = super().build_middleware_stack()
        self.edge = Edge(inner, routes=self.known_routes, on_answer=metrics.observe_request)
        return self.edge


def _on_wrong_method(request: Request, exc: Exception) -> Response:
    """Names every method of the path; Starlette knows those of its first route alone."""
    assert isinstance(request.app, Api)
    found = [one for one in request.app.known_routes if one.matches(request.scope)[0] != Match.NONE]
    same = set[str]().union(*(one.methods or () for one in found if one.path == found[0].path))
    allowed = ", ".join(sorted(same | ({"HEAD"} if "GET" in same else set())))
    detail = (
        f"{request.method} {request.url.path}: found no such method, expected one of {allowed}. Use that."
    )
    return problems.respond(
        problems.Problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed})
    )


def _operation_id(route: APIRoute) -> str:
    """A route's function, by which clients name the operation."""
    return route.name


def create_app(ws: Workspace | None = None) -> FastAPI:
    """The API over a workspace, by default that of `CANDLELOOP_HOME`, opened when the app starts."""

    @asynccontextmanager
    async def lifespan(app: Api) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = THREADS
        with running(ws) as service, following_keys(service.ws.store) as keys:
            app.edge.open(keys, service.limits)
            app.state.service = service
            with metrics.following(service):
                yield

    app = Api(
        title="candleloop",
        version=version("candleloop"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    problems.install(app)
    app.add_exception_handler(HTTPStatus.METHOD_NOT_ALLOWED, _on_wrong_method)
    for router in ROUTERS:
        app.include_router(router)
    return app


app = create_app()
