"""What each origin has to offer for a review queue on one series, and why, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mllib.acquisition import (
    AcquisitionConfig,
    Origin,
    audit_order,
    committee,
    confidences,
    distribution,
    islands,
    label_error,
    near_misses,
    uncertainty,
)
from mllib.acquisition.candidates import LEAST_BARS
from mllib.acquisition.words import (
    AUDIT,
    REVIEWED_BEFORE,
    why_committee,
    why_different,
    why_label_error,
    why_unsure,
)
from mllib.matching import Positions, covered
from mllib.pipeline.disagreements import USUAL, Disagreement, layer_disagreements
from mllib.pipeline.queue_ground import Ground, columns_of
from mllib.pipeline.sweeps import SweptSeries
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, Annotation, PredictedSpan, positions

Floats = NDArray[np.float64]
_UNLIKE_ANY = 1.0
"""Places that nobody has looked at rank before all that somebody has, whatever their scores."""


class Explained(NamedTuple):
    """A place as it is shown, why, and what a person drew there."""

    span: PredictedSpan
    why: str
    human: Annotation | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Places of one origin: half-open positions `at (n, 2)`, columns of labels `label (n,)`, their scores,
    by what they are ranked, and what explains one of them.
    """

    origin: Origin
    at: Positions
    label: NDArray[np.int64]
    score: Floats
    rank: Floats
    explain: Callable[[int], Explained]

    def take(self, chosen: NDArray[np.bool_]) -> "Found":
        """The chosen ones, by mask."""
        at = np.flatnonzero(chosen).tolist()
        columns = (self.at[chosen], self.label[chosen], self.score[chosen], self.rank[chosen])
        return Found(self.origin, *columns, lambda i: self.explain(at[i]))


@dataclass(frozen=True, slots=True, eq=False)
class Considered:
    """What the model predicts or nearly predicts and nobody has said anything of: `P float64 (n, k + 1)`."""

    at: Positions
    label: NDArray[np.int64]
    P: Floats
    near_miss: NDArray[np.bool_]
    looked_for: NDArray[np.bool_]

    @classmethod
    def on(cls, ground: Ground, *, near_miss_from: float) -> "Considered":
        """The candidates of a series."""
        own = [ground.at[ground.column == i] for i in range(len(ground.labels))]
        near_at, near_label = near_misses(ground.coverage, own, least=near_miss_from)
        at, label = np.concatenate([ground.at, near_at]), np.concatenate([ground.column, near_label])
        held = confidences(ground.coverage, at)
        n = len(ground.spans)
        held[np.arange(n), ground.column] = [span.avg_confidence for span in ground.spans]
        near = np.arange(len(at)) >= n
        open_ = ground.untouched(at) & (at[:, 1] > at[:, 0])
        at, label = at[open_], label[open_]
        return cls(at, label, distribution(held[open_]), near[open_], ground.looked_for(at, label))

    def ranked(self, scores: Floats) -> Floats:
        """The scores, those of places that nobody has looked at before all others."""
        return scores + np.where(self.looked_for, 0.0, _UNLIKE_ANY)

    def shown(self, ground: Ground, i: int, why: str) -> Explained:
        """A candidate with a reason."""
        label = int(self.label[i])
        confidence = min(_own(self.P[i], label), 1.0)
        span = ground.span_at(self.at[i], ground.labels[label], confidence)
        return Explained(span, f"{why} {REVIEWED_BEFORE}" if self.looked_for[i] else why)


def _own(row: Floats, label: int) -> float:
    """The confidence in a label that `distribution` made a row of."""
    return float(row[label + 1] / (row[0] + row[1:].max()))


def uncertain(ground: Ground, considered: Considered, settings: AcquisitionConfig) -> Found:
    """What the model is unsure of."""
    scores = uncertainty(considered.P, method=settings.uncertainty)

    def explain(i: int) -> Explained:
        why = why_unsure(ground.labels, considered.P[i], near_miss=bool(considered.near_miss[i]))
        return considered.shown(ground, i, why)

    return Found("uncertainty", considered.at, considered.label, scores, considered.ranked(scores), explain)


