from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.candles import Candles
from mllib.evaluation import IOUS, Judged, evaluate
from mllib.inference.prediction import predicted
from mllib.spans import PredictedSpan, ReviewedRange, Span
from tests import naive

N = 40
CANDLES = naive.walk(N, seed=1)
LABELS = ("doji", "flag", "wedge")


def _judged(
    found: list[tuple[str, int, int, float]],
    truth: list[tuple[str, int, int]],
    reviewed: list[tuple[int, int, frozenset[str]]] | None = None,
    counts: np.ndarray | None = None,
    candles: Candles = CANDLES,
) -> Judged:
    """Spans as closed bar positions."""
    time = candles.time.tolist()
    spans = [PredictedSpan(label, time[a], time[b], p, b - a + 1) for label, a, b, p in found]
    everywhere = [(0, len(time) - 1, frozenset(LABELS))]
    looked = everywhere if reviewed is None else reviewed
    return Judged(
        predicted(candles, LABELS, spans, np.zeros((len(time), len(LABELS)))),
        [Span(label, time[a], time[b]) for label, a, b in truth],
        [ReviewedRange(time[a], time[b], labels) for a, b, labels in looked],
        np.ones(len(time), bool) if counts is None else counts,
    )


def _span_counts(part: Judged, label: str, iou: float) -> tuple[int, int, int]:
    """True, predicted and matched spans, counted one by one."""
    known = naive.looked_at(label, part.candles, part.reviewed) & set(np.flatnonzero(part.counts).tolist())
    truth = [naive.bars_of(s, part.candles) for s in part.truth if s.label == label]
    found = [naive.bars_of(s, part.candles) for s in part.prediction.spans if s.label == label]
    bounds = [[(min(bars), max(bars) + 1) for bars in spans] for spans in (found, truth)]
    pairs = naive.match(*bounds, iou)
    hits = sum(_counts(truth[j], known) for _, j in pairs)
    missed = [j for j in range(len(truth)) if _counts(truth[j], known) and j not in {q for _, q in pairs}]
    false = [i for i in range(len(found)) if _counts(found[i], known) and i not in {p for p, _ in pairs}]
    return hits + len(missed), hits + len(false), hits


def _counts(bars: set[int], known: set[int]) -> bool:
    """Whether more than half of the bars are known."""
    return len(bars & known) > len(bars) / 2


def _bar_labels(part: Judged) -> tuple[list[str], list[str]]:
    """True and predicted label of each bar that counts, looked up bar by bar."""
    looked = {label: naive.looked_at(label, part.candles, part.reviewed) for label in LABELS}
    true, found = [], []
    for bar in range(len(part.candles)):
        if not (part.counts[bar] and any(bar in bars for bars in looked.values())):
            continue
        over = [
            s
            for s in part.prediction.spans
            if bar in naive.bars_of(s, part.candles)
            and _counts(naive.bars_of(s, part.candles), looked[s.label])
        ]
        said = max(over, key=lambda s: s.avg_confidence).label if over else "O"
        there = [s for s in part.truth if bar in naive.bars_of(s, part.candles)]
        if said in {s.label for s in there}:
            true.append(said)
        else:
            true.append(min(there, key=lambda s: s.end_time - s.start_time).label if there else "O")
        found.append(said)
    return true, found


BOUNDS = st.tuples(st.integers(0, N - 9), st.integers(0, 8)).map(lambda s: (s[0], s[0] + s[1]))
FOUND = st.lists(st.tuples(st.sampled_from(LABELS), BOUNDS), max_size=8)
REVIEWED = st.lists(
    st.tuples(st.integers(0, 15), st.integers(16, N - 1), st.frozensets(st.sampled_from(LABELS), min_size=1)),
    max_size=3,
)


@settings(deadline=None, max_examples=150)
@given(found=FOUND, truth=FOUND, reviewed=REVIEWED, seed=st.integers(0, 999), edge=st.integers(0, N))
def test_metrics_are_those_of_counting_one_by_one(
    found: list[Any], truth: list[Any], reviewed: list[Any], seed: int, edge: int
) -> None:
    confidence = np.random.default_rng(seed).permutation(len(found)) / 10 + 0.05
    # truths of different lengths on one bar: the shorter one is the bar's; equal ones are left to chance
    lengths: dict[int, str] = {}
    kept = [(lab, *b) for lab, b in truth if lengths.setdefault(b[1] - b[0], lab) == lab]
    part = _judged(
        [(lab, *b, float(p)) for (lab, b), p in zip(found, confidence, strict=True)],
        kept,
        reviewed,
        np.arange(N) < edge,
    )
    metrics = evaluate([part], LABELS)
    for iou in IOUS:
        for label in LABELS:
            true, claimed, hits = _span_counts(part, label, iou)
            f1 = 2 * hits / (true + claimed) if true + claimed else 0.0
            assert metrics["span_f1"][str(iou)]["per_label"][label] == pytest.approx(f1)
    true_labels, said = _bar_labels(part)
    assert metrics["candle_count"] == len(true_labels)
    for label in ("O", *LABELS):
        both = sum(t == s == label for t, s in zip(true_labels, said, strict=True))
        per_class = metrics["per_class"][label]
        assert per_class["support"] == true_labels.count(label)
        assert per_class["recall"] == pytest.approx(both / max(true_labels.count(label), 1))
        assert per_class["precision"] == pytest.approx(both / max(said.count(label), 1))


