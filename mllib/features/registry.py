"""The registry of model inputs: scale-free, of finite memory, each with its declared reach.

A feature group is a function of the bars that yields blocks of columns. A column of bar t reads only
bars t − past … t + future; wherever that interval leaves the series the value is NaN, so that
nothing is ever computed from half a window. Models take NaN as 'not known (yet)'.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mllib.candles import Candles
from mllib.features.bars import Bars
from mllib.features.custom import CustomFeature, custom_feature

_CHUNK_BARS = 4_096
"""So many bars are computed at a time; what they need on the way fits into a processor's cache."""


@dataclass(frozen=True, slots=True)
class Column:
    """One model input and how many bars before and after its own it reads."""

    name: str
    past: int
    future: int


@dataclass(frozen=True, slots=True)
class Block:
    """Columns computed together, each `(n_bars,)` of `values`; float32 is what becomes of them."""

    columns: list[Column]
    values: Sequence[NDArray[np.float64]] | NDArray[np.float64] | NDArray[np.float32]


class ContextConfig(BaseModel):
    """How far model inputs may look, and which groups there are; a dotted name is a user's own function."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    past_bars: int = Field(
        default=60, ge=20, le=2_000, description="How far back of a candle the model may look."
    )
    future_bars: int = Field(
        default=60,
        ge=0,
        le=2_000,
        description="How far ahead of a candle it may look; labels of so many newest candles may change.",
    )
    shape_bars_before: int = Field(
        default=1, ge=0, le=12, description="Candles before it whose bodies and wicks it sees."
    )
    shape_bars_after: int = Field(
        default=4, ge=0, le=12, description="Candles after it whose bodies and wicks it sees."
    )
    groups: tuple[str, ...] = Field(
        default=("candle_shape", "windows", "path", "oscillators"),
        description="Groups of inputs.",
        json_schema_extra=lambda schema: schema.update(items={"enum": list(GROUPS)}),
    )

    @field_validator("groups")
    @classmethod
    def _known(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [group for group in groups if group not in GROUPS and "." not in group]
        if unknown or not groups:
            found = ", ".join(unknown) or "nothing"
            raise ValueError(f"found {found}, expected some of {', '.join(GROUPS)}")
        return groups

    @property
    def custom_features(self) -> list[CustomFeature]:
        """The users' own functions among the groups; raises InvalidConfig where one cannot be used."""
        return [
            custom_feature(name, past_bars=self.past_bars, future_bars=self.future_bars)
            for name in self.groups
            if name not in GROUPS
        ]


Group = Callable[[Bars, ContextConfig], Iterator[Block]]
GROUPS: dict[str, Group] = {}


def feature_group(name: str) -> Callable[[Group], Group]:
    """Registers a group of features under its name in the configuration."""

    def register(group: Group) -> Group:
        GROUPS[name] = group
        return group

    return register


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMatrix:
    """Model inputs of one series: `values float32 (n_bars, n_columns)`, NaN where not known."""

    columns: tuple[Column, ...]
    values: NDArray[np.float32]


def compute_features(candles: Candles, config: ContextConfig) -> FeatureMatrix:
    """The model inputs of every bar: `float32 (n_bars, n_columns)`, row t from bars t − past … t + future.

    Columns that reach beyond `past_bars` or `future_bars` of the configuration are left out.
    """
    n = len(candles)
    columns: tuple[Column, ...] = ()
    values = part = np.empty((0, 0), dtype=np.float32)
    for first in range(0, max(n, 1), _CHUNK_BARS):
        last, start = min(first + _CHUNK_BARS, n), max(first - config.past_bars, 0)
        chunk = candles[start : last + config.future_bars]
        blocks = list(_blocks(chunk, config))
        if not columns:
            columns = tuple(column for block in blocks for column in block.columns)
            values = np.empty((n, len(columns)), dtype=np.float32)
            part = np.empty((len(columns), config.past_bars + _CHUNK_BARS + config.future_bars), np.float32)
        lines = (line for block in blocks for line in block.values)
        for i, line in enumerate(lines):
            part[i, : len(chunk)] = line
        values[first:last] = part[:, first - start : last - start].T
    _hide_edges(values, columns)
    return FeatureMatrix(columns, values)


def _blocks(candles: Candles, config: ContextConfig) -> Iterator[Block]:
    """The columns of every group. Since memory is finite, candles with so much context on both sides give
    what the whole series would, bit by bit.
    """
    bars = Bars(candles)
    with np.errstate(invalid="ignore", divide="ignore"):
        for name in config.groups:
            if name in GROUPS:
                yield from (_within(block, config) for block in GROUPS[name](bars, config))
    for feature in config.custom_features:
        yield _custom_block(feature, candles)


def _custom_block(feature: CustomFeature, candles: Candles) -> Block:
    reach = feature.past_bars, feature.future_bars
    columns = [Column(f"{feature.name}.{column}", *reach) for column in feature.columns]
    return Block(columns, feature.values(candles))


def _within(block: Block, config: ContextConfig) -> Block:
    keep = [
        i
        for i, column in enumerate(block.columns)
        if column.past <= config.past_bars and column.future <= config.future_bars
    ]
    if len(keep) == len(block.columns):
        return block
    return Block([block.columns[i] for i in keep], [block.values[i] for i in keep])


def _hide_edges(values: NDArray[np.float32], columns: tuple[Column, ...]) -> None:
    past, future = (np.array([getattr(c, side) for c in columns], np.int64) for side in ("past", "future"))
    head, tail = values[: past.max(initial=0)], values[max(len(values) - future.max(initial=0), 0) :]
    head[np.arange(len(head))[:, None] < past] = np.nan
    tail[np.arange(len(tail))[::-1, None] < future] = np.nan


def column_reach(columns: tuple[Column, ...]) -> tuple[int, int]:
    """The furthest that any column reads: bars before, bars after."""
    return max(column.past for column in columns), max(column.future for column in columns)


def probe(config: ContextConfig) -> list[float]:
    """The model inputs of one bar of a fixed synthetic series, to recognise that a feature has changed."""
    middle = config.past_bars + 1
    row = compute_features(probe_candles(middle + config.future_bars + 1), config).values[middle]
    return [float(value) for value in row]


def fingerprint(config: ContextConfig, columns: tuple[Column, ...]) -> str:
    """A name for what the columns are; the values themselves are compared by `probe`."""
    described: list[Any] = [config.model_dump_json(), *((c.name, c.past, c.future) for c in columns)]
    return hashlib.sha256(repr(described).encode()).hexdigest()[:16]


def probe_candles(n: int) -> Candles:
    """Fixed synthetic candles, the same ones in every version."""
    phase = np.arange(n, dtype=np.float64)
    close = 100 + 3 * np.sin(phase / 3.1) + 2 * np.cos(phase / 7.7) + phase / 50
    open_ = 100 + 3 * np.sin((phase - 0.8) / 3.1) + 2 * np.cos((phase - 1.3) / 7.7) + phase / 50
    high = np.maximum(open_, close) + 0.3 + 0.2 * np.sin(phase)
    low = np.minimum(open_, close) - 0.3 - 0.2 * np.cos(phase)
    volume = 1_000 + 500 * np.sin(phase / 2.3)
    return Candles("PROBE", "1h", np.arange(n, dtype=np.int64) * 3_600, open_, high, low, close, volume)
