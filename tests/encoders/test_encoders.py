"""One contract for every encoder: labels are final once they are older than `provisional_bars`."""

import json
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.candles import Candles
from mllib.encoders import (
    ENCODER_NAMES,
    Encoder,
    EncodingConfig,
    TuningPart,
    encoder_class,
    encoder_from_dict,
    encoder_to_dict,
)
from mllib.errors import InvalidConfig
from mllib.features import ContextConfig
from mllib.inference.prediction import predicted
from mllib.models import create_model
from mllib.rows import Rows, Targets
from mllib.spans import Annotation, PredictedSpan, ReviewedRange, Span
from tests.naive import bars_of, changed, sample, walk

CONTEXT = ContextConfig(past_bars=20, future_bars=8, groups=("path",))
LENGTHS = {"doji": [1] * 5, "engulfing": [2] * 5, "flag": [4, 9, 12], "harami": [3] * 5, "wedge": [1, 2]}
SERIES = [
    walk(240, seed=1),
    walk(240, seed=2, timeframe="1d"),
    walk(240, seed=3, timeframe="4h", weekends=False),
    sample("AAPL_1d")[:240],
    sample("EURUSD_1h")[:240],
]


def _learned(name: str) -> Encoder:
    examples = {label: np.array(bars) for label, bars in LENGTHS.items()}
    return encoder_class(name).learn(CONTEXT, examples, EncodingConfig())


def _random(rows: Rows, k: int, *, first: int, seed: int, kind: str) -> np.ndarray:
    """Probabilities of any shape: sparse, dense, or so high that no island ends; those of a window are the
    same whatever else there is. `first` is the bar of the whole series at which these candles begin."""
    rng = np.random.default_rng(seed)
    by_start, by_length = rng.random((240, k)), rng.random((241, k))
    lengths = np.where(rows.end - rows.start == 1, 0, rows.end - rows.start)
    start = rows.start + first
    if kind == "runs":
        P = by_start[start // 9] * (0.6 + 0.4 * by_length[start])
    else:
        P = (by_start[start] + by_length[lengths]) % 1
    if kind == "sparse":
        P = P**8
    elif kind == "always inside":
        P = 0.5 + P / 2
    return P.astype(np.float32)


KINDS = ["sparse", "dense", "always inside", "runs"]


def _said(encoder: Encoder, candles: Candles, rows: Rows, P: np.ndarray) -> list[tuple[object, ...]]:
    """For each bar: its label, and all spans over it."""
    spans = encoder.decode(candles, rows, P)
    coverage = encoder.coverage(candles, rows, P)
    label = predicted(candles, encoder.labels, spans, coverage).labels()
    over: list[list[PredictedSpan]] = [[] for _ in range(len(candles))]
    for span in spans:
        for bar in range(*np.searchsorted(candles.time, [span.start_time, span.end_time + 1])):
            over[bar].append(span)
    return list(zip(label, over, strict=True))


@pytest.mark.parametrize("name", ENCODER_NAMES)
@settings(deadline=None, max_examples=80)
@given(
    which=st.integers(0, len(SERIES) - 1),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10_000),
    seen=st.integers(1, 239),
    same_length=st.booleans(),
)
def test_a_label_older_than_the_provisional_bars_is_final(
    name: str, which: int, kind: str, seed: int, seen: int, same_length: bool
) -> None:
    encoder, candles, k = _learned(name), SERIES[which], len(_learned(name).columns)
    now = candles if same_length else candles[:seen]
    every, rows = encoder.propose(candles).places(), encoder.propose(now).places()
    P, known, other = (
        _random(of, k, first=0, seed=s, kind=kind)
        for of, s in ((every, seed), (rows, seed), (rows, seed + 1))
    )
    known[rows.start + encoder.reach[1] >= seen] = other[rows.start + encoder.reach[1] >= seen]
    whole, part = _said(encoder, candles, every, P), _said(encoder, now, rows, known)
    final = max(seen - encoder.provisional_bars, 0)
    assert part[:final] == whole[:final]


