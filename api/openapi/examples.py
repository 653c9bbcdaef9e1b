"""A realistic example of every body of the API that is no problem; one of a shape, wherever it occurs.

The candles are those of the EURUSD sample, so that requests can be sent as they stand.
"""

from typing import Any

from api.openapi import stored_examples
from api.openapi.problem_examples import problem_example
from api.problems import MEDIA_TYPE

NDJSON = "application/x-ndjson"

_RUN = "5e23f12f6c1e"
_CANDLES = [
    {"time": 1_488_290_400, "open": 1.05954, "high": 1.06072, "low": 1.05918, "close": 1.06063},
    {"time": 1_488_294_000, "open": 1.06063, "high": 1.06302, "low": 1.06002, "close": 1.06257},
    {"time": 1_488_297_600, "open": 1.06257, "high": 1.06300, "low": 1.06118, "close": 1.06176},
]
_ENGULFING = [
    {"time": 1_488_330_000, "open": 1.05628, "high": 1.05746, "low": 1.05554, "close": 1.05724},
    {"time": 1_488_333_600, "open": 1.05724, "high": 1.05898, "low": 1.05615, "close": 1.05794},
    {"time": 1_488_337_200, "open": 1.05795, "high": 1.05795, "low": 1.05545, "close": 1.05595},
]
_MODEL_INFO = {
    "model_name": "candleloop",
    "model_version": "3",
    "model_type": "xgboost",
    "experiment_name": "candleloop",
    "run_id": _RUN,
    "trained_at": 1_793_622_449,
    "feature_count": 365,
    "label_names": ["bear_flag", "bull_flag"],
    "provisional_bars": 121,
}
_METRICS = {
    "accuracy": 0.888,
    "f1_macro": 0.816,
    "f1_weighted": 0.891,
    "per_class": {
        "O": {"precision": 0.858, "recall": 0.693, "f1_score": 0.767, "support": 1699},
        "bear_flag": {"precision": 0.855, "recall": 0.937, "f1_score": 0.894, "support": 1026},
        "bull_flag": {"precision": 0.866, "recall": 0.802, "f1_score": 0.833, "support": 757},
    },
}
_SPAN = {
    "label": "bull_flag",
    "start_time": 1_488_294_000,
    "end_time": 1_488_297_600,
    "avg_confidence": 0.73,
    "candle_count": 2,
}
_PER_CANDLE = [
    {"time": 1_488_290_400, "label": "O", "confidence": 0.91},
    {"time": 1_488_294_000, "label": "bull_flag", "confidence": 0.71},
    {"time": 1_488_297_600, "label": "bull_flag", "confidence": 0.75},
]
_SERIES = {"pair": "EURUSD", "timeframe": "1h"}
_ANSWER = {**_SERIES, "spans": [_SPAN], "per_candle": _PER_CANDLE, "model_info": _MODEL_INFO}
_JUDGED = {
    "label": "bull_flag",
    "start_time": 1_488_294_000,
    "end_time": 1_488_297_600,
    "confidence": 0.73,
    "model_version": "3",
}
_DISMISSED = {
    "id": "0123456789abcdef0123456789abcdef",
    "start_time": 1_488_294_000,
    "end_time": 1_488_297_600,
    "label": "O",
    "confidence": None,
    "outcome": None,
    "sub_spans": None,
    "notes": "No pole before it.",
    "source": "human",
    "model_prediction": {"label": "bull_flag", "confidence": 0.73, "model_version": "3"},
    "as_of": 1_488_337_200,
}

