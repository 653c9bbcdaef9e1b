"""Two layers of spans side by side: where they say the same, and how they differ.

`a` and `b` stand for any two layers: people's and a model's, TA-Lib's, or those of two versions of a model.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mllib.matching import Positions, match
from mllib.spans import Span, positions

PairKind = Literal["agreement", "boundary_mismatch", "label_mismatch", "only_in_a", "only_in_b"]
LEAST_IOU = 0.5
"""From here on two spans are about the same candles."""

Indices = NDArray[np.intp]


class Pair(NamedTuple):
    """A span of `a` and the one of `b` about the same candles; the one that is missing is None.

    `iou` is 0 where one is missing. `start_bars` and `end_bars` say how many candles later `b` starts and
    ends than `a`, negative where it is earlier; None where one is missing.
    """

    kind: PairKind
    a: Span | None
    b: Span | None
    iou: float = 0.0
    start_bars: int | None = None
    end_bars: int | None = None

    @property
    def span(self) -> Span:
        """Where it is, and the label that it is counted under: `b`'s span, else `a`'s."""
        found = self.b or self.a
        assert found is not None, "one of the two is there"
        return found

    @property
    def boundary_bars(self) -> int:
        """How many candles the farther of the two bounds is off; 0 where one span is missing."""
        return max(abs(self.start_bars or 0), abs(self.end_bars or 0))


@dataclass(frozen=True, slots=True)
class Summary:
    """How much two layers agree.

    `counts` are by label and kind. `agreement_rate` is the share of pairs and single spans that have one
    label on about the same candles. `mean_iou` and `median_boundary_bars` (over starts and ends, without
    sign) are of the pairs of one label.
    All three are None where there is nothing to tell.
    """

    counts: dict[tuple[str, str], int]
    agreement_rate: float | None
    mean_iou: float | None
    median_boundary_bars: float | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values; `counts` as a list by label and kind."""
        counts = [
            {"label": label, "kind": kind, "count": n} for (label, kind), n in sorted(self.counts.items())
        ]
        return {**asdict(self), "counts": counts}


def compare(
    a: Sequence[Span], b: Sequence[Span], time: NDArray[np.int64], *, least_iou: float = LEAST_IOU
) -> list[Pair]:
    """Every span of both layers exactly once, on a series' opens `time (n_bars,)`, by start.

    Spans are matched one to one, the highest IoU first and none below `least_iou`: first within a label,
    then whatever is left. Linear in spans and overlapping pairs, apart from sorting.

    >>> hours = np.arange(10)
    >>> one = compare([Span("flag", 2, 5)], [Span("flag", 3, 5), Span("wedge", 8, 9)], hours)
    >>> [(pair.kind, pair.start_bars, pair.end_bars) for pair in one]
    [('boundary_mismatch', 1, 0), ('only_in_b', None, None)]
    """
    at_a, at_b = positions(a, time), positions(b, time)
    i, j = _match_within_labels(a, b, at_a, at_b, len(time), least_iou)
    left_a, left_b = _others(len(a), i), _others(len(b), j)
    k, m = match(at_a[left_a], at_b[left_b], least_iou=least_iou)
    k, m = left_a[k], left_b[m]
    pairs = [
        *_matched(a, b, at_a, at_b, i, j),
        *_matched(a, b, at_a, at_b, k, m),
        *(Pair("only_in_a", a[n], None) for n in _others(len(a), np.concatenate([i, k])).tolist()),
        *(Pair("only_in_b", None, b[n]) for n in _others(len(b), np.concatenate([j, m])).tolist()),
    ]
    return sorted(pairs, key=lambda pair: (pair.span.start_time, pair.span.end_time, pair.span.label))


def summarise(pairs: Iterable[Pair]) -> Summary:
    """The counts by label and kind, and how close the layers are.

    >>> summarise(compare([Span("flag", 2, 5)], [Span("flag", 3, 5)], np.arange(10)))
    Summary(counts={('flag', 'boundary_mismatch'): 1}, agreement_rate=1.0, mean_iou=0.75,
            median_boundary_bars=0.5)
    """
    pairs = list(pairs)
    of_one_label = [one for one in pairs if one.kind in ("agreement", "boundary_mismatch")]
    off = [abs(bars) for one in of_one_label for bars in (one.start_bars, one.end_bars) if bars is not None]
    return Summary(
        counts=dict(Counter((one.span.label, str(one.kind)) for one in pairs)),
        agreement_rate=len(of_one_label) / len(pairs) if pairs else None,
        mean_iou=float(np.mean([one.iou for one in of_one_label])) if of_one_label else None,
        median_boundary_bars=float(np.median(off)) if off else None,
    )


def _match_within_labels(
    a: Sequence[Span], b: Sequence[Span], at_a: Positions, at_b: Positions, bars: int, least_iou: float
) -> tuple[Indices, Indices]:
    """The pairs of one label: each label gets a stretch of the axis of its own."""
    number = {label: n for n, label in enumerate(sorted({span.label for span in (*a, *b)}))}

    def moved(spans: Sequence[Span], at: Positions) -> Positions:
        shift = np.array([number[span.label] for span in spans], np.int64) * (bars + 1)
        return at + shift[:, None]

    return match(moved(a, at_a), moved(b, at_b), least_iou=least_iou)


def _matched(
    a: Sequence[Span], b: Sequence[Span], at_a: Positions, at_b: Positions, i: Indices, j: Indices
) -> list[Pair]:
    off = at_b[j] - at_a[i]
    shared = np.minimum(at_a[i, 1], at_b[j, 1]) - np.maximum(at_a[i, 0], at_b[j, 0])
    lengths = (at_a[i, 1] - at_a[i, 0]) + (at_b[j, 1] - at_b[j, 0])
    iou = shared / (lengths - shared)
    return [
        Pair(_kind(a[n], b[m], start, end), a[n], b[m], share, start, end)
        for n, m, share, (start, end) in zip(i.tolist(), j.tolist(), iou.tolist(), off.tolist(), strict=True)
    ]


def _kind(a: Span, b: Span, start_bars: int, end_bars: int) -> PairKind:
    if a.label != b.label:
        return "label_mismatch"
    return "boundary_mismatch" if start_bars or end_bars else "agreement"


def _others(count: int, taken: Indices) -> Indices:
    free = np.ones(count, bool)
    free[taken] = False
    return np.flatnonzero(free)