def split_committee(
    ground: Ground,
    considered: Considered,
    rival: SweptSeries,
    settings: AcquisitionConfig,
    *,
    model_types: tuple[str, str],
) -> Found:
    """What the model and a rival of another type differ on; both are asked for their coverage."""
    theirs = columns_of(rival, ground.labels)
    members = [distribution(confidences(one, considered.at)) for one in (ground.coverage, theirs)]
    scores = committee(members, method=settings.committee)
    versions = (ground.model_version, rival.model_version)

    def explain(i: int) -> Explained:
        said = [(*who, P[i]) for *who, P in zip(model_types, versions, members, strict=True)]
        return considered.shown(ground, i, why_committee(ground.labels, int(considered.label[i]), said))

    return Found("committee", considered.at, considered.label, scores, considered.ranked(scores), explain)


def disputed(ws: Workspace, ground: Ground) -> Found:
    """Where people and the model differ on reviewed bars and nobody has settled it, the surest first."""
    both = layer_disagreements(
        ws, ground.candles, ("human", "model"), predicted=ground.spans, labels=ground.labels
    )
    found = [one for one in both if one.kind in USUAL and one.span.label in ground.labels]
    at = positions([one.span for one in found], ground.candles.time)
    label = np.array([ground.labels.index(one.span.label) for one in found], np.int64)
    held = confidences(ground.coverage, at)
    sure = [_sureness(one, row) for one, row in zip(found, held, strict=True)]
    scores = np.array(sure, np.float64)

    def explain(i: int) -> Explained:
        one = found[i]
        human = one.human if isinstance(one.human, Annotation) else None
        span = one.predicted or ground.span_at(at[i], one.span.label, float(held[i, label[i]]))
        names = (None if side is None else side.label for side in (one.human, one.predicted))
        return Explained(span, why_different(*names, confidence=scores[i]), human)

    return Found("disagreement", at, label, scores, scores, explain).take(~ground.settled(at))


def _sureness(one: Disagreement, held: Floats) -> float:
    """How sure the model is of what it says: its prediction, or that there is nothing."""
    return float(1 - held.max(initial=0.0)) if one.predicted is None else one.predicted.avg_confidence


def suspicious(ground: Ground, held_out: NDArray[np.float32], settings: AcquisitionConfig) -> Found:
    """People's labels that held-out models deny, and labels that they are sure of and nobody gave.

    `held_out float32 (n_bars, k)` is coverage out of sample, NaN where there is none.
    """
    known = ~np.isnan(held_out)
    said = np.where(known, held_out, 0.0)
    own = [one for one in ground.people if one.label in ground.labels]
    drawn_at = positions(own, ground.candles.time)
    drawn = np.array([ground.labels.index(one.label) for one in own], np.int64)
    silent_at, silent = _silent(ground, said, known, settings)
    at, label = np.concatenate([drawn_at, silent_at]), np.concatenate([drawn, silent])
    given = np.concatenate([drawn + 1, np.zeros(len(silent), np.int64)])
    P = distribution(confidences(said, at))
    counted = _all_known(known, at, label)
    doubts, wrong = np.zeros(len(at)), np.zeros(len(at), bool)
    doubts[counted], wrong[counted] = label_error(given[counted], P[counted])
    sure = P[np.arange(len(at)), label + 1] >= settings.sure_from
    suspected = counted & wrong & ((given > 0) | sure) & ~ground.settled(at)

    def explain(i: int) -> Explained:
        confidence = _own(P[i], int(label[i]))
        span = ground.span_at(at[i], ground.labels[label[i]], confidence)
        human = own[i] if i < len(own) else None
        return Explained(span, why_label_error(ground.labels, int(given[i]), P[i]), human)

    return Found("label_error", at, label, doubts, doubts, explain).take(suspected)


def _silent(
    ground: Ground, said: NDArray[np.float32], known: NDArray[np.bool_], settings: AcquisitionConfig
) -> tuple[Positions, NDArray[np.int64]]:
    """Where people looked for a label and drew nothing: where held-out models see a hint of it, and the rest.

    The rest, in blocks as long as people's spans mostly are, shows how sure models are where nothing is.
    """
    n_bars, spans = len(ground.candles), positions(ground.people, ground.candles.time)
    drawn, looked = covered(spans, n_bars), known & ground.reviewed
    total = np.concatenate([[0], np.cumsum(drawn)])
    found, labels = [], []
    hinted = np.zeros(n_bars, bool)
    for i in range(len(ground.labels)):
        at = islands(looked[:, i] & (said[:, i] >= settings.near_miss_from))
        at = at[total[at[:, 1]] == total[at[:, 0]]]  # the flank of what is drawn is no place of its own
        lengths = (ground.at[:, 1] - ground.at[:, 0])[ground.column == i]
        at = at[at[:, 1] - at[:, 0] >= (lengths.min() if len(lengths) else LEAST_BARS)]
        hinted |= covered(at, n_bars)
        found.append(at)
        labels.append(np.full(len(at), i, np.int64))
    usual = int(np.median(spans[:, 1] - spans[:, 0])) if len(spans) else LEAST_BARS
    rest = _blocks(islands(looked.all(axis=1) & ~drawn & ~hinted), max(usual, LEAST_BARS))
    return np.concatenate([*found, rest]), np.concatenate([*labels, np.zeros(len(rest), np.int64)])


