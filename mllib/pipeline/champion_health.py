"""Whether the champion is well: what its gate found, what it is asked about, and what people say of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mllib.amounts import count
from mllib.inference import Predictor
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.workspace import Workspace
from mllib.store import Run

RECENT_CANDLES = 5_000
"""So many of a series' newest candles are compared with those of training."""
LITTLE_PSI, MUCH_PSI = 0.1, 0.25
LEAST_VERDICTS = 10
"""Fewer say too little about a model."""
_LEAST_CONFIRMED = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at the champion; `ok` is None where there is nothing to look at yet."""

    name: str
    ok: bool | None
    said: str


def champion_health(
    ws: Workspace, stored: StoredCandles, run: Run, predictor: Predictor | None, *, error: str | None
) -> list[Finding]:
    """What there is to know of the champion's run; `error` says why its model could not be loaded."""
    return [
        _loaded(run, predictor, error),
        _gate(run),
        _inputs(stored, predictor),
        _newer_candles(stored, predictor),
        _verdicts(ws, run),
    ]


def _loaded(run: Run, predictor: Predictor | None, error: str | None) -> Finding:
    version = f"v{run.model_version}"
    if error is not None:
        return Finding("Serving", False, error)
    if predictor is None or predictor.info.run_id != run.run_id:
        return Finding("Serving", None, f"{version} is being loaded.")
    return Finding("Serving", True, f"{version} is loaded and answers.")


def _gate(run: Run) -> Finding:
    found = (run.metrics or {}).get("gate")
    if found is None:
        return Finding("Gate", None, "The gate did not look at this run.")
    failed = [check["said"] for check in found["checks"] if check["passed"] is False]
    passed = sum(check["passed"] is True for check in found["checks"])
    if failed:
        return Finding("Gate", False, f"Promoted over the gate: {' '.join(failed)}")
    return Finding("Gate", True, f"{count(passed, 'check')} passed when it was trained, and none failed.")


def _inputs(stored: StoredCandles, predictor: Predictor | None) -> Finding:
    """The series whose newest candles differ most from those of training (population stability index)."""
    if predictor is None or predictor.profile is None:
        return Finding("Inputs", None, "How its training candles are spread is not known.")
    worst, where = 0.0, ""
    for pair, timeframe in _its_series(predictor):
        candles = stored.context(pair, timeframe)
        if candles is None:
            continue
        index = predictor.profile.psi(predictor.profile.counted(candles[-RECENT_CANDLES:]))
        name, value = max(index.items(), key=lambda item: item[1], default=("", 0.0))
        if value >= worst:
            worst, where = value, f"{pair} {timeframe}, {name.replace('_', ' ')}"
    if not where:
        return Finding("Inputs", None, "Too few candles are stored to compare with those of training.")
    much = "much as in training" if worst < LITTLE_PSI else "a little off training"
    if worst >= MUCH_PSI:
        much = "far from training; train again on newer candles"
    return Finding(
        "Inputs", worst < MUCH_PSI, f"Newest candles are {much} (largest index {worst:.2f}: {where})."
    )


def _newer_candles(stored: StoredCandles, predictor: Predictor | None) -> Finding:
    if predictor is None:
        return Finding("Data", None, "No model is loaded.")
    newer, series = 0, 0
    for part in predictor.trained_on:
        candles = stored.context(part.pair, part.timeframe)
        series += candles is not None
        newer += 0 if candles is None else int((candles.time > part.end_time).sum())
    if not series:
        return Finding("Data", False, "None of the series that it was trained on is stored any more.")
    return Finding(
        "Data", True, f"{count(newer, 'stored candle')} newer than what it was trained and chosen on."
    )


def _verdicts(ws: Workspace, run: Run) -> Finding:
    """The share of its judged predictions that people confirmed, with Wilson's 95 % interval."""
    version = str(run.model_version)
    actions = [one.action for one in ws.store.verdicts.list() if one.model_version == version]
    judged = [action for action in actions if action in ("confirm", "correct", "dismiss")]
    if len(judged) < LEAST_VERDICTS:
        return Finding(
            "Verdicts", None, f"{len(judged)} on v{version} so far; from {LEAST_VERDICTS} on they count."
        )
    from scipy.stats import binomtest

    confirmed = judged.count("confirm")
    between = binomtest(confirmed, len(judged)).proportion_ci(0.95, method="wilson")
    said = (
        f"{confirmed} of {len(judged)} predictions looked at were confirmed "
        f"(95 % interval {between.low:.0%} to {between.high:.0%})."
    )
    return Finding("Verdicts", bool(between.high >= _LEAST_CONFIRMED), said)


def _its_series(predictor: Predictor) -> Sequence[tuple[str, str]]:
    return list(dict.fromkeys((part.pair, part.timeframe) for part in predictor.trained_on))
