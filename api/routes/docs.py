"""The interactive page of the API, its scripts included: a browser loads nothing from elsewhere."""

from importlib.resources import files
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

router = APIRouter(prefix="/docs", include_in_schema=False)

_FILES = files("fastapi_offline") / "static"
"""Swagger UI as that package ships it; its pages start their scripts in line, so they are not used."""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>candleloop API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true});\n'


@router.get("")
async def page() -> HTMLResponse:
    """Shows every operation, and sends requests to try them."""
    return HTMLResponse(_PAGE)


@router.get("/start.js")
async def start() -> Response:
    """Starts Swagger UI over the page's own API."""
    return Response(_START, media_type="text/javascript")


@router.get("/{name}")
def file(name: Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"]) -> FileResponse:
    """Sends a file of Swagger UI."""
    return FileResponse(str(_FILES / name))
