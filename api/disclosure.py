"""What clients are not told: where the home folder lies and which servers a deployment has. Logs have it."""

import re

from fastapi import Request

from mllib.pipeline.workspace import Workspace

HOME = "CANDLELOOP_HOME"


def for_clients(text: str, ws: Workspace) -> str:
    """The text with folders and servers by the names of the settings that hold them."""
    for path in {str(ws.home.absolute()), str(ws.home.resolve())} - {"/"}:
        text = re.sub(re.escape(path) + r"(?![\w-])", HOME, text)
    return ws.deployment.without_addresses(text)


def to_client_of(request: Request, text: str) -> str:
    """The same for the service that was asked."""
    service = getattr(request.app.state, "service", None)
    return text if service is None else for_clients(text, service.ws)
