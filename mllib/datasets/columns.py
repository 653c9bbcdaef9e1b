"""What the columns of the datasets are: type, unit, meaning, and what a feature may know of time."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from mllib.config import FeatureSection
from mllib.errors import InvalidConfig
from mllib.features.custom import CustomFeature
from mllib.indicators import Indicator, indicator_columns

Kind = Literal["text", "integer", "number", "tag"]
_CAUSAL = "reads bars up to its own"
TAG_PREFIX = "bio_"
TAGS = ("O", "B", "I")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `kind` decides its type: text, int64, float64, or a tag of `TAGS`."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    causality: str = "known when its bar closes"
    nullable: bool = False
    at_least: float | None = None
    allowed: tuple[str, ...] | None = None


_NAMED = (
    Column("pair", "text", "symbol", "The series' symbol, such as EURUSD."),
    Column("timeframe", "text", "timeframe", "Length of a candle, such as 1h."),
)
_CANDLES = (
    *_NAMED,
    Column("time", "integer", "Unix s, UTC", "Open time of the candle; rises strictly within a series.",
           "known when its bar opens"),
    Column("open", "number", "price", "First price.", "known when its bar opens", at_least=0),
    Column("high", "number", "price", "Highest price.", at_least=0),
    Column("low", "number", "price", "Lowest price.", at_least=0),
    Column("close", "number", "price", "Last price.", at_least=0),
    Column("volume", "number", "as the source counts", "Traded volume; null where the source has none.",
           nullable=True, at_least=0),
)  # fmt: skip
_CANDLE_FEATURES = {
    "body_size": ("price", "Distance of open and close."),
    "body_direction": ("1 or -1", "1 where the close is at or above the open, else -1."),
    "upper_wick": ("price", "From the upper end of the body to the high."),
    "lower_wick": ("price", "From the low to the lower end of the body."),
    "candle_range": ("price", "From low to high."),
    "body_to_range": ("share, 0 to 1", "The body as a share of the range; 0 for a candle without any range."),
}
FACTS = (
    Column("kind", "text", "name", "`annotation`: a span, or a verdict that nothing is there (label O); "
           "`reviewed`: a range that someone looked at in full.", "none", allowed=("annotation", "reviewed")),
    *_NAMED,
    Column("start_time", "integer", "Unix s, UTC", "Open of the first candle.", "none"),
    Column("end_time", "integer", "Unix s, UTC", "Open of the last candle.", "none"),
    Column("label", "text", "name", "The label; null for a reviewed range.", "none", nullable=True),
    Column("labels", "text", "JSON list", "The labels that were looked for; reviewed ranges only.", "none",
           nullable=True),
    Column("id", "text", "name", "The annotation's id; null for a reviewed range.", "none", nullable=True),
    Column("source", "text", "name", "Who said so.", "none", nullable=True,
           allowed=("human", "talib", "model_confirmed", "model_corrected")),
    Column("annotator", "text", "name", "Who annotated, where it is known.", "none", nullable=True),
    Column("clarity", "integer", "1 to 5", "How clear the pattern is, in the annotator's eyes.", "none",
           nullable=True, at_least=1),
    Column("outcome", "text", "name", "`win`, `loss` or `breakeven`: what came of the pattern. Known only "
           "long after it; never a model input.", "none", nullable=True),
    Column("sub_spans", "text", "JSON list", "Labelled parts: `label start_time end_time`.", "none",
           nullable=True),
    Column("notes", "text", "text", "What the annotator wrote.", "none", nullable=True),
    Column("model_prediction", "text", "JSON object", "The prediction that a verdict judged: `label "
           "confidence model_version start_time end_time`.", "none", nullable=True),
    Column("verdict_order", "integer", "rank", "Of annotations that a verdict made: 0 for the oldest of the "
           "series.", "none", nullable=True, at_least=0),
    Column("created_at", "integer", "Unix s, UTC", "When it was stored; 0 for derived spans.", "none",
           nullable=True),
    Column("extra", "text", "JSON object", "Further keys of the annotation.", "none", nullable=True),
)  # fmt: skip
"""The columns of `annotations.parquet` and `spans.parquet`."""


def candle_columns() -> tuple[Column, ...]:
    """The columns of stored candles: `pair timeframe time open high low close volume`."""
    return _CANDLES


def enriched_columns(features: FeatureSection) -> tuple[Column, ...]:
    """Candles with the configured candle features, TA-Lib's indicators and custom features.

    Raises:
        InvalidConfig: two of them have one name.
    """
    shapes = (
        Column(name, "number", *_CANDLE_FEATURES[name], causality=_CAUSAL) for name in features.candle_columns
    )
    indicators = (column for one in features.talib_indicators for column in _of_indicator(one))
    custom = (column for one in features.model_inputs.custom_features for column in _of_custom(one))
    columns = (*_CANDLES, *shapes, *indicators, *custom)
    names = [column.name for column in columns]
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise InvalidConfig(
            f"stages.feature_engineering: found talib_indicators or custom_features that make {twice} "
            "twice, expected a name for each column. Remove one of them."
        )
    return columns


def _of_indicator(indicator: Indicator) -> list[Column]:
    given = ", ".join(f"{key}={value:g}" for key, value in indicator.params.items()) or "its defaults"
    meaning = f"TA-Lib's {indicator.name.upper()} with {given}; null while it warms up. For people: it may "
    meaning += "remember the whole series, and models never see it."
    unit = "as TA-Lib defines it"
    return [
        Column(name, "number", unit, meaning, _CAUSAL, nullable=True) for name in indicator_columns(indicator)
    ]


def _of_custom(feature: CustomFeature) -> list[Column]:
    causality = f"reads {feature.past_bars} bars before its own and {feature.future_bars} after it"
    meaning = f"What the function `{feature.name}` of the configuration gives; null where it says nothing."
    unit = "as the function defines it"
    return [Column(name, "number", unit, meaning, causality, nullable=True) for name in custom_names(feature)]


def custom_names(feature: CustomFeature) -> list[str]:
    """The columns that a custom feature adds, such as `our.module.body.share`."""
    return [f"{feature.name}.{column}" for column in feature.columns]


def labeled_columns(enriched: Sequence[Column], labels: Sequence[str]) -> tuple[Column, ...]:
    """Enriched candles with a column `bio_<label>` for every label."""
    return (*enriched, *map(_tag, labels))


def _tag(label: str) -> Column:
    meaning = (
        f"{label}: `B` on the first candle of a span, `I` on the others, `O` outside; null where nobody "
    )
    meaning += "has looked. The span that starts last wins where spans of this label overlap."
    causality = "known when the span is: a target, never a model input"
    return Column(f"{TAG_PREFIX}{label}", "tag", "tag", meaning, causality, nullable=True)


def as_json(tables: dict[str, Sequence[Column]]) -> str:
    """The documentation of tables by file name, for programs."""
    documented = {name: [asdict(column) for column in columns] for name, columns in tables.items()}
    return json.dumps(documented, indent=1, sort_keys=True) + "\n"


def _yes(nullable: bool) -> str:
    return "yes" if nullable else "no"


def as_markdown(tables: dict[str, Sequence[Column]]) -> str:
    """The documentation of tables by file name, for people."""
    lines = []
    for name, columns in tables.items():
        lines += [
            f"## {name}",
            "",
            "| column | type | unit | null | meaning | in time |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            " | ".join((f"| `{c.name}`", c.kind, c.unit, _yes(c.nullable), c.meaning, f"{c.causality} |"))
            for c in columns
        ]
        lines.append("")
    return "\n".join(lines)
