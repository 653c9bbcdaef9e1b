"""Examples of what goes into the store and comes out of it: annotations, candles, models, labels, reviews."""

from typing import Any

_SERIES = {"pair": "EURUSD", "timeframe": "1h"}
_BOUNDS = {"start_time": 1_488_294_000, "end_time": 1_488_297_600}
_CANDLE = {"time": 1_488_290_400, "open": 1.05954, "high": 1.06072, "low": 1.05918, "close": 1.06063}
_ANNOTATION = {
    "id": "a17",
    **_BOUNDS,
    "label": "bull_flag",
    "confidence": 4,
    "outcome": None,
    "sub_spans": None,
    "notes": None,
    "source": "human",
    "model_prediction": None,
    "annotator": "mia",
}
_ANNOTATION_CSV = (
    "id,start_time,end_time,label,confidence,outcome,sub_spans,notes,source,model_prediction,annotator\n"
    "a17,1488294000,1488297600,bull_flag,4,,,,human,,mia\n"
)
_STORED = {**_ANNOTATION, **_SERIES, "created_at": 1_793_622_449}
_PREDICTED = {"label": "bull_flag", **_BOUNDS, "avg_confidence": 0.54, "candle_count": 2}
_AGREEMENT = {"agreement_rate": 0.0, "mean_iou": None, "median_boundary_bars": None}

_PLACE = {"label": "bull_flag", **_BOUNDS}
_STATEMENT = {
    "verdict_id": "7d9f2a4c8e1b4f6fa0c35b7d1e2f3a4b",
    "annotator": "mia",
    "place": _PLACE,
    "said": _PLACE,
}

SHAPES: dict[str, Any] = {
    "AgreementBody": {
        "annotators": ["mia", "tom"],
        "places": 40,
        "same": 33,
        "kappa": 0.61,
        "mean_iou": 0.87,
        "labels": [
            {"label": "bull_flag", "first": 21, "second": 18, "both": 15, "kappa": 0.58, "mean_iou": 0.87}
        ],
        "differences": [
            {
                "difference": "label",
                **_SERIES,
                "iou": 0.0,
                "first": _STATEMENT,
                "second": {
                    "verdict_id": "0123456789abcdef0123456789abcdef",
                    "annotator": "tom",
                    "place": _PLACE,
                    "said": {**_PLACE, "label": "O"},
                },
            }
        ],
        "settled": 2,
    },
    "AnnotationChange": {"end_time": 1_488_301_200, "notes": "One candle longer."},
    "AnnotationExport": {"annotations": [_ANNOTATION]},
    "AnnotationPageBody": {"annotations": [_STORED], "next": None},
    "AnnotationRequest": {
        "id": "a17",
        **_SERIES,
        **_BOUNDS,
        "label": "bull_flag",
        "confidence": 4,
        "annotator": "mia",
    },
    "AnnotationsImported": {
        "added": 1,
        "updated": 0,
        "unchanged": 12,
        "conflicts": [
            {
                "id": "a9",
                "label": "bear_flag",
                "retracted": False,
                "differences": [{"field": "end_time", "stored": 1_488_297_600, "given": 1_488_301_200}],
            }
        ],
        "reviewed": [{**_BOUNDS, "labels": ["bear_flag", "bull_flag"]}],
        "notes": [],
    },
    "CandlesImported": {
        **_SERIES,
        "added": 3,
        "changed": 0,
        "unchanged": 0,
        "total": 3,
        "first_time": 1_488_290_400,
        "last_time": 1_488_297_600,
        "gap_count": 0,
        "longest_gap": None,
        "suspected_splits": [],
        "adjusted": [],
        "notes": [],
    },
    "CandlesResponse": {**_SERIES, "candles": [_CANDLE], "candle_count": 6_200},
    "Disagreements": {
        **_SERIES,
        "model_version": "3",
        "disagreements": [
            {
                "kind": "missed_by_human",
                "iou": 0.0,
                "start_bars": None,
                "end_bars": None,
                "verdict": None,
                "human": None,
                "predicted": _PREDICTED,
                "talib": None,
            }
        ],
        "summary": {**_AGREEMENT, "counts": [{"label": "bull_flag", "kind": "missed_by_human", "count": 1}]},
        "notes": [],
    },
    "LabelBody": {
        "name": "bull_flag",
        "color": "#1f77b4",
        "key": "1",
        "state": "in use",
        "now_called": "bull_flag",
        "people": 251,
        "talib": 0,
    },
    "ModelChanges": {
        **_SERIES,
        "before": "3",
        "after": "4",
        "changes": [
            {
                "kind": "moved",
                "iou": 0.5,
                "start_bars": 1,
                "end_bars": 0,
                "verdict": None,
                "before": _PREDICTED,
                "after": {**_PREDICTED, "start_time": 1_488_297_600, "candle_count": 1},
            }
        ],
        "summary": {
            "agreement_rate": 1.0,
            "mean_iou": 0.5,
            "median_boundary_bars": 0.5,
            "counts": [{"label": "bull_flag", "kind": "moved", "count": 1}],
        },
    },
    "Queue": {
        **_SERIES,
        "model_version": "3",
        "spans": [_PREDICTED],
        "entries": [
            {
                "span": _PREDICTED,
                "origin": "uncertainty",
                "score": 0.92,
                "why": "The model is torn between bull flag (0.54) and no pattern (0.46).",
                "regime": "calm, rising",
                "human": None,
            },
            {
                "span": {**_PREDICTED, "avg_confidence": 0.04},
                "origin": "label_error",
                "score": 0.96,
                "why": "A model that had not seen this place gives bull flag, which a person drew, 0.04 and "
                "no pattern 0.95.",
                "regime": "wild, sideways",
                "human": {**_PLACE, "id": "a17", "annotator": "mia"},
            },
        ],
        "notes": [],
    },
    "StoredAnnotationBody": _STORED,
    "StoredModel": {
        "run_id": "5e23f12f6c1e",
        "model_name": "candleloop",
        "model_version": "3",
        "model_type": "xgboost",
        "encoder": "combined",
        "status": "ready",
        "is_champion": True,
        "pairs": ["EURUSD"],
        "timeframe": "1h",
        "trained_at": 1_793_622_449,
        "metrics": {"accuracy": 0.888, "f1_macro": 0.816, "f1_weighted": 0.891, "span_f1": 0.963},
        "moves": [{"moved_by": "auto", "reason": None, "moved_at": 1_793_622_450}],
    },
    "StoredSeries": {
        **_SERIES,
        "rows": 6_200,
        "first_time": 1_483_315_200,
        "last_time": 1_514_764_800,
        "size_bytes": 187_000,
        "splits": [],
    },
}

