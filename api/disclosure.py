"""What clients are not told: where the home folder lies and which servers a deployment has. Logs have it."""

import re

from fastapi import Request

from mllib.deployment import AT_HOME, DATABASE, QUEUE, STORAGE
from mllib.pipeline.workspace import Workspace

HOME = "CANDLELOOP_HOME"
_OF_SERVERS = (
    (r"\bpostgresql(?:\+\w+)?://[^\s,;]*[^\s,;:.]", DATABASE),
    (r"\b(?:rediss?|unix)://[^\s,;]*[^\s,;:.]", QUEUE),
    (r'server at "[^"]*"(?: \([^)]*\))?, port \d+', "the server"),  # libpq
    (r"""\b(user|role|database|host|host name) (["'])[^"']*\2""", r"\1"),
    (r"\bconnecting to \S*[^\s.]", "connecting"),  # Redis' client
    (r'"https?://[^"]*"', "the server"),  # that of S3
)


def for_clients(text: str, ws: Workspace) -> str:
    """The text with folders and servers by the names of the settings that hold them."""
    for path in {str(ws.home.absolute()), str(ws.home.resolve())} - {"/"}:
        text = re.sub(re.escape(path) + r"(?![\w-])", HOME, text)
    if ws.storage is not None:
        text = text.replace(ws.storage.where, STORAGE)
    if ws.deployment != AT_HOME:
        for pattern, told in _OF_SERVERS:
            text = re.sub(pattern, told, text)
    return text


def to_client_of(request: Request, text: str) -> str:
    """The same for the service that was asked."""
    service = getattr(request.app.state, "service", None)
    return text if service is None else for_clients(text, service.ws)
