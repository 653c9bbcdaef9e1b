"""Runs side by side: their figures, label by label, and where their settings differ."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mllib.candles import Candles
from mllib.pipeline.comparisons import sweep_all
from mllib.pipeline.disagreements import Disagreement, version_changes
from mllib.pipeline.overview import span_f1_over
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.store import Run

_IOU = "0.5"
_OF_A_RUN = ("stages.training", "stages.annotation_ingestion", "stages.feature_engineering")
_NO_MATTER = ("stages.training.retrain", "stages.feature_engineering.talib_indicators")
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class RunFigures:
    """A run's figures on its test block; None for what was not measured. Bounds are in candles, late is +.

    `people` is span F1 over the labels that people use, `everything` over all, with its 95 % `interval`.
    """

    people: float | None
    everything: float
    interval: Interval | None
    macro: float
    accuracy: float
    calibration_error: float | None
    start_median: float | None
    end_median: float | None
    true_spans: int


@dataclass(frozen=True, slots=True)
class LabelScore:
    """How a run does on one label, by spans at IoU 0.5; bounds as in `RunFigures`."""

    true: int
    predicted: int
    precision: float
    recall: float
    f1: float
    interval: Interval | None
    average_precision: float | None
    start_median: float | None
    end_median: float | None


@dataclass(frozen=True, slots=True)
class Setting:
    """A key whose values differ between runs, None where a run does not have it."""

    path: str
    values: tuple[Any, ...]


def run_figures(metrics: Mapping[str, Any], first: Collection[str]) -> RunFigures:
    """The figures of a run's metrics; `first` are the labels that people use."""
    bounds = _pooled(metrics, "boundary_errors")
    reliability = _pooled(metrics, "span_reliability")
    return RunFigures(
        people=span_f1_over(metrics, first),
        everything=metrics["span_f1"][_IOU]["micro"],
        interval=_interval(metrics.get("intervals", {}).get("span_f1", {}).get("micro")),
        macro=metrics["f1_macro"],
        accuracy=metrics["accuracy"],
        calibration_error=None if reliability is None else reliability["ece"],
        start_median=None if bounds is None else bounds["start"]["median"],
        end_median=None if bounds is None else bounds["end"]["median"],
        true_spans=sum(metrics["span_support"].values()),
    )


def label_scores(
    runs: Sequence[Mapping[str, Any]], first: Collection[str]
) -> dict[str, list[LabelScore | None]]:
    """For each label that any run met or predicted, each run's score, None where it does not know the label.

    `runs` are metrics. The `first` labels come first, then the others, each by true spans.
    """
    counts = [metrics["span_counts"] for metrics in runs]
    met = {label for one in counts for label, spans in one.items() if spans["true"] or spans["predicted"]}
    support = {label: max(one[label]["true"] for one in counts if label in one) for label in met}
    ordered = sorted(met, key=lambda label: (label not in first, -support[label], label))
    return {label: [_label_score(metrics, label) for metrics in runs] for label in ordered}


def label_bounds(metrics: Mapping[str, Any], label: str | None) -> Mapping[str, Any] | None:
    """How a label's bounds are spread (`spans.boundary_distribution`), of all labels where None is given.

    None where nothing was matched, or for a run of a version that did not measure it (`measures_bounds`).
    """
    return _measured(metrics, "boundary_errors", label)


def label_reliability(metrics: Mapping[str, Any], label: str | None) -> Mapping[str, Any] | None:
    """Confidence against being right (`curves.span_reliability`) of a label, or of all."""
    return _measured(metrics, "span_reliability", label)


def label_curve(metrics: Mapping[str, Any], label: str | None) -> Mapping[str, Any] | None:
    """Precision over recall (`curves.precision_recall`) of a label, or of all."""
    return _measured(metrics, "curves", label)


def measures_bounds(metrics: Mapping[str, Any]) -> bool:
    """Whether the run is of a version that measures how bounds are spread."""
    return "boundary_errors" in metrics