FILES: dict[tuple[str, str], Any] = {
    ("/annotations/import", "application/json"): {"annotations": [_ANNOTATION]},
    ("/annotations/import", "text/csv"): _ANNOTATION_CSV,
    ("/annotations/export", "text/csv"): _ANNOTATION_CSV,
    ("/candles/import", "text/csv"): (
        "time,open,high,low,close,volume\n1488290400,1.05954,1.06072,1.05918,1.06063,15797839844\n"
        "1488294000,1.06063,1.06302,1.06002,1.06257,23459939453\n"
    ),
    ("/candles/import", "application/vnd.apache.parquet"): "PAR1, columns time, open, high, low, close, PAR1",
    ("/candles/import", "application/json"): [{**_CANDLE, "volume": 15_797_839_844}],
}
"""Bodies that are files, by path and media type."""

PARAMETERS: dict[str, Any] = {
    "adjust": "none",
    "against": "3",
    "after": "1488290400.7d9f2a4c8e1b4f6fa0c35b7d1e2f3a4b",
    "annotation_id": "a17",
    "between": "human,model",
    "end_time": 1_488_297_600,
    "format": "json",
    "judged": False,
    "kinds": ["boundary_mismatch", "label_mismatch"],
    "label": "bull_flag",
    "least_bars": 0,
    "least_confidence": 0.0,
    "labels": ["bear_flag", "bull_flag"],
    "limit": 100,
    "pair": "EURUSD",
    "reviewed": "all",
    "source": "human",
    "start_time": 1_488_294_000,
    "timeframe": "1h",
    "update": False,
}

PARAMETERS_OF: dict[tuple[str, str], Any] = {
    ("/annotations/import", "format"): None,
    ("/candles/import", "format"): None,
    ("/models/{run_id}/changes", "kinds"): ["added", "dropped"],
}
"""Parameters, by path and name, that elsewhere have another example; a file's content says what it is."""
