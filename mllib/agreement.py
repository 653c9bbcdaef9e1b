"""How far two annotators agree on the places that both have judged. Pure: no store here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mllib.matching import match, overlaps
from mllib.spans import NOTHING, Span, positions

SAME_PLACE_IOU = 0.5
Difference = Literal["label", "bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an annotator says of a place: the span that is there, or the label `O` where nothing is."""

    verdict_id: str
    annotator: str
    pair: str
    timeframe: str
    place: Span
    said: Span
    settled: bool = False


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """A place that two annotators judged; `iou` is that of the spans that they see, 0 where one sees none."""

    first: Statement
    second: Statement
    iou: float

    @property
    def difference(self) -> Difference | None:
        """In what they differ: the label (`O` included), else the bounds."""
        if self.first.said.label != self.second.said.label:
            return "label"
        return "bounds" if self.first.said.label != NOTHING and self.iou < 1 else None

    @property
    def settled(self) -> bool:
        """Whether a third verdict decided it."""
        return self.first.settled or self.second.settled

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        series = {"pair": self.first.pair, "timeframe": self.first.timeframe}
        return {**series, **asdict(self), "difference": self.difference}


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """One label against all else: how often each sees it, how often both, Cohen's kappa, and mean IoU."""

    label: str
    first: int
    second: int
    both: int
    kappa: float | None
    mean_iou: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two annotators over `places` that both judged, of which `same` have one label from both.

    `kappa` is Cohen's, over labels with `O` among them: 1 in full agreement, 0 as by chance, None where both
    use one label alone. `mean_iou` is over the places where both see a span of one label. `differences` are
    those that nobody has settled, other labels first, newest first.
    """

    annotators: tuple[str, str]
    places: int
    same: int
    kappa: float | None
    mean_iou: float | None
    labels: list[LabelAgreement]
    differences: list[SharedPlace]
    settled: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values; each difference with its series and in what it is one."""
        return {**asdict(self), "differences": [one.to_dict() for one in self.differences]}


def shared_places(
    first: Sequence[Statement], second: Sequence[Statement], time: NDArray[np.int64]
) -> list[SharedPlace]:
    """The places of a series that both judged, on its opens `time (n_bars,)`.

    Each annotator's statements are on places of their own. The same prediction is one place; what is left
    is matched one to one at an IoU of at least 0.5, whatever the labels.
    """
    by_place = {_key(one.place): one for one in second}
    pairs = [(one, by_place[_key(one.place)]) for one in first if _key(one.place) in by_place]
    paired = {one.verdict_id for pair in pairs for one in pair}
    rest_a = [one for one in first if one.verdict_id not in paired]
    rest_b = [one for one in second if one.verdict_id not in paired]
    i, j = match(
        positions([one.place for one in rest_a], time),
        positions([one.place for one in rest_b], time),
        least_iou=SAME_PLACE_IOU,
    )
    pairs += [(rest_a[a], rest_b[b]) for a, b in zip(i.tolist(), j.tolist(), strict=True)]
    return [SharedPlace(a, b, _seen_iou(a.said, b.said, time)) for a, b in pairs]


def agreement(annotators: tuple[str, str], shared: Sequence[SharedPlace]) -> Agreement:
    """The agreement of two annotators over the places that both judged."""
    said = [(one.first.said.label, one.second.said.label) for one in shared]
    names = sorted({label for both in said for label in both} - {NOTHING})
    open_ = [one for one in shared if one.difference is not None and not one.settled]
    return Agreement(
        annotators=annotators,
        places=len(shared),
        same=sum(a == b for a, b in said),
        kappa=_kappa(said),
        mean_iou=_mean_iou(shared, names),
        labels=[_of_label(name, said, shared) for name in names],
        differences=sorted(open_, key=lambda one: (one.difference != "label", -one.first.place.start_time)),
        settled=sum(one.settled for one in shared),
    )


def _of_label(name: str, said: Sequence[tuple[str, str]], shared: Sequence[SharedPlace]) -> LabelAgreement:
    marks = [(str(a == name), str(b == name)) for a, b in said]
    return LabelAgreement(
        label=name,
        first=sum(a == name for a, _ in said),
        second=sum(b == name for _, b in said),
        both=sum(a == b == name for a, b in said),
        kappa=_kappa(marks),
        mean_iou=_mean_iou(shared, [name]),
    )


def _kappa(said: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa, None where one label alone was ever said: chance agrees as well then."""
    names = sorted({label for both in said for label in both})
    if len(names) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score  # costs a second, and most commands need no kappa

    return float(cohen_kappa_score([a for a, _ in said], [b for _, b in said], labels=names))


def _mean_iou(shared: Sequence[SharedPlace], names: Sequence[str]) -> float | None:
    """Over the places where both see a span of one of these labels."""
    found = [one.iou for one in shared if one.first.said.label == one.second.said.label in names]
    return float(np.mean(found)) if found else None


def _seen_iou(a: Span, b: Span, time: NDArray[np.int64]) -> float:
    if NOTHING in (a.label, b.label):
        return 0.0
    _, _, iou = overlaps(positions([a], time), positions([b], time))
    return float(iou[0]) if len(iou) else 0.0


def _key(span: Span) -> tuple[str, int, int]:
    return span.label, span.start_time, span.end_time
