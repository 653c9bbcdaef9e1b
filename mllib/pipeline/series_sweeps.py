"""Use case: what a model says of many whole series, computed by an engine and kept here."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mllib.candle_source import CandleSource
from mllib.cluster import IN_PROCESS, Engine
from mllib.errors import InvalidCandles
from mllib.inference import Predictor
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.sweep_files import KeptSweep
from mllib.pipeline.sweeps import computed_sweep, keep_computed, sweep_path, sweep_series, swept
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, part, quiet
from mllib.timeframes import parse_timeframe


class SweptOne(NamedTuple):
    """A series that was swept: its candles and the spans found; `note` says why there are none."""

    pair: str
    timeframe: str
    candles: int = 0
    spans: int = 0
    note: str = ""


class _Shared(NamedTuple):
    source: CandleSource
    predictor: Predictor


def sweep_many(
    ws: Workspace,
    stored: StoredCandles,
    predictor: Predictor,
    series: Sequence[tuple[str, str]],
    *,
    engine: Engine = IN_PROCESS,
    progress: Progress = quiet,
) -> Iterator[SweptOne]:
    """One series after another, in this order; what is kept already is not computed again.

    Series that are too short for the model are noted. An engine's memory is bounded by the series in work.

    Raises:
        NotFound: a series is not stored.
    """
    named = [(pair, parse_timeframe(timeframe)) for pair, timeframe in series]
    if engine is IN_PROCESS:
        for i, one in enumerate(named):
            yield _swept_here(
                ws, stored, predictor, one, part(progress, i / len(named), (i + 1) / len(named))
            )
        return
    kept = [_kept(ws, stored, predictor, *one) for one in named]
    missing = [one for one, found in zip(named, kept, strict=True) if found is None]
    results = engine.map(_computed, missing, shared=_Shared(ws.candle_source, predictor), progress=progress)
    for (pair, timeframe), found in zip(named, kept, strict=True):
        if found is not None:
            yield found
            continue
        computed = next(results)
        if isinstance(computed, str):
            yield SweptOne(pair, timeframe, note=computed)
        else:
            keep_computed(ws, predictor, computed, pair=pair, timeframe=timeframe)
            yield SweptOne(pair, timeframe, len(computed.coverage), len(computed.label))


def _swept_here(
    ws: Workspace, stored: StoredCandles, predictor: Predictor, one: tuple[str, str], progress: Progress
) -> SweptOne:
    pair, timeframe = one
    try:
        found = sweep_series(ws, stored, predictor, pair=pair, timeframe=timeframe, progress=progress)
    except InvalidCandles as exc:
        return SweptOne(pair, timeframe, note=str(exc))
    return SweptOne(pair, timeframe, len(found.candles), len(found.spans))


def _kept(
    ws: Workspace, stored: StoredCandles, predictor: Predictor, pair: str, timeframe: str
) -> SweptOne | None:
    if not sweep_path(ws, predictor.info.run_id, pair, timeframe).exists():
        return None
    found = swept(ws, stored, predictor, pair=pair, timeframe=timeframe)
    return None if found is None else SweptOne(pair, timeframe, len(found.candles), len(found.spans))


def _computed(shared: _Shared, series: tuple[str, str]) -> KeptSweep | str:
    pair, timeframe = series
    try:
        return computed_sweep(shared.source.archive, shared.predictor, pair=pair, timeframe=timeframe)
    except InvalidCandles as exc:
        return str(exc)
