"""The log of a process that serves or works: one JSON object a line on standard error.

Uvicorn's lines and ours alike; whoever starts such a process calls `log_as_json`, or gives `LOG_CONFIG` on.
"""

import logging
import logging.config
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_NOTHING: Mapping[str, str] = MappingProxyType({})
at_work: ContextVar[Mapping[str, str]] = ContextVar("at_work", default=_NOTHING)
"""The ids of what is at work, such as `run_id` or `request_id`: every line logged meanwhile has them."""

LOG_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"at work": {"()": "mllib.logs.WithWhatIsAtWork"}},
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": ["levelname", "process", "name", "message"],
            "rename_fields": {"levelname": "level", "process": "pid", "name": "logger"},
            "reserved_attrs": [
                *(name for name in vars(logging.makeLogRecord({})) if name not in ("name", "process")),
                "asctime",  # as the formatter of a run's own log leaves it
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
            "filters": ["at work"],
        }
    },
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "uvicorn": {"level": "INFO"},
        "uvicorn.access": {"handlers": [], "propagate": False},
        **{name: {"level": "WARNING"} for name in ("aiobotocore", "alembic.runtime.plugins", "botocore")},
    },
}
"""For `logging.config.dictConfig`; `color_message` is what uvicorn adds for terminals."""


class WithWhatIsAtWork(logging.Filter):
    """Adds the ids of what is at work to a line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every line pass."""
        for name, value in at_work.get().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


def log_as_json() -> None:
    """Has this process log one JSON object a line from now on."""
    logging.config.dictConfig(LOG_CONFIG)
    logging.captureWarnings(True)
