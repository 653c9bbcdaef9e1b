"""Use case: put a trained model through the gate, beside the champion that it would replace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from mllib.amounts import count
from mllib.config import TrainingSection
from mllib.errors import CandleloopError, InvalidCandles, NotFound
from mllib.gate import (
    Check,
    Expectation,
    GateConfig,
    GateVerdict,
    agrees,
    check_calibration,
    check_champion,
    check_labels,
    check_span_f1,
    check_truncation,
    check_verdicts,
    check_walk_forward,
)
from mllib.inference import Predictor
from mllib.pipeline.model_history import champion_run
from mllib.pipeline.predicting import StoredCandles, predict_stored
from mllib.pipeline.promoting import load_run
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, part
from mllib.spans import PEOPLE, Span
from mllib.splits import walk_forward
from mllib.store import Run, Verdict
from mllib.training import Prepared, fit

MOST_VERDICTS = 500
"""So many of the newest verdicts are replayed."""


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The champion that a trained model would replace: its run and model, or why that is not to be had."""

    run: Run | None
    predictor: Predictor | None
    missing: str

    def told(self, metrics: Mapping[str, Any]) -> dict[str, Any]:
        """Metrics that say why there was no champion beside a model, where there was none."""
        skipped = {} if self.predictor is not None else {"champion": {"skipped": self.missing}}
        return {**metrics, "baseline": metrics["baseline"] | skipped}


def champion_of(ws: Workspace, name: str) -> Incumbent:
    """The champion of a name."""
    run = champion_run(ws, name)
    if run is None:
        return Incumbent(None, None, "there was no champion to compare with")
    try:
        return Incumbent(run, load_run(ws, run), "")
    except CandleloopError as exc:
        return Incumbent(run, None, f"the champion cannot be loaded: {exc}")


def judged(
    ws: Workspace,
    fitted: Predictor,
    prepared: Prepared,
    *,
    champion: Incumbent,
    config: TrainingSection,
    progress: Progress,
) -> tuple[Predictor, GateVerdict]:
    """A trained model with the gate's findings among its metrics, and those findings.

    Raises:
        TrainingFailed: a walk-forward fold has nothing to learn from.
    """
    predictor = replace(fitted, metrics=champion.told(fitted.metrics))
    verdict = _passed(ws, predictor, prepared, champion, config, progress)
    return replace(predictor, metrics=predictor.metrics | {"gate": verdict.to_dict()}), verdict


def _passed(
    ws: Workspace,
    predictor: Predictor,
    prepared: Prepared,
    champion: Incumbent,
    config: TrainingSection,
    progress: Progress,
) -> GateVerdict:
    """What the gate finds; nothing is asked of a model where `gate.enabled` is false."""
    gate = config.gate
    if not gate.enabled:
        return GateVerdict((Check("gate", None, "The gate is off (stages.training.gate.enabled is false)."),))
    progress(0.0, "looking for leaks")
    truncation = check_truncation(predictor, [one.candles for one in prepared.series], gate)
    scores = _walk_forward(prepared, config, progress)
    progress(0.95, "replaying verdicts")
    return GateVerdict(
        (
            truncation,
            check_span_f1(predictor.metrics, gate),
            check_champion(predictor.metrics, gate),
            _labels(ws, prepared, champion),
            check_calibration(predictor.metrics, gate),
            check_walk_forward(scores, gate),
            _replay(ws, predictor, champion, config),
        )
    )


def _labels(ws: Workspace, prepared: Prepared, champion: Incumbent) -> Check:
    """A label that was learned from and proved too rare is none that was left out."""
    if champion.predictor is None:
        return Check("labels", None, f"Not compared with those of a champion: {champion.missing}")
    given = {
        annotation.label
        for one in prepared.series
        for annotation in ws.store.annotations.list(one.candles.pair, one.candles.timeframe, sources=PEOPLE)
    }
    learned_from = {span.label for one in prepared.series for span in one.spans}
    return check_labels(sorted((given & {*champion.predictor.labels}) - learned_from))


