"""A realistic example of every problem: one for each status, and another where an operation says its own."""

from http import HTTPStatus
from typing import Any

_GENERAL: dict[int, tuple[str, str]] = {
    400: ("about:blank", "Invalid HTTP request received. Send HTTP/1.1."),
    401: (
        "about:blank",
        (
            "API key: found none that is valid, expected one as `Authorization: Bearer TOKEN` or "
            "`X-API-Key: TOKEN`. Ask the operator for one (`candleloop keys create`)."
        ),
    ),
    403: (
        "about:blank",
        "API key 3f9a1c: found the scopes read, expected train. Use a key that has it.",
    ),
    404: (
        "urn:candleloop:not-found",
        (
            "No training run 5e23f12f6c1e: found none of that id in the ledger, expected one that was "
            "started here. List the runs to see their ids."
        ),
    ),
    408: (
        "about:blank",
        (
            "request body: found 1,024 bytes and no end after 20 s, expected all of it by then. Send it "
            "faster, or in smaller parts."
        ),
    ),
    413: (
        "about:blank",
        (
            "request body: found more than 67,108,864 bytes, expected at most so many. "
            "Send fewer candles at a time."
        ),
    ),
    422: (
        "urn:candleloop:invalid-request",
        "$.timeframe: field required. Correct the request.",
    ),
    429: (
        "about:blank",
        "Requests in flight: found 64, expected fewer than that in this process. Try again in 2 s.",
    ),
    431: (
        "about:blank",
        "request head: found more than 65,536 bytes, expected fewer. Send shorter headers.",
    ),
    500: (
        "about:blank",
        "The service failed unexpectedly; its log says why. Try again, and report it if it stays.",
    ),
    503: (
        "urn:candleloop:not-ready",
        "database: found it locked for 5 s, expected it to be free. Ask again in a moment.",
    ),
}
_OWN: dict[tuple[str, int], tuple[str, str]] = {
    ("/patterns/detect", 400): (
        "about:blank",
        (
            "patterns: found CDLHAMER, expected TA-Lib CDL functions such as CDLENGULFING. List them all "
            "with GET /patterns/available or leave the list empty for all 61."
        ),
    ),
    ("/predict", 422): (
        "urn:candleloop:invalid-candles",
        (
            "EURUSD 1h: candle 1: found high 1.074 below low 1.08, expected low <= open, close <= high. "
            "Correct the prices."
        ),
    ),
    ("/predict/batch", 404): (
        "urn:candleloop:not-found",
        "XAUUSD 1h: found no such series, expected one that is stored. Import its candles first.",
    ),
    ("/training/build-dataset", 404): (
        "urn:candleloop:not-found",
        "XAUUSD 1h: found no such series, expected one that is stored. Import its candles first.",
    ),
    ("/training/start", 404): (
        "urn:candleloop:not-found",
        "XAUUSD 1h: found no such series, expected one that is stored. Import its candles first.",
    ),
    ("/training/start", 409): (
        "urn:candleloop:conflict",
        (
            "Training cannot start: found run 5e23f12f6c1e running, expected none under way. "
            "Wait for it to end or cancel it."
        ),
    ),
    ("/training/runs/{run_id}/cancel", 409): (
        "urn:candleloop:conflict",
        (
            "Training run 5e23f12f6c1e cannot become cancelled: found it ready, expected it under way. "
            "List the runs to see how they ended."
        ),
    ),
    ("/model/load", 409): (
        "urn:candleloop:conflict",
        (
            "run 5e23f12f6c1e: found failed without a model, expected one that is ready. "
            "Choose another from `candleloop runs`."
        ),
    ),
    ("/models/{run_id}/changes", 409): (
        "urn:candleloop:conflict",
        (
            "run 5e23f12f6c1e: found failed without a model, expected one that is ready. "
            "Choose another from `candleloop runs`."
        ),
    ),
    ("/model/rollback", 409): (
        "urn:candleloop:conflict",
        (
            "champion of candleloop: found run 5e23f12f6c1e and none before it, expected an earlier one to "
            "go back to. Promote another run instead."
        ),
    ),
    ("/feedback", 409): (
        "urn:candleloop:conflict",
        (
            "EURUSD 1h: feedback 7f0c6a52 is refused: found that client_id stored with other content "
            "(dismiss bull_flag), expected the same or a new id. Send a new client_id, or retract "
            "the first verdict."
        ),
    ),
    ("/annotations", 409): (
        "urn:candleloop:conflict",
        (
            "EURUSD 1h: annotation a17 is refused: found that id stored with other content (end_time), "
            "expected the same or a new id. Send a new id, or change the one that is stored."
        ),
    ),
    ("/annotations/{annotation_id}", 404): (
        "urn:candleloop:not-found",
        (
            "Annotation a17: found no annotation of that id, expected one that is stored. "
            "List the annotations to see their ids."
        ),
    ),
    ("/annotations/{annotation_id}", 409): (
        "urn:candleloop:conflict",
        (
            "Annotation a17: found it in EURUSD 1h and in BTCUSDT 1h, expected one series. "
            "Name pair and timeframe."
        ),
    ),
    ("/feedback/{feedback_id}", 404): (
        "urn:candleloop:not-found",
        (
            "No verdict 7d9f2a4c8e1b4f6fa0c35b7d1e2f3a4b: found none of that id, expected one that was "
            "recorded. Take the id from the answer that recorded it."
        ),
    ),
}
_RUN_IN_THE_WAY = ("/training/start", 409)


def problem_example(status: int, path: str = "") -> dict[str, Any]:
    """The body with which an operation of a path refuses.

    >>> problem_example(500)["title"]
    'Internal Server Error'
    """
    kind, detail = _OWN.get((path, status)) or _GENERAL[status]
    body: dict[str, Any] = {
        "type": kind,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "error": detail,
    }
    if (path, status) == _RUN_IN_THE_WAY:
        body["run_id"] = "5e23f12f6c1e"
    return body
