"""The `window` encoder: a row a candidate window, one target column a label.

Windows are proposed (`proposals`), described scale-free (`features.window_shape`), judged for all labels by
one model, and of those that overlap the most probable one is a label's span (`suppression`).
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mllib.candles import Candles
from mllib.encoders import Examples, TuningPart, reviewed_bars
from mllib.encoders.choosing import FINE_CUTS, MATCH_IOU, leaning_f1
from mllib.encoders.proposals import Bounds, fixed_windows, learn_bounds, propose_windows
from mllib.encoders.settings import EncodingConfig
from mllib.encoders.suppression import largest_over, unsuppressed
from mllib.features import Column, ContextConfig, column_reach, compute_features, probe_candles
from mllib.features.window_shape import COLUMNS, Series, beside, beside_columns, describe
from mllib.features.windows import Floats
from mllib.matching import Positions, count_matches, overlaps, wholly_on
from mllib.rows import Part, Rows, Targets
from mllib.spans import PredictedSpan, ReviewedRange, Span, clarity_weight, positions

LEAST_IOU = 0.5
"""A window that overlaps a span by less is none of its label, whatever else there is."""

_AS_GOOD = 0.98
_NEARLY_AS_GOOD = 0.8
_MOST_BARS = 400
_PROBED_BARS = 24


class WindowLane(BaseModel):
    """One label: the windows that may be its spans, and the cut chosen on validation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    bounds: Bounds
    cut: float = 0.5


