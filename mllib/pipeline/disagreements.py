"""Use cases about where people, TA-Lib and models differ, and what to ask people next."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mllib.candles import Candles
from mllib.disagreement import Pair, PairKind, Summary, compare, summarise
from mllib.encoders import reviewed_bars
from mllib.errors import InvalidConfig
from mllib.matching import overlaps, wholly_on
from mllib.patterns import label_of
from mllib.pipeline.annotations import Layer, known_facts, labelled
from mllib.pipeline.predicting import Sweep
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE, PredictedSpan, ReviewedRange, Span, positions
from mllib.store import Action

LayerName = Literal["human", "talib", "model"]
Kind = Literal[
    "agreement",
    "boundary_mismatch",
    "label_mismatch",
    "missed_by_human",
    "missed_by_talib",
    "missed_by_model",
]
ChangeKind = Literal["kept", "moved", "relabelled", "dropped", "added"]
LAYERS: tuple[LayerName, ...] = get_args(LayerName)
"""In the order in which two of them are told: the first is `a`, the second `b`."""
USUAL: frozenset[Kind] = frozenset(
    {"label_mismatch", "missed_by_human", "missed_by_talib", "missed_by_model"}
)
"""The kinds that are told unless others are asked for."""
_CHANGES: dict[PairKind, ChangeKind] = {
    "agreement": "kept",
    "boundary_mismatch": "moved",
    "label_mismatch": "relabelled",
    "only_in_a": "dropped",
    "only_in_b": "added",
}
_UNDECIDED = 0.5
_PEOPLE: tuple[Layer, ...] = ("human",)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What two layers say of the same candles; the one that says nothing is None.

    `verdict` is what a person said last of exactly this prediction, or None. Of two versions of a model the
    older is `between[0]` and the newer `between[1]`.
    """

    kind: Kind | ChangeKind
    between: tuple[str, str]
    pair: Pair
    verdict: Action | None = None

    @property
    def span(self) -> Span:
        """Where it is: the span of the later of the two layers, else of the other."""
        return self.pair.span

    @property
    def human(self) -> Span | None:
        return self._of("human")

    @property
    def talib(self) -> Span | None:
        return self._of("talib")

    @property
    def predicted(self) -> PredictedSpan | None:
        found = self._of("model")
        assert found is None or isinstance(found, PredictedSpan)
        return found

    @property
    def labels(self) -> set[str]:
        return {span.label for span in (self.pair.a, self.pair.b) if span is not None}

    def _of(self, layer: str) -> Span | None:
        if layer == self.between[0]:
            return self.pair.a
        return self.pair.b if layer == self.between[1] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which differences are meant; None leaves a filter out.

    `labels` are those of either span, times (Unix s) hold the whole span, `least_bars` is how far the farther
    bound of a boundary mismatch must be off, `least_confidence` counts where there is a prediction, and
    `judged` says whether a person must have judged the prediction, or must not have.
    """

    kinds: Collection[str] | None = None
    labels: Collection[str] | None = None
    start_time: int | None = None
    end_time: int | None = None
    least_bars: int = 0
    least_confidence: float = 0.0
    judged: bool | None = None

    def __contains__(self, one: Disagreement) -> bool:
        return (self.kinds is None or one.kind in self.kinds) and self.holds_place_of(one)

    def holds_place_of(self, one: Disagreement) -> bool:
        """Whether all filters but that of the kinds let it through."""
        return (
            (self.labels is None or not one.labels.isdisjoint(self.labels))
            and (self.start_time is None or one.span.start_time >= self.start_time)
            and (self.end_time is None or one.span.end_time <= self.end_time)
            and (one.pair.boundary_bars >= self.least_bars or one.pair.iou == 0)
            and confidence_of(one) >= self.least_confidence
            and (self.judged is None or (one.verdict is not None) == self.judged)
        )


@dataclass(frozen=True, slots=True)
class LayerSpans:
    """A layer's spans on a series, and where its silence says something.

    `labels` are those that it can give (None: any); `reviewed` is where it looked (None: everywhere).
    """

    name: str
    spans: Sequence[Span]
    labels: frozenset[str] | None = None
    reviewed: Sequence[ReviewedRange] | None = None


def two_layers(text: str) -> tuple[LayerName, LayerName]:
    """The two layers that a text such as `human,model` names, in their order.

    >>> two_layers("model,human")
    ('human', 'model')

    Raises:
        InvalidConfig: it names anything but two of the layers.
    """
    named = {name.strip() for name in text.split(",")}
    found = [name for name in LAYERS if name in named]
    if len(found) != 2 or len(named) != 2:
        raise InvalidConfig(
            f"between: found {text!r}, expected two of {', '.join(LAYERS)}, such as human,model. Name two."
        )
    return found[0], found[1]


def layer_disagreements(
    ws: Workspace,
    history: Candles,
    between: tuple[LayerName, LayerName],
    *,
    predicted: Sequence[PredictedSpan] = (),
    labels: Collection[str] = (),
) -> list[Disagreement]:
    """All that two layers say of a stored series, by time, agreement included.

    `predicted` and `labels` are the model's, where it is one of the two. Beside people, a span counts where
    its label was reviewed on all of its bars, and labels that nobody looked for in the series take no part. A
    layer misses no label that it cannot give, and what a person has dismissed is no miss of people's.
    """
    a, b = (_layer(ws, history, name, predicted, labels) for name in between)
    theirs = b.spans if a.reviewed is None else _looked_for(b.spans, a.reviewed)
    found = [pair for pair in compare(a.spans, theirs, history.time) if _could_say(pair, a, b)]
    if a.reviewed is not None:
        found = _without_dismissed(ws, _on_reviewed(found, a.reviewed, history), history)
    kinds = _kinds(between)
    verdicts = _verdicts(ws, history)
    return [Disagreement(kinds[one.kind], between, one, _verdict_on(one.b, verdicts)) for one in found]


def version_changes(
    ws: Workspace,
    history: Candles,
    *,
    before: tuple[str, Sequence[PredictedSpan]],
    after: tuple[str, Sequence[PredictedSpan]],
) -> list[Disagreement]:
    """What a model's version (its name, its spans on a stored series) keeps, moves, relabels, drops and adds
    against another one, by time.
    """
    between, verdicts = (before[0], after[0]), _verdicts(ws, history)
    return [
        Disagreement(_CHANGES[one.kind], between, one, _verdict_on(one.span, verdicts))
        for one in compare(before[1], after[1], history.time)
    ]


def newest_first(
    found: Iterable[Disagreement], wanted: Wanted, limit: int | None = None
) -> list[Disagreement]:
    """Those that are wanted, the newest first."""
    kept = [one for one in found if one in wanted]
    return sorted(kept, key=lambda one: (-one.span.start_time, one.span.label))[:limit]


def summary(found: Iterable[Disagreement], wanted: Wanted) -> Summary:
    """How much the layers agree where the filters say, whatever kinds are wanted."""
    return summarise(one.pair for one in found if wanted.holds_place_of(one))


def confidence_of(one: Disagreement) -> float:
    """The model's confidence in [0, 1], of the newer version's span first; 1 where no model says anything."""
    sides = (span for span in (one.pair.b, one.pair.a) if isinstance(span, PredictedSpan))
    return next((span.avg_confidence for span in sides), 1.0)


def find_disagreements(
    ws: Workspace, sweep: Sweep, predicted: Sequence[PredictedSpan], *, limit: int
) -> list[Disagreement]:
    """Where a model's spans and people's differ on reviewed bars of the sweep, newest first."""
    history = sweep.history
    found = layer_disagreements(
        ws, history, ("human", "model"), predicted=predicted, labels=sweep.predictor.labels
    )
    if sweep.first >= sweep.last:
        return []
    bounds = int(history.time[sweep.first]), int(history.time[sweep.last - 1])
    return newest_first(found, Wanted(kinds=USUAL, start_time=bounds[0], end_time=bounds[1]), limit)


def find_undecided(
    ws: Workspace, sweep: Sweep, predicted: Sequence[PredictedSpan], *, limit: int
) -> list[PredictedSpan]:
    """Predictions that share no bar with a person's span or one that was judged, the most uncertain first.

    Those nearest to a confidence of 0.5 come first, newer ones before older; no two share a bar.
    """
    history = sweep.history
    said = ws.store.annotations.list(history.pair, history.timeframe, sources=PEOPLE)
    judged = [
        Span(one.prediction.label, one.prediction.start_time, one.prediction.end_time)
        for one in ws.store.verdicts.list(history.pair, history.timeframe)
        if one.prediction.start_time is not None and one.prediction.end_time is not None
    ]
    at = positions(predicted, history.time)
    touched, _, _ = overlaps(at, positions([*said, *judged], history.time))
    free = np.ones(len(history), bool)
    chosen: list[PredictedSpan] = []
    for i in sorted(set(range(len(predicted))) - set(touched.tolist()), key=lambda i: _unsure(predicted[i])):
        bars = slice(*at[i])
        if len(chosen) < limit and free[bars].all():
            free[bars] = False
            chosen.append(predicted[i])
    return chosen


def _unsure(span: PredictedSpan) -> tuple[float, int, str]:
    return abs(span.avg_confidence - _UNDECIDED), -span.start_time, span.label


def _layer(
    ws: Workspace,
    history: Candles,
    name: LayerName,
    predicted: Sequence[PredictedSpan],
    labels: Collection[str],
) -> LayerSpans:
    if name == "model":
        return LayerSpans(name, predicted, frozenset(labels))
    if name == "human":
        facts = known_facts(ws, pair=history.pair, timeframe=history.timeframe, functions=None)
        known = labelled(history, facts, layers=_PEOPLE, ingestion=ws.config.stages.annotation_ingestion)
        return LayerSpans(name, known.spans, None, known.reviewed)
    functions = [*ws.store.talib.layers(history.pair, history.timeframe)]
    if not functions:
        return LayerSpans(name, (), frozenset())
    facts = known_facts(ws, pair=history.pair, timeframe=history.timeframe, functions=functions)
    given = frozenset(label_of(f, bullish=side) for f in functions for side in (True, False))
    return LayerSpans(name, facts.talib, given)


def _looked_for(spans: Sequence[Span], reviewed: Sequence[ReviewedRange]) -> list[Span]:
    labels = frozenset[str]().union(*(part.labels for part in reviewed))
    return [span for span in spans if span.label in labels]


def _could_say(pair: Pair, a: LayerSpans, b: LayerSpans) -> bool:
    """Whether the layer that says nothing could have said it."""
    silent = {"only_in_a": b, "only_in_b": a}.get(pair.kind)
    return silent is None or silent.labels is None or pair.span.label in silent.labels


def _on_reviewed(pairs: Sequence[Pair], reviewed: Sequence[ReviewedRange], history: Candles) -> list[Pair]:
    """Those whose span lies wholly on bars that were reviewed for its label."""
    by_label: defaultdict[str, list[int]] = defaultdict(list)
    for n, pair in enumerate(pairs):
        by_label[pair.span.label].append(n)
    at = positions([pair.span for pair in pairs], history.time)
    kept = np.zeros(len(pairs), bool)
    for label, those in by_label.items():
        kept[those] = wholly_on(at[those], reviewed_bars(label, history, reviewed))
    return [pairs[n] for n in np.flatnonzero(kept).tolist()]


def _without_dismissed(ws: Workspace, pairs: Sequence[Pair], history: Candles) -> list[Pair]:
    """Without what people do not say because one of them said that it is not there."""
    missed = [n for n, pair in enumerate(pairs) if pair.kind == "only_in_b"]
    denied = compare([pairs[n].span for n in missed], _dismissed(ws, history), history.time)
    gone = {id(pair.a) for pair in denied if pair.kind in ("agreement", "boundary_mismatch")}
    return [pair for pair in pairs if pair.kind != "only_in_b" or id(pair.b) not in gone]


def _dismissed(ws: Workspace, history: Candles) -> list[Span]:
    """Where people said that a predicted label is not."""
    said = ws.store.annotations.list(history.pair, history.timeframe, sources=PEOPLE)
    return [
        Span(one.model_prediction.label, one.start_time, one.end_time)
        for one in said
        if one.label == NOTHING and one.model_prediction is not None
    ]


def _kinds(between: tuple[LayerName, LayerName]) -> dict[PairKind, Kind]:
    missed: dict[LayerName, Kind] = {
        "human": "missed_by_human",
        "talib": "missed_by_talib",
        "model": "missed_by_model",
    }
    return {
        "agreement": "agreement",
        "boundary_mismatch": "boundary_mismatch",
        "label_mismatch": "label_mismatch",
        "only_in_a": missed[between[1]],
        "only_in_b": missed[between[0]],
    }


Place = tuple[str, int | None, int | None]


def _verdicts(ws: Workspace, history: Candles) -> dict[Place, Action]:
    """What was said last of each prediction."""
    said = ws.store.verdicts.list(history.pair, history.timeframe)
    return {
        (one.prediction.label, one.prediction.start_time, one.prediction.end_time): one.action
        for one in reversed(said)
    }


def _verdict_on(span: Span | None, verdicts: dict[Place, Action]) -> Action | None:
    return None if span is None else verdicts.get((span.label, span.start_time, span.end_time))
