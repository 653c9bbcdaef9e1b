"""What a trained model has to pass before it may serve, each check with its finding in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mllib.amounts import count
from mllib.candles import Candles
from mllib.inference import Predictor
from mllib.matching import match
from mllib.rows import Rows
from mllib.spans import PredictedSpan, Span, positions

SAME_SPAN_IOU = 0.5
_SAME_VALUE = 1e-5
_WARM_UPS = (300, 41, 7)
"""So many bars later a shortened series begins, in turn: what looks back further than it says would show."""
_JUDGED_BARS = 200
_BEYOND_BARS = 150


class GateConfig(BaseModel):
    """`stages.training.gate`: floors and ceilings on the test block; a check of 0 cuts, folds or verdicts
    rests.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=True, description="Off: nothing is asked of a model before it may serve.")
    truncation_cuts: int = Field(
        default=3, ge=0, le=50, description="Places of each series where a look into the future is sought."
    )
    least_span_f1: float = Field(
        title="Least span F1",
        default=0.2,
        ge=0,
        le=1,
        description="Span F1 on the test, over all labels, below which it is refused.",
    )
    least_span_f1_of: dict[str, float] = Field(
        title="Least span F1 of", default_factory=dict, description="The same for single labels."
    )
    most_calibration_error: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Calibration error (ECE) of the test's rows that is still let pass.",
    )
    walk_forward_folds: int = Field(
        default=0, ge=0, le=20, description="Each fold trains a model of its own; 0 leaves the check out."
    )
    least_walk_forward_span_f1: float = Field(
        title="Least walk-forward span F1",
        default=0.15,
        ge=0,
        le=1,
        description="Mean span F1 over the folds below which it is refused.",
    )
    most_span_f1_loss: float = Field(
        title="Most span F1 lost",
        default=0.05,
        ge=0,
        le=1,
        description="Span F1 below the champion's, on the test and over what both know, that is let pass; 1: "
        "any.",
    )
    least_verdicts: int = Field(
        default=10, ge=0, description="From so many newer verdicts on they are replayed; 0: never."
    )
    verdict_significance: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="Chance below which losing verdicts against the champion refuses a model.",
    )


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `passed` is None for a check that could not be made, which stops nobody."""

    name: str
    passed: bool | None
    said: str


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """All findings about a model."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed is not False for check in self.checks)

    @property
    def reason(self) -> str:
        """Why the model was refused, in words."""
        return " ".join(check.said for check in self.checks if check.passed is False)

    def to_dict(self) -> dict[str, Any]:
        checks = [{"name": c.name, "passed": c.passed, "said": c.said} for c in self.checks]
        return {"passed": self.passed, "checks": checks}


def check_span_f1(metrics: Mapping[str, Any], config: GateConfig) -> Check:
    """Span F1 at IoU 0.5 on the test is not below its floor, for all labels and each with its own."""
    if not sum(metrics["span_support"].values()):
        return Check(
            "span F1",
            False,
            "The test holds no span of any label, so nothing says how good the model is. Annotate later "
            "candles, or raise stages.training.test_split.",
        )
    scores = metrics["span_f1"]["0.5"]
    found, floor = scores["micro"], config.least_span_f1
    beside = "at least" if found >= floor else "below"
    said = [f"Span F1 on the test is {found:.3f}, {beside} the floor of {floor:g}."]
    missed = {
        label: least
        for label, least in config.least_span_f1_of.items()
        if scores["per_label"].get(label, 0.0) < least
    }
    for label, least in missed.items():
        has = f"{scores['per_label'][label]:.3f}" if label in scores["per_label"] else "not learned"
        said.append(f"That of {label} is {has}, below its floor of {least:g}.")
    return Check("span F1", found >= floor and not missed, " ".join(said))


def check_champion(metrics: Mapping[str, Any], config: GateConfig) -> Check:
    """The model is not reliably worse than the champion on the test, which neither of them has learned from.

    Refused is a model whose whole 95 % interval of the difference, over blocks of the test drawn anew for
    both at once, lies below what may be lost; where both kinds are learned also if that is so over the labels
    alone that TA-Lib has no function for.
    """
    beside = metrics["baseline"]["champion"]
    if "skipped" in beside:
        return Check("champion", None, f"Not compared on the test: {beside['skipped']}")
    said = f"Span F1 on the test is {beside['own_span_f1']:.3f}, the champion's {beside['span_f1']:.3f}"
    if beside["in_sample"]:
        return Check("champion", None, f"{said}; but the champion has learned from some of it.")
    if beside["difference_interval"] is None:
        return Check("champion", None, f"{said}; the test is too short to tell whether that is chance.")
    passed, judgement = _judged(beside["difference_interval"], config)
    said = f"{said}: {judgement}."
    if people := beside.get("people"):
        passed_too, judgement = _judged(people["difference_interval"], config)
        passed = passed and passed_too
        said += (
            f" Over {count(len(people['labels']), 'label')} that TA-Lib has no function for it is "
            f"{people['own_span_f1']:.3f}, the champion's {people['span_f1']:.3f}: {judgement}."
        )
    return Check("champion", passed, said)