@pytest.mark.parametrize("name", ENCODER_NAMES)
@settings(deadline=None, max_examples=80)
@given(
    which=st.integers(0, len(SERIES) - 1),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10_000),
    bounds=st.tuples(st.integers(0, 240), st.integers(0, 240)).map(sorted),
)
def test_a_slice_has_the_labels_of_the_whole_history(
    name: str, which: int, kind: str, seed: int, bounds: list[int]
) -> None:
    encoder, candles, k = _learned(name), SERIES[which], len(_learned(name).columns)
    start, end = bounds
    before, after = encoder.reach
    every, rows = encoder.propose(candles).places(), encoder.propose(candles[start:end]).places()
    P, known, other = (
        _random(of, k, first=first, seed=s, kind=kind)
        for of, first, s in ((every, 0, seed), (rows, start, seed), (rows, start, seed + 1))
    )
    cut = (rows.start < before) | (rows.start + after >= end - start)
    known[cut] = other[cut]
    whole, part = _said(encoder, candles, every, P), _said(encoder, candles[start:end], rows, known)
    first, last = start + encoder.context_bars, end - encoder.provisional_bars
    if first < last:
        assert part[first - start : last - start] == whole[first:last]


@pytest.mark.parametrize("name", ENCODER_NAMES)
@pytest.mark.parametrize("which", range(len(SERIES)))
def test_with_a_real_model_too_labels_are_final_once_they_are_old_enough(name: str, which: int) -> None:
    candles = SERIES[which]
    encoder = _learned(name)
    rows = encoder.propose(candles)
    spans = [Span(label, int(candles.time[i]), int(candles.time[i + max(LENGTHS[label]) - 1]))
             for step, label in enumerate(LENGTHS, 7) for i in range(step, 220, step)]  # fmt: skip
    everywhere = ReviewedRange(int(candles.time[0]), int(candles.time[-1]), frozenset(LENGTHS))
    model = create_model("xgboost", {"n_estimators": 8, "min_child_weight": 0.1, "n_jobs": 1}, seed=0)
    model.fit(rows, encoder.label(rows, candles, spans, [everywhere]), None, progress=lambda *_: None)
    P = model.predict_proba(rows.X)
    everything = np.ones((len(candles), len(encoder.labels)), bool)
    encoder = encoder.tune([TuningPart(candles, rows, P, spans, everything)])

    def said(of: Candles) -> list[tuple[object, ...]]:
        rows = encoder.propose(of)
        return _said(encoder, of, rows, model.predict_proba(rows.X))

    whole = said(candles)
    assert {label for label, _ in whole} > {"O"}
    for seen in (60, 111, 180, 239):
        final = max(seen - encoder.provisional_bars, 0)
        assert said(candles[:seen])[:final] == whole[:final]
        assert said(changed(candles, np.arange(240) >= seen, seed=seen))[:final] == whole[:final]
    for start in (1, 50, 101):
        assert said(candles[start:])[encoder.context_bars :] == whole[start + encoder.context_bars :]


@pytest.mark.parametrize("name", ENCODER_NAMES)
def test_a_row_reads_no_further_than_it_says(name: str) -> None:
    encoder, candles = _learned(name), SERIES[0]
    rows = encoder.propose(candles)
    assert rows.X.dtype == np.float32
    assert rows.X.shape == (len(rows.start), len(encoder.feature_columns))
    assert (np.diff(rows.start) >= 0).all()
    for cut in (60, 133):
        later = encoder.propose(changed(candles, np.arange(240) >= cut, seed=cut))
        _assert_same(later, rows, lambda of, cut=cut: of.known_at < candles.time[cut])
        earlier = encoder.propose(changed(candles, np.arange(240) <= cut, seed=cut))
        _assert_same(earlier, rows, lambda of, cut=cut: of.reads_from > candles.time[cut])


