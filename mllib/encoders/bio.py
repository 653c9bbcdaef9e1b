"""The `bio` encoder: a row a candle, and an independent B/I/O lane for each label.

Overlapping spans of different labels are legal. How a lane becomes spans is told in `lanes`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.encoders import Examples, TuningPart, reviewed_bars
from mllib.encoders.lanes import JudgedLane, Lane, LaneProbabilities, choose, decode_lanes, predicted_spans
from mllib.encoders.settings import EncodingConfig
from mllib.encoders.viterbi import Positions
from mllib.features import Column, ContextConfig, column_reach, compute_features, fingerprint, probe
from mllib.features.windows import Floats
from mllib.matching import covered
from mllib.rows import Part, Rows, Targets
from mllib.spans import PredictedSpan, ReviewedRange, Span, clarity_weight, positions

_TYPICAL = 0.95
_ENOUGH = 5
"""Fewer examples than this say too little to fix a length or to choose a cut by."""
_SHORT_BARS = 5


@dataclass(frozen=True, slots=True)
class BioEncoder:
    """Candles to rows and probabilities to spans, one lane a label; its rows are the bars."""

    name: ClassVar[str] = "bio"
    learns_rows: ClassVar[bool] = False

    context: ContextConfig
    lanes: tuple[Lane, ...]
    feature_columns: tuple[Column, ...] = field(default=(), repr=False)

    @classmethod
    def learn(cls, context: ContextConfig, examples: Examples, settings: EncodingConfig) -> "BioEncoder":
        """An encoder for the labels of `examples`; lanes whose spans have one length know starts only."""
        lanes = []
        for label, found in sorted(examples.items()):
            bars = np.concatenate([np.diff(one.found, axis=1)[:, 0] for one in found])
            longest = int(np.quantile(bars, _TYPICAL, method="higher"))
            same = bars.min() == bars.max() and (len(bars) >= _ENOUGH or longest <= _SHORT_BARS)
            least = longest if same else max(1, int(bars.min()) // 2)
            lanes.append(Lane(label=label, least_bars=least, most_bars=longest))
        return cls(context, tuple(lanes)).with_features()

    def with_features(self) -> "BioEncoder":
        """The same encoder, knowing the columns its features have."""
        empty = np.empty(0)
        none = Candles("NONE", "1h", np.empty(0, np.int64), empty, empty, empty, empty)
        return replace(self, feature_columns=compute_features(none, self.context).columns)

    def only(self, labels: Collection[str]) -> "BioEncoder":
        """The encoder with the lanes of these labels alone."""
        return replace(self, lanes=tuple(lane for lane in self.lanes if lane.label in labels))

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(lane.label for lane in self.lanes)

    @property
    def column_labels(self) -> tuple[str, ...]:
        """The label of each target column."""
        return tuple(lane.label for lane in self.lanes for _ in range(lane.width))

    @property
    def columns(self) -> tuple[str, ...]:
        """Target columns: `B-label` for each lane, `I-label` where its length varies."""
        return tuple(
            f"{tag}-{lane.label}" for lane in self.lanes for tag in (("B",) if lane.fixed else ("B", "I"))
        )

    def deciding_columns(self, label: str) -> tuple[int, ...]:
        """The target columns of the label."""
        return tuple(i for i, of in enumerate(self.column_labels) if of == label)

    @property
    def parts(self) -> tuple[Part, ...]:
        return (Part((0, len(self.feature_columns)), (0, len(self.columns))),)

    @property
    def needed_bars(self) -> int:
        """How many candles a prediction needs at least: the memory of the features and the bar itself."""
        return self.context.past_bars + 1

    @property
    def context_bars(self) -> int:
        """How many bars before a range its labels may depend on."""
        return self.reach[0] + self._decode_bars

    @property
    def provisional_bars(self) -> int:
        """How young a decoded label is while it may still change, in bars."""
        return self.reach[1] + self._decode_bars

    def provisional_bars_of(self, label: str) -> int:
        """As of all of its labels."""
        return self.provisional_bars

    @property
    def reach(self) -> tuple[int, int]:
        """How many bars before and after its own a row reads."""
        return column_reach(self.feature_columns)

    @property
    def _decode_bars(self) -> int:
        return max((lane.decode_bars for lane in self.lanes), default=0)

    def propose(self, candles: Candles) -> Rows:
        """A row for every candle; row t reads bars t − past … t + future of the context."""
        past, future = self.reach
        n = len(candles)
        bars = np.arange(n, dtype=np.int64)
        reads_to = candles.time[np.minimum(bars + future, n - 1)] if n else candles.time
        return Rows(
            X=compute_features(candles, self.context).values,
            series=np.zeros(n, np.int32),
            start=bars,
            end=bars + 1,
            reads_from=candles.time[np.maximum(bars - past, 0)],
            reads_to=reads_to,
            known_at=reads_to,
            segment=np.zeros(n, np.int32),
        )

    def label(
        self, rows: Rows, candles: Candles, spans: Sequence[Span], reviewed: Sequence[ReviewedRange]
    ) -> Targets:
        """Starts and insides of spans, negatives only where reviewed; a span's bars weigh by its clarity."""
        shape = (len(candles), len(self.columns))
        marks = Targets(
            self.columns, np.zeros(shape, np.float32), np.zeros(shape, bool), np.ones(shape, np.float32)
        )
        by_label: dict[str, list[Span]] = {lane.label: [] for lane in self.lanes}
        for span in spans:
            if span.label in by_label:
                by_label[span.label].append(span)
        first = 0
        for lane in self.lanes:
            cells = slice(first, first + lane.width)
            marks.mask[:, cells] = reviewed_bars(lane.label, candles, reviewed)[:, None]
            found = positions(by_label[lane.label], candles.time)
            _mark(marks.Y[:, cells], marks.mask[:, cells], found)
            _weigh(marks.weights[:, cells], by_label[lane.label], found)
            first += lane.width
        return marks.take(rows.start)

    def evidence(self, targets: Targets) -> dict[str, tuple[int, int]]:
        """For each label how many spans start in these rows, and how many known bars lie outside of spans."""
        found, first = {}, 0
        for lane in self.lanes:
            starts = int(targets.Y[:, first].sum())
            inside = starts * lane.most_bars if lane.fixed else int(targets.Y[:, first : first + 2].sum())
            found[lane.label] = (starts, max(int(targets.mask[:, first].sum()) - inside, 0))
            first += lane.width
        return found

    def decode(self, candles: Candles, rows: Rows, P: NDArray[np.float32]) -> list[PredictedSpan]:
        """Spans, by start, from the probabilities `P float32 (n_bars, k)` of every bar of `candles`."""
        lanes = self._split(P)
        spans = predicted_spans(lanes, decode_lanes(lanes, candles), candles)
        return sorted(spans, key=lambda span: (span.start_time, span.end_time, span.label))

    def coverage(self, candles: Candles, rows: Rows, P: NDArray[np.float32]) -> Floats:
        """The probability that each bar lies in a span of each label: `float64 (n_bars, n_labels)`."""
        covered = np.empty((len(self.lanes), len(P)))
        for i, (lane, begin, inside) in enumerate(self._split(P)):
            np.minimum(begin + inside, 1.0, out=covered[i])
            if lane.fixed:
                for lag in range(1, min(lane.most_bars, len(P))):
                    np.maximum(covered[i, lag:], begin[:-lag], out=covered[i, lag:])
        return np.ascontiguousarray(covered.T)

    def tune(self, parts: Sequence[TuningPart]) -> "BioEncoder":
        """The encoder with each lane's cut and cost chosen for the best span F1 over validation parts."""
        judged = [[self._judged(i, part) for part in parts] for i in range(len(self.lanes))]
        return replace(self, lanes=tuple(choose(self.lanes, judged)))

    def fingerprint(self) -> str:
        """A name for what the feature columns are."""
        return fingerprint(self.context, self.feature_columns)

    def probe(self) -> list[float]:
        """The features of one bar of fixed synthetic candles."""
        return probe(self.context)

    def to_dict(self) -> dict[str, Any]:
        """The context and the lanes, as JSON-ready values."""
        return {
            "context": self.context.model_dump(mode="json"),
            "lanes": [lane.model_dump() for lane in self.lanes],
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "BioEncoder":
        """The encoder that `to_dict` wrote down."""
        lanes = tuple(Lane(**lane) for lane in saved["lanes"])
        return cls(ContextConfig(**saved["context"]), lanes).with_features()

    def _judged(self, i: int, part: TuningPart) -> JudgedLane:
        lane, begin, inside = self._split(part.P)[i]
        truth = positions([s for s in part.spans if s.label == lane.label], part.candles.time)
        counts = part.counts[:, self.column_labels.index(lane.label)]
        return part.candles, begin, inside, truth, counts

    def _split(self, P: NDArray[np.float32]) -> list[LaneProbabilities]:
        """Each lane with its probabilities of starting and of going on, `float64 (n_bars,)`."""
        columns, nowhere = iter(P.T.astype(np.float64, order="C")), np.zeros(len(P))
        return [(lane, next(columns), nowhere if lane.fixed else next(columns)) for lane in self.lanes]


def _mark(Y: NDArray[np.float32], mask: NDArray[np.bool_], found: Positions) -> None:
    found = found[found[:, 1] > found[:, 0]]
    inside = covered(found, len(Y))
    mask[inside] = True
    Y[found[:, 0], 0] = 1
    Y[:, 1:] = (inside & (Y[:, 0] == 0))[:, None]


def _weigh(weights: NDArray[np.float32], spans: Sequence[Span], found: Positions) -> None:
    """A bar weighs as its span does, as the clearest one where several overlap, and 1 outside."""
    clarity = np.array([clarity_weight(span) for span in spans], np.float32)
    if (clarity < 1).any():
        for i in np.argsort(clarity, kind="stable"):
            weights[slice(*found[i])] = clarity[i]
