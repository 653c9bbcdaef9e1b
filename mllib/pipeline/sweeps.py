"""What a model says of whole series: computed once for a run and the stored candles, then read from a file.

There is one file a run and series, `<home>/sweeps/<run id>/<series>.npz`, which may be deleted at any time.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from mllib.candle_archive import CandleArchive, series_stem
from mllib.candle_gate import check_pair
from mllib.candles import Candles
from mllib.inference import Predictor
from mllib.inference.prediction import Prediction, predicted
from mllib.pipeline.labels import present_names
from mllib.pipeline.predicting import StoredCandles, Sweep
from mllib.pipeline.sweep_files import KeptSweep, alone, keep, read_kept
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.spans import PredictedSpan
from mllib.store import Run
from mllib.timeframes import parse_timeframe

STEP_BARS = 4_000
"""So many bars are predicted between two looks at whether anybody still waits for them."""
_LOOKS_AGAIN_AFTER_S = 0.05
_MEMORY_BYTES = 256 * 2**20
"""So much of what was read last stays in the memory of a process."""
_BYTES_A_SPAN = 250


@dataclass(frozen=True, slots=True, eq=False)
class SweptSeries:
    """All that a run's model says of a stored series, under the names that labels have now.

    `spans` are by start; `coverage float32 (n_bars, n_labels)` is the probability that a bar lies in a span
    of each of `labels`. Many readers share both: leave them as they are.
    """

    candles: Candles
    run_id: str
    model_version: str
    labels: tuple[str, ...]
    spans: list[PredictedSpan]
    coverage: NDArray[np.float32]

    def touching(self, first_bar: int, end_bar: int) -> list[PredictedSpan]:
        """The spans that share a bar with a half-open range of bars."""
        if first_bar >= end_bar:
            return []
        first, last = int(self.candles.time[first_bar]), int(self.candles.time[end_bar - 1])
        return [span for span in self.spans if span.end_time >= first and span.start_time <= last]


class Step(NamedTuple):
    """How much of a sweep is done, and the sweep at its end; `waiting` while another computes it."""

    done: float
    swept: SweptSeries | None = None
    waiting: bool = False


def sweep_series(
    ws: Workspace,
    stored: StoredCandles,
    predictor: Predictor,
    *,
    pair: str,
    timeframe: str,
    progress: Progress | None = None,
) -> SweptSeries:
    """What the model says of a whole stored series, computed unless a file has it.

    Where another thread or process computes the same, it is waited for.

    Raises:
        NotFound: the series is not stored.
        InvalidCandles: there are fewer candles than the features look back.
    """
    for step in sweep_steps(ws, stored, predictor, pair=pair, timeframe=timeframe):
        if step.swept is not None:
            return step.swept
        if progress is not None:
            other = "another process reads" if step.waiting else "reading"
            progress(step.done, f"{other} {pair} {timeframe}")
        if step.waiting:
            time.sleep(_LOOKS_AGAIN_AFTER_S)
    raise AssertionError("the last step has the sweep")


def sweep_steps(
    ws: Workspace, stored: StoredCandles, predictor: Predictor, *, pair: str, timeframe: str
) -> Generator[Step]:
    """The same step by step, for whoever may lose interest; the last step has the sweep.

    Close it to give up: the next one who asks begins anew. Raises as `sweep_series` does.
    """
    path = sweep_path(ws, predictor.info.run_id, pair, timeframe)
    while (found := swept(ws, stored, predictor, pair=pair, timeframe=timeframe)) is None:
        with alone(path) as first:
            if first:  # the one before may have ended since we looked
                found = swept(ws, stored, predictor, pair=pair, timeframe=timeframe)
                if found is None:
                    found = yield from _computed(ws, stored, predictor, path, pair=pair, timeframe=timeframe)
        if found is not None:
            break
        yield Step(0.0, waiting=True)
    yield Step(1.0, found)


def swept(
    ws: Workspace, stored: StoredCandles, predictor: Predictor, *, pair: str, timeframe: str
) -> SweptSeries | None:
    """What is kept of the model's sweep of the present candles, or None; nothing is computed.

    Raises:
        NotFound: the series is not stored.
    """
    candles, version = _present(ws, stored, pair, timeframe)
    found = _loaded(sweep_path(ws, predictor.info.run_id, pair, timeframe), version, _model(predictor))
    return None if found is None else found.under(predictor.present, candles, predictor.info.model_version)


def swept_by(
    ws: Workspace, stored: StoredCandles, run: Run, *, pair: str, timeframe: str
) -> SweptSeries | None:
    """The same by the run that made the model, which need not be loaded for it."""
    candles, version = _present(ws, stored, pair, timeframe)
    found = _loaded(sweep_path(ws, run.run_id, pair, timeframe), version)
    if found is None:
        return None
    return found.under(present_names(ws, found.kept.labels.tolist()), candles, str(run.model_version))


def _computed(
    ws: Workspace, stored: StoredCandles, predictor: Predictor, path: Path, *, pair: str, timeframe: str
) -> Generator[Step, None, SweptSeries]:
    candles, version = _present(ws, stored, pair, timeframe)
    parts = []
    for part in _parts(predictor, candles):
        parts.append(part)
        yield Step(sum(len(one.candles) for one in parts) / len(candles))
    kept = _to_keep(Prediction.joined(candles, parts), candles=version, model=_model(predictor))
    keep(kept, path)
    found = _Loaded(path, kept)
    _remember(found)
    return found.under(predictor.present, candles, predictor.info.model_version)


def _parts(predictor: Predictor, candles: Candles) -> Iterator[Prediction]:
    as_trained = replace(predictor, present=None)
    return Sweep(as_trained, candles, 0, len(candles)).parts(STEP_BARS)


def computed_sweep(archive: CandleArchive, predictor: Predictor, *, pair: str, timeframe: str) -> KeptSweep:
    """What is to be kept of a series that nobody has swept; nothing is written.

    Raises:
        NotFound: the series is not stored.
        InvalidCandles: there are fewer candles than the features look back.
    """
    candles, version = _unchanged(archive, lambda: archive.read(pair, timeframe), pair, timeframe)
    joined = Prediction.joined(candles, [*_parts(predictor, candles)])
    return _to_keep(joined, candles=version, model=_model(predictor))


def keep_computed(ws: Workspace, predictor: Predictor, kept: KeptSweep, *, pair: str, timeframe: str) -> None:
    """Writes what `computed_sweep` found elsewhere, unless somebody computes the same now."""
    path = sweep_path(ws, predictor.info.run_id, pair, timeframe)
    with alone(path) as first:
        if first:
            keep(kept, path)


def _present(ws: Workspace, stored: StoredCandles, pair: str, timeframe: str) -> tuple[Candles, str]:
    """The stored candles, and the version of their file that they are."""
    canonical = parse_timeframe(timeframe)
    return _unchanged(ws.candles, lambda: stored.read(pair, canonical), pair, timeframe)


def _unchanged(
    archive: CandleArchive, read: Callable[[], Candles], pair: str, timeframe: str
) -> tuple[Candles, str]:
    while True:
        version = archive.version(pair, timeframe)
        candles = read()
        if archive.version(pair, timeframe) == version:
            return candles, version


def sweep_path(ws: Workspace, run_id: str, pair: str, timeframe: str) -> Path:
    """Where a run's sweep of a series is kept."""
    return ws.sweeps / run_id / f"{series_stem(check_pair(pair), parse_timeframe(timeframe))}.npz"


