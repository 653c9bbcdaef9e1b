"""The `combined` encoder: every candle judged as `bio` does, and candidate windows for the longer labels.

Each of the two is learned as a part of its own. Validation decides for each longer label which of them
decodes it; short labels, which are rules over a few candles, belong to `bio`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.encoders import Example, Examples, TuningPart
from mllib.encoders.bio import BioEncoder
from mllib.encoders.choosing import MATCH_IOU, leaning_f1
from mllib.encoders.settings import EncodingConfig
from mllib.encoders.window import WindowEncoder
from mllib.features import Column, ContextConfig
from mllib.features.windows import Floats
from mllib.matching import count_matches
from mllib.rows import Part, Rows, Targets
from mllib.spans import PredictedSpan, ReviewedRange, Span, positions

_SHORT_BARS = 5
"""Labels whose spans typically have no more bars are left to `bio`."""

Decoder = Literal["bio", "window"]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CombinedEncoder:
    """Candles and windows to rows, probabilities to spans by whichever part finds a label better.

    A row of one bar is a candle's, any longer one a window's.
    """

    name: ClassVar[str] = "combined"
    learns_rows: ClassVar[bool] = True

    bio: BioEncoder
    window: WindowEncoder
    decoded_by: tuple[Decoder, ...]
    """For each of the labels."""

    @classmethod
    def learn(cls, context: ContextConfig, examples: Examples, settings: EncodingConfig) -> "CombinedEncoder":
        """Both encoders, `window` for the labels whose spans are longer than a few bars."""
        longer = {label: found for label, found in examples.items() if _typical_bars(found) > _SHORT_BARS}
        bio = BioEncoder.learn(context, examples, settings)
        window = WindowEncoder.learn(context, longer, settings)
        return cls(bio, window, tuple("window" if label in longer else "bio" for label in bio.labels))

    @property
    def labels(self) -> tuple[str, ...]:
        return self.bio.labels

    @property
    def columns(self) -> tuple[str, ...]:
        """Target columns: those of `bio`, then one a longer label."""
        return self.bio.columns + self.window.columns

    @property
    def column_labels(self) -> tuple[str, ...]:
        return self.bio.column_labels + self.window.column_labels

    def deciding_columns(self, label: str) -> tuple[int, ...]:
        """The target columns of the label in the part that decodes it."""
        if self.decoded_by[self.labels.index(label)] == "bio":
            return self.bio.deciding_columns(label)
        return tuple(len(self.bio.columns) + i for i in self.window.deciding_columns(label))

    @property
    def feature_columns(self) -> tuple[Column, ...]:
        return self.bio.feature_columns + self.window.feature_columns

    @property
    def parts(self) -> tuple[Part, ...]:
        features, columns = len(self.bio.feature_columns), len(self.bio.columns)
        of_bars = Part((0, features), (0, columns), most_bars=1)
        if not self.window.labels:
            return (replace(of_bars, features=(0, len(self.feature_columns))),)
        of_windows = Part((features, len(self.feature_columns)), (columns, len(self.columns)), least_bars=2)
        return of_bars, of_windows

    @property
    def needed_bars(self) -> int:
        return max(self.bio.needed_bars, self.window.needed_bars)

    @property
    def context_bars(self) -> int:
        return max(self.bio.context_bars, self.window.context_bars)

    @property
    def provisional_bars(self) -> int:
        return max(self.bio.provisional_bars, self.window.provisional_bars)

    def provisional_bars_of(self, label: str) -> int:
        """Those of the part that decodes the label: long windows say nothing of short patterns."""
        is_short = self.decoded_by[self.labels.index(label)] == "bio"
        return self.bio.provisional_bars if is_short else self.window.provisional_bars

    @property
    def reach(self) -> tuple[int, int]:
        past, future = zip(self.bio.reach, self.window.reach, strict=True)
        return max(past), max(future)

    def propose(self, candles: Candles) -> Rows:
        """A row a candle and, with longer labels, one a window; the features of the other kind are NaN."""
        of_bars = self.bio.propose(candles)
        of_windows = self.window.propose(candles)
        of_windows = of_windows.take((of_windows.end - of_windows.start > 1) & bool(self.window.labels))
        places = Rows.joined([of_bars.places(), of_windows.places()])
        order = np.argsort(places.start, kind="stable")
        at = np.empty_like(order)
        at[order] = np.arange(len(order))
        X = np.full((len(order), len(self.feature_columns)), np.nan, np.float32)
        X[at[: len(of_bars)], : of_bars.X.shape[1]] = of_bars.X
        X[at[len(of_bars) :], of_bars.X.shape[1] :] = of_windows.X
        return replace(places.take(order), X=X)

    def label(
        self, rows: Rows, candles: Candles, spans: Sequence[Span], reviewed: Sequence[ReviewedRange]
    ) -> Targets:
        """What each part knows of its own rows; all else is masked."""
        shape = (len(rows), len(self.columns))
        Y, mask, weights = np.zeros(shape, np.float32), np.zeros(shape, bool), np.ones(shape, np.float32)
        both: tuple[BioEncoder | WindowEncoder, ...] = (self.bio, self.window)
        first = 0
        for encoder, own in zip(both, _kinds(rows), strict=True):
            known = encoder.label(rows.take(own), candles, spans, reviewed)
            cells = np.ix_(own, np.arange(first, first + len(encoder.columns)))
            Y[cells], mask[cells], weights[cells] = known.Y, known.mask, known.weights
            first += len(encoder.columns)
        return Targets(self.columns, Y, mask, weights)

    def evidence(self, targets: Targets) -> dict[str, tuple[int, int]]:
        """As the candles have it, which know of all labels."""
        return self.bio.evidence(targets.of(Part((0, 0), (0, len(self.bio.columns)))))

    def decode(self, candles: Candles, rows: Rows, P: Probabilities) -> list[PredictedSpan]:
        """Spans, by start, of each label by the part that decodes it."""
        spans = [
            span
            for encoder, part, scores in self._deciding(rows, P)
            for span in encoder.decode(candles, part, scores)
        ]
        return sorted(spans, key=lambda span: (span.start_time, span.end_time, span.label))

    def coverage(self, candles: Candles, rows: Rows, P: Probabilities) -> Floats:
        """The probability that each bar lies in a span of each label: `float64 (n_bars, n_labels)`."""
        covered = np.zeros((len(candles), len(self.labels)))
        for encoder, part, scores in self._deciding(rows, P):
            at = [self.labels.index(label) for label in encoder.labels]
            covered[:, at] = encoder.coverage(candles, part, scores)
        return covered

    def tune(self, parts: Sequence[TuningPart]) -> "CombinedEncoder":
        """Both with their cuts chosen; each longer label goes to the one of the better span F1."""
        own = [self._own_parts(part) for part in parts]
        bio = self.bio.tune([of_bars for of_bars, _ in own])
        window = self.window.tune([of_windows for _, of_windows in own])
        tuned = replace(self, bio=bio, window=window)
        counts = np.zeros((len(window.labels), 2, 3))
        for of_bars, of_windows in own:
            counts += tuned._counted(of_bars, of_windows)
        decoded_by = dict(zip(self.labels, self.decoded_by, strict=True))
        for label, (by_bio, by_window) in zip(window.labels, leaning_f1(counts), strict=True):
            decoded_by[label] = "bio" if by_bio > by_window else "window"
        return replace(tuned, decoded_by=tuple(decoded_by.values()))

    def fingerprint(self) -> str:
        """A name for what the feature columns are."""
        both = self.bio.fingerprint() + self.window.fingerprint()
        return hashlib.sha256(both.encode()).hexdigest()[:16]

    def probe(self) -> list[float]:
        """The features of one bar and of one window of fixed synthetic candles."""
        return self.bio.probe() + self.window.probe()

    def to_dict(self) -> dict[str, Any]:
        """Both encoders and who decodes what, as JSON-ready values."""
        return {
            "bio": self.bio.to_dict(),
            "window": self.window.to_dict(),
            "decoded_by": list(self.decoded_by),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "CombinedEncoder":
        """The encoder that `to_dict` wrote down."""
        bio, window = BioEncoder.from_dict(saved["bio"]), WindowEncoder.from_dict(saved["window"])
        return cls(bio, window, tuple(saved["decoded_by"]))

    def _deciding(
        self, rows: Rows, P: Probabilities
    ) -> list[tuple[BioEncoder | WindowEncoder, Rows, Probabilities]]:
        """Both encoders with the lanes that they decode, their rows, and the probabilities of these lanes."""
        found: list[tuple[BioEncoder | WindowEncoder, Rows, Probabilities]] = []
        both: tuple[BioEncoder | WindowEncoder, ...] = (self.bio, self.window)
        first = 0
        for encoder, own in zip(both, _kinds(rows), strict=True):
            labels = {
                label for label, by in zip(self.labels, self.decoded_by, strict=True) if by == encoder.name
            }
            columns = [first + i for i, label in enumerate(encoder.column_labels) if label in labels]
            found.append((encoder.only(labels), rows.take(own), P[own[:, None], columns]))
            first += len(encoder.columns)
        return found

    def _own_parts(self, part: TuningPart) -> tuple[TuningPart, TuningPart]:
        """What `bio` and what `window` are tuned by."""
        bars, windows = _kinds(part.rows)
        k = len(self.bio.columns)
        of_bars = part._replace(rows=part.rows.take(bars), P=part.P[bars, :k], counts=part.counts[:, :k])
        of_windows = part._replace(
            rows=part.rows.take(windows), P=part.P[windows, k:], counts=part.counts[:, k:]
        )
        return of_bars, of_windows

    def _counted(self, of_bars: TuningPart, of_windows: TuningPart) -> Floats:
        """Matched, predicted and true spans of each longer label by both: `(n_labels, 2, 3)`."""
        found = [
            self.bio.decode(of_bars.candles, of_bars.rows, of_bars.P),
            self.window.decode(of_windows.candles, of_windows.rows, of_windows.P),
        ]
        counts = np.zeros((len(self.window.labels), 2, 3))
        for i, label in enumerate(self.window.labels):
            counted = of_windows.counts[:, i] & of_bars.counts[:, self.bio.column_labels.index(label)]
            truth = _of_label(of_bars.spans, label, of_bars.candles)
            for j, spans in enumerate(found):
                of_label = _of_label(spans, label, of_bars.candles)
                counts[i, j] = count_matches(of_label, truth, counted, least_iou=MATCH_IOU)
        return counts


def _typical_bars(found: Sequence[Example]) -> float:
    return float(np.median(np.concatenate([one.found[:, 1] - one.found[:, 0] for one in found])))


def _kinds(rows: Rows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The positions of the rows of candles and of those of windows."""
    of_bars = rows.end - rows.start == 1
    return np.flatnonzero(of_bars), np.flatnonzero(~of_bars)


def _of_label(spans: Sequence[Span], label: str, candles: Candles) -> NDArray[np.int64]:
    return positions([span for span in spans if span.label == label], candles.time)
