"""Candles, facts and labelled series to tables and back. Rows are sorted: equal content is equal bytes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mllib.candles import PRICE_COLUMNS, Candles
from mllib.config import FeatureSection
from mllib.datasets.columns import FACTS, TAG_PREFIX, TAGS, custom_names
from mllib.datasets.facts import Facts
from mllib.features.custom import CustomFeature, check_causality
from mllib.indicators import enrich
from mllib.spans import Annotation, JudgedPrediction, ReviewedRange, Span, positions
from mllib.training import LabelledSeries

if TYPE_CHECKING:
    from collections.abc import Iterator

TALIB = "talib"
KEY = ("pair", "timeframe", "time")
_FACT_ORDER = ["pair", "timeframe", "kind", "start_time", "end_time", "label", "labels", "id"]
_INTEGERS = [column.name for column in FACTS if column.kind == "integer" and column.nullable]
_TEXTS = [column.name for column in FACTS if column.kind == "text"]


Named = tuple[str, str]
"""Pair and timeframe."""


def candle_table(series: Sequence[Candles]) -> pd.DataFrame:
    """`pair timeframe time open high low close volume` of several series, a row a candle."""
    return pd.concat([_candle_rows(one) for one in in_order(series)], ignore_index=True)


def in_order(series: Sequence[Candles]) -> list[Candles]:
    """The series by pair and timeframe."""
    return sorted(series, key=lambda one: (one.pair, one.timeframe))


def _candle_rows(candles: Candles) -> pd.DataFrame:
    frame = candles.to_frame()
    if candles.volume is None:
        frame["volume"] = np.nan
    frame.insert(0, "pair", candles.pair)
    frame.insert(1, "timeframe", candles.timeframe)
    return frame


def read_candles(frame: pd.DataFrame) -> list[Candles]:
    """The series of a table whose rows are candles, whatever other columns it has."""
    return [_candles(pair, timeframe, rows) for (pair, timeframe), rows in _by_series(frame)]


def _by_series(frame: pd.DataFrame) -> "Iterator[tuple[Named, pd.DataFrame]]":
    for (pair, timeframe), rows in frame.groupby(["pair", "timeframe"], sort=True):
        yield (str(pair), str(timeframe)), rows


def _candles(pair: str, timeframe: str, rows: pd.DataFrame) -> Candles:
    prices = {name: rows[name].to_numpy(np.float64) for name in PRICE_COLUMNS}
    volume = rows["volume"].to_numpy(np.float64)
    known = None if np.isnan(volume).all() else volume
    return Candles(pair, timeframe, rows["time"].to_numpy(np.int64), **prices, volume=known)


def enriched_table(series: Sequence[Candles], features: FeatureSection) -> pd.DataFrame:
    """Candles with the configured columns; every value reads bars up to its own.

    Raises:
        InvalidConfig: a custom feature cannot be used.
    """
    return joined([enriched_rows(one, features) for one in in_order(series)])


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of those of several series, which come by pair and timeframe."""
    return pd.concat(parts, ignore_index=True)


def enriched_rows(candles: Candles, features: FeatureSection) -> pd.DataFrame:
    """The rows of `enriched_table` for one series."""
    added = enrich(candles, features.talib_indicators, features.candle_columns).drop(
        columns=["time", *PRICE_COLUMNS, "volume"], errors="ignore"
    )
    custom = [_custom_rows(one, candles) for one in features.model_inputs.custom_features]
    return pd.concat([_candle_rows(candles), added, *custom], axis=1)


def _custom_rows(feature: CustomFeature, candles: Candles) -> pd.DataFrame:
    check_causality(feature, candles)
    return pd.DataFrame(dict(zip(custom_names(feature), feature.values(candles), strict=True)))


def labeled_table(enriched: pd.DataFrame, series: Sequence[LabelledSeries]) -> pd.DataFrame:
    """The enriched candles with a column `bio_<label>` for every label of any series.

    `enriched` has the rows of `enriched_table` for the same series.
    """
    ordered = sorted(series, key=lambda one: (one.candles.pair, one.candles.timeframe))
    tags = {
        f"{TAG_PREFIX}{label}": pd.Categorical.from_codes(
            np.concatenate([_tags(one, label) for one in ordered]), categories=pd.Index(TAGS)
        )
        for label in known_labels(ordered)
    }
    return pd.concat([enriched, pd.DataFrame(tags, index=enriched.index)], axis=1)


def known_labels(series: Sequence[LabelledSeries]) -> list[str]:
    """The labels that have a span anywhere, by name."""
    return sorted({span.label for one in series for span in one.spans})


def _tags(one: LabelledSeries, label: str) -> "np.ndarray[Any, np.dtype[np.int8]]":
    codes = np.full(len(one.candles), -1, np.int8)
    for part in one.reviewed:
        if label in part.labels:
            first, last = np.searchsorted(one.candles.time, [part.start_time, part.end_time + 1])
            codes[first:last] = 0
    found = positions([span for span in one.spans if span.label == label], one.candles.time)
    for start, end in found[found[:, 1] > found[:, 0]].tolist():
        codes[start], codes[start + 1 : end] = 1, 2
    return codes


