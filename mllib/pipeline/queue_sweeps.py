"""The sweeps that a review queue is found in: the model's own, and those of a rival of another type."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mllib.errors import BrokenModel, InvalidCandles
from mllib.inference import Predictor
from mllib.pipeline.labels import present_names
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.sweeps import SweptSeries, sweep_series, swept_by
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, part, quiet
from mllib.store import Run

_USABLE = {"ready", "rejected"}


@dataclass(frozen=True, slots=True, eq=False)
class Sweeps:
    """What the model says of a series, and what a rival says; `model_types` are theirs, in this order."""

    own: SweptSeries
    rival: SweptSeries | None
    model_types: tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Who reads, and what could not be read, in sentences."""

    ws: Workspace
    stored: StoredCandles
    predictor: Predictor
    notes: list[str]

    def sweeps(
        self,
        series: Sequence[tuple[str, str]] | None,
        rival: Run | None,
        *,
        only_kept: bool,
        progress: Progress | None,
    ) -> list[Sweeps]:
        """The sweeps of each series, by default of all; a rival's are computed unless `only_kept`.

        Series that nobody named and that are too short are left out, and noted.
        """
        chosen = series_to_read(self.ws, self.predictor) if series is None else series
        share = 1.0 if rival is None or only_kept else 0.5
        own = []
        for i, one in enumerate(chosen):
            step = part(progress or quiet, share * i / len(chosen), share * (i + 1) / len(chosen))
            swept = self._read(self.predictor, one, step, may_fail=series is None)
            own += [] if swept is None else [swept]
        others = self._rivals(rival, own, only_kept=only_kept, progress=progress)
        types = self.predictor.info.model_type, "" if rival is None else rival.model_type
        return [Sweeps(one, other, types) for one, other in zip(own, others, strict=True)]

    def find_rival(self, labels: Collection[str]) -> Run | None:
        """The newest usable run of another model type that knows these labels."""
        own = self.predictor.info.model_type
        for listed in self.ws.store.runs.list(with_metrics=False):
            if listed.status not in _USABLE or listed.predictor_path is None or listed.model_type == own:
                continue
            run = self.ws.store.runs.get(listed.run_id)
            known = () if run.metrics is None else run.metrics["span_counts"]
            if set(present_names(self.ws, known).values()).issuperset(labels):
                return run
        self.notes.append(
            f"No committee: found no usable run of another model type than {own} with the same labels. "
            "Train one, such as with `candleloop train --model random_forest`, and the two can differ."
        )
        return None

    def _rivals(
        self, rival: Run | None, own: Sequence[SweptSeries], *, only_kept: bool, progress: Progress | None
    ) -> list[SweptSeries | None]:
        if rival is None:
            return [None] * len(own)
        series = [(one.candles.pair, one.candles.timeframe) for one in own]
        kept = [
            swept_by(self.ws, self.stored, rival, pair=pair, timeframe=timeframe)
            for pair, timeframe in series
        ]
        missing = [i for i, one in enumerate(kept) if one is None]
        if only_kept:
            self.notes.extend(_not_read(rival, own[i]) for i in missing)
        elif missing:
            model = self._load(rival)
            for n, i in enumerate(missing):
                if model is None:
                    break
                start, end = (0.5 + 0.5 * at / len(missing) for at in (n, n + 1))
                step = part(progress or quiet, start, end)
                kept[i] = self._read(model, series[i], step, may_fail=True)
        return kept

    def _load(self, rival: Run) -> Predictor | None:
        try:
            return load_run(self.ws, rival)
        except BrokenModel as exc:
            self.notes.append(f"No committee: {exc}")
            return None

    def _read(
        self, model: Predictor, series: tuple[str, str], progress: Progress | None, *, may_fail: bool
    ) -> SweptSeries | None:
        pair, timeframe = series
        try:
            return sweep_series(
                self.ws, self.stored, model, pair=pair, timeframe=timeframe, progress=progress
            )
        except InvalidCandles as exc:
            if not may_fail:
                raise
            self.notes.append(f"Not read by version {model.info.model_version}: {exc}")
            return None


def _not_read(rival: Run, own: SweptSeries) -> str:
    return (
        f"No committee on {own.candles.name}: version {rival.model_version} ({rival.model_type}) has not "
        "read it yet. `candleloop queue` has it read."
    )


def series_to_read(ws: Workspace, predictor: Predictor) -> list[tuple[str, str]]:
    """All stored series of the timeframes that the model was trained on; all there are where none is."""
    trained = {part.timeframe for part in predictor.trained_on}
    stored = [(one.pair, one.timeframe) for one in ws.candles.list()]
    return [one for one in stored if one[1] in trained] or stored
