"""What is the `bio` encoder's own: lanes, and targets bar by bar. The contract is in test_encoders."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllib.candles import Candles
from mllib.encoders import TuningPart
from mllib.encoders.bio import BioEncoder
from mllib.rows import Targets
from mllib.spans import Annotation, ReviewedRange, Span
from tests.encoders.learned import learned, span
from tests.naive import bars_of, walk


def _learned() -> BioEncoder:
    encoder = learned("bio")
    assert isinstance(encoder, BioEncoder)
    return encoder


def _targets(spans: list[Span], reviewed: list[ReviewedRange], candles: Candles) -> dict[str, list[str]]:
    """For each target column a character a bar: 1, 0, or ? where it is not known."""
    encoder = _learned()
    targets: Targets = encoder.label(encoder.propose(candles), candles, spans, reviewed)
    assert targets.columns == encoder.columns
    return {
        column: "".join("?" if not m else str(int(y)) for y, m in zip(ys, ms, strict=True))
        for column, ys, ms in zip(targets.columns, targets.Y.T, targets.mask.T, strict=True)
    }


TEN = walk(10, seed=1)


def test_targets_are_known_where_someone_looked_and_on_spans() -> None:
    reviewed = [ReviewedRange(int(TEN.time[6]), int(TEN.time[8]), frozenset({"flag", "engulfing"}))]
    targets = _targets([span(TEN, "flag", 1, 4), span(TEN, "engulfing", 7, 9)], reviewed, TEN)
    assert targets["B-flag"] == "?100??000?"
    assert targets["I-flag"] == "?011??000?"
    assert targets["B-engulfing"] == "??????010?"
    assert targets["B-doji"] == "??????????"
    assert "I-engulfing" not in targets


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_spans_of_one_label_that_overlap_keep_both_starts(order: list[int]) -> None:
    spans = [span(TEN, "flag", 1, 6), span(TEN, "flag", 3, 8)]
    targets = _targets([spans[i] for i in order], [], TEN)
    assert targets["B-flag"] == "?1010000??"
    assert targets["I-flag"] == "?0101111??"


def test_spans_of_other_labels_may_overlap_freely() -> None:
    targets = _targets([span(TEN, "flag", 1, 6), span(TEN, "harami", 2, 5)], [], TEN)
    assert targets["I-flag"] == "?01111????"
    assert targets["B-harami"] == "??100?????"


def test_a_span_that_reaches_beyond_the_candles_keeps_what_lies_on_them() -> None:
    before, after = Span("flag", 0, int(TEN.time[2])), Span("flag", int(TEN.time[8]), 2**40)
    beside = Span("flag", 0, 5)
    targets = _targets([before, after, beside], [], TEN)
    assert targets["B-flag"] == "100?????10"
    assert targets["I-flag"] == "011?????01"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), max_size=6))
def test_targets_mark_starts_and_insides_bar_by_bar(bounds: list[tuple[int, int]]) -> None:
    candles = walk(30, seed=1)
    spans = [span(candles, "flag", start, start + length) for start, length in bounds]
    everywhere = [ReviewedRange(0, 2**40, frozenset({"flag"}))]
    targets = _targets(spans, everywhere, candles)
    starts = {start for start, _ in bounds}
    covered = set().union(*(bars_of(one, candles) for one in spans)) if spans else set()
    assert targets["B-flag"] == "".join("1" if t in starts else "0" for t in range(30))
    assert targets["I-flag"] == "".join("1" if t in covered - starts else "0" for t in range(30))


def test_spans_weigh_by_clarity_and_the_clearest_counts_where_they_overlap() -> None:
    encoder = _learned()
    where = [("flag", 1, 5, 2), ("flag", 3, 7, 4), ("flag", 8, 9, None), ("doji", 6, 7, 1)]
    spans = [
        Annotation(**asdict(span(TEN, label, start, end)), id=f"a{start}", clarity=clarity)
        for label, start, end, clarity in where
    ]
    targets = encoder.label(encoder.propose(TEN), TEN, spans, [])
    weights = dict(zip(targets.columns, targets.weights.T.tolist(), strict=True))
    expected = [1, 0.4, 0.4, 0.8, 0.8, 0.8, 0.8, 1, 1, 1]
    assert weights["B-flag"] == weights["I-flag"] == pytest.approx(expected)
    assert weights["B-doji"] == pytest.approx([1] * 6 + [0.2] + [1] * 3)


def test_lanes_learn_lengths() -> None:
    lanes = {lane.label: (lane.least_bars, lane.most_bars, lane.fixed) for lane in _learned().lanes}
    assert lanes == {
        "doji": (1, 1, True),
        "engulfing": (2, 2, True),
        "flag": (2, 12, False),
        "harami": (3, 3, True),
        "wedge": (1, 2, False),
    }


def test_a_lane_of_fixed_length_gives_a_span_for_each_start() -> None:
    encoder, candles = _learned(), walk(12, seed=1)
    P = np.zeros((12, len(encoder.columns)), np.float32)
    column = encoder.columns.index("B-harami")
    P[[2, 3, 10], column] = (0.9, 0.5, 0.8)
    found = encoder.decode(candles, encoder.propose(candles), P)
    assert [(s.label, s.start_time, s.end_time, s.candle_count) for s in found] == [
        ("harami", candles.time[2], candles.time[4], 3),
        ("harami", candles.time[3], candles.time[5], 3),
    ]
    assert [s.avg_confidence for s in found] == pytest.approx([0.9, 0.5])
    covered = encoder.coverage(candles, encoder.propose(candles), P)[:, encoder.labels.index("harami")]
    assert covered == pytest.approx([0, 0, 0.9, 0.9, 0.9, 0.5, 0, 0, 0, 0, 0.8, 0.8])


def test_tuning_chooses_the_cut_that_finds_the_spans() -> None:
    encoder, candles = _learned(), walk(200, seed=1)
    P = np.full((200, len(encoder.columns)), 0.11, np.float32)
    truth = [span(candles, "engulfing", start, start + 2) for start in range(10, 200, 20)]
    P[10:200:20, encoder.columns.index("B-engulfing")] = 0.35
    rows = encoder.propose(candles)
    tuned = encoder.tune([TuningPart(candles, rows, P, truth, np.ones((200, len(encoder.columns)), bool))])
    cuts = {lane.label: lane.cut for lane in tuned.lanes}
    assert 0.11 < cuts["engulfing"] <= 0.35
    assert cuts["doji"] == cuts["engulfing"]  # without examples of its own it leans on its kind
    assert cuts["flag"] == 0.5  # of whose kind there is none
    assert [s.start_time for s in tuned.decode(candles, rows, P) if s.label == "engulfing"] == [
        s.start_time for s in truth
    ]
