"""The model card: what a model was made from, what it can do, and where not to trust it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mllib.amounts import count
from mllib.evaluation import LEAST_SUPPORT
from mllib.inference import ModelInfo, TrainedRange
from mllib.patterns import function_of
from mllib.report.charts import labels_with_spans

_POOR_F1 = 0.3


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card is written from; `spans` counts those learned from by label and source."""

    info: ModelInfo
    encoder: str
    provisional_bars: int
    needed_bars: int
    trained_on: Sequence[TrainedRange]
    training: Mapping[str, Any]
    data_version: str | None
    spans: Mapping[str, Mapping[str, int]]
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with sentences, and a table of which the first row names the columns."""

    title: str
    lines: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A title and sections, to be written as Markdown or HTML."""

    title: str
    sections: Sequence[Section]


def model_card(facts: Facts) -> Card:
    """The card of a trained model."""
    info = facts.info
    version = info.model_version if info.model_version != "unregistered" else "without a version yet"
    sections = [
        _data(facts),
        _recipe(facts),
        _scores(facts.metrics),
        _labels(facts.metrics),
        _calibration(facts.metrics),
        _gate(facts.metrics),
        Section("Left out and warned of", _warnings(facts.metrics)),
        Section("Limits of use", _limits(facts)),
    ]
    return Card(f"{info.model_name}, version {version} (run {info.run_id})", sections)


def _data(facts: Facts) -> Section:
    split = facts.metrics.get("split", {})
    blocks = ", ".join(
        f"{split[name]:,} for {name}" for name in ("train", "validation", "test") if name in split
    )
    lines = [
        *(f"{r.pair} {r.timeframe}, {_day(r.start_time)} to {_day(r.end_time)}" for r in facts.trained_on),
        f"Rows: {blocks}; {split.get('purged', 0):,} purged between the blocks." if blocks else "",
        f"Dataset version: {facts.data_version or 'unknown'}.",
    ]
    sources = sorted({source for counts in facts.spans.values() for source in counts})
    table = [["label", *sources]] if facts.spans else []
    table += [
        [label, *(str(counts.get(s, 0)) for s in sources)] for label, counts in sorted(facts.spans.items())
    ]
    return Section("What it was trained on", [line for line in lines if line], table)


def _recipe(facts: Facts) -> Section:
    training = facts.training
    chosen = {
        k: training[k]
        for k in ("split_method", "test_split", "validation_split", "embargo_bars")
        if k in training
    }
    chosen |= {k: training[k] for k in ("class_weights", "seed") if k in training}
    hyper = ", ".join(f"{k} {v}" for k, v in training.get("hyperparameters", {}).items()) or "defaults"
    lines = [
        (
            f"Model {facts.info.model_type} over {facts.info.feature_count} features, "
            f"encoder {facts.encoder}, {count(len(facts.info.label_names), 'label')}."
        ),
        f"Hyperparameters: {hyper}.",
        "; ".join(f"{key} {value}" for key, value in chosen.items()) + ".",
    ]
    return Section("How it was made", lines)


def _scores(metrics: Mapping[str, Any]) -> Section:
    intervals, baseline = metrics["intervals"], metrics["baseline"]
    spans = metrics["span_f1"]["0.5"]
    found = intervals.get("span_f1", {})
    table = [
        ["", "span F1 at IoU 0.5", "candle accuracy", "candle F1 (macro)"],
        [
            "this model",
            _with(spans["micro"], found.get("micro")),
            _with(metrics["accuracy"], intervals.get("accuracy")),
            _with(metrics["f1_macro"], intervals.get("f1_macro")),
        ],
    ]
    names = {"majority": "always no pattern", "talib": "TA-Lib's rules", "champion": "the champion before"}
    lines = ["Scores on the test block, which nothing was chosen on. In brackets the 95 % interval."]
    lines += _by_people(metrics)
    if "skipped" in intervals:
        lines.append(f"No intervals: {intervals['skipped']}.")
    for key, name in names.items():
        one = baseline[key]
        if "skipped" in one:
            lines.append(f"{name[0].upper()}{name[1:]}: not compared, {one['skipped']}.")
            continue
        table.append([name, *(f"{one[k]:.3f}" for k in ("span_f1", "accuracy", "f1_macro"))])
        lines += _beside(name, one)
        if "people" in one:
            lines += _beside(f"{name} where TA-Lib has no rule", one["people"])
    if (supported := spans.get("macro_supported")) is not None:
        lines.append(
            f"The mean over labels with at least {LEAST_SUPPORT} true spans is "
            f"{_with(supported, found.get('macro_supported'))}; over all that occur {spans['macro']:.3f}."
        )
    return Section("How good it is", lines, table)


def _by_people(metrics: Mapping[str, Any]) -> list[str]:
    """The score over labels that TA-Lib has no rule for, where there are both kinds."""
    counts = metrics["span_counts"]
    theirs = [label for label in counts if function_of(label) is None]
    if not theirs or len(theirs) == len(counts):
        return []
    names = ("true", "predicted", "matched")
    true, predicted, matched = (sum(counts[label][name] for label in theirs) for name in names)
    f1 = 2 * matched / (true + predicted) if true + predicted else 0.0
    said = f"Over {count(len(theirs), 'label')} that no TA-Lib rule gives, span F1 is"
    return [f"{said} {f1:.3f} ({count(true, 'true span')})."]