def test_several_series_are_pooled() -> None:
    one = _judged([("flag", 2, 6, 0.9)], [("flag", 2, 6)])
    two = _judged([("flag", 20, 22, 0.9)], [("flag", 2, 6), ("doji", 9, 9)])
    metrics = evaluate([one, two], LABELS)
    assert metrics["span_counts"]["flag"] == {
        "true": 2, "predicted": 2, "matched": 1, "precision": 0.5, "recall": 0.5, "f1_score": 0.5
    }  # fmt: skip
    assert metrics["span_support"] == {"doji": 1, "flag": 2, "wedge": 0}
    assert metrics["span_f1"]["0.5"] == {
        "micro": pytest.approx(2 / 5),
        "macro": pytest.approx(0.25),
        "macro_supported": None,
        "per_label": {"doji": 0.0, "flag": 0.5, "wedge": 0.0},
    }
    assert metrics["candle_count"] == 2 * N


def test_the_confusion_matrix_has_true_rows_and_predicted_columns() -> None:
    metrics = evaluate([_judged([("doji", 3, 3, 0.9)], [("flag", 2, 4)])], LABELS)
    assert metrics["confusion"]["labels"] == ["O", *LABELS]
    assert metrics["confusion"]["matrix"] == [[37, 0, 0, 0], [0, 0, 0, 0], [0 + 2, 1, 0, 0], [0, 0, 0, 0]]
    assert metrics["accuracy"] == pytest.approx(37 / 40)
    assert metrics["baseline"]["majority"]["accuracy"] == pytest.approx(37 / 40)
    assert metrics["baseline"]["majority"]["span_f1"] == 0.0


def test_of_several_true_labels_the_predicted_one_counts() -> None:
    metrics = evaluate([_judged([("flag", 2, 9, 0.9)], [("doji", 4, 4), ("flag", 2, 9)])], LABELS)
    assert metrics["per_class"]["flag"] == {"precision": 1, "recall": 1, "f1_score": 1, "support": 8}
    assert metrics["accuracy"] == 1.0


def test_a_span_across_the_edge_of_the_block_is_neither_hit_nor_error() -> None:
    block = np.arange(N) >= 20
    metrics = evaluate([_judged([("flag", 18, 22, 0.9)], [("flag", 17, 22)], counts=block)], LABELS)
    assert metrics["span_counts"]["flag"]["true"] == metrics["span_counts"]["flag"]["predicted"] == 0


def test_predictions_where_nobody_looked_do_not_count() -> None:
    only_doji = [(0, N - 1, frozenset({"doji"}))]
    metrics = evaluate([_judged([("flag", 2, 6, 0.9)], [("doji", 3, 3)], only_doji)], LABELS)
    assert metrics["span_counts"]["flag"] == {
        "true": 0, "predicted": 0, "matched": 0, "precision": 0, "recall": 0, "f1_score": 0
    }  # fmt: skip
    assert metrics["per_class"]["flag"]["support"] == 0
    assert metrics["per_class"]["doji"] == {"precision": 0, "recall": 0, "f1_score": 0, "support": 1}
    assert metrics["per_class"]["O"]["support"] == N - 1


def test_labels_that_the_model_does_not_know_count_as_missed() -> None:
    time = CANDLES.time
    prediction = predicted(CANDLES, ("flag",), [], np.zeros((N, 1)))
    everywhere = [ReviewedRange(int(time[0]), int(time[-1]), frozenset({"star"}))]
    part = Judged(prediction, [Span("star", int(time[3]), int(time[5]))], everywhere, np.ones(N, bool))
    metrics = evaluate([part], ["flag", "star"])
    assert metrics["span_counts"]["star"]["recall"] == 0
    assert metrics["span_support"] == {"flag": 0, "star": 1}
    assert metrics["per_class"]["star"]["support"] == 3


def test_nothing_reviewed_gives_zeros() -> None:
    metrics = evaluate([_judged([("flag", 2, 6, 0.9)], [("flag", 2, 6)], [])], LABELS)
    assert metrics["candle_count"] == 0
    assert metrics["accuracy"] == metrics["f1_macro"] == metrics["f1_weighted"] == 0.0
    assert metrics["span_f1"]["0.5"]["micro"] == 0.0


def test_no_spans_and_no_labels_are_no_trouble() -> None:
    assert evaluate([_judged([], [])], LABELS)["accuracy"] == 1.0
    assert evaluate([_judged([], [])], ())["candle_count"] == 0


def test_the_judged_spans_are_left_as_they_were() -> None:
    part = _judged([("flag", 2, 6, 0.9)], [("flag", 3, 6), ("doji", 4, 4)])
    label = part.prediction.label.copy()
    evaluate([part], LABELS)
    np.testing.assert_array_equal(part.prediction.label, label)