def _blocks(at: Positions, bars: int) -> Positions:
    """As many places of so many bars as fit into each of the given ones."""
    starts = [np.arange(first, end - bars + 1, bars) for first, end in at.tolist()]
    firsts = np.concatenate([np.zeros(0, np.int64), *starts])
    return np.stack([firsts, firsts + bars], axis=1).astype(np.int64)


def _all_known(known: NDArray[np.bool_], at: Positions, label: NDArray[np.int64]) -> NDArray[np.bool_]:
    """In which places every bar has a held-out probability of the label: `bool (n,)`."""
    total = np.concatenate([np.zeros((1, known.shape[1]), np.int64), np.cumsum(known, axis=0)])
    bars = at[:, 1] - at[:, 0]
    found: NDArray[np.bool_] = (total[at[:, 1], label] - total[at[:, 0], label] == bars) & (bars > 0)
    return found


def drawn_at_random(
    ground: Ground, settings: AcquisitionConfig, outside: NDArray[np.bool_], *, most: int
) -> Found:
    """At most so many bars that nobody has looked at, drawn uniformly, each with what is around it.

    None is drawn from the bars `outside (n_bars,)`. Their rank is the draw's own. What the model predicts at
    a bar is shown, and has no part in the choice.
    """
    seen = ground.said | ground.reviewed.any(axis=1) | outside
    order = audit_order(
        ground.candles.time, pair=ground.candles.pair, timeframe=ground.candles.timeframe, seed=settings.seed
    )
    order[seen] = -1.0
    bars, windows = _apart(np.argsort(-order, kind="stable")[: int((~seen).sum())], seen, settings, most=most)
    spans = [_covering(ground, bar) for bar in bars]
    at = np.array(
        [window if i is None else ground.at[i] for i, window in zip(spans, windows, strict=True)], np.int64
    ).reshape(-1, 2)
    label = np.array([len(ground.labels) if i is None else ground.column[i] for i in spans], np.int64)

    def explain(i: int) -> Explained:
        span = spans[i]
        if span is not None:
            return Explained(ground.spans[span], AUDIT)
        held = confidences(ground.coverage, at[i : i + 1])
        return Explained(ground.span_at(at[i], NOTHING, float(1 - held.max(initial=0.0))), AUDIT)

    return Found("audit", at, label, order[bars], order[bars], explain)


def _apart(
    drawn: NDArray[np.intp], seen: NDArray[np.bool_], settings: AcquisitionConfig, *, most: int
) -> tuple[list[int], list[tuple[int, int]]]:
    """The first bars of a draw that lie in no window of an earlier one, and their windows."""
    bars: list[int] = []
    windows: list[tuple[int, int]] = []
    for bar in drawn.tolist():
        if len(bars) == most:
            break
        if all(not first <= bar < end for first, end in windows):
            bars.append(bar)
            windows.append(_free_window(seen, bar, settings.audit_bars))
    return bars, windows


def _covering(ground: Ground, bar: int) -> int | None:
    """The most confident predicted span at a bar."""
    there = np.flatnonzero((ground.at[:, 0] <= bar) & (ground.at[:, 1] > bar)).tolist()
    return max(there, key=lambda i: ground.spans[i].avg_confidence, default=None)


def _free_window(seen: NDArray[np.bool_], bar: int, bars: int) -> tuple[int, int]:
    """The bars around one that nobody has looked at, as far as nobody has looked at them either."""
    first, end = max(bar - bars // 2, 0), min(bar - bars // 2 + bars, len(seen))
    before, after = np.flatnonzero(seen[first:bar]), np.flatnonzero(seen[bar:end])
    return (first + int(before[-1]) + 1 if len(before) else first), (
        bar + int(after[0]) if len(after) else end
    )
