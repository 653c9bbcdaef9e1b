"""Use cases about where people, TA-Lib and models differ."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mllib.candles import Candles
from mllib.disagreement import Pair, PairKind, Summary, compare, summarise
from mllib.errors import InvalidConfig
from mllib.pipeline.span_layers import LAYERS, LayerName, compared, layer_spans
from mllib.pipeline.sweeps import SweptSeries
from mllib.pipeline.workspace import Workspace
from mllib.spans import PredictedSpan, Span
from mllib.store import Action

Kind = Literal[
    "agreement",
    "boundary_mismatch",
    "label_mismatch",
    "missed_by_human",
    "missed_by_talib",
    "missed_by_model",
]
ChangeKind = Literal["kept", "moved", "relabelled", "dropped", "added"]
USUAL: frozenset[Kind] = frozenset(
    {"label_mismatch", "missed_by_human", "missed_by_talib", "missed_by_model"}
)
"""The kinds that are told unless others are asked for."""
USUAL_CHANGES: frozenset[ChangeKind] = frozenset({"moved", "relabelled", "dropped", "added"})
_CHANGES: dict[PairKind, Kind | ChangeKind] = {
    "agreement": "kept",
    "boundary_mismatch": "moved",
    "label_mismatch": "relabelled",
    "only_in_a": "dropped",
    "only_in_b": "added",
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What two layers say of the same candles; the one that says nothing is None.

    `verdict` is what a person said last of exactly this `span`, skips included, or None. Of two versions of a
    model the older is `between[0]` and the newer `between[1]`.
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
    `judged` says whether a person must have judged or skipped it, or must not have.

    Raises:
        InvalidConfig: the range ends before it starts.
    """

    kinds: Collection[str] | None = None
    labels: Collection[str] | None = None
    start_time: int | None = None
    end_time: int | None = None
    least_bars: int = 0
    least_confidence: float = 0.0
    judged: bool | None = None

    def __post_init__(self) -> None:
        start, end = self.start_time, self.end_time
        if start is not None and end is not None and start > end:
            raise InvalidConfig(
                f"range: found {start} to {end} (Unix s), expected its start before its end. Swap them."
            )

    def __contains__(self, one: Disagreement) -> bool:
        return (
            (self.kinds is None or one.kind in self.kinds)
            and (self.judged is None or (one.verdict is not None) == self.judged)
            and self.holds_place_of(one)
        )

    @property
    def holds_all_places(self) -> bool:
        """Whether no filter but those of the kinds and of verdicts leaves anything out."""
        asked = (self.labels, self.start_time, self.end_time)
        return asked == (None, None, None) and not self.least_bars and not self.least_confidence

    def holds_place_of(self, one: Disagreement) -> bool:
        """Whether all filters but those of the kinds and of verdicts let it through."""
        if self.holds_all_places:
            return True
        near = one.pair.kind == "boundary_mismatch" and one.pair.boundary_bars < self.least_bars
        confidence = confidence_of(one)
        return (
            not near
            and (self.labels is None or not one.labels.isdisjoint(self.labels))
            and (self.start_time is None or one.span.start_time >= self.start_time)
            and (self.end_time is None or one.span.end_time <= self.end_time)
            and (confidence is None or confidence >= self.least_confidence)
        )


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


def kinds_wanted(
    names: Collection[str], *, versions: bool = False, between: tuple[LayerName, LayerName] | None = None
) -> frozenset[str]:
    """The kinds of these names, of layers or of versions; where none is named, those that are told usually.

    Raises:
        InvalidConfig: a name is no kind, or none that differences `between` these layers can have.
    """
    known: tuple[str, ...] = get_args(ChangeKind) if versions else get_args(Kind)
    if between is not None:
        known = tuple(_kinds(between).values())
    if unknown := sorted(set(names) - set(known)):
        raise InvalidConfig(
            f"kinds: found {', '.join(unknown)}, expected some of {', '.join(known)}. Correct the name."
        )
    return frozenset(names) or (USUAL_CHANGES if versions else USUAL)


def layer_disagreements(
    ws: Workspace,
    history: Candles,
    between: tuple[LayerName, LayerName],
    *,
    predicted: Sequence[PredictedSpan] = (),
    labels: Collection[str] = (),
) -> list[Disagreement]:
    """All that two layers say of a stored series, by time, agreement included.

    `predicted` and `labels` are the model's, where it is one of the two; `compared` says what counts.
    """
    a, b = (layer_spans(ws, history, name, predicted, labels) for name in between)
    return told(ws, history, between, compared(ws, a, b, history))


def told(
    ws: Workspace, history: Candles, between: tuple[str, str], pairs: Iterable[Pair]
) -> list[Disagreement]:
    """Pairs of two layers, or of two versions, under their kinds and with what was said of them."""
    kinds, verdicts = _kinds(between), _verdicts(ws, history)
    return [
        Disagreement(kinds[one.kind], between, one, verdicts.get(_place(one.span)) if verdicts else None)
        for one in pairs
    ]


def swept_disagreements(
    ws: Workspace, history: Candles, between: tuple[LayerName, LayerName], swept: SweptSeries | None
) -> list[Disagreement]:
    """The same; `swept` is what the model says, where it is one of the two."""
    if swept is None:
        return layer_disagreements(ws, history, between)
    return layer_disagreements(ws, swept.candles, between, predicted=swept.spans, labels=swept.labels)


def version_changes(ws: Workspace, before: SweptSeries, after: SweptSeries) -> list[Disagreement]:
    """What the model `after` keeps, moves, relabels, drops and adds on a stored series, by time."""
    names = before.model_version, after.model_version
    return told(ws, after.candles, names, compare(before.spans, after.spans, after.candles.time))


def newest_first(
    found: Iterable[Disagreement], wanted: Wanted, limit: int | None = None
) -> list[Disagreement]:
    """Those that are wanted, the newest first."""
    kept = [one for one in found if one in wanted]
    return sorted(kept, key=lambda one: (-one.span.start_time, one.span.label))[:limit]


def summary(found: Iterable[Disagreement], wanted: Wanted) -> Summary:
    """How much the layers agree where the filters say, whatever kinds are wanted and judged."""
    there = list(found) if wanted.holds_all_places else [one for one in found if wanted.holds_place_of(one)]
    counts = Counter((one.span.label, str(one.kind)) for one in there)
    return replace(summarise(one.pair for one in there), counts=dict(counts))


def confidence_of(one: Disagreement) -> float | None:
    """The model's confidence in [0, 1], of the newer version first; None where no model says anything."""
    sides = (span for span in (one.pair.b, one.pair.a) if isinstance(span, PredictedSpan))
    return next((span.avg_confidence for span in sides), None)


def _kinds(between: tuple[str, str]) -> dict[PairKind, Kind | ChangeKind]:
    missed: dict[str, Kind] = {
        "human": "missed_by_human",
        "talib": "missed_by_talib",
        "model": "missed_by_model",
    }
    if not missed.keys() >= set(between):
        return _CHANGES
    return {
        "agreement": "agreement",
        "boundary_mismatch": "boundary_mismatch",
        "label_mismatch": "label_mismatch",
        "only_in_a": missed[between[1]],
        "only_in_b": missed[between[0]],
    }


Place = tuple[str, int, int]


def _verdicts(ws: Workspace, history: Candles) -> dict[Place, Action]:
    """What was said last of each place, skips included."""
    said = ws.store.verdicts.list(history.pair, history.timeframe, with_skips=True)
    return {_place(one.place): one.action for one in reversed(said)}


def _place(span: Span) -> Place:
    return span.label, span.start_time, span.end_time