def fact_table(facts: Sequence[tuple[Named, Facts]]) -> pd.DataFrame:
    """The rows of `columns.FACTS`, sorted."""
    rows = [row for named, one in facts for row in _fact_rows(named, one)]
    frame = pd.DataFrame(rows, columns=[column.name for column in FACTS])
    frame = frame.astype(dict.fromkeys(_TEXTS, "str") | dict.fromkeys(_INTEGERS, "Int64"))
    frame = frame.astype({"start_time": "int64", "end_time": "int64"})
    return frame.sort_values(_FACT_ORDER, kind="stable", ignore_index=True)


def _fact_rows(named: Named, facts: Facts) -> "Iterator[dict[str, Any]]":
    pair, timeframe = named
    order = {annotation_id: i for i, annotation_id in enumerate(facts.verdicts)}
    for one in (*facts.annotations, *facts.talib):
        said = {
            "kind": "annotation",
            "pair": pair,
            "timeframe": timeframe,
            "verdict_order": order.get(one.id),
        }
        yield said | _annotation_row(one)
    for part in facts.reviewed:
        yield {
            "kind": "reviewed",
            "pair": pair,
            "timeframe": timeframe,
            "start_time": part.start_time,
            "end_time": part.end_time,
            "labels": _json(sorted(part.labels)),
        }


def _annotation_row(one: Annotation) -> dict[str, Any]:
    plain = ("id", "label", "start_time", "end_time", "source", "annotator", "clarity", "outcome", "notes")
    return {
        **{name: getattr(one, name) for name in (*plain, "created_at")},
        "sub_spans": None if one.sub_spans is None else _json([asdict(part) for part in one.sub_spans]),
        "model_prediction": None if one.model_prediction is None else _json(asdict(one.model_prediction)),
        "extra": _json(one.extra) if one.extra else None,
    }


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def read_facts(frame: pd.DataFrame) -> dict[Named, Facts]:
    """The facts of every series of a table that `fact_table` made."""
    return {named: _facts(rows) for named, rows in _by_series(frame)}


def _facts(rows: pd.DataFrame) -> Facts:
    records = rows.astype(object).where(rows.notna(), None).to_dict("records")
    said = [row for row in records if row["kind"] == "annotation"]
    judged = sorted((row for row in said if row["verdict_order"] is not None), key=_given)
    annotations = [_annotation(row) for row in said]
    return Facts(
        annotations=tuple(one for one in annotations if one.source != TALIB),
        reviewed=tuple(_reviewed(row) for row in records if row["kind"] == "reviewed"),
        verdicts=tuple(str(row["id"]) for row in judged),
        talib=tuple(one for one in annotations if one.source == TALIB),
    )


def _place(span: Annotation) -> tuple[int, int, str, str]:
    return span.start_time, span.end_time, span.label, span.id


def _given(row: dict[Any, Any]) -> int:
    return int(row["verdict_order"])


def _reviewed(row: dict[Any, Any]) -> ReviewedRange:
    return ReviewedRange(row["start_time"], row["end_time"], frozenset(json.loads(row["labels"])))


def _annotation(row: dict[Any, Any]) -> Annotation:
    parts, judged, extra = row["sub_spans"], row["model_prediction"], row["extra"]
    plain = ("label", "start_time", "end_time", "id", "source", "annotator", "outcome", "notes")
    return Annotation(
        **{name: row[name] for name in plain},
        clarity=None if row["clarity"] is None else int(row["clarity"]),
        sub_spans=None if parts is None else tuple(Span(**part) for part in json.loads(parts)),
        model_prediction=None if judged is None else JudgedPrediction(**json.loads(judged)),
        created_at=int(row["created_at"]),
        extra=json.loads(extra) if extra else {},
    )


def span_table(series: Sequence[LabelledSeries]) -> pd.DataFrame:
    """What training reads beside the candles: the spans that count and the reviewed ranges."""
    return fact_table([((one.candles.pair, one.candles.timeframe), _counted(one)) for one in series])


def _counted(one: LabelledSeries) -> Facts:
    spans = [span for span in one.spans if isinstance(span, Annotation)]
    if len(spans) != len(one.spans):
        raise TypeError("a dataset's spans are annotations")
    return Facts(tuple(spans), tuple(one.reviewed))


def read_series(series: Sequence[Candles], counted: Mapping[Named, Facts]) -> list[LabelledSeries]:
    """The labelled series of candles and of what `span_table` says about them."""
    nothing = Facts((), ())
    found = []
    for candles in in_order(series):
        known = counted.get((candles.pair, candles.timeframe), nothing)
        spans = sorted((*known.annotations, *known.talib), key=_place)
        found.append(LabelledSeries(candles, spans, list(known.reviewed)))
    return found