def _judged(difference: Sequence[float], config: GateConfig) -> tuple[bool, str]:
    """Whether the 95 % interval of a difference reaches what may be lost, and what it says in words."""
    low, high = difference
    lost = config.most_span_f1_loss
    passed = high >= -lost
    if not passed:
        judgement = f"worse by more than the {lost:g} that may be lost"
    elif high < 0:
        judgement = f"worse, {'perhaps ' if low < -lost else ''}by less than the {lost:g} that may be lost"
    else:
        judgement = "not reliably worse"
    return passed, f"{judgement} (95 %: {low:+.3f} to {high:+.3f})"


def check_labels(left_out: Sequence[str]) -> Check:
    """No label went that people gave on the series of the training and that the champion knows.

    A training on TA-Lib's labels alone would otherwise end what people taught, since models are compared on
    the labels that both know.
    """
    if not left_out:
        return Check(
            "labels",
            True,
            "What people gave on these series, as far as the champion knows it, was there to learn.",
        )
    which = "label" if len(left_out) == 1 else "labels"
    return Check(
        "labels",
        False,
        f"The champion knows the {which} {', '.join(left_out)}, which people gave on these series and this "
        "training left out. Let it learn from people's labels too, which takes a training without a cluster, "
        "or promote this one with a reason.",
    )


def check_calibration(metrics: Mapping[str, Any], config: GateConfig) -> Check:
    """The expected calibration error of the test's rows is not above the ceiling."""
    pooled = metrics.get("calibration", {}).get("test", {}).get("after", {}).get("pooled")
    if pooled is None:
        return Check(
            "calibration", None, "The test says nothing about calibration: no row of it was reviewed."
        )
    passed = pooled["ece"] <= config.most_calibration_error
    beside = "within" if passed else "above"
    return Check(
        "calibration",
        passed,
        f"Probabilities are off by {pooled['ece']:.3f} on average, {beside} the ceiling of "
        f"{config.most_calibration_error:g}.",
    )


def check_walk_forward(scores: Sequence[float], config: GateConfig) -> Check:
    """The mean span F1 of purged walk-forward folds is not below its floor."""
    if not scores:
        return Check("walk-forward", None, "Walk-forward folds were not asked for (walk_forward_folds is 0).")
    mean = float(np.mean(scores))
    passed = mean >= config.least_walk_forward_span_f1
    folds = ", ".join(f"{score:.3f}" for score in scores)
    beside = "at least" if passed else "below"
    return Check(
        "walk-forward",
        passed,
        f"Span F1 over {len(scores)} walk-forward folds is {mean:.3f} on average ({folds}), {beside} the "
        f"floor of {config.least_walk_forward_span_f1:g}.",
    )


def check_truncation(predictor: Predictor, series: Sequence[Candles], config: GateConfig) -> Check:
    """Nothing older than the model's provisional bars changes when later bars, or far earlier ones, are not
    there.

    Cuts are spread over each series; for each, features, proposed rows and decoded spans of the shortened
    series are compared with those of one that goes on.
    """
    tried = 0
    for candles in series if config.truncation_cuts else ():
        for cut in _cuts(candles, predictor, config.truncation_cuts):
            warm_up = _WARM_UPS[tried % len(_WARM_UPS)]
            tried += 1
            if found := _leak(predictor, candles, cut, warm_up):
                return Check(
                    "truncation",
                    False,
                    "The model looks into the future, or back to the start of the series: with "
                    f"{candles.name} cut after bar {cut} and begun {warm_up} bars later {found}.",
                )
    if not tried:
        return Check("truncation", None, "The series are too short to cut them, so no leak was looked for.")
    return Check("truncation", True, f"Cut at {tried} places, no older prediction changed: no look-ahead.")


def _needed(predictor: Predictor) -> tuple[int, int]:
    """Bars before and after a stretch on which its labels and rows may depend."""
    encoder = predictor.encoder
    before = max(encoder.context_bars, encoder.reach[0], encoder.needed_bars)
    return before, max(encoder.provisional_bars, encoder.reach[1])


def _cuts(candles: Candles, predictor: Predictor, count: int) -> list[int]:
    before, after = _needed(predictor)
    first = before + after + _JUDGED_BARS
    last = len(candles) - 1
    return [] if last <= first else np.unique(np.linspace(first, last, count, dtype=int)).tolist()