@dataclass(frozen=True, slots=True)
class WindowEncoder:
    """Candles to windows and probabilities to spans, one lane a label; its rows are the windows."""

    name: ClassVar[str] = "window"
    learns_rows: ClassVar[bool] = True

    context: ContextConfig
    settings: EncodingConfig
    lanes: tuple[WindowLane, ...]
    feature_columns: tuple[Column, ...]

    @classmethod
    def learn(cls, context: ContextConfig, examples: Examples, settings: EncodingConfig) -> "WindowEncoder":
        """An encoder that proposes windows like the spans of `examples`."""
        known: dict[int, Series] = {}
        lanes = []
        for label, of_label in sorted(examples.items()):
            found = [
                (known.setdefault(id(one.candles), Series.of(one.candles)), one.found) for one in of_label
            ]
            lanes.append(WindowLane(label=label, bounds=learn_bounds(found, within=(1, _MOST_BARS))))
        return cls(context, settings, tuple(lanes), _columns(context, settings))

    def only(self, labels: Collection[str]) -> "WindowEncoder":
        """The encoder with the lanes of these labels alone."""
        return replace(self, lanes=tuple(lane for lane in self.lanes if lane.label in labels))

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(lane.label for lane in self.lanes)

    @property
    def columns(self) -> tuple[str, ...]:
        """Target columns: one a label."""
        return self.labels

    @property
    def column_labels(self) -> tuple[str, ...]:
        return self.labels

    def deciding_columns(self, label: str) -> tuple[int, ...]:
        """The target columns of the label."""
        return tuple(i for i, of in enumerate(self.column_labels) if of == label)

    @property
    def parts(self) -> tuple[Part, ...]:
        return (Part((0, len(self.feature_columns)), (0, len(self.columns))),)

    @property
    def needed_bars(self) -> int:
        """How many candles a prediction needs at least: what is read before a window, and the shortest."""
        return self.reach[0] + min((bounds.least_bars for bounds in self._bounds), default=1)

    @property
    def context_bars(self) -> int:
        """How many bars before a range its labels may depend on."""
        return 2 * self._most_bars + self.reach[0]

    @property
    def provisional_bars(self) -> int:
        """How young a label is while it may still change: windows over it, and those that overlap these."""
        return self._most_bars + self.reach[1]

    def provisional_bars_of(self, label: str) -> int:
        """As of all of its labels."""
        return self.provisional_bars

    @property
    def reach(self) -> tuple[int, int]:
        """How many bars before and after its start a row reads."""
        past, future = column_reach(self.feature_columns)
        return past, self._most_bars + future

    @property
    def _bounds(self) -> tuple[Bounds, ...]:
        if self.settings.proposals == "fixed":
            size = self.settings.window_size
            return (Bounds(swing_bars=0, least_bars=size, most_bars=size),)
        return tuple(lane.bounds for lane in self.lanes)

    @property
    def _most_bars(self) -> int:
        return max((bounds.most_bars for bounds in self._bounds), default=1)

    def propose(self, candles: Candles) -> Rows:
        """A row for each proposed window, by start and end; it reads what `feature_columns` say."""
        series = Series.of(candles)
        if self.settings.proposals == "fixed":
            windows = fixed_windows(candles, self.settings.window_size)
        else:
            windows = propose_windows(series, self._bounds)
        past, future = column_reach(self.feature_columns)
        start, end = windows[:, 0], windows[:, 1]
        reads_to = candles.time[np.minimum(end - 1 + future, len(candles) - 1)]
        return Rows(
            X=self._described(candles, series, start, end),
            series=np.zeros(len(start), np.int32),
            start=start,
            end=end,
            reads_from=candles.time[np.maximum(start - past, 0)],
            reads_to=reads_to,
            known_at=reads_to,
            segment=np.zeros(len(start), np.int32),
        )

    def _described(
        self, candles: Candles, series: Series, start: NDArray[np.int64], end: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        parts = [describe(series, start, end)]
        if self.settings.context_padding:
            parts.append(beside(series, start, end, padding=self.settings.context_padding))
        if self.context.custom_features:
            values = compute_features(candles, _only_custom(self.context)).values
            parts += [values[start], values[end - 1]]
        return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]

    def label(
        self, rows: Rows, candles: Candles, spans: Sequence[Span], reviewed: Sequence[ReviewedRange]
    ) -> Targets:
        """Positive are the windows nearest to a span, negative those far from any, where it was reviewed.

        A window is as good as a span's best one (IoU at least 0.5) or nearly as good, which is not known.
        """
        windows = np.stack([rows.start, rows.end], axis=1)
        shape = (len(windows), len(self.lanes))
        Y, weights = np.zeros(shape, np.float32), np.ones(shape, np.float32)
        mask = np.zeros(shape, bool)
        for i, lane in enumerate(self.lanes):
            looked = wholly_on(windows, reviewed_bars(lane.label, candles, reviewed))
            of_label = [span for span in spans if span.label == lane.label]
            found = _Nearest.of(windows, positions(of_label, candles.time))
            Y[found.good, i] = 1
            mask[:, i] = looked & ~found.near
            mask[found.good, i] = True
            clarity = np.array([clarity_weight(span) for span in of_label], np.float32)
            weights[found.good, i] = clarity[found.span[found.good]]
        return Targets(self.columns, Y, mask, weights)

    def evidence(self, targets: Targets) -> dict[str, tuple[int, int]]:
        """For each label how many windows are its spans, and how many are known not to be."""
        known = targets.mask & (targets.Y == 0)
        return {
            lane.label: (int(targets.Y[:, i].sum()), int(known[:, i].sum()))
            for i, lane in enumerate(self.lanes)
        }

    def decode(self, candles: Candles, rows: Rows, P: NDArray[np.float32]) -> list[PredictedSpan]:
        """Spans, by start, from the probabilities `P float32 (n, k)` of the windows."""
        windows = np.stack([rows.start, rows.end], axis=1)
        cuts = np.array([lane.cut for lane in self.lanes], np.float32)
        of_lane, likely = np.nonzero((cuts <= P).T)
        end_to_end = windows[likely] + (of_lane * len(candles))[:, None]
        best = unsuppressed(end_to_end, P[likely, of_lane])
        of_lane, kept = of_lane[best], likely[best]
        found = zip(
            [self.lanes[i].label for i in of_lane.tolist()],
            candles.time[rows.start[kept]].tolist(),
            candles.time[rows.end[kept] - 1].tolist(),
            P[kept, of_lane].tolist(),
            (rows.end - rows.start)[kept].tolist(),
            strict=True,
        )
        spans = [PredictedSpan(*one) for one in found]
        return sorted(spans, key=lambda span: (span.start_time, span.end_time, span.label))

    def coverage(self, candles: Candles, rows: Rows, P: NDArray[np.float32]) -> Floats:
        """The probability that each bar lies in a span of each label: `float64 (n_bars, n_labels)`."""
        return largest_over(np.stack([rows.start, rows.end], axis=1), P, len(candles))

    def tune(self, parts: Sequence[TuningPart]) -> "WindowEncoder":
        """The encoder with each label's cut chosen for the best span F1 over validation parts."""
        counts = np.array([[self._counted(i, part) for part in parts] for i in range(len(self.lanes))])
        lanes = list(self.lanes)
        for i, scores in enumerate(leaning_f1(counts.sum(axis=1)) if counts.size else ()):
            if scores.any():
                lanes[i] = lanes[i].model_copy(update={"cut": FINE_CUTS[int(scores.argmax())]})
        return replace(self, lanes=tuple(lanes))

    def _counted(self, i: int, part: TuningPart) -> NDArray[np.float64]:
        """Matched, predicted and true spans for each cut: `(n_cuts, 3)`."""
        windows, P = np.stack([part.rows.start, part.rows.end], axis=1), part.P[:, i]
        likely = np.flatnonzero(FINE_CUTS[0] <= P)
        kept = likely[unsuppressed(windows[likely], P[likely])]
        truth = positions([s for s in part.spans if s.label == self.lanes[i].label], part.candles.time)
        found = [windows[kept[P[kept] >= cut]] for cut in FINE_CUTS]
        return np.array(
            [count_matches(one, truth, part.counts[:, i], least_iou=MATCH_IOU) for one in found], np.float64
        )

    def fingerprint(self) -> str:
        """A name for what the feature columns are."""
        described: list[Any] = [self.context.model_dump_json(), self.settings.model_dump_json()]
        described += [(column.name, column.past, column.future) for column in self.feature_columns]
        return hashlib.sha256(repr(described).encode()).hexdigest()[:16]

    def probe(self) -> list[float]:
        """The features of one window of fixed synthetic candles."""
        past, future = column_reach(self.feature_columns)
        start, end = np.array([past + 1]), np.array([past + _PROBED_BARS])
        candles = probe_candles(int(end[0]) + future + 1)
        return [float(v) for v in self._described(candles, Series.of(candles), start, end)[0]]

    def to_dict(self) -> dict[str, Any]:
        """Context, settings and lanes, as JSON-ready values."""
        return {
            "context": self.context.model_dump(mode="json"),
            "settings": self.settings.model_dump(mode="json"),
            "lanes": [lane.model_dump(mode="json") for lane in self.lanes],
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "WindowEncoder":
        """The encoder that `to_dict` wrote down."""
        context, settings = ContextConfig(**saved["context"]), EncodingConfig(**saved["settings"])
        lanes = tuple(WindowLane(**lane) for lane in saved["lanes"])
        return cls(context, settings, lanes, _columns(context, settings))


@dataclass(frozen=True, slots=True, eq=False)
class _Nearest:
    """Which windows are as good as a span's best one, which are near one, and the span each is nearest to."""

    good: NDArray[np.bool_]
    near: NDArray[np.bool_]
    span: NDArray[np.int64]

    @classmethod
    def of(cls, windows: Positions, truth: Positions) -> "_Nearest":
        i, j, iou = overlaps(windows, truth)
        best = np.zeros(len(truth))
        np.maximum.at(best, j, iou)
        good, near = np.zeros(len(windows), bool), np.zeros(len(windows), bool)
        good[i[(iou >= _AS_GOOD * best[j]) & (iou >= LEAST_IOU)]] = True
        near[i[iou >= _NEARLY_AS_GOOD * best[j]]] = True
        span = np.zeros(len(windows), np.int64)
        order = np.argsort(iou, kind="stable")
        span[i[order]] = j[order]
        return cls(good, near, span)


def _only_custom(context: ContextConfig) -> ContextConfig:
    return context.model_copy(update={"groups": tuple(one.name for one in context.custom_features)})


def _columns(context: ContextConfig, settings: EncodingConfig) -> tuple[Column, ...]:
    """The columns of `Rows.X`; custom features are those of the first and of the last bar."""
    columns = COLUMNS + beside_columns(settings.context_padding)
    if not context.custom_features:
        return columns
    custom = compute_features(probe_candles(1), _only_custom(context)).columns
    at_start = tuple(Column(f"{c.name}@start", c.past, c.future) for c in custom)
    return columns + at_start + tuple(Column(f"{c.name}@end", c.past, c.future) for c in custom)