def _walk_forward(prepared: Prepared, config: TrainingSection, progress: Progress) -> list[float]:
    """Span F1 of each fold's own model; all folds lie before the test block."""
    folds = config.gate.walk_forward_folds
    splits = walk_forward(prepared.bars, config, folds=folds) if folds else []
    scores = []
    for i, split in enumerate(splits):
        start, end = (0.1 + 0.85 * (i + done) / folds for done in (0, 1))
        step = part(progress, start, end, before=f"fold {i + 1} of {folds}: ")
        fold = fit(prepared, run_id="walk-forward", config=config, progress=step, split=split)
        scores.append(float(fold.metrics["span_f1"]["0.5"]["micro"]))
    return scores


def _replay(ws: Workspace, predictor: Predictor, champion: Incumbent, config: TrainingSection) -> Check:
    if champion.run is None:
        return Check("verdicts", None, "There is no champion to compare with on verdicts.")
    verdicts = _verdicts_since(ws, champion.run)
    if champion.predictor is None:
        return _unanswered(verdicts, champion.run, champion.missing, config.gate)
    own, theirs = (replayed(ws, model, verdicts) for model in (predictor, champion.predictor))
    both = [(a, b) for a, b in zip(own, theirs, strict=True) if a is not None and b is not None]
    return check_verdicts([a for a, _ in both], [b for _, b in both], config.gate)


def _unanswered(verdicts: Sequence[Verdict], champion: Run, missing: str, config: GateConfig) -> Check:
    """What people said of a champion that is not to be had must not be passed over in silence."""
    said = (
        f"Whether this model does worse on {count(len(verdicts), 'verdict')} than version "
        f"{champion.model_version} cannot be told: {missing}"
    )
    if not config.least_verdicts or len(verdicts) < config.least_verdicts:
        return Check("verdicts", None, said)
    return Check("verdicts", False, f"{said} Or promote this one with a reason.")


def _verdicts_since(ws: Workspace, run: Run) -> list[Verdict]:
    """The newest verdicts that a run cannot have learned from."""
    since = run.started_at or run.created_at
    return [v for v in ws.store.verdicts.list(limit=MOST_VERDICTS) if v.created_at >= since]


def replayed(ws: Workspace, predictor: Predictor, verdicts: Sequence[Verdict]) -> list[bool | None]:
    """For each verdict whether a model agrees with it, None where its candles are not stored."""
    stored, agreed = StoredCandles(ws), dict[str, bool | None]()
    by_series = sorted(verdicts, key=lambda v: (v.pair, v.timeframe))
    for (pair, timeframe), group in groupby(by_series, key=lambda v: (v.pair, v.timeframe)):
        for verdict in group:
            try:
                agreed[verdict.id] = _agrees(predictor, stored, verdict, pair, timeframe)
            except (NotFound, InvalidCandles):
                agreed[verdict.id] = None
    return [agreed[verdict.id] for verdict in verdicts]


def _agrees(predictor: Predictor, stored: StoredCandles, verdict: Verdict, pair: str, timeframe: str) -> bool:
    judged, expected = _expectation(verdict)
    start = min(judged.start_time, verdict.start_time)
    end = max(judged.end_time, verdict.end_time)
    found = predict_stored(predictor, stored, pair=pair, timeframe=timeframe, start_time=start, end_time=end)
    if verdict.action == "nothing":
        return not any(
            span.label in verdict.labels and start <= span.start_time and span.end_time <= end
            for span in found.spans
        )
    return agrees(expected, found.spans, stored.read(pair, timeframe).between(start, end))


def _expectation(verdict: Verdict) -> tuple[Span, Expectation]:
    """The prediction that was judged, or the span that was missed, and what the verdict says of the place."""
    if verdict.action == "dismiss":
        return verdict.place, Expectation(None, verdict.place)
    return verdict.place, Expectation(verdict.span, None)
