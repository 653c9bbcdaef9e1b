"""The dataset of a run: what it learned from, as Parquet, with a version that is its content's hash."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mllib.config import Config
from mllib.indicators import enrich
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, Span, positions
from mllib.training import LabelledSeries

ANNOTATIONS_FILE = "annotations.parquet"
LABELED_FILE = "labeled.parquet"


def write_dataset(ws: Workspace, run_id: str, series: Sequence[LabelledSeries], config: Config) -> str:
    """Writes `datasets/<run_id>/` and returns its version, a hash of both files.

    `annotations.parquet`: a row a span that was learned from, with `pair timeframe id label start_time
    end_time source annotator model_prediction` (JSON or null), people's verdicts included.
    `labeled.parquet`: a row a candle, with `pair timeframe`, the enriched columns and for each label a
    column `bio_<label>` of `B`, `I` or `O`; null where nobody has looked.
    """
    folder = ws.datasets / run_id
    folder.mkdir(parents=True, exist_ok=True)
    labels = sorted({span.label for one in series for span in one.spans})
    annotations = pd.concat([_annotation_rows(ws, one) for one in series], ignore_index=True)
    labeled = pd.concat([_labeled_rows(one, labels, config) for one in series], ignore_index=True)
    annotations.to_parquet(folder / ANNOTATIONS_FILE)
    labeled.to_parquet(folder / LABELED_FILE)
    return _version([folder / ANNOTATIONS_FILE, folder / LABELED_FILE])


def _annotation_rows(ws: Workspace, one: LabelledSeries) -> pd.DataFrame:
    """The spans learned from, and the verdicts that say that nothing is there."""
    pair, timeframe = one.candles.pair, one.candles.timeframe
    dismissed = [a for a in ws.store.annotations.list(pair, timeframe) if a.label == "O"]
    rows = [(pair, timeframe, *_annotation_row(span)) for span in [*one.spans, *dismissed]]
    columns = [
        "pair",
        "timeframe",
        "id",
        "label",
        "start_time",
        "end_time",
        "source",
        "annotator",
        "model_prediction",
    ]
    return pd.DataFrame(rows, columns=columns)


def _annotation_row(span: Span) -> tuple[str | int | None, ...]:
    where = (span.label, span.start_time, span.end_time)
    if not isinstance(span, Annotation):
        return (None, *where, None, None, None)
    judged = span.model_prediction
    said = (
        None
        if judged is None
        else json.dumps(
            {"label": judged.label, "confidence": judged.confidence, "model_version": judged.model_version}
        )
    )
    return (span.id, *where, span.source, span.annotator, said)


def _labeled_rows(one: LabelledSeries, labels: Sequence[str], config: Config) -> pd.DataFrame:
    features = config.stages.feature_engineering
    frame = enrich(one.candles, features.talib_indicators, features.candle_columns)
    frame.insert(0, "pair", one.candles.pair)
    frame.insert(1, "timeframe", one.candles.timeframe)
    tags = {f"bio_{label}": _tags(one, label) for label in labels}
    return pd.concat([frame, pd.DataFrame(tags, index=frame.index)], axis=1)


def _tags(one: LabelledSeries, label: str) -> "pd.Series[str]":
    codes = np.full(len(one.candles), -1, np.int64)
    for part in one.reviewed:
        if label in part.labels:
            inside = (one.candles.time >= part.start_time) & (one.candles.time <= part.end_time)
            codes[inside] = 0
    found = positions([span for span in one.spans if span.label == label], one.candles.time)
    for start, end in found[found[:, 1] > found[:, 0]].tolist():
        codes[start], codes[start + 1 : end] = 1, 2
    return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(["O", "B", "I"])))


def _version(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