def differing_settings(runs: Sequence[Run]) -> list[Setting]:
    """What the runs were asked differently: series, data and keys of the configuration."""
    flat = [_flat(run) for run in runs]
    keys = dict.fromkeys(key for one in flat for key in one)
    rows = [Setting(key, tuple(one.get(key) for one in flat)) for key in keys]
    return [row for row in rows if any(value != row.values[0] for value in row.values)]


@dataclass(frozen=True, slots=True, eq=False)
class RunChanges:
    """What a run's model keeps, moves, relabels, drops and adds against another's on a series, by time."""

    candles: Candles
    found: list[Disagreement]


def run_changes(
    ws: Workspace,
    stored: StoredCandles,
    runs: tuple[Run, Run],
    *,
    pair: str,
    timeframe: str,
    progress: Progress | None = None,
) -> RunChanges:
    """What the second run's model changes against the first; sweeps that no file has are computed.

    Raises:
        NotFound: the series is not stored.
        Conflict: a run has no model.
        BrokenModel: a model cannot be loaded.
    """
    before, after = sweep_all(ws, stored, runs, pair=pair, timeframe=timeframe, progress=progress)
    return RunChanges(after.candles, version_changes(ws, before, after))


def name_of(run: Run) -> str:
    """A run in few words: its version, such as `v3`, or its id."""
    return run.run_id if run.model_version is None else f"v{run.model_version}"


def are_comparable(runs: Sequence[Run]) -> bool:
    """Whether all runs were tested on the same candles with the same labels, so that figures compare."""
    return len({(run.data_version, repr(_split(run)), repr(_labels(run))) for run in runs}) == 1


def _split(run: Run) -> tuple[Any, ...]:
    split = (run.metrics or {}).get("split", {})
    return tuple(split.get(key) for key in ("test_from", "moments", "blocks"))


def _labels(run: Run) -> list[str]:
    return sorted((run.metrics or {}).get("span_counts", ()))


def _label_score(metrics: Mapping[str, Any], label: str) -> LabelScore | None:
    counts = metrics["span_counts"].get(label)
    if counts is None:
        return None
    bounds, curve = label_bounds(metrics, label), label_curve(metrics, label)
    intervals = metrics.get("intervals", {}).get("span_f1", {}).get("per_label", {})
    return LabelScore(
        true=counts["true"],
        predicted=counts["predicted"],
        precision=counts["precision"],
        recall=counts["recall"],
        f1=counts["f1_score"],
        interval=_interval(intervals.get(label)),
        average_precision=None if curve is None else curve["average_precision"],
        start_median=None if bounds is None else bounds["start"]["median"],
        end_median=None if bounds is None else bounds["end"]["median"],
    )


def _measured(metrics: Mapping[str, Any], measure: str, label: str | None) -> Mapping[str, Any] | None:
    if label is None:
        return _pooled(metrics, measure)
    found: Mapping[str, Any] | None = metrics.get(measure, {}).get("per_label", {}).get(label)
    return found


def _pooled(metrics: Mapping[str, Any], measure: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = metrics.get(measure, {}).get("pooled")
    return found


def _interval(between: Sequence[float] | None) -> Interval | None:
    return None if between is None else (between[0], between[1])


def _flat(run: Run) -> dict[str, Any]:
    """What a run was asked, by dotted key."""
    asked = run.request
    own = {
        "series": f"{', '.join(asked['pairs'])} {asked['timeframe']}",
        "data version": run.data_version,
        "labels": _labels(run),
    }
    for path in _OF_A_RUN:
        section: Any = asked["config"]
        for key in path.split("."):
            section = section[key]
        own |= dict(_leaves(path, section))
    return {key: value for key, value in own.items() if not key.startswith(_NO_MATTER)}


def _leaves(path: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value:
        return [] if value == {} else [(path, value)]
    return [leaf for key, inner in value.items() for leaf in _leaves(f"{path}.{key}", inner)]
