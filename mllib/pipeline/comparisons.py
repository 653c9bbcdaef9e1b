"""Comparisons of whole series for whoever looks at them again and again: kept until something changes."""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cachetools import LRUCache

from mllib.candles import Candles
from mllib.errors import NotReady
from mllib.inference import Predictor
from mllib.models import Progress
from mllib.pipeline.disagreements import Disagreement, told_apart, version_changes
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.span_layers import LayerName, layer_spans
from mllib.pipeline.sweeps import SweptSeries, sweep_series, swept, swept_by
from mllib.pipeline.workspace import Workspace
from mllib.spans import Span, SpanIndex
from mllib.store import Run

_KEPT = 6


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that two layers say of a stored series, and the layers' spans by name; people's are always there.

    `model_version` is that of the layer `model`. Many readers share it: leave it as it is.
    """

    history: Candles
    between: tuple[str, str]
    found: list[Disagreement]
    layers: dict[str, SpanIndex]
    model_version: str | None = None

    def told_of(self, layer: str, span: Span) -> Disagreement | None:
        """Where a layer's span is told, or None where it does not count."""
        return self._by_span.get((layer, span.label, span.start_time, span.end_time))

    @cached_property
    def _by_span(self) -> dict[tuple[str, str, int, int], Disagreement]:
        return {
            (name, span.label, span.start_time, span.end_time): one
            for one in self.found
            for name, span in zip(one.between, (one.pair.a, one.pair.b), strict=True)
            if span is not None
        }


class Comparisons:
    """The comparisons last asked for, made again only when anything that they rest on has changed.

    Where a sweep is missing they answer None: `sweep_missing` computes it, beside the page.
    """

    def __init__(self, ws: Workspace, stored: StoredCandles) -> None:
        self._ws, self._stored = ws, stored
        self._kept: LRUCache[Hashable, Comparison] = LRUCache(_KEPT)
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

        def make() -> Comparison:
            return _of_layers(self._ws, self._stored.read(pair, timeframe), between, found)

        return self._made((pair, timeframe, between, None if found is None else found.run_id), make)

    def of_versions(self, before: Run, after: Run, *, pair: str, timeframe: str) -> Comparison | None:
        """What the second run's model changes against the first one's."""
        old, new = (
            swept_by(self._ws, self._stored, run, pair=pair, timeframe=timeframe) for run in (before, after)
        )
        if old is None or new is None:
            return None
        key = (pair, timeframe, before.run_id, after.run_id)
        return self._made(key, lambda: _of_versions(self._ws, old, new))

    def _made(self, key: tuple[Hashable, ...], make: Callable[[], Comparison]) -> Comparison:
        pair, timeframe = str(key[0]), str(key[1])
        whole = (*key, self._ws.candles.version(pair, timeframe), self._ws.store.revision())
        with self._lock:
            if whole in self._kept:
                return self._kept[whole]
        made = make()
        with self._lock:
            self._kept[whole] = made
        return made


def sweep_missing(
    ws: Workspace,
    stored: StoredCandles,
    runs: Sequence[Run],
    *,
    pair: str,
    timeframe: str,
    progress: Progress | None = None,
) -> int:
    """Computes the sweeps of these runs that no file has, and says how many that were.

    Raises as `load_run` and `sweep_series` do.
    """
    missing = [run for run in runs if swept_by(ws, stored, run, pair=pair, timeframe=timeframe) is None]
    for n, run in enumerate(missing):
        report = None if progress is None else _part(progress, n, len(missing))
        sweep_series(ws, stored, load_run(ws, run), pair=pair, timeframe=timeframe, progress=report)
    return len(missing)


def _part(progress: Progress, part: int, parts: int) -> Progress:
    """The progress of one of several equal parts as that of all."""
    return lambda done, stage: progress((part + done) / parts, stage)


def _of_layers(
    ws: Workspace, history: Candles, between: tuple[LayerName, LayerName], found: SweptSeries | None
) -> Comparison:
    predicted, labels = ((), ()) if found is None else (found.spans, found.labels)
    names: list[LayerName] = ["human", *(name for name in between if name != "human")]
    layers = {name: layer_spans(ws, history, name, predicted, labels) for name in names}
    return Comparison(
        history,
        between,
        told_apart(ws, history, layers[between[0]], layers[between[1]]),
        {str(name): SpanIndex(layer.spans) for name, layer in layers.items()},
        None if found is None else found.model_version,
    )


def _of_versions(ws: Workspace, old: SweptSeries, new: SweptSeries) -> Comparison:
    before, after = (old.model_version, old.spans), (new.model_version, new.spans)
    people = SpanIndex(layer_spans(ws, new.candles, "human").spans)
    return Comparison(
        new.candles,
        (before[0], after[0]),
        version_changes(ws, new.candles, before=before, after=after),
        {"human": people, before[0]: SpanIndex(before[1]), after[0]: SpanIndex(after[1])},
    )