SHAPES: dict[str, Any] = {
    **stored_examples.SHAPES,
    "BatchRequest": {**_SERIES, "start_date": "2017-02-01", "end_date": "2017-02-28"},
    "BatchResponse": {**_ANSWER, "candle_count": 3},
    "BuildRequest": {"pairs": ["EURUSD"], "timeframe": "1h", "labels": ["human", "talib"]},
    "DatasetInfo": {
        "path": "datasets/f84ca3bf1f0f5d3b0fddeaf28224e828/labeled.parquet",
        "exists": True,
        "size_bytes": 6_224_999,
        "row_count": 43_654,
        "counts": [{"label": "bull_flag", "source": "human", "count": 251}],
        "version": "f84ca3bf1f0f5d3b0fddeaf28224e828",
        "built_at": 1_793_622_339,
    },
    "DetectRequest": {"candles": _ENGULFING, "patterns": ["CDLENGULFING"]},
    "Detected": {
        "annotations": [
            {
                "label": "bearish_engulfing",
                "start_time": 1_488_333_600,
                "end_time": 1_488_337_200,
                "confidence": 1.0,
                "source": "talib",
            }
        ],
        "metadata": {"count": 1},
    },
    "FeedbackRecorded": {"id": "7d9f2a4c8e1b4f6fa0c35b7d1e2f3a4b", "annotation": _DISMISSED},
    "FeedbackRequest": {
        "client_id": "7f0c6a52",
        **_SERIES,
        "action": "dismiss",
        "prediction": _JUDGED,
        "annotator": "mia",
        "note": "No pole before it.",
        "as_of": 1_488_337_200,
        "origin": "uncertainty",
    },
    "Health": {"status": "ok", "model_loaded": True, "model_version": "3"},
    "LoadRequest": {"run_id": _RUN},
    "Loaded": {"model_info": _MODEL_INFO},
    "ModelDescription": {
        "model_info": _MODEL_INFO,
        "metrics": _METRICS,
        "label_config": [
            {"name": "bear_flag", "color": "#ff7f0e", "provisional_bars": 121},
            {"name": "bull_flag", "color": "#1f77b4", "provisional_bars": 121},
        ],
    },
    "Pattern": {"function_name": "CDLHAMMER", "display_name": "Hammer"},
    "PredictRequest": {**_SERIES, "candles": _CANDLES},
    "PredictResponse": _ANSWER,
    "Ready": {"status": "ready", "model_version": "3", "run_id": _RUN, "error": None},
    "RollbackRequest": {"reason": "Too many false flags since Monday."},
    "SkipRecorded": {"id": "7d9f2a4c8e1b4f6fa0c35b7d1e2f3a4b"},
    "Started": {"run_id": _RUN, "status": "queued"},
    "TrainingRequest": {
        "model_type": "xgboost",
        "encoder": "bio",
        "pairs": ["EURUSD"],
        "timeframe": "1h",
        "labels": ["human", "talib"],
        "hyperparameters": {"n_estimators": 200},
        "stages.training.seed": 1,
    },
    "TrainingRun": {
        "run_id": _RUN,
        "model_type": "xgboost",
        "status": "ready",
        "created_at": 1_793_622_337,
        "completed_at": 1_793_622_454,
        "metrics": _METRICS,
        "error": None,
        "progress": 1.0,
        "stage": "",
        "started_at": 1_793_622_338,
        "time_left_s": None,
        "model_version": "3",
        "encoder": "bio",
        "pairs": ["EURUSD"],
        "timeframe": "1h",
        "is_champion": True,
        "asked_by": "verdicts",
        "asked_why": "52 verdicts are newer than the last training, and from 50 on it is repeated.",
    },
}

LINES: dict[str, Any] = {
    "BatchStart": {"type": "start", **_SERIES, "candle_count": 3, "model_info": _MODEL_INFO},
    "BatchPart": {
        "type": "part",
        "spans": [_SPAN],
        "per_candle": _PER_CANDLE,
        "candles_done": 3,
        "progress": 1.0,
    },
    "BatchEnd": {"type": "end", "candle_count": 3},
    "BatchError": {"type": "error", "problem": problem_example(503)},
}
"""The lines of a stream."""

PARAMETERS: dict[str, Any] = {
    **stored_examples.PARAMETERS,
    "run_id": _RUN,
    "feedback_id": "7d9f2a4c8e1b4f6fa0c35b7d1e2f3a4b",
    "annotator": "mia",
}
"""What stands in paths and queries, by name."""


def add_examples(document: dict[str, Any]) -> None:
    """Gives every body and parameter of an OpenAPI document its example; one that is there already stays."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                name = parameter["name"]
                if name in PARAMETERS:
                    own = stored_examples.PARAMETERS_OF.get((path, name), PARAMETERS[name])
                    parameter.setdefault("example", own)
            _add_shapes(operation.get("requestBody", {}), path)
            for status, response in operation["responses"].items():
                if MEDIA_TYPE in response.get("content", {}):
                    response["content"][MEDIA_TYPE]["example"] = problem_example(int(status), path)
                _add_shapes(response, path)


def _add_shapes(message: dict[str, Any], path: str) -> None:
    for media_type, content in message.get("content", {}).items():
        if media_type == NDJSON:
            names = [_name(one) for one in content["schema"]["anyOf"]]
            content["examples"] = {LINES[name]["type"]: {"value": LINES[name]} for name in names}
        elif "example" not in content and (found := _example_of(content.get("schema", {}))) is not None:
            content["example"] = found
        elif (path, media_type) in stored_examples.FILES:
            content["example"] = stored_examples.FILES[path, media_type]


def _example_of(schema: dict[str, Any]) -> Any:
    """The example of a shape, of a list of it, or of that shape or null; None where there is none."""
    if schema.get("type") == "array":
        inner = _example_of(schema["items"])
        return None if inner is None else [inner]
    either = [found for one in schema.get("anyOf", ()) if (found := _example_of(one)) is not None]
    return either[0] if either else SHAPES.get(_name(schema))


def _name(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]
