"""The log of a server process: one JSON object a line on standard error, uvicorn's lines and ours alike."""

import logging
from contextvars import ContextVar
from typing import Any

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request at work, in every line that is logged meanwhile."""

LOG_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "api.server.logs.WithRequestId"}},
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": ["levelname", "process", "name", "message"],
            "rename_fields": {"levelname": "level", "process": "pid", "name": "logger"},
            "reserved_attrs": [
                *(name for name in vars(logging.makeLogRecord({})) if name not in ("name", "process")),
                "color_message",
                "message",
            ],
            "timestamp": "time",
        }
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stderr",
            "formatter": "json",
            "filters": ["request"],
        }
    },
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "uvicorn": {"level": "INFO"},
        "uvicorn.access": {"handlers": [], "propagate": False},
        "alembic.runtime.plugins": {"level": "WARNING"},
    },
}
"""For `logging.config.dictConfig`; `color_message` is what uvicorn adds for terminals."""


class WithRequestId(logging.Filter):
    """Adds the id of the request at work to a line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every line pass."""
        found = request_id.get()
        if found is not None and not hasattr(record, "request_id"):
            record.request_id = found
        return True