def _beside(name: str, one: Mapping[str, Any]) -> list[str]:
    if "labels" not in one:
        return []
    difference = f"{one['difference']:+.3f}"
    if one["difference_interval"] is not None:
        difference += " [{:+.3f}, {:+.3f}]".format(*one["difference_interval"])
    seen = " The champion has seen some of these candles in training." if one.get("in_sample") else ""
    return [
        (
            f"Against {name}, over {count(len(one['labels']), 'label')} that both have: "
            f"{one['own_span_f1']:.3f} to {one['span_f1']:.3f}, a difference of {difference}.{seen}"
        )
    ]


def _labels(metrics: Mapping[str, Any]) -> Section:
    table = [
        ["label", "true", "precision", "recall", "F1", "average precision", "start off by", "end off by"]
    ]
    intervals = metrics["intervals"].get("span_f1", {}).get("per_label", {})
    for label in labels_with_spans(metrics):
        one, curve = metrics["span_scores"]["0.5"][label], metrics["curves"]["per_label"][label]
        error, precision = one["boundary_error"], curve["average_precision"]
        table.append(
            [
                label,
                str(one["true"]),
                f"{one['precision']:.2f}",
                f"{one['recall']:.2f}",
                _with(one["f1_score"], intervals.get(label)),
                "–" if precision is None else f"{precision:.2f}",
                *("–" if error is None else _off(error, side) for side in ("start", "end")),
            ]
        )
    return Section("Label by label", ["A span counts at IoU 0.5; bounds are in candles, − is early."], table)


def _off(error: Mapping[str, float], side: str) -> str:
    return f"{error[f'{side}_mean']:+.1f} (±{error[f'{side}_mean_absolute']:.1f})"


def _calibration(metrics: Mapping[str, Any]) -> Section:
    table = [["rows of", "ECE before", "ECE after", "log loss before", "log loss after"]]
    found = metrics.get("calibration", {})
    for block in ("validation", "test"):
        before, after = (found.get(block, {}).get(when, {}).get("pooled") for when in ("before", "after"))
        if before is not None and after is not None:
            values = [before["ece"], after["ece"], before["log_loss"], after["log_loss"]]
            table.append([block, *(f"{value:.4f}" for value in values)])
    spans = metrics["span_reliability"]["pooled"]
    said = "No span was predicted."
    if spans is not None:
        over = f"on average ({count(spans['count'], 'span')})"
        said = f"Confidence of predicted spans is off by {spans['ece']:.3f} {over}."
    return Section("Calibration", [said, *(f"{r}." for r in found.get("uncalibrated", {}).values())], table)


def _gate(metrics: Mapping[str, Any]) -> Section:
    gate = metrics.get("gate")
    if gate is None:
        return Section("Gate", ["It was not put through the gate."])
    marks = {True: "passed", False: "refused", None: "open"}
    lines = ["The gate lets it pass." if gate["passed"] else "The gate refused it."]
    return Section(
        "Gate",
        lines,
        [["check", "", "finding"], *([c["name"], marks[c["passed"]], c["said"]] for c in gate["checks"])],
    )


def _warnings(metrics: Mapping[str, Any]) -> list[str]:
    left_out = [f"Left out: {reason}." for reason in metrics.get("left_out", {}).values()]
    if lost := metrics["baseline"]["champion"].get("labels_lost"):
        left_out.append(f"The champion before knew labels that it does not know: {', '.join(lost)}.")
    return [*metrics.get("warnings", []), *left_out] or ["Nothing."]


def _limits(facts: Facts) -> list[str]:
    scores = facts.metrics["span_scores"]["0.5"]
    rare = [label for label, one in scores.items() if one["true"] < LEAST_SUPPORT]
    poor = [
        label for label, one in scores.items() if one["true"] >= LEAST_SUPPORT and one["f1_score"] < _POOR_F1
    ]
    timeframes = sorted({r.timeframe for r in facts.trained_on})
    lines = [
        f"It needs {facts.needed_bars} candles. Its word on the newest {facts.provisional_bars} may change.",
        f"It was trained on {', '.join(timeframes)} candles alone; other timeframes are untested.",
        "It learns what annotators mark. It says nothing about what prices do next.",
    ]
    if rare:
        few = f"Fewer than {LEAST_SUPPORT} true spans in the test, so their scores mean little"
        lines.append(f"{few}: {', '.join(rare)}.")
    if poor:
        lines.append(f"Not to be trusted alone (span F1 below {_POOR_F1:g}): {', '.join(poor)}.")
    return lines


def _with(value: float, between: Sequence[float] | None) -> str:
    return f"{value:.3f}" if between is None else f"{value:.3f} [{between[0]:.3f}, {between[1]:.3f}]"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
