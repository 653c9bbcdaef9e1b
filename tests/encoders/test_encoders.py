"""One contract for every encoder: labels are final once they are older than `provisional_bars`."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.candles import Candles
from mllib.encoders import (
    Encoder,
    TuningPart,
    encoder_class,
    encoder_from_dict,
    encoder_to_dict,
)
from mllib.errors import InvalidConfig
from mllib.inference.prediction import predicted
from mllib.rows import Rows
from mllib.spans import PredictedSpan, ReviewedRange, Span
from tests.encoders.learned import (
    CONTEXT,
    FLAT,
    LENGTHS,
    SERIES,
    VARIANTS,
    examples,
    learned,
    span,
)
from tests.fitted import fitted
from tests.naive import bars_of, changed

PRICED = range(len(SERIES) - 1)
"""The series whose prices move."""
EVERYWHERE = ReviewedRange(0, 2**40, frozenset(LENGTHS))


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


def _settled(rows: Rows, every: Rows, candles: Candles, start: int, end: int) -> np.ndarray:
    """Which rows are there in the whole history too and depend on the bars `start:end` alone."""
    of_all = zip(every.start.tolist(), every.end.tolist(), every.reads_from, every.known_at, strict=True)
    inside = set(candles.time[start:end].tolist())
    there = {(a, b) for a, b, first, last in of_all if {int(first), int(last)} <= inside}
    keys = zip(rows.start.tolist(), rows.end.tolist(), strict=True)
    return np.array([key in there for key in keys], bool)


KINDS = ["sparse", "dense", "always inside", "runs"]


def _said(encoder: Encoder, candles: Candles, rows: Rows, P: np.ndarray) -> list[tuple[object, ...]]:
    """For each bar: its label, and all spans over it."""
    spans = encoder.decode(candles, rows, P)
    coverage = encoder.coverage(candles, rows, P)
    label = predicted(candles, encoder.labels, spans, coverage).labels()
    over: list[list[PredictedSpan]] = [[] for _ in range(len(candles))]
    for one in spans:
        for bar in range(*np.searchsorted(candles.time, [one.start_time, one.end_time + 1])):
            over[bar].append(one)
    return list(zip(label, over, strict=True))


def _spans_of(label: str, said: Sequence[tuple[object, ...]]) -> list[list[PredictedSpan]]:
    """For each bar the spans of a label over it."""
    return [[one for one in over if one.label == label] for _, over in said]


@pytest.mark.parametrize("variant", VARIANTS)
@settings(deadline=None, max_examples=25)
@given(
    which=st.integers(0, len(SERIES) - 1),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10_000),
    seen=st.integers(1, 239),
    same_length=st.booleans(),
)
def test_a_label_older_than_the_provisional_bars_is_final(
    variant: str, which: int, kind: str, seed: int, seen: int, same_length: bool
) -> None:
    encoder, candles, k = learned(variant), SERIES[which], len(learned(variant).columns)
    now = candles if same_length else candles[:seen]
    every, rows = encoder.propose(candles).places(), encoder.propose(now).places()
    P, known, other = (
        _random(of, k, first=0, seed=s, kind=kind)
        for of, s in ((every, seed), (rows, seed), (rows, seed + 1))
    )
    cut = ~_settled(rows, every, candles, 0, seen)
    known[cut] = other[cut]
    whole, part = _said(encoder, candles, every, P), _said(encoder, now, rows, known)
    final = max(seen - encoder.provisional_bars, 0)
    assert part[:final] == whole[:final]
    for label in encoder.labels:
        final = max(seen - encoder.provisional_bars_of(label), 0)
        assert _spans_of(label, part[:final]) == _spans_of(label, whole[:final])


@pytest.mark.parametrize("variant", VARIANTS)
@settings(deadline=None, max_examples=25)
@given(
    which=st.integers(0, len(SERIES) - 1),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10_000),
    bounds=st.tuples(st.integers(0, 240), st.integers(0, 240)).map(sorted),
)
def test_a_slice_has_the_labels_of_the_whole_history(
    variant: str, which: int, kind: str, seed: int, bounds: list[int]
) -> None:
    encoder, candles, k = learned(variant), SERIES[which], len(learned(variant).columns)
    start, end = bounds
    every, rows = encoder.propose(candles).places(), encoder.propose(candles[start:end]).places()
    P, known, other = (
        _random(of, k, first=first, seed=s, kind=kind)
        for of, first, s in ((every, 0, seed), (rows, start, seed), (rows, start, seed + 1))
    )
    cut = ~_settled(rows.shifted(start), every, candles, start, end)
    known[cut] = other[cut]
    whole, part = _said(encoder, candles, every, P), _said(encoder, candles[start:end], rows, known)
    first, last = start + encoder.context_bars, end - encoder.provisional_bars
    if first < last:
        assert part[first - start : last - start] == whole[first:last]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("which", PRICED)
def test_with_a_real_model_too_labels_are_final_once_they_are_old_enough(variant: str, which: int) -> None:
    candles = SERIES[which]
    encoder = learned(variant)
    rows = encoder.propose(candles)
    spans = [Span(label, int(candles.time[i]), int(candles.time[i + max(LENGTHS[label]) - 1]))
             for step, label in enumerate(LENGTHS, 7) for i in range(step, 220, step)]  # fmt: skip
    targets = encoder.label(rows, candles, spans, [EVERYWHERE])
    model = fitted(encoder, rows, targets, {"n_estimators": 8, "min_child_weight": 0.1, "n_jobs": 1})
    P = model.predict_proba(rows.X)
    everything = np.ones((len(candles), len(encoder.columns)), bool)
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


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_row_reads_no_further_than_it_says(variant: str) -> None:
    encoder, candles = learned(variant), SERIES[0]
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


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("which", range(len(SERIES)))
def test_what_a_row_depends_on_lies_within_the_encoders_reach(variant: str, which: int) -> None:
    encoder, candles = learned(variant), SERIES[which]
    before, after = encoder.reach
    rows = encoder.propose(candles)
    n = len(candles)
    assert (rows.reads_from >= candles.time[np.maximum(rows.start - before, 0)]).all()
    assert (rows.known_at <= candles.time[np.minimum(rows.start + after, n - 1)]).all()
    assert (rows.known_at >= rows.reads_to).all()
    assert (rows.reads_from <= candles.time[rows.start]).all()
    for first, last in ((0, 100), *((bar, bar + 1) for bar in range(100, 110)), (110, 170), (170, 240)):
        begin = max(first - before, 0)
        part = encoder.propose(candles[begin : last + after]).shifted(begin)
        _assert_same(part, rows, lambda of, a=first, b=last: (of.start >= a) & (of.start < b))


@pytest.mark.parametrize("variant", VARIANTS)
def test_columns_belong_to_labels_and_evidence_is_told_for_each(variant: str) -> None:
    encoder, candles = learned(variant), SERIES[4]
    assert len(encoder.column_labels) == len(encoder.columns)
    assert set(encoder.column_labels) == set(encoder.labels) == set(LENGTHS)
    spans = [span(candles, "flag", start, start + 9) for start in range(40, 200, 25)]
    evidence = encoder.evidence(encoder.label(encoder.propose(candles), candles, spans, [EVERYWHERE]))
    assert set(evidence) == set(LENGTHS)
    assert evidence["flag"][0] > 0
    assert all(found == 0 and beside > 0 for label, (found, beside) in evidence.items() if label != "flag")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_labels_spans_are_decoded_from_the_columns_that_say_so(variant: str) -> None:
    encoder, candles = learned(variant), SERIES[4]
    rows = encoder.propose(candles)
    P = _random(rows, len(encoder.columns), first=0, seed=1, kind="dense")
    for label in LENGTHS:
        own = list(encoder.deciding_columns(label))
        assert {encoder.column_labels[i] for i in own} == {label}
        only = np.zeros_like(P)
        only[:, own] = P[:, own]
        found = encoder.decode(candles, rows, only)
        assert found == [one for one in encoder.decode(candles, rows, P) if one.label == label]
        assert found


@pytest.mark.parametrize("variant", VARIANTS)
def test_where_nobody_has_looked_nothing_is_known_but_spans(variant: str) -> None:
    encoder, candles = learned(variant), SERIES[4]
    rows = encoder.propose(candles)
    flags = [span(candles, "flag", start, start + 9) for start in (60, 130)]
    targets = encoder.label(rows, candles, flags, [])
    assert targets.columns == encoder.columns
    assert targets.Y.shape == targets.mask.shape == targets.weights.shape == (len(rows), len(encoder.columns))
    of_flags = np.array([label == "flag" for label in encoder.column_labels])
    assert not targets.mask[:, ~of_flags].any()
    beside = (rows.end <= 60) | (rows.start >= 69) & (rows.end <= 130) | (rows.start >= 139)
    assert not targets.mask[beside].any()
    assert (targets.mask >= (targets.Y == 1)).all()
    assert targets.Y[:, of_flags].any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_dismissed_prediction_is_a_negative_of_its_label_alone(variant: str) -> None:
    encoder, candles = learned(variant), SERIES[4]
    rows = encoder.propose(candles)
    P = _random(rows, len(encoder.columns), first=0, seed=1, kind="dense")
    for dismissed in encoder.decode(candles, rows, P)[::9]:
        where = ReviewedRange(dismissed.start_time, dismissed.end_time, frozenset({dismissed.label}))
        targets = encoder.label(rows, candles, [], [where])
        assert not targets.Y.any()
        own = [i for i, label in enumerate(encoder.column_labels) if label == dismissed.label]
        within = (candles.time[rows.start] >= dismissed.start_time) & (
            candles.time[rows.end - 1] <= dismissed.end_time
        )
        expected = np.zeros_like(targets.mask)
        for part in encoder.parts:
            for column in set(own) & set(range(*part.columns)):
                expected[:, column] = within & part.holds(rows)
        np.testing.assert_array_equal(targets.mask, expected)
        assert within.any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_spans_of_different_labels_may_overlap(variant: str) -> None:
    encoder, candles = learned(variant), SERIES[4]
    rows = encoder.propose(candles)
    told = [span(candles, "flag", 60, 72), span(candles, "harami", 61, 64), span(candles, "flag", 90, 102)]
    targets = encoder.label(rows, candles, told, [EVERYWHERE])
    alone = encoder.label(rows, candles, [told[0], told[2]], [EVERYWHERE])
    flags = [i for i, label in enumerate(encoder.column_labels) if label == "flag"]
    np.testing.assert_array_equal(targets.Y[:, flags], alone.Y[:, flags])
    np.testing.assert_array_equal(targets.mask[:, flags], alone.mask[:, flags])
    found = encoder.decode(
        candles, rows, _random(rows, len(encoder.columns), first=0, seed=1, kind="always inside")
    )
    over = {
        label: {bar for s in found if s.label == label for bar in bars_of(s, candles)} for label in LENGTHS
    }
    assert over["flag"] & over["harami"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_probabilities_become_spans_on_candles_that_are_there(variant: str) -> None:
    """The first series has gaps at weekends; a span begins and ends at opens, and counts its candles."""
    encoder = learned(variant)
    for candles in SERIES:
        rows = encoder.propose(candles)
        P = _random(rows, len(encoder.columns), first=0, seed=3, kind="dense")
        found = encoder.decode(candles, rows, P)
        assert found or candles is FLAT
        assert [(s.start_time, s.end_time, s.label) for s in found] == sorted(
            (s.start_time, s.end_time, s.label) for s in found
        )
        assert len(set(found)) == len(found)
        for one in found:
            assert {one.start_time, one.end_time} <= set(candles.time.tolist())
            assert one.candle_count == len(bars_of(one, candles))
            assert 0 <= one.avg_confidence <= 1
        covered = encoder.coverage(candles, rows, P)
        assert (covered.dtype, covered.shape) == (np.float64, (240, len(encoder.labels)))
        assert ((covered >= 0) & (covered <= 1)).all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("n", [1, 2, 11, 20])
def test_fewer_candles_than_needed_give_rows_and_spans_all_the_same(variant: str, n: int) -> None:
    encoder = learned(variant)
    assert n < encoder.needed_bars
    for candles in (SERIES[0][:n], FLAT[:n]):
        rows = encoder.propose(candles)
        assert rows.X.shape == (len(rows), len(encoder.feature_columns))
        assert ((rows.start >= 0) & (rows.start < rows.end) & (rows.end <= n)).all()
        P = np.full((len(rows), len(encoder.columns)), 0.9, np.float32)
        spans = encoder.decode(candles, rows, P)
        assert {t for s in spans for t in (s.start_time, s.end_time)} <= set(candles.time.tolist())
        assert encoder.coverage(candles, rows, P).shape == (n, len(encoder.labels))
        assert len(encoder.label(rows, candles, [], [EVERYWHERE]).Y) == len(rows)


@pytest.mark.parametrize("variant", VARIANTS)
def test_candles_without_any_range_give_finite_rows(variant: str) -> None:
    rows = learned(variant).propose(FLAT)
    assert not np.isinf(rows.X).any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_goes_in_is_left_as_it_was(variant: str) -> None:
    encoder, candles = learned(variant), changed(SERIES[0], np.zeros(240, bool), seed=1)
    rows = encoder.propose(candles)
    P = _random(rows, len(encoder.columns), first=0, seed=1, kind="dense")
    flags = [span(candles, "flag", 60, 69)]
    everything = np.ones((240, len(encoder.columns)), bool)
    told = (candles.time, candles.open, candles.high, candles.low, candles.close, candles.volume)
    arrays = (*told, rows.X, rows.start, rows.end, rows.reads_from, rows.known_at, P, everything)
    before, saved = [array.copy() for array in arrays], encoder_to_dict(encoder)
    encoder.propose(candles)
    encoder.label(rows, candles, flags, [EVERYWHERE])
    encoder.decode(candles, rows, P)
    encoder.coverage(candles, rows, P)
    encoder.tune([TuningPart(candles, rows, P, flags, everything)])
    assert encoder_to_dict(encoder) == saved
    for now, then in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_examples_teach_the_same_encoder(variant: str) -> None:
    name, config = VARIANTS[variant]
    again, encoder = encoder_class(name).learn(CONTEXT, examples(variant), config), learned(variant)
    assert again == encoder
    assert again.fingerprint() == encoder.fingerprint()
    np.testing.assert_array_equal(again.propose(SERIES[3]).X, encoder.propose(SERIES[3]).X)


@pytest.mark.parametrize("variant", VARIANTS)
def test_without_examples_an_encoder_knows_its_columns_and_its_reach(variant: str) -> None:
    name, config = VARIANTS[variant]
    scout = encoder_class(name).learn(CONTEXT, {}, config)
    assert (scout.labels, scout.columns) == ((), ())
    assert scout.feature_columns == learned(variant).feature_columns
    assert scout.reach[0] == learned(variant).reach[0]
    assert len(scout.propose(SERIES[0])) <= len(learned(variant).propose(SERIES[0]))


def test_different_settings_have_different_fingerprints() -> None:
    settings = {(name, config.model_dump_json()) for name, config in VARIANTS.values()}
    assert len({learned(variant).fingerprint() for variant in VARIANTS}) == len(settings)


@pytest.mark.parametrize("variant", VARIANTS)
def test_parts_divide_features_and_columns_and_hold_no_row_twice(variant: str) -> None:
    encoder = learned(variant)
    rows, parts = encoder.propose(SERIES[0]), encoder.parts
    for name, count in (("features", len(encoder.feature_columns)), ("columns", len(encoder.columns))):
        assert [i for part in parts for i in range(*getattr(part, name))] == list(range(count))
    held = np.array([part.holds(rows) for part in parts])
    assert (held.sum(axis=0) <= 1).all()
    targets = encoder.label(rows, SERIES[0], [], [EVERYWHERE])
    for part, own in zip(parts, held, strict=True):
        assert own.any()
        assert not targets.of(part).mask[~own].any()
        beside = np.delete(rows.X[own], np.arange(*part.features), axis=1)
        assert np.isnan(beside).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_encoder_survives_being_written_down(variant: str) -> None:
    encoder = learned(variant)
    again = encoder_from_dict(json.loads(json.dumps(encoder_to_dict(encoder))))
    assert again == encoder
    assert again.fingerprint() == encoder.fingerprint()
    assert again.probe() == encoder.probe()
    assert np.isfinite(encoder.probe()).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_candles_give_no_rows_and_no_spans(variant: str) -> None:
    encoder = learned(variant)
    none = SERIES[0][:0]
    assert len(encoder.propose(none)) == 0
    rows, P = encoder.propose(none), np.empty((0, len(encoder.columns)), np.float32)
    assert encoder.decode(none, rows, P) == []
    assert encoder.coverage(none, rows, P).shape == (0, len(encoder.labels))


def test_an_unknown_encoder_is_named_with_its_yaml_path() -> None:
    with pytest.raises(InvalidConfig, match=r"stages\.annotation_ingestion\.label_encoding: found 'point'"):
        encoder_class("point")
