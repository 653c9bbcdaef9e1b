"""How a chart becomes rows and probabilities become spans: the seam, and the encoders by name.

A new encoder is one new file and one line in `_ENCODERS`. It is imported when it is asked for.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.encoders.settings import EncodingConfig
from mllib.errors import InvalidConfig
from mllib.features import Column, ContextConfig
from mllib.rows import Part, Rows, Targets
from mllib.spans import PredictedSpan, ReviewedRange, Span

_ENCODERS = {
    "bio": ("mllib.encoders.bio", "BioEncoder"),
    "combined": ("mllib.encoders.combined", "CombinedEncoder"),
    "window": ("mllib.encoders.window", "WindowEncoder"),
}
ENCODER_NAMES = tuple(_ENCODERS)

__all__ = [
    "ENCODER_NAMES",
    "Encoder",
    "EncodingConfig",
    "Example",
    "Examples",
    "TuningPart",
    "encoder_class",
    "encoder_from_dict",
    "encoder_to_dict",
    "reviewed_bars",
]


class Example(NamedTuple):
    """The spans of one label on one series, as half-open positions `int64 (n, 2)`; none is empty."""

    candles: Candles
    found: NDArray[np.int64]


Examples = Mapping[str, Sequence[Example]]
"""The spans of every label that an encoder may learn from."""


class TuningPart(NamedTuple):
    """One series to choose by: its rows without `X`, their probabilities `P (n, k)`, what is true.

    `counts bool (n_bars, k)` are the bars that count for each target column: someone has looked there for its
    label, and the probabilities come from a model that has not learned from them.
    """

    candles: Candles
    rows: Rows
    P: NDArray[np.float32]
    spans: Sequence[Span]
    counts: NDArray[np.bool_]


class Encoder(Protocol):
    """Candles to rows, labels to targets, probabilities to spans. Immutable.

    Wherever `rows` and `P` come together they are all rows that `propose` gives for the candles, in its
    order; their `X` may be empty (`Rows.places`).
    """

    name: ClassVar[str]
    learns_rows: ClassVar[bool]
    """Whether what it proposes depends on the examples it has learned from."""

    @classmethod
    def learn(cls, context: ContextConfig, examples: Examples, settings: EncodingConfig) -> Self:
        """An encoder for the labels of `examples`; without any it can propose, and nothing else."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of `coverage`."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The k target columns."""

    @property
    def column_labels(self) -> tuple[str, ...]:
        """The label that each target column belongs to."""

    def deciding_columns(self, label: str) -> tuple[int, ...]:
        """The target columns that its spans are decoded from, that of their starts first."""

    @property
    def feature_columns(self) -> tuple[Column, ...]:
        """The columns of `Rows.X`; a column's `future` counts bars after the last one that the row judges."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is learned apart: one part holds all, several divide rows, features and columns."""

    @property
    def needed_bars(self) -> int:
        """How many candles a prediction needs at least."""

    @property
    def context_bars(self) -> int:
        """How many bars before a range its labels may depend on."""

    @property
    def provisional_bars(self) -> int:
        """How young a decoded label is while it may still change, in bars."""

    def provisional_bars_of(self, label: str) -> int:
        """The same of the spans of one label; `provisional_bars` at most."""

    @property
    def reach(self) -> tuple[int, int]:
        """How many bars before and after its `start` a row, and whether it is proposed, may depend on."""

    def propose(self, candles: Candles) -> Rows:
        """The rows to judge, by `start`; several a candle, or none."""

    def label(
        self, rows: Rows, candles: Candles, spans: Sequence[Span], reviewed: Sequence[ReviewedRange]
    ) -> Targets:
        """What is known about the rows."""

    def evidence(self, targets: Targets) -> dict[str, tuple[int, int]]:
        """For each label how many examples there are, and how many known negatives beside them."""

    def decode(self, candles: Candles, rows: Rows, P: NDArray[np.float32]) -> list[PredictedSpan]:
        """Spans, by start, from the probabilities `P float32 (n, k)` of the rows."""

    def coverage(self, candles: Candles, rows: Rows, P: NDArray[np.float32]) -> NDArray[np.float64]:
        """The probability that each bar lies in a span of each label: `float64 (n_bars, n_labels)`."""

    def tune(self, parts: Sequence[TuningPart]) -> Self:
        """The encoder with its cuts and costs chosen for the best span F1 over validation parts."""

    def fingerprint(self) -> str:
        """A name for what the feature columns are."""

    def probe(self) -> list[float]:
        """The features of fixed synthetic candles, to recognise that one has changed."""

    def to_dict(self) -> dict[str, Any]:
        """Everything needed to rebuild it, as JSON-ready values."""

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The encoder that `to_dict` wrote down."""


def encoder_class(name: str) -> type[Encoder]:
    """The encoder of that name.

    Raises:
        InvalidConfig: where there is none.
    """
    if name not in _ENCODERS:
        raise InvalidConfig(
            f"stages.annotation_ingestion.label_encoding: found {name!r}, expected one of "
            f"{', '.join(ENCODER_NAMES)}. Choose an encoder that this version has."
        )
    module, attribute = _ENCODERS[name]
    found: type[Encoder] = getattr(import_module(module), attribute)
    return found


def encoder_to_dict(encoder: Encoder) -> dict[str, Any]:
    """An encoder with its name, as JSON-ready values."""
    return {"encoder": encoder.name, **encoder.to_dict()}


def encoder_from_dict(saved: Mapping[str, Any]) -> Encoder:
    """The encoder that `encoder_to_dict` wrote down."""
    return encoder_class(saved["encoder"]).from_dict(saved)


def reviewed_bars(label: str, candles: Candles, reviewed: Sequence[ReviewedRange]) -> NDArray[np.bool_]:
    """Where someone has looked for this label: `bool (n_bars,)`."""
    looked = np.zeros(len(candles), bool)
    for part in reviewed:
        if label in part.labels:
            first = np.searchsorted(candles.time, part.start_time, "left")
            looked[first : np.searchsorted(candles.time, part.end_time, "right")] = True
    return looked