def _leak(predictor: Predictor, candles: Candles, cut: int, warm_up: int) -> str:
    """What differs between the series up to a cut and one that goes on; empty where nothing does."""
    before, after = _needed(predictor)
    begin = cut - after - _JUDGED_BARS - before
    whole = candles[max(begin - warm_up, 0) : cut + _BEYOND_BARS]
    part = candles[begin:cut]
    settled = candles[cut - after - _JUDGED_BARS : cut - after]
    rows = [predictor.encoder.propose(one) for one in (whole, part)]
    keys = [_settled_rows(found, one, settled) for found, one in zip(rows, (whole, part), strict=True)]
    if keys[0].keys() != keys[1].keys():
        return f"{count(len(keys[0].keys() ^ keys[1].keys()), 'row')} proposed in one of them only"
    X = [found.X[[at[key] for key in keys[0]]] for found, at in zip(rows, keys, strict=True)]
    if (column := _different(X[0], X[1])) is not None:
        return f"feature {predictor.encoder.feature_columns[column].name} differs"
    spans = [_settled_spans(predictor.predict(one).spans, settled) for one in (whole, part)]
    if other := spans[0].keys() ^ spans[1].keys():
        return f"{count(len(other), 'decoded span')} in one of them only"
    moved = [k for k, p in spans[0].items() if abs(p - spans[1][k]) > _SAME_VALUE]
    return f"another confidence of {count(len(moved), 'span')}" if moved else ""


def _settled_rows(rows: Rows, candles: Candles, settled: Candles) -> dict[tuple[int, int], int]:
    """Position of each row that judges settled bars alone, by the opens of its first and last bar."""
    if not len(rows):
        return {}
    first, last = candles.time[rows.start], candles.time[rows.end - 1]
    inside = np.flatnonzero((first >= settled.time[0]) & (last <= settled.time[-1]))
    return {(int(first[i]), int(last[i])): int(i) for i in inside}


def _different(a: NDArray[np.float32], b: NDArray[np.float32]) -> int | None:
    """The first column in which two matrices differ."""
    with np.errstate(invalid="ignore"):
        near = np.isclose(a, b, rtol=_SAME_VALUE, atol=_SAME_VALUE, equal_nan=True).all(axis=0)
    return None if near.all() else int(np.flatnonzero(~near)[0])


def _settled_spans(spans: Sequence[PredictedSpan], settled: Candles) -> dict[tuple[str, int, int], float]:
    first, last = settled.time[0], settled.time[-1]
    return {
        (s.label, s.start_time, s.end_time): s.avg_confidence
        for s in spans
        if s.start_time >= first and s.end_time <= last
    }


@dataclass(frozen=True, slots=True)
class Expectation:
    """A verdict to replay: `wanted` is the span that stands, None where nothing does; `refused` what was
    dismissed.
    """

    wanted: Span | None
    refused: Span | None


def agrees(verdict: Expectation, spans: Sequence[PredictedSpan], candles: Candles) -> bool:
    """Whether predictions hold what a verdict says is there, and not what it says is not."""
    if verdict.wanted is not None:
        return _there(verdict.wanted, spans, candles)
    return verdict.refused is None or not _there(verdict.refused, spans, candles)


def _there(span: Span, spans: Sequence[PredictedSpan], candles: Candles) -> bool:
    same = positions([s for s in spans if s.label == span.label], candles.time)
    return bool(len(match(same, positions([span], candles.time), least_iou=SAME_SPAN_IOU)[0]))


def check_verdicts(own: Sequence[bool], champion: Sequence[bool], config: GateConfig) -> Check:
    """The model is not reliably worse than the champion on the verdicts recorded since the champion was
    trained.

    `own` and `champion` say for each verdict whether the model agrees. Refused is a model that loses so many
    more than it gains that equal models would do so with a probability below `verdict_significance` (exact
    sign test, one-sided). Source: McNemar (1947), in its exact form.
    """
    verdicts = len(own)
    if not config.least_verdicts:
        return Check("verdicts", None, "Verdicts are not replayed (least_verdicts is 0).")
    if verdicts < config.least_verdicts:
        said = f"{count(verdicts, 'verdict')} recorded since the champion was trained"
        return Check("verdicts", None, f"{said}; from {config.least_verdicts} on they are replayed.")
    gained = sum(mine and not theirs for mine, theirs in zip(own, champion, strict=True))
    lost = sum(theirs and not mine for mine, theirs in zip(own, champion, strict=True))
    chance = sign_test(lost, gained)
    passed = chance >= config.verdict_significance
    judgement = "not reliably worse" if passed else "worse"
    return Check(
        "verdicts",
        passed,
        f"Of {count(verdicts, 'verdict')} recorded since, this model agrees with {sum(own)} and the "
        f"champion with {sum(champion)}: {gained} gained, {lost} lost, {judgement} (p = {chance:.3f}).",
    )


def sign_test(lost: int, gained: int) -> float:
    """The probability that equal models differ by so many losses or more, of those verdicts on which they
    differ.

    >>> sign_test(5, 0), sign_test(0, 5), sign_test(0, 0)
    (0.03125, 1.0, 1.0)
    """
    n = lost + gained
    return float(sum(comb(n, k) for k in range(lost, n + 1)) / 2**n)