def _model(predictor: Predictor) -> str:
    """What tells a model from another one under the same run id."""
    return f"{predictor.info.trained_at}-{predictor.encoder.fingerprint()}"


def _to_keep(prediction: Prediction, *, candles: str, model: str) -> KeptSweep:
    labels, spans = prediction.names[1:], prediction.spans
    number = {label: i for i, label in enumerate(labels)}
    return KeptSweep(
        candles,
        model,
        labels=np.array(labels, np.str_),
        label=np.array([number[span.label] for span in spans], np.int32),
        bounds=np.array([(span.start_time, span.end_time) for span in spans], np.int64).reshape(-1, 2),
        confidence=np.array([span.avg_confidence for span in spans], np.float64),
        bars=np.array([span.candle_count for span in spans], np.int64),
        coverage=prediction.coverage.astype(np.float32),
    )


class _Loaded:
    """A kept sweep in memory, with the spans that were made of it last: tens of thousands take a while."""

    def __init__(self, path: Path, kept: KeptSweep) -> None:
        self.path, self.kept = path, kept
        self._made: tuple[Mapping[str, str] | None, SweptSeries] | None = None

    @property
    def bytes(self) -> int:
        """How much memory it takes, roughly."""
        return self.kept.coverage.nbytes + _BYTES_A_SPAN * len(self.kept.label)

    def under(self, present: Mapping[str, str] | None, candles: Candles, model_version: str) -> SweptSeries:
        """The sweep under the present names of labels; None leaves them as they were in training."""
        made = self._made
        if made is not None and made[0] == present and made[1].model_version == model_version:
            return made[1]
        labels, spans, coverage = _named(self.kept, present, candles)
        swept = SweptSeries(candles, self.path.parent.name, model_version, labels, spans, coverage)
        self._made = (present, swept)
        return swept


def _named(
    kept: KeptSweep, present: Mapping[str, str] | None, candles: Candles
) -> tuple[tuple[str, ...], list[PredictedSpan], NDArray[np.float32]]:
    labels: tuple[str, ...] = tuple(kept.labels.tolist())
    columns = (kept.label, kept.bounds, kept.confidence, kept.bars)
    said = zip(*(column.tolist() for column in columns), strict=True)
    spans = [
        PredictedSpan(labels[i], first, last, confidence, bars) for i, (first, last), confidence, bars in said
    ]
    if present is None or all(present.get(name) == name for name in labels):
        return labels, spans, kept.coverage
    renamed = predicted(candles, labels, spans, kept.coverage.astype(np.float64)).under(present)
    return renamed.names[1:], renamed.spans, renamed.coverage.astype(np.float32)


_memory: LRUCache[tuple[Path, str], _Loaded] = LRUCache(_MEMORY_BYTES, getsizeof=lambda one: one.bytes)
_memory_lock = threading.Lock()


def _loaded(path: Path, candles: str, model: str | None = None) -> _Loaded | None:
    """The sweep of these candles, from memory or a file; where it is of another model there is none."""
    with _memory_lock:
        found = _memory.get((path, candles))
    if found is not None and not path.exists():  # deleted by hand: other processes shall find it, too
        with alone(path) as first:
            if first:
                keep(found.kept, path)
    if found is None:
        kept = read_kept(path)
        if kept is None or kept.candles != candles:
            return None
        found = _Loaded(path, kept)
        _remember(found)
    return found if model is None or found.kept.model == model else None


def _remember(found: _Loaded) -> None:
    with _memory_lock, suppress(ValueError):  # one that is larger than all of the memory is not kept there
        _memory[found.path, found.kept.candles] = found
