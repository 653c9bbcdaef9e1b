"""One contract for every encoder: labels are final once they are older than `provisional_bars`."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.candles import Candles
from mllib.encoders import ENCODERS, BioEncoder, encoder_class, encoder_from_dict, encoder_to_dict
from mllib.errors import InvalidConfig
from mllib.features import ContextConfig
from mllib.inference.prediction import predicted
from mllib.models import create_model
from mllib.rows import Targets
from mllib.spans import PredictedSpan, ReviewedRange, Span
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

Probabilities = Callable[[int, int], np.ndarray]


def _learned(name: str) -> BioEncoder:
    return ENCODERS[name].learn(CONTEXT, {label: np.array(bars) for label, bars in LENGTHS.items()})


def _random(seed: int, kind: str) -> Probabilities:
    """Probabilities of any shape: sparse, dense, or so high that no island ends."""

    def of(n: int, k: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        P = rng.random((n, k))
        if kind == "sparse":
            P = P**8
        elif kind == "always inside":
            P = 0.5 + P / 2
        elif kind == "runs":
            P = np.repeat(rng.random((n // 9 + 1, k)), 9, axis=0)[:n] * (0.6 + 0.4 * P)
        return P.astype(np.float32)

    return of


KINDS = ["sparse", "dense", "always inside", "runs"]


def _said(encoder: BioEncoder, candles: Candles, P: np.ndarray) -> list[tuple[object, ...]]:
    """For each bar: its label, and all spans over it."""
    spans = encoder.decode(candles, P)
    label = predicted(candles, encoder.labels, spans, encoder.coverage(P)).labels()
    over: list[list[PredictedSpan]] = [[] for _ in range(len(candles))]
    for span in spans:
        for bar in range(*np.searchsorted(candles.time, [span.start_time, span.end_time + 1])):
            over[bar].append(span)
    return list(zip(label, over, strict=True))


@pytest.mark.parametrize("name", ENCODERS)
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
    encoder, candles = _learned(name), SERIES[which]
    n, k, future = len(candles), len(encoder.columns), max(c.future for c in encoder.feature_columns)
    P = _random(seed, kind)(n, k)
    now = candles if same_length else candles[:seen]
    known = P[: len(now)].copy()
    known[max(seen - future, 0) :] = _random(seed + 1, kind)(n, k)[max(seen - future, 0) : len(now)]
    whole, part = _said(encoder, candles, P), _said(encoder, now, known)
    final = max(seen - encoder.provisional_bars, 0)
    assert part[:final] == whole[:final]


@pytest.mark.parametrize("name", ENCODERS)
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
    encoder, candles = _learned(name), SERIES[which]
    start, end = bounds
    past = max(c.past for c in encoder.feature_columns)
    future = max(c.future for c in encoder.feature_columns)
    P, other = (_random(s, kind)(len(candles), len(encoder.columns)) for s in (seed, seed + 1))
    known = other.copy()
    known[start + past : max(end - future, start + past)] = P[start + past : max(end - future, start + past)]
    whole, part = _said(encoder, candles, P), _said(encoder, candles[start:end], known[start:end])
    first, last = start + encoder.context_bars, end - encoder.provisional_bars
    if first < last:
        assert part[first - start : last - start] == whole[first:last]


@pytest.mark.parametrize("name", ENCODERS)
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
    lanes = tuple(lane.model_copy(update={"cut": 0.15}) for lane in encoder.lanes)
    encoder = BioEncoder(encoder.context, lanes).with_features()

    def said(of: Candles) -> list[tuple[object, ...]]:
        return _said(encoder, of, model.predict_proba(encoder.propose(of).X))

    whole = said(candles)
    assert {label for label, _ in whole} > {"O"}
    for seen in (60, 111, 180, 239):
        final = max(seen - encoder.provisional_bars, 0)
        assert said(candles[:seen])[:final] == whole[:final]
        assert said(changed(candles, np.arange(240) >= seen, seed=seen))[:final] == whole[:final]
    for start in (1, 50, 101):
        assert said(candles[start:])[encoder.context_bars :] == whole[start + encoder.context_bars :]


@pytest.mark.parametrize("name", ENCODERS)
def test_a_row_reads_no_further_than_it_says(name: str) -> None:
    encoder, candles = _learned(name), SERIES[0]
    rows = encoder.propose(candles)
    assert rows.X.dtype == np.float32
    assert rows.X.shape == (len(candles), len(encoder.feature_columns))
    for cut in (60, 133):
        later = encoder.propose(changed(candles, np.arange(240) >= cut, seed=cut))
        same = rows.known_at < candles.time[cut]
        np.testing.assert_array_equal(later.X[same], rows.X[same])
        earlier = encoder.propose(changed(candles, np.arange(240) <= cut, seed=cut))
        same = rows.reads_from > candles.time[cut]
        np.testing.assert_array_equal(earlier.X[same], rows.X[same])


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_survives_being_written_down(name: str) -> None:
    encoder = _learned(name)
    assert encoder_from_dict(json.loads(json.dumps(encoder_to_dict(encoder)))) == encoder


@pytest.mark.parametrize("name", ENCODERS)
def test_no_candles_give_no_rows_and_no_spans(name: str) -> None:
    encoder = _learned(name)
    none = SERIES[0][:0]
    assert len(encoder.propose(none)) == 0
    assert encoder.decode(none, np.empty((0, len(encoder.columns)), np.float32)) == []


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
    found = encoder.decode(candles, P)
    assert [(s.label, s.start_time, s.end_time, s.candle_count) for s in found] == [
        ("harami", candles.time[2], candles.time[4], 3),
        ("harami", candles.time[3], candles.time[5], 3),
    ]
    assert [s.avg_confidence for s in found] == pytest.approx([0.9, 0.5])
    covered = encoder.coverage(P)[:, encoder.labels.index("harami")]
    assert covered == pytest.approx([0, 0, 0.9, 0.9, 0.9, 0.5, 0, 0, 0, 0, 0.8, 0.8])


def test_tuning_chooses_the_cut_that_finds_the_spans() -> None:
    encoder, candles = _learned("bio"), walk(200, seed=1)
    P = np.full((200, len(encoder.columns)), 0.11, np.float32)
    truth = [_span(candles, "engulfing", start, start + 2) for start in range(10, 200, 20)]
    P[10:200:20, encoder.columns.index("B-engulfing")] = 0.35
    tuned = encoder.tune([(candles, P, truth, np.ones((200, len(encoder.labels)), bool))])
    cuts = {lane.label: lane.cut for lane in tuned.lanes}
    assert 0.11 < cuts["engulfing"] <= 0.35
    assert cuts["doji"] == 0.5  # too few examples say nothing
    assert [s.start_time for s in tuned.decode(candles, P) if s.label == "engulfing"] == [
        s.start_time for s in truth
    ]
