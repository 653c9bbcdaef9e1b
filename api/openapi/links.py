"""OpenAPI links: which answer carries the id that another operation asks for."""

from typing import Any

_ID = "$response.body#/id"
_RUN_ID = "$response.body#/run_id"
_OF_ANNOTATION = {
    "change": ("alter_annotation", "annotation_id", _ID),
    "retract": ("retract_annotation", "annotation_id", _ID),
}
_LINKS: tuple[tuple[str, str, int, dict[str, tuple[str, str, str]]], ...] = (
    (
        "post",
        "/training/start",
        202,
        {"run": ("training_run", "run_id", _RUN_ID), "cancel": ("cancel_run", "run_id", _RUN_ID)},
    ),
    (
        "get",
        "/training/runs",
        200,
        {"newest": ("training_run", "run_id", "$response.body#/0/run_id")},
    ),
    ("post", "/annotations", 200, _OF_ANNOTATION),
    ("post", "/annotations", 201, _OF_ANNOTATION),
    ("post", "/feedback", 200, {"retract": ("retract_feedback", "feedback_id", _ID)}),
    ("post", "/feedback", 202, {"retract": ("retract_feedback", "feedback_id", _ID)}),
    ("post", "/feedback", 201, {"retract": ("retract_feedback", "feedback_id", _ID)}),
)
"""Method, path and status of an answer; name of a link: operation, parameter, where its value stands."""


def add_links(document: dict[str, Any]) -> None:
    """Adds the links to an OpenAPI document."""
    for method, path, status, links in _LINKS:
        document["paths"][path][method]["responses"][str(status)]["links"] = {
            name: {"operationId": operation, "parameters": {parameter: value}}
            for name, (operation, parameter, value) in links.items()
        }
