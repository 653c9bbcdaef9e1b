"""Comparisons of whole series for whoever looks at them again and again: kept until something changes."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

from cachetools import LRUCache

from mllib.candles import Candles
from mllib.disagreement import Pair, compare
from mllib.errors import NotReady
from mllib.inference import Predictor
from mllib.pipeline.disagreements import Disagreement, told
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.span_layers import LayerName, compared, layer_spans
from mllib.pipeline.sweeps import SweptSeries, sweep_series, swept, swept_by
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, part, quiet
from mllib.spans import Span, SpanIndex
from mllib.store import Run

_KEPT = 12

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _Paired:
    """Two layers paired, without verdicts; `layers` are the spans of those that are not people's."""

    history: Candles
    between: tuple[str, str]
    pairs: list[Pair]
    layers: dict[str, SpanIndex]
    model_version: str | None = None

    @cached_property
    def number_of(self) -> dict[tuple[str, str, int, int], int]:
        """Which pair a layer's span belongs to."""
        return {
            (name, span.label, span.start_time, span.end_time): n
            for n, one in enumerate(self.pairs)
            for name, span in zip(self.between, (one.a, one.b), strict=True)
            if span is not None
        }

    @cached_property
    def labels(self) -> list[str]:
        return sorted({span.label for one in self.pairs for span in (one.a, one.b) if span is not None})


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that two layers say of a stored series, and the layers' spans by name; people's are always there.

    `model_version` is that of the layer `model`. Many readers share it: leave it as it is.
    """

    found: list[Disagreement]
    layers: dict[str, SpanIndex]
    paired: _Paired

    @property
    def history(self) -> Candles:
        return self.paired.history

    @property
    def between(self) -> tuple[str, str]:
        return self.paired.between

    @property
    def model_version(self) -> str | None:
        return self.paired.model_version

    @property
    def labels(self) -> list[str]:
        """All labels that either layer says."""
        return self.paired.labels

    @cached_property
    def labels_of_people(self) -> frozenset[str]:
        """Those that people give in the series."""
        return frozenset(span.label for span in self.layers["human"].spans)

    @cached_property
    def kinds(self) -> Counter[str]:
        """How many there are of each kind."""
        return Counter(one.kind for one in self.found)

    def told_of(self, layer: str, span: Span) -> Disagreement | None:
        """Where a layer's span is told, or None where it does not count."""
        n = self.paired.number_of.get((layer, span.label, span.start_time, span.end_time))
        return None if n is None else self.found[n]


class Comparisons:
    """The comparisons last asked for, made again only when anything that they rest on has changed.

    Spans are paired again only where people are one of the layers; a verdict alone changes no pair. Where a
    sweep is missing the answer is None: `sweep_all` computes it, beside the page.
    """

    def __init__(self, ws: Workspace, stored: StoredCandles) -> None:
        self._ws, self._stored = ws, stored
        self._kept: LRUCache[Hashable, Any] = LRUCache(_KEPT)
        self._lock = threading.Lock()

    def of_layers(
        self,
        between: tuple[LayerName, LayerName],
        predictor: Predictor | None,
        *,
        pair: str,
        timeframe: str,
    ) -> Comparison | None:
        """Two layers side by side; raises NotReady where the model is one of them and there is none."""
        found = None
        if "model" in between:
            if predictor is None:
                raise NotReady("model: none is loaded. Train one with `candleloop train`, or promote a run.")
            found = swept(self._ws, self._stored, predictor, pair=pair, timeframe=timeframe)
            if found is None:
                return None

        def pair_up() -> _Paired:
            return _layers_paired(self._ws, self._stored.read(pair, timeframe), between, found)

        run_id = None if found is None else found.run_id
        return self._made((pair, timeframe), (*between, run_id), pair_up, with_people="human" in between)

    def of_versions(self, before: Run, after: Run, *, pair: str, timeframe: str) -> Comparison | None:
        """What the second run's model changes against the first one's."""
        old, new = (
            swept_by(self._ws, self._stored, run, pair=pair, timeframe=timeframe) for run in (before, after)
        )
        if old is None or new is None:
            return None

        def pair_up() -> _Paired:
            return _versions_paired(old, new)

        return self._made((pair, timeframe), (before.run_id, after.run_id), pair_up, with_people=False)

    def _made(
        self,
        series: tuple[str, str],
        what: tuple[Hashable, ...],
        pair_up: Callable[[], _Paired],
        *,
        with_people: bool,
    ) -> Comparison:
        ws, revision = self._ws, self._ws.store.revision()
        candles = (series, ws.candles.version(*series), revision.derived)

        def make() -> Comparison:
            said = revision.said if with_people else ()
            paired = self._once(("pairs", candles, what, said), pair_up)
            people = self._once(
                ("people", candles, revision.said),
                lambda: SpanIndex(layer_spans(ws, paired.history, "human").spans),
            )
            found = told(ws, paired.history, paired.between, paired.pairs)
            return Comparison(found, {"human": people, **paired.layers}, paired)

        return self._once(("told", candles, what, revision), make)

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._kept:
                return cast(T, self._kept[key])
        made = make()
        with self._lock:
            self._kept[key] = made
        return made


def sweep_all(
    ws: Workspace,
    stored: StoredCandles,
    runs: Sequence[Run],
    *,
    pair: str,
    timeframe: str,
    progress: Progress | None = None,
) -> list[SweptSeries]:
    """What each run's model says of a stored series, computed where no file has it.

    Raises as `load_run` and `sweep_series` do.
    """

    def computed(run: Run, n: int) -> SweptSeries:
        report = part(progress or quiet, n / len(missing), (n + 1) / len(missing))
        return sweep_series(ws, stored, load_run(ws, run), pair=pair, timeframe=timeframe, progress=report)

    kept = {run.run_id: swept_by(ws, stored, run, pair=pair, timeframe=timeframe) for run in runs}
    missing = [run for run in runs if kept[run.run_id] is None]
    made = {run.run_id: computed(run, n) for n, run in enumerate(missing)}
    return [kept[run.run_id] or made[run.run_id] for run in runs]


def _layers_paired(
    ws: Workspace, history: Candles, between: tuple[LayerName, LayerName], found: SweptSeries | None
) -> _Paired:
    predicted, labels = ((), ()) if found is None else (found.spans, found.labels)
    a, b = (layer_spans(ws, history, name, predicted, labels) for name in between)
    layers = {str(one.name): SpanIndex(one.spans) for one in (a, b) if one.name != "human"}
    version = None if found is None else found.model_version
    return _Paired(history, between, compared(ws, a, b, history), layers, version)


def _versions_paired(old: SweptSeries, new: SweptSeries) -> _Paired:
    layers = {one.model_version: SpanIndex(one.spans) for one in (old, new)}
    pairs = compare(old.spans, new.spans, new.candles.time)
    return _Paired(new.candles, (old.model_version, new.model_version), pairs, layers)