def _assert_same(one: Rows, other: Rows, chosen: Callable[[Rows], np.ndarray]) -> None:
    """The chosen rows of both are the same windows with the same features."""
    one, other = one.take(chosen(one)), other.take(chosen(other))
    for name in ("start", "end", "X"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("name", ENCODER_NAMES)
def test_what_a_row_depends_on_lies_within_the_encoders_reach(name: str) -> None:
    encoder, candles = _learned(name), SERIES[3]
    before, after = encoder.reach
    rows = encoder.propose(candles)
    n = len(candles)
    assert (rows.reads_from >= candles.time[np.maximum(rows.start - before, 0)]).all()
    assert (rows.known_at <= candles.time[np.minimum(rows.start + after, n - 1)]).all()
    assert (rows.known_at >= rows.reads_to).all()
    assert (rows.reads_from <= candles.time[rows.start]).all()
    for first, last in ((0, 100), (100, 170), (170, 240)):
        begin = max(first - before, 0)
        part = encoder.propose(candles[begin : last + after]).shifted(begin)
        _assert_same(part, rows, lambda of, a=first, b=last: (of.start >= a) & (of.start < b))


@pytest.mark.parametrize("name", ENCODER_NAMES)
def test_columns_belong_to_labels_and_evidence_is_told_for_each(name: str) -> None:
    encoder, candles = _learned(name), SERIES[4]
    assert len(encoder.column_labels) == len(encoder.columns)
    assert set(encoder.column_labels) == set(encoder.labels) == set(LENGTHS)
    everywhere = ReviewedRange(int(candles.time[0]), int(candles.time[-1]), frozenset(LENGTHS))
    spans = [_span(candles, "flag", start, start + 9) for start in range(40, 200, 25)]
    evidence = encoder.evidence(encoder.label(encoder.propose(candles), candles, spans, [everywhere]))
    assert set(evidence) == set(LENGTHS)
    assert evidence["flag"][0] > 0
    assert all(found == 0 and beside > 0 for label, (found, beside) in evidence.items() if label != "flag")


@pytest.mark.parametrize("name", ENCODER_NAMES)
def test_an_encoder_survives_being_written_down(name: str) -> None:
    encoder = _learned(name)
    assert encoder_from_dict(json.loads(json.dumps(encoder_to_dict(encoder)))) == encoder


@pytest.mark.parametrize("name", ENCODER_NAMES)
def test_no_candles_give_no_rows_and_no_spans(name: str) -> None:
    encoder = _learned(name)
    none = SERIES[0][:0]
    assert len(encoder.propose(none)) == 0
    rows, P = encoder.propose(none), np.empty((0, len(encoder.columns)), np.float32)
    assert encoder.decode(none, rows, P) == []
    assert encoder.coverage(none, rows, P).shape == (0, len(encoder.labels))


def test_an_unknown_encoder_is_named_with_its_yaml_path() -> None:
    with pytest.raises(InvalidConfig, match=r"stages\.annotation_ingestion\.label_encoding: found 'point'"):
        encoder_class("point")


def _targets(spans: list[Span], reviewed: list[ReviewedRange], candles: Candles) -> dict[str, list[str]]:
    """For each target column a character a bar: 1, 0, or ? where it is not known."""
    encoder = _learned("bio")
    targets: Targets = encoder.label(encoder.propose(candles), candles, spans, reviewed)
    assert targets.columns == encoder.columns
    return {
        column: "".join("?" if not m else str(int(y)) for y, m in zip(ys, ms, strict=True))
        for column, ys, ms in zip(targets.columns, targets.Y.T, targets.mask.T, strict=True)
    }


def _span(candles: Candles, label: str, start: int, end: int) -> Span:
    return Span(label, int(candles.time[start]), int(candles.time[end - 1]))


TEN = walk(10, seed=1)


def test_targets_are_known_where_someone_looked_and_on_spans() -> None:
    reviewed = [ReviewedRange(int(TEN.time[6]), int(TEN.time[8]), frozenset({"flag", "engulfing"}))]
    targets = _targets([_span(TEN, "flag", 1, 4), _span(TEN, "engulfing", 7, 9)], reviewed, TEN)
    assert targets["B-flag"] == "?100??000?"
    assert targets["I-flag"] == "?011??000?"
    assert targets["B-engulfing"] == "??????010?"
    assert targets["B-doji"] == "??????????"
    assert "I-engulfing" not in targets


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_spans_of_one_label_that_overlap_keep_both_starts(order: list[int]) -> None:
    spans = [_span(TEN, "flag", 1, 6), _span(TEN, "flag", 3, 8)]
    targets = _targets([spans[i] for i in order], [], TEN)
    assert targets["B-flag"] == "?1010000??"
    assert targets["I-flag"] == "?0101111??"


def test_spans_of_other_labels_may_overlap_freely() -> None:
    targets = _targets([_span(TEN, "flag", 1, 6), _span(TEN, "harami", 2, 5)], [], TEN)
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
    spans = [_span(candles, "flag", start, start + length) for start, length in bounds]
    everywhere = [ReviewedRange(0, 2**40, frozenset({"flag"}))]
    targets = _targets(spans, everywhere, candles)
    starts = {start for start, _ in bounds}
    covered = set().union(*(bars_of(span, candles) for span in spans)) if spans else set()
    assert targets["B-flag"] == "".join("1" if t in starts else "0" for t in range(30))
    assert targets["I-flag"] == "".join("1" if t in covered - starts else "0" for t in range(30))


def test_spans_weigh_by_clarity_and_the_clearest_counts_where_they_overlap() -> None:
    encoder = _learned("bio")
    where = [("flag", 1, 5, 2), ("flag", 3, 7, 4), ("flag", 8, 9, None), ("doji", 6, 7, 1)]
    spans = [
        Annotation(**asdict(_span(TEN, label, start, end)), id=f"a{start}", clarity=clarity)
        for label, start, end, clarity in where
    ]
    targets = encoder.label(encoder.propose(TEN), TEN, spans, [])
    weights = dict(zip(targets.columns, targets.weights.T.tolist(), strict=True))
    expected = [1, 0.4, 0.4, 0.8, 0.8, 0.8, 0.8, 1, 1, 1]
    assert weights["B-flag"] == weights["I-flag"] == pytest.approx(expected)
    assert weights["B-doji"] == pytest.approx([1] * 6 + [0.2] + [1] * 3)


def test_lanes_learn_lengths() -> None:
    lanes = {lane.label: (lane.least_bars, lane.most_bars, lane.fixed) for lane in _learned("bio").lanes}
    assert lanes == {
        "doji": (1, 1, True),
        "engulfing": (2, 2, True),
        "flag": (2, 12, False),
        "harami": (3, 3, True),
        "wedge": (1, 2, False),
    }


def test_a_lane_of_fixed_length_gives_a_span_for_each_start() -> None:
    encoder, candles = _learned("bio"), walk(12, seed=1)
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
    encoder, candles = _learned("bio"), walk(200, seed=1)
    P = np.full((200, len(encoder.columns)), 0.11, np.float32)
    truth = [_span(candles, "engulfing", start, start + 2) for start in range(10, 200, 20)]
    P[10:200:20, encoder.columns.index("B-engulfing")] = 0.35
    rows = encoder.propose(candles)
    tuned = encoder.tune([TuningPart(candles, rows, P, truth, np.ones((200, len(encoder.labels)), bool))])
    cuts = {lane.label: lane.cut for lane in tuned.lanes}
    assert 0.11 < cuts["engulfing"] <= 0.35
    assert cuts["doji"] == cuts["engulfing"]  # without examples of its own it leans on its kind
    assert cuts["flag"] == 0.5  # of whose kind there is none
    assert [s.start_time for s in tuned.decode(candles, rows, P) if s.label == "engulfing"] == [
        s.start_time for s in truth
    ]
